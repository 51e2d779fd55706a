"""Open runs whose numbers begin anew, and those that lose a worker."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path

from open_runs import LOCUSTFILE, arrivals, fetch, fetch_metrics, requests

from servers import TestkitServer, clean_environment, ended, free_port, locust_command, own_cluster


def latencies_of(folder: Path) -> dict[tuple[str, str], int]:
    """Requests by name and latency, of the CSV file."""
    rows = [line.split(",") for line in (folder / "run_latencies.csv").read_text().splitlines()]
    assert rows[0][:6] == ["Type", "Name", "Latency", "Read", "Request Count", "50%"]
    return {(row[1], row[2]): int(row[4]) for row in rows[1:]}


def test_a_reset_begins_arrivals_and_both_latencies_anew(tmp_path: Path) -> None:
    # The page's Reset, of one process and of a master: what stands beside the requests counts since then, as they do.
    runs = {}
    with TestkitServer("delay") as server:
        for name, more in (("alone", []), ("workers", ["--processes", "2", *own_cluster()])):
            folder = tmp_path / name
            folder.mkdir()
            (folder / "locustfile.py").write_text(LOCUSTFILE)
            web = free_port()
            process = subprocess.Popen(
                [
                    *(locust_command(), "-H", server.url, "--arrival-rate", "100 for 12s", "-u", "60", "-s", "3"),
                    *("--autostart", "--autoquit", "0", "--web-port", str(web), "--csv", "run", *more),
                ],
                cwd=folder, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            runs[name] = folder, web, process
        done = {}
        try:
            for _folder, web, _process in runs.values():
                began = time.monotonic()
                while counted_on(web) < 350 and time.monotonic() - began < 60:
                    time.sleep(0.1)
                fetch(f"http://127.0.0.1:{web}/stats/reset")
            done = {name: ended(process, 90) for name, (_folder, _web, process) in runs.items()}
        finally:
            for _folder, _web, process in runs.values():
                process.kill()
    for name, (folder, _web, _process) in runs.items():
        code, out = done[name]
        assert code == 0, (name, out)
        counted, found = arrivals(out), requests(out)
        assert 100 < counted["due"] < 1_000 and counted["due"] == counted["begun"], (name, out)
        # Each iteration is a request; some of those that had begun before the reset ended after it, and `login` is none.
        asked = found["buy"] + found["look"]
        assert abs(counted["begun"] - asked) <= 60, (name, counted, found)
        both = latencies_of(folder)
        assert {latency for _name, latency in both} == {"since intended start", "service time"}
        for latency in ("since intended start", "service time"):
            for one in ("buy", "look"):
                assert both[one, latency] == found[one], (name, both, found)
            assert both["Aggregated", latency] == sum(found.values()), (name, both, found)


def counted_on(port: int) -> int:
    try:
        return int(json.loads(fetch(f"http://127.0.0.1:{port}/stats/requests"))["stats"][-1]["num_requests"])
    except OSError:
        return 0


def test_what_a_killed_worker_had_to_begin_is_lost_counted_and_said(tmp_path: Path) -> None:
    with TestkitServer("delay") as server:
        (tmp_path / "locustfile.py").write_text(LOCUSTFILE)
        port, web = str(free_port()), free_port()
        common = [locust_command(), "-f", "locustfile.py", "-H", server.url]
        workers = [
            subprocess.Popen(
                [*common, "--worker", "--master-port", port, "-s", "3"],
                cwd=tmp_path, env=clean_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
            for _ in range(2)
        ]  # fmt: skip
        master = subprocess.Popen(
            [
                *(*common, "--master", "--headless", "--expect-workers", "2", "-s", "3", "-u", "60"),
                *("--arrival-rate", "200 for 14s", "--master-bind-port", port, "--metrics-port", str(web)),
                *("--html", "report.html", "--csv", "run", "--fail-on-invalid"),
            ],
            cwd=tmp_path, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            began = time.monotonic()
            while '"buy"' not in fetch_metrics(web) and time.monotonic() - began < 60:
                time.sleep(0.1)
            time.sleep(1)
            workers[0].kill()
            code, out = ended(master, 90)
        finally:
            for one in workers:
                one.kill()
                one.wait()
        arrived = fetch(server.url + "/log").count("\n/us/1000,")
    assert code == 4, out
    assert "shared out anew, among 1 workers" in out, out
    counted = arrivals(out)
    lost = int(re.search(r"^lost +(\d+) .*of workers that have gone", out, re.MULTILINE)[1])
    # All that the rate says is accounted for: who is left has begun its part, and the rest is known to be lost.
    assert abs(counted["due"] + lost - 2_800) <= 2, (counted, lost)
    assert counted["begun"] + counted["dropped"] == counted["due"], counted
    # Some of what is lost it had begun, but nobody was told of that.
    assert counted["begun"] <= arrived <= counted["begun"] + lost, (counted, lost, arrived)
    assert 100 <= lost <= 1_400, "some seconds of half the rate"
    verdict = out.partition("Verdict")[2]
    assert (
        f"{lost:,} of {counted['due'] + lost:,} iterations were those of workers that have gone" in verdict
    ), out
    assert "was lost while the test ran" in verdict, out
    assert f'"lost":{lost}' in (tmp_path / "report.html").read_text()
