"""Checks and metrics of a script's own, as its author meets them: everywhere where numbers are shown, and nowhere among requests."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import time
import urllib.request
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest

from servers import ROOT, TestkitServer, clean_environment, free_port, locust_command, own_cluster, run_locust

PAGE = ROOT / "docs" / "checks-and-metrics.md"


def block(kind: str) -> str:
    """The first block of that kind on the page."""
    return re.search(rf"```{kind}[^\n]*\n(.*?)```", PAGE.read_text(), re.DOTALL)[1]


def test_the_page_says_what_comes_out(tmp_path: Path, blog: TestkitServer):
    result = run_locust(
        "--headless", "-u", "1", "-H", blog.url, "--csv", "out/run", "--json-file", "out/run", "--junit", "out/junit.xml",
        "--summary-md", "out/summary.md", "--html", "out/report.html",
        "--threshold", "check has a title: pass > 99%", "--threshold", "trend words: p95 < 500",
        "--threshold", "counter posts: sum >= 4", "--threshold", "rate odd: pass > 1%",
        folder=tmp_path, locustfile=block("python"),
    )  # fmt: skip
    table = block("text").strip()
    assert table in "\n".join(line.rstrip() for line in result.stderr.splitlines()), result.stderr
    # Two of the thresholds are kept.
    assert result.returncode == 3
    standing = re.findall(
        r"^(ok|FAILED|NO DATA) +(\w+ .*\w) +(passed|p95|sum|true)\b", result.stderr, re.MULTILINE
    )
    assert [one[0] for one in standing] == ["ok", "ok", "FAILED", "NO DATA"], result.stderr
    out = tmp_path / "out"
    rows = list(csv.DictReader((out / "run_metrics.csv").open(newline="")))
    assert [(row["Kind"], row["Name"], row["Count"], row["Passed"], row["Sum"], row["99%"]) for row in rows] == [
        ("check", "has a title", "3", "3", "", ""),
        ("check", "is short", "3", "0", "", ""),
        ("rate", "even", "3", "1", "", ""),
        ("counter", "posts", "3", "", "3", ""),
        ("trend", "words", "3", "", "600", "300"),
    ]  # fmt: skip
    # They are apart from requests, and a check that fails fails none.
    entries = json.loads((out / "run.json").read_text())
    assert [(entry["name"], entry["num_requests"], entry["num_failures"]) for entry in entries] == [
        ("/post/:n", 3, 0)
    ]
    suites = {suite.get("name"): suite for suite in xml.parse(out / "junit.xml").getroot()}
    cases = {case.get("name"): case for case in suites["checks and metrics"]}
    assert cases["check is short"].find("failure") is None
    assert "0% passed (0 of 3, 3 failed)" in cases["check is short"].findtext("system-out")
    summary = (out / "summary.md").read_text()
    assert "## Checks and metrics" in summary and "| trend | `words` | avg 200, min 100," in summary
    assert '"kind":"trend","name":"words"' in (out / "report.html").read_text()


SCRIPT = """
from locust import HttpUser, FastHttpUser, User, constant, events, task
from locust.clients import HttpSession

class Slow(HttpUser):
    wait_time = constant(0.05)
    @task
    def get(self):
        with self.client.get("/", catch_response=True) as response:
            assert response.check("caught", lambda r: r.status_code == 200) is True
            assert response.check("raises", lambda r: 1 / 0) is False
        # By way of the library requests.
        self.client.get("/", hooks={"response": lambda *_, **__: None}).check("by requests", True)

class Fast(FastHttpUser):
    wait_time = constant(0.05)
    @task
    def get(self):
        self.client.get("/").check("fast", True)
        self.client.get("/missing", name="gone").check("fast", False)
        self.environment.metrics.trend("t").add(2.5)
        self.environment.metrics.counter("c").add(0.5)

class Own(User):
    wait_time = constant(0.05)
    @task
    def own(self):
        for wrong in (float("nan"), -1, "x"):
            try:
                self.environment.metrics.trend("t").add(wrong)
            except ValueError:
                pass
            else:
                raise AssertionError(wrong)
"""


def figures(text: str) -> dict[str, float]:
    found = re.findall(r"^(gregaria_(?:checks|custom)\w*\{[^}]*\}) (\S+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in found}


@pytest.mark.parametrize("kind", ["trend", "counter", "rate"])
def test_a_value_beside_the_name_is_shown_its_place(kind: str):
    from locust.env import Environment

    with pytest.raises(TypeError, match=re.escape(f"metrics.{kind}('basket').add(12.5)")):
        getattr(Environment().metrics, kind)("basket", 12.5)


@pytest.mark.parametrize("processes", [(), ("--processes", "2")])
def test_they_are_counted_live_and_over_workers(
    tmp_path: Path, blog: TestkitServer, processes: tuple[str, ...]
):
    (tmp_path / "locustfile.py").write_text(SCRIPT)
    port = free_port()
    process = subprocess.Popen(
        [locust_command(), "--headless", "-u", "6", "-r", "6", "-H", blog.url, "--metrics-port", str(port), *processes,
         *(own_cluster() if processes else [])],
        cwd=tmp_path, env=clean_environment(LOCUST_WEB_OPEN="1"), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        until = time.monotonic() + 45
        seen: dict[str, float] = {}
        while time.monotonic() < until and seen.get('gregaria_custom_trend_count{name="t"}', 0) < 20:
            time.sleep(0.2)
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                    text = answer.read().decode()
                    seen = figures(text)
            except OSError:
                continue
        process.terminate()
        _, err = process.communicate(timeout=45)
    finally:
        process.kill()
    assert "Traceback" not in err, err
    # What workers see of themselves is there, too.
    assert len(re.findall(r'^gregaria_worker_main_cpu_ratio\{id="[^"]+"\} [0-9.]+$', text, re.MULTILINE)) == (
        2 if processes else 0
    )
    assert "gregaria_phase_duration_seconds_bucket" in text
    assert seen['gregaria_custom_trend_count{name="t"}'] >= 20, err
    assert seen['gregaria_custom_trend{name="t",quantile="0.5"}'] == 2.5
    assert seen['gregaria_checks_total{name="raises",result="pass"}'] == 0
    assert seen['gregaria_checks_total{name="raises",result="fail"}'] > 0
    assert seen['gregaria_checks_total{name="by requests",result="pass"}'] > 0
    table = err.partition("Checks and metrics")[2]
    # What was told is all there: two checks of each turn of Fast, one value and one half.
    checks = int(re.search(r"check +fast +\S+% passed \(\d+ of (\d+)", table)[1])
    values = int(re.search(r"\((\d+) values\)", table)[1])
    assert abs(values - checks / 2) <= 6 and values >= 20, table
    assert float(re.search(r"counter +c +(\S+) \(added (\d+)", table)[1]) == pytest.approx(values / 2, abs=3)


def test_both_names_can_be_assigned_over(tmp_path: Path, blog: TestkitServer):
    script = """
from locust import HttpUser, events, task
from locust.clients import ResponseContextManager

@events.init.add_listener
def replace(environment, **_event):
    environment.metrics = {"mine": 1}

ResponseContextManager.check = lambda self, word: print("CHECKED", word)

class Reader(HttpUser):
    @task
    def read(self):
        self.client.get("/").check("one")
        print("METRICS", self.environment.metrics)
        self.environment.runner.quit()
"""
    result = run_locust("--headless", "-u", "1", "-H", blog.url, folder=tmp_path, locustfile=script)
    assert "CHECKED one" in result.stdout and "METRICS {'mine': 1}" in result.stdout
    assert result.returncode == 0 and "Checks and metrics" not in result.stderr


WINDOWS = """
import time
from locust import User, constant, task

class Measures(User):
    wait_time = constant(0.05)

    @task
    def measure(self):
        metrics = self.environment.metrics
        metrics.counter("steady").add(1)
        metrics.trend("seven").add(7)
        self.number = getattr(self, "number", 0) + 1
        metrics.rate("even").add(self.number % 2 == 0)
        # For a second out of three.
        metrics.rate("at times").add(time.time() % 3 > 1)
        self.environment.events.request.fire(
            request_type="GET", name="/", response_time=1, response_length=1, exception=None, context={}
        )
"""


@pytest.mark.parametrize("processes", [(), ("--processes", "2")], ids=["alone", "workers"])
def test_thresholds_on_them_have_windows(tmp_path: Path, processes: tuple[str, ...]):
    # Reports of workers come every three seconds: what happened in which second they tell with them.
    rules = {
        "counter steady: per_second > 8/s over 1s after 2s": "ok",
        "counter steady: per_second < 8/s over 1s after 2s, warn": "warning",
        "trend seven: p95 <= 7 over 2s": "ok",
        "trend seven: count > 5 after 2s": "ok",
        "rate even: pass > 30% over 1s after 2s": "ok",
        "rate at times: pass > 20% over 4s after 1s": "ok",
        "rate at times: pass > 20% over 1s after 1s, warn": "warning",
        "rate never: pass > 1% over 1s, warn": "NO DATA",
    }
    result = run_locust(
        "--headless", "-u", "2", "-r", "2", "-t", "8s", *(word for rule in rules for word in ("--threshold", rule)),
        *processes, *(own_cluster() if processes else []), folder=tmp_path, locustfile=WINDOWS,
    )  # fmt: skip
    table = result.stderr.partition("Thresholds ")[2]
    found = [line for line in table.splitlines()[2 : 2 + len(rules)]]
    for (rule, outcome), line in zip(rules.items(), found, strict=True):
        assert line.lower().startswith(outcome.lower()), (rule, line, table)
    assert "worst of " in found[0] and "windows of 1 s" in found[0], table
    assert result.returncode == 0, table


def test_a_run_ends_when_a_window_of_a_check_is_broken(tmp_path: Path):
    script = WINDOWS.replace("time.time() % 3 > 1", "self.number < 40")
    result = run_locust(
        "--headless", "-u", "1", "-t", "30s", "--threshold", "rate at times: pass > 50% over 1s, stop",
        folder=tmp_path, locustfile=script,
    )  # fmt: skip
    assert result.returncode == 3, result.stderr
    assert "Threshold broken: rate at times: pass > 50% over 1s, stop" in result.stderr
    assert re.search(r"FAILED +rate at times +true +> 50% .*first after 0:00:0\d", result.stderr), (
        result.stderr
    )
