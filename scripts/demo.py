"""`make demo`: the guide's locustfile, byte for byte, against the sample blog, for 15 seconds with 10 users. Loopback only."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = Path(sys.executable).parent
OUTPUT = ROOT / "demo-output"
LOCUSTFILE = ROOT / "examples" / "guide" / "locustfile.py"
SECONDS, USERS = 15, 10


@contextlib.contextmanager
def sample_blog() -> Iterator[str]:
    """The base URL of a blog in a process of its own, so that its work is not taken for the load generator's."""
    process = subprocess.Popen(
        [COMMANDS / "gregaria", "blog", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        line = process.stdout.readline()
        url = next((word for word in line.split() if word.startswith("http://")), None)
        if url is None:
            raise SystemExit("the sample blog did not start")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)
        process.stdout.close()


def run(url: str) -> tuple[int, str]:
    """Runs the test, showing its output; returns its exit code and the final tables."""
    command = [str(COMMANDS / "locust"), "--headless", "-f", str(LOCUSTFILE), "--host", url]
    command += ["--users", str(USERS), "--spawn-rate", "1", "--run-time", f"{SECONDS}s"]
    command += ["--csv", str(OUTPUT / "demo"), "--json-file", str(OUTPUT / "demo")]
    print("$", " ".join(word.replace(str(ROOT) + os.sep, "") for word in command), flush=True)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    lines = []
    with contextlib.suppress(KeyboardInterrupt):
        for line in process.stderr:
            lines.append(line)
            sys.stderr.write(line)
            sys.stderr.flush()
    with contextlib.suppress(KeyboardInterrupt):
        process.wait()
    return process.wait(), "".join(lines)


def summary(url: str, code: int) -> str:
    """The run in a few lines, from the CSV file it wrote."""
    with (OUTPUT / "demo_stats.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    requests = json.loads((OUTPUT / "demo.json").read_text())
    text = [f"{USERS} users on {url}, {SECONDS} s, exit code {code}", ""]
    text.append(f"{'':18}{'requests':>9}{'failed':>8}{'median ms':>11}{'95% ms':>8}{'per second':>12}")
    for row in rows:
        name = f"{row['Type']} {row['Name']}".strip()
        median, p95, rate = row["Median Response Time"], row["95%"], float(row["Requests/s"])
        counts = f"{row['Request Count']:>9}{row['Failure Count']:>8}"
        text.append(f"{name:18}{counts}{float(median):>11.1f}{p95:>8}{rate:>12.2f}")
    counted = sum(entry["num_requests"] for entry in requests)
    if counted != int(rows[-1]["Request Count"]):
        raise SystemExit(f"demo.json holds {counted} requests, demo_stats.csv {rows[-1]['Request Count']}")
    return "\n".join(text) + "\n"


def main() -> int:
    OUTPUT.mkdir(exist_ok=True)
    for old in OUTPUT.iterdir():
        old.unlink()
    with sample_blog() as url:
        code, log = run(url)
    (OUTPUT / "demo.log").write_text(log)
    if code < 0 or not (OUTPUT / "demo_stats.csv").exists():
        return 1
    text = summary(url, code)
    (OUTPUT / "summary.txt").write_text(text)
    print(f"\n{text}")
    folder = OUTPUT.relative_to(ROOT)
    print(f"Written to {folder}/: demo_stats.csv and its siblings, demo.json, demo.log, summary.txt\n")
    print("What to try next:")
    print("  . .venv/bin/activate")
    print("  gregaria blog --port 8001 &                           # the blog again, until you kill it")
    print("  locust -f examples/basic.py --headless -u 50 -r 10 -t 20s -H http://127.0.0.1:8001")
    print("  locust -f examples/login.py -H http://127.0.0.1:8001        # and open http://localhost:8089")
    print("  locust --help                                        # every option")
    print("  the guide with a Flask application: examples/flask-blog/README.md")
    return code


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
