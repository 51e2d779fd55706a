"""Writes the .json beside each script of this folder, with the Locust of the interpreter that runs this."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NOT_SCRIPTS = {"observe.py", "record.py"}

if __name__ == "__main__":
    import locust

    if hasattr(locust, "__gregaria_version__"):
        sys.exit("this interpreter has gregaria: golden data come from real Locust")
    for script in sorted(HERE.glob("*.py")):
        if script.name not in NOT_SCRIPTS:
            seen = subprocess.run([sys.executable, script], check=True, capture_output=True, text=True).stdout
            script.with_suffix(".json").write_text(seen)
            print(f"{script.name}: {len(seen)} bytes")
