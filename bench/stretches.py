"""`make bench-stretches`: how long the thread that runs the users works without a yield while 10,000 names are written and shown.

20 users without waits against nginx, under 10,000 names, with `--csv --csv-full-history` and the console's table. Between each two
switches of greenlets the thread's processor time is taken (not the clock's: neighbours on the machine do not count), for a minute. A
stretch is what all other users wait for at least. With --locust-too the same on real Locust.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile

from run import HERE, ROOT, nginx


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-d", "--seconds", type=float, default=60, help="measured time")
    parser.add_argument("-w", "--warm-up", type=float, default=10, help="time before it")
    parser.add_argument("-n", "--names", type=int, default=10_000, help="names")
    parser.add_argument("--locust-too", action="store_true", help="the same on .venv-oracle's Locust")
    options = parser.parse_args()
    programs = {"gregaria": ".venv/bin/locust"}
    if options.locust_too:
        programs["Locust"] = ".venv-oracle/bin/locust"
    print(
        f"load of the machine: {os.getloadavg()[0]:.1f}; milliseconds of processor time between two switches"
    )
    with nginx() as server, tempfile.TemporaryDirectory() as folder:
        for name, program in programs.items():
            command = [
                ROOT / program,
                "-f",
                HERE / "locustfiles/stretches.py",
                "--headless",
                "-u",
                "20",
                "-r",
                "20",
            ]
            command += ["--host", server.url, "--csv", f"{folder}/{name}", "--csv-full-history"]
            settings = {
                "NAMES": str(options.names), "WARM_UP": str(options.warm_up), "SECONDS": str(options.seconds)
            }  # fmt: skip
            with open(f"{folder}/{name}.log", "w") as log:
                out = subprocess.run(
                    [str(word) for word in command],
                    env=os.environ | settings, stdout=subprocess.PIPE, stderr=log, text=True, check=False,
                ).stdout  # fmt: skip
            line = next((line for line in out.splitlines() if line.startswith("STRETCHES ")), None)
            if line is None:
                raise SystemExit(
                    f"{name} has measured nothing: {open(f'{folder}/{name}.log').read()[-2000:]}"
                )
            figures = json.loads(line.partition(" ")[2])
            print(f"{name}:", ", ".join(f"{key} {value:.4g}" for key, value in figures.items()), flush=True)


if __name__ == "__main__":
    main()
