"""`--warmup`: the first seconds of a test are in none of its numbers, wherever those are shown."""

from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
import time
import urllib.parse
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from servers import (
    ROOT,
    TestkitServer,
    clean_environment,
    ended,
    free_port,
    locust_command,
    own_cluster,
    run_locust,
)

# Tells of anything at any time, and notes what it told when it was to count.
SCRIPT = """
import json, os, random, time, urllib.request
from locust import User, constant, events, task

chance = random.Random(int(os.environ["SEED"]) + os.getpid())
told = {"requests": [], "left out": 0, "exceptions": 0, "measures": []}
seen = []

def counts(environment):
    return environment.stats._apart is None

class Any(User):
    wait_time = constant(0.01)

    @task
    def tell(self):
        environment, metrics = self.environment, self.environment.metrics
        name, ms = chance.choice("abc"), chance.choice([1, 2.5, 40, 147, 900, 3432]) * chance.choice([1, 1, 1, 2])
        error = RuntimeError("broken " + chance.choice("xy")) if chance.random() < 0.2 else None
        length = chance.randrange(1000)
        environment.events.request.fire(
            request_type="GET", name=name, response_time=ms, response_length=length, exception=error, context={}
        )
        counted = counts(environment)
        if counted:
            told["requests"].append([name, ms, length, error and str(error)])
        else:
            told["left out"] += 1
        value = chance.randrange(1, 50)
        metrics.counter("sum").add(value)
        metrics.trend("values").add(value)
        metrics.rate("even").add(value % 2 == 0)
        if counted:
            told["measures"].append(value)
        if chance.random() < 0.05:
            told["exceptions"] += counts(environment)
            raise ValueError("a task")

@events.request.add_listener
def see(**_):
    seen.append(1)

@events.quitting.add_listener
def write(environment, **_):
    assert len(seen) == len(told["requests"]) + told["left out"], "listeners are told of each"
    with open(f"told-{os.getpid()}.json", "w") as file:
        json.dump(told, file)
    if environment.parsed_options.metrics_port and not environment.parsed_options.worker:
        url = f"http://127.0.0.1:{environment.parsed_options.metrics_port}/metrics"
        with open("metrics.txt", "wb") as file:
            file.write(urllib.request.urlopen(url, timeout=20).read())
"""


def start(folder: Path, *arguments: str, script: str = SCRIPT, **variables: str) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    (folder / "locustfile.py").write_text(script)
    return subprocess.Popen(
        [locust_command(), "--headless", "-u", "8", "-r", "100", *arguments],
        cwd=folder,
        env=clean_environment(SEED="7") | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


FILES = [
    "--csv", "run", "--json-file", "run", "--html", "report.html", "--junit", "junit.xml", "--summary-md", "summary.md",
    "--threshold", "count > 3", "--threshold", "c: fail_ratio <= 100%", "--threshold", "max < 9s over 1s",
    "--threshold", "counter sum: sum > 0", "--exit-code-on-error", "0",
]  # fmt: skip


def told(folder: Path) -> dict[str, Any]:
    """What all processes told when it was to count."""
    found = [json.loads(file.read_text()) for file in folder.glob("told-*.json")]
    return {
        "requests": [request for one in found for request in one["requests"]],
        "measures": [value for one in found for value in one["measures"]],
        "left out": sum(one["left out"] for one in found),
        "exceptions": sum(one["exceptions"] for one in found),
    }


def report(folder: Path) -> Any:
    """The run as the HTML report has it."""
    text = (folder / "report.html").read_text()
    place = text.index('"run":{"summary"')
    return json.JSONDecoder().raw_decode(text[place + len('"run":') :])[0]


def check_metrics(text: str, expected: dict[str, Any]) -> None:
    """`/metrics` at the end of the run: its counters, too, begin when the warm-up is over."""
    found: dict[tuple[str, ...], float] = {}
    for line in text.splitlines():
        if sample := re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line):
            labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', sample[2] or ""))
            key = (
                sample[1],
                *(labels[one] for one in ("name", "error", "le", "outcome", "result") if one in labels),
            )
            found[key] = float(sample[3])
    requests, values = expected["requests"], expected["measures"]
    for name in "abc":
        of_name = [(ms, length, error) for other, ms, length, error in requests if other == name]
        assert found["locust_requests_num_requests", name] == len(of_name), name
        assert found["locust_requests_num_failures", name] == sum(bool(error) for *_, error in of_name)
        assert found["gregaria_requests_total", name] == len(of_name)
        assert found["gregaria_failures_total", name] == found["locust_requests_num_failures", name]
        assert found["gregaria_response_bytes_total", name] == sum(length for _, length, _ in of_name)
        assert found["gregaria_request_duration_seconds_count", name] == len(of_name)
        assert found["gregaria_request_duration_seconds_bucket", name, "+Inf"] == len(of_name)
        seconds = found["gregaria_request_duration_seconds_sum", name]
        assert seconds == pytest.approx(sum(ms for ms, *_ in of_name) / 1e3)
    assert found["locust_requests_num_requests", "Aggregated"] == len(requests)
    counted = Counter((name, f"RuntimeError('{error}')") for name, _, _, error in requests if error)
    assert {key[1:]: count for key, count in found.items() if key[0] == "locust_errors"} == counted
    assert found["gregaria_custom_counter_total", "sum"] == sum(values)
    assert found["gregaria_custom_trend_sum", "values"] == sum(values)
    assert found["gregaria_custom_trend_count", "values"] == len(values)
    for result in ("true", "false"):
        of_it = sum((value % 2 == 0) == (result == "true") for value in values)
        assert found["gregaria_custom_rate_total", "even", result] == of_it
    if ("gregaria_arrivals_total", "begun") in found:
        # Each iteration tells once; at the border the one may be within and the other without.
        assert abs(found["gregaria_arrivals_total", "begun"] - len(requests)) <= 5


def check(folder: Path, out: str) -> None:
    """All surfaces say what was told after the warm-up, and nothing else."""
    expected = told(folder)
    requests = expected["requests"]
    count, failures = len(requests), Counter((name, error) for name, _, _, error in requests if error)
    assert count > 50 and expected["left out"] > 50, "both parts have something to say"
    # Locust's JSON.
    entries = {entry["name"]: entry for entry in json.loads((folder / "run.json").read_text())}
    for name in "abc":
        times = [ms for other, ms, _length, _error in requests if other == name]
        entry = entries[name]
        assert entry["num_requests"] == len(times)
        assert entry["num_failures"] == sum(n for (other, _), n in failures.items() if other == name)
        assert (entry["min_response_time"], entry["max_response_time"]) == (min(times), max(times))
        assert entry["total_response_time"] == pytest.approx(sum(times))
        assert sum(entry["num_reqs_per_sec"].values()) == len(times)
    lengths = sum(length for _, _, length, _ in requests)
    assert sum(entry["total_content_length"] for entry in entries.values()) == lengths

    # Files.
    def rows(name: str) -> list[dict[str, str]]:
        with (folder / f"run_{name}.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    assert [row["Request Count"] for row in rows("stats") if row["Name"] == "Aggregated"] == [str(count)]
    assert {(row["Name"], row["Error"]): int(row["Occurrences"]) for row in rows("failures")} == {
        (name, f"RuntimeError('{error}')"): n for (name, error), n in failures.items()
    }
    assert sum(int(row["Count"]) for row in rows("exceptions")) == expected["exceptions"]
    history = [int(row["Total Request Count"]) for row in rows("stats_history")]
    assert history == sorted(history) and history[0] == 0 and history[-1] <= count
    measures = {row["Name"]: row for row in rows("metrics")}
    values = expected["measures"]
    assert float(measures["sum"]["Sum"]) == sum(values)
    assert int(measures["values"]["Count"]) == len(values)
    assert int(measures["even"]["Passed"]) == sum(value % 2 == 0 for value in values)
    # What Prometheus reads.
    check_metrics((folder / "metrics.txt").read_text(), expected)
    # Terminal.
    failed = sum(failures.values())
    last = re.findall(r"Aggregated +(\d+) +(\d+)\(", out)[-1]
    assert last == (str(count), str(failed))
    assert re.search(rf"all +requests +> 3 +{count:,}\b", out), out
    of_c = sum(name == "c" for name, *_ in requests)
    assert re.search(rf"c +fail ratio +<= 100% .* \(\d+ of {of_c:,}\)", out), out
    assert re.search(rf"counter sum sum +> 0 +{sum(values):,}\b", out), out
    words = re.search(r"Warm-up: the first 1 s are left out: (\d+) requests", out)
    assert words and int(words[1]) == expected["left out"], out
    page = re.search(r"^Warm-up: .*$", (ROOT / "docs/warm-up.md").read_text(), re.MULTILINE)[0]
    masked = re.sub(r"\d+", "#", page.partition(" requests")[0])
    assert re.sub(r"\d+", "#", words[0]).startswith(masked), "the page says what comes out"
    # Report, JUnit, Markdown: the numbers, and that there was a warm-up.
    run = report(folder)
    assert run["total"]["requests"] == [count] and run["summary"]["requests"] == count
    assert run["history"]["requests"][-1] == count and run["history"]["failures"][-1] == failed
    assert (
        sum(run["rows"]["requests"]) == count and sum(one["occurrences"] for one in run["errors"]) == failed
    )
    assert run["summary"]["rps"] == pytest.approx(count / run["elapsed"], rel=1e-6)
    assert run["history"]["began"] == pytest.approx(run["summary"]["since"], abs=0.1)
    assert run["summary"]["since"] - run["summary"]["started"] >= 0.9, (
        "the course begins where the numbers do"
    )
    left_out = f"the first 1 s are left out: {expected['left out']} requests"
    assert left_out in run["info"]["warm_up"]
    assert left_out in (folder / "junit.xml").read_text() and left_out in (folder / "summary.md").read_text()
    assert f"{count:,}" in (folder / "summary.md").read_text()


def test_nothing_of_the_warm_up_is_in_any_number(tmp_path: Path) -> None:
    def watched() -> tuple[str, ...]:
        return *FILES, "--metrics-port", str(free_port())

    runs = {
        "alone": start(tmp_path / "alone", "-t", "3s", "--warmup", "1s", *watched()),
        "workers": start(
            tmp_path / "workers", "-t", "4", "--processes", "2", *own_cluster(), *watched(), LOCUST_WARMUP="1"
        ),
        "open": start(
            tmp_path / "open", "--arrival-rate", "300 for 3s", "--latency", "service", "--warmup", "1s", "-u", "40", *watched()
        ),
        "class": start(
            tmp_path / "class", "-t", "3s", "--run-time-from", "warmup-end", *watched(),
            script=SCRIPT.replace("wait_time =", 'gregaria = {"warmup": "1s"}\n    wait_time ='),
        ),
    }  # fmt: skip
    done = {name: ended(process, 90) for name, process in runs.items()}
    for name, (code, out) in done.items():
        assert code == 0, (name, out)
        assert "Traceback" not in out.replace("Traceback (most recent call last):\n  File", ""), (name, out)
        check(tmp_path / name, out)
    # Arrivals, too: each iteration tells once, so all of them together are those of the rate.
    due = int(re.search(r"^due +(\d+) ", done["open"][1], re.MULTILINE)[1])
    assert abs(due + told(tmp_path / "open")["left out"] - 900) <= 5 and due < 850, done["open"][1]
    both = re.findall(
        r"^(?:Aggregated)? +(?:since intended start|service time) +(\d+) ", done["open"][1], re.M
    )
    assert "counted from the end of the warm-up" in done["class"][1]
    elapsed = report(tmp_path / "class")["elapsed"]
    assert 2.5 < elapsed < 3.6, "three seconds after it"
    assert both == [] or len(both) >= 2


def test_a_run_that_ends_within_its_warm_up_says_so_and_counts_nothing(tmp_path: Path) -> None:
    process = start(tmp_path / "run", "--warmup", "60s", "-t", "5m", "--threshold", "count > 1", *FILES[:10])
    until = time.monotonic() + 40
    history = tmp_path / "run" / "run_stats_history.csv"
    # Its users run.
    while ",8," not in (history.read_text() if history.exists() else "") and time.monotonic() < until:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    code, out = ended(process)
    assert code == 3, "no data fails"
    assert "The test has ended within its warm-up of 60 seconds: nothing of it counts" in out
    assert "Warm-up: the test ended within its 60 s, so nothing counts" in out
    assert re.search(r"Aggregated +0 +0\(", out) and "broken" not in out, out
    assert json.loads((tmp_path / "run" / "run.json").read_text()) == []


SCRIPT_OF_OWN = """
from locust import User, constant, events, task

class Asks(User):
    wait_time = constant(0.02)

    @task
    def ask(self):
        self.environment.events.request.fire(
            request_type="GET", name="/", response_time=1, response_length=1, exception=None, context={}
        )

@events.init_command_line_parser.add_listener
def _(parser):
    parser.add_argument("--warmup", type=int, default=5)
"""


def test_what_cannot_be_is_said_before_the_run_and_options_of_scripts_stay_theirs(tmp_path: Path) -> None:
    plain = SCRIPT_OF_OWN.partition("@events.init")[0]

    def of_class(value: str) -> str:
        return plain.replace("wait_time =", f'gregaria = {{"warmup": {value}}}\n    wait_time =')

    runs = {
        "longer": start(tmp_path / "a", "-t", "20s", "--warmup", "30s", script=plain),
        "stages": start(tmp_path / "b", "--arrival-rate", "5 for 10s", "--warmup", "10s", script=plain),
        "text": start(tmp_path / "c", "--warmup", "soon", script=plain),
        "class": start(tmp_path / "d", "-t", "2", script=of_class("'1x'")),
        "long class": start(tmp_path / "e", "-t", "2", script=of_class("2")),
        "own": start(tmp_path / "f", "-t", "1", "--warmup", "4", script=SCRIPT_OF_OWN),
        "requests": start(tmp_path / "g", "--warmup", "1", "--max-requests", "20", script=plain),
        "reset": start(
            tmp_path / "h", "-u", "4", "-r", "2", "-t", "3", "--warmup", "1", "--reset-stats", script=plain
        ),
    }
    done = {name: ended(process, 90) for name, process in runs.items()}
    for name, words in {
        "longer": "--warmup is 30 seconds and --run-time 20 ends the run after 20, so that nothing would be measured",
        "stages": "--warmup is 10 seconds and the last stage of the arrival rate ends the run after 10",
        "text": "argument --warmup",
        "class": "Asks.gregaria['warmup'] is to be a number of seconds or a text, as 30 or '1m30s', not '1x'",
        "long class": "Asks.gregaria['warmup'] is 2 seconds and --run-time 2 ends the run after 2",
    }.items():
        assert done[name][0] == 2 and words in done[name][1], (name, done[name])
    assert done["own"][0] == 0 and "arm-up" not in done["own"][1], done["own"]
    assert int(re.findall(r"Aggregated +(\d+) +\d+\(", done["own"][1])[-1]) > 0
    # Those that count are counted, so the run ends after the warm-up.
    code, out = done["requests"]
    assert code == 0 and 20 <= int(re.findall(r"Aggregated +(\d+) +\d+\(", out)[-1]) <= 28, out
    assert out.index("The warm-up is over") < out.index("--max-requests reached"), out
    # What comes later of both decides: here the ramp ends a second after the warm-up.
    code, out = done["reset"]
    assert code == 0 and out.index("The warm-up is over") < out.index("Resetting stats"), out


def test_the_page_tells_of_it_and_its_form_knows_it(tmp_path: Path) -> None:
    (tmp_path / "locustfile.py").write_text(SCRIPT_OF_OWN.partition("@events.init")[0])
    port = free_port()
    here = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [locust_command(), "--web-port", str(port), "--warmup", "2s", "--only-summary"],
        cwd=tmp_path,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    def get(path: str, **form: Any) -> Any:
        data = urllib.parse.urlencode(form).encode() if form else None
        return json.load(urllib.request.urlopen(here + path, data, timeout=5))

    try:
        for _ in range(300):
            try:
                refused = get("/swarm", user_count=3, spawn_rate=9, run_time="2s")
                break
            except OSError:
                time.sleep(0.1)
        assert not refused["success"] and "warm-up" in refused["message"], refused
        # Each test of the page begins with it.
        for _ in range(2):
            assert get("/swarm", user_count=3, spawn_rate=9)["success"]
            time.sleep(1)
            assert get("/stats/requests")["total_rps"] == 0
            until = time.monotonic() + 30
            while not get("/stats/requests")["total_rps"] and time.monotonic() < until:
                time.sleep(0.1)
            assert get("/stats/requests")["total_rps"] > 0
            get("/stop")
    finally:
        process.terminate()
        out = process.communicate(timeout=30)[0]
    assert out.count("The warm-up is over, the numbers begin now. Left out: ") == 2, out


@pytest.mark.parametrize("processes", [1, 2])
def test_iterations_that_were_due_within_the_warm_up_do_not_count_though_they_begin_after_it(
    tmp_path: Path, delay: TestkitServer, processes: int
) -> None:
    script = """
import time
import gevent
from locust import FastHttpUser, task

class Slow(FastHttpUser):
    def on_start(self):
        gevent.sleep(0.7)

    @task
    def ask(self):
        self.client.get("/us/1000")
"""
    (tmp_path / "locustfile.py").write_text(script)
    arguments = ["--headless", "-H", delay.url, "--arrival-rate", "10 for 4s", "--warmup", "1s"]
    if processes > 1:
        arguments += ["--processes", "2"]
    done = run_locust(*arguments, folder=tmp_path, timeout=60)
    out = done.stdout + done.stderr
    assert done.returncode == 0, out
    found = re.search(r"^due +(\d+) .*\nbegun +(\d+) .*\nlate +\d+ .*\ndropped +0 ", out, re.MULTILINE)
    assert found, out
    # The warm-up of a master and those of its workers end within a moment, in which one may be due.
    assert int(found[1]) == int(found[2]) and abs(int(found[1]) - 30) <= (1 if processes == 1 else 5), out
