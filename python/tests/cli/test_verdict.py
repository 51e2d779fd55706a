"""The verdict on a run, as a CI job meets it: real runs in which the generator is the limit, and what each surface says of it."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import time
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest

from servers import TestkitServer, clean_environment, ended, locust_command, own_cluster

BURNING = """
import os, time
from locust import User, constant, task

class Burning(User):
    wait_time = constant(0.01)
    if os.environ.get("OWN"):
        gregaria = 7

    @task
    def burn(self):
        end = time.thread_time() + 0.02
        while time.thread_time() < end:
            pass
        fire = self.environment.events.request.fire
        fire(request_type="GET", name="/", response_time=1, response_length=1, exception=None, context={})
"""
ASKING = """
from locust import FastHttpUser, constant, task

class Asking(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def ask(self):
        self.client.get("/")
"""
PIDS = """
import os, pathlib
from locust import events

@events.test_start.add_listener
def note(**kwargs):
    pathlib.Path(f"pid-{os.getpid()}").touch()
"""


def start(folder: Path, script: str, *arguments: str, files: int | None = None) -> subprocess.Popen[str]:
    (folder / "locustfile.py").write_text(script)

    def few_files() -> None:
        if files is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

    return subprocess.Popen(
        [locust_command(), "--headless", "-f", "locustfile.py", *arguments],
        cwd=folder,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=few_files,
    )


def told_in(text: str) -> list[str]:
    return re.findall(r"Verdict (\w+): ", text)


def test_a_generator_without_a_moment_to_spare_is_a_limit_on_every_surface(tmp_path: Path) -> None:
    files = ["--html", "r.html", "--junit", "j.xml", "--summary-md", "s.md"]
    code, text = ended(
        start(tmp_path, BURNING, "-u", "20", "-r", "20", "-t", "6s", "--fail-on-invalid", *files)
    )
    assert code == 4, text
    # In the log, and in the table.
    assert told_in(text) == ["red"] and "Verdict  red: the generator was a limit of this run" in text
    assert "(exit code 4)" in text
    report = (tmp_path / "r.html").read_text()
    verdict = json.loads(re.search(r'"verdict":(\{.*?\]\})', report)[1])
    assert verdict["level"] == "red" and verdict["summary"] in text
    # How many cores the test's machine has left decides which of them is seen.
    assert {reason["kind"] for reason in verdict["reasons"]} <= {
        "cpu",
        "cpu_wait",
        "late",
        "lag",
        "blocked_hub",
    }
    assert all(reason["advice"] for reason in verdict["reasons"])
    summary = (tmp_path / "s.md").read_text()
    assert "Verdict: **red**" in summary
    suites = xml.parse(tmp_path / "j.xml").getroot()
    properties = {one.get("name"): one.get("value") for one in suites.iter("property")}
    assert properties["verdict"] == f"red: {verdict['summary']}"
    (case,) = [one for one in suites.iter("testcase") if one.get("name") == "the generator kept up"]
    assert case.find("failure").get("message") == verdict["summary"]


def test_without_the_option_a_red_verdict_is_told_of_and_changes_nothing(tmp_path: Path) -> None:
    code, text = ended(start(tmp_path, BURNING, "-u", "20", "-r", "20", "-t", "5s", "--junit", "j.xml"))
    assert code == 0 and told_in(text) == ["red"], text
    assert "Verdict  " not in text
    assert "the generator kept up" not in (tmp_path / "j.xml").read_text()


def test_the_exit_codes_of_a_script_of_thresholds_and_of_the_verdict_have_their_order(tmp_path: Path) -> None:
    load = ["-u", "20", "-r", "20", "-t", "4s", "--fail-on-invalid"]
    code, text = ended(start(tmp_path, BURNING, *load, "--threshold", "max < 0.5ms"))
    assert code == 3, text
    own = BURNING + "\nfrom locust import events\n\n@events.quitting.add_listener\ndef q(environment, **_):\n"
    code, text = ended(start(tmp_path, own + "    environment.process_exit_code = 9\n", *load))
    assert code == 9, text


def test_requests_that_fail_for_want_of_files_are_no_fault_of_the_server(
    delay: TestkitServer, tmp_path: Path
) -> None:
    process = start(
        tmp_path,
        ASKING,
        "-H",
        delay.url,
        "-u",
        "200",
        "-r",
        "200",
        "-t",
        "4s",
        "--fail-on-invalid",
        files=120,
    )
    code, text = ended(process)
    assert code == 4, text
    assert "requests failed on this side: there were too many open files" in text
    assert "raise the limit (ulimit -n)" in text


@pytest.mark.timeout(180)
def test_a_worker_that_is_killed_and_one_that_does_not_keep_up_are_named(tmp_path: Path) -> None:
    process = start(
        tmp_path,
        BURNING + PIDS,
        "-u",
        "20",
        "-r",
        "20",
        "-t",
        "14s",
        "--processes",
        "2",
        *own_cluster(),
        "--fail-on-invalid",
    )
    # The first is the master.
    until = time.monotonic() + 60
    while len(pids := sorted(int(path.name[4:]) for path in tmp_path.glob("pid-*"))) < 3:
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.1)
    time.sleep(5)
    victim = pids[-1]
    assert victim != process.pid
    subprocess.run(["kill", "-9", str(victim)], check=True)
    code, text = ended(process)
    assert code == 4, text
    assert re.search(r"worker \S+ was lost while the test ran", text), text
    # The other one, whose numbers came with its reports.
    assert re.search(r"red\s+worker \S+: ", text), text


def test_a_run_that_keeps_up_says_so_when_it_is_asked(delay: TestkitServer, tmp_path: Path) -> None:
    code, text = ended(
        start(tmp_path, ASKING, "-H", delay.url, "-u", "2", "-r", "2", "-t", "4s", "--fail-on-invalid")
    )
    # Where other programs use the machine, it says that.
    level = re.search(r"^Verdict  (\w+): (.*)$", text, re.MULTILINE)
    assert level is not None, text
    assert (code, level[1]) in [(0, "green"), (0, "amber"), (4, "red")]
    if level[1] == "green":
        assert re.fullmatch(
            r"the generator kept up: its busiest thread was busy for \d+% of the time", level[2]
        )
        assert told_in(text) == []
    else:
        assert "without a processor" in text or "for a processor" in text or "late" in text, text


def test_an_open_run_that_does_not_reach_its_rate_says_the_same_as_its_table(tmp_path: Path) -> None:
    waiting = BURNING.replace("end = time.thread_time() + 0.02", "end = 0; time.sleep(0.1)")
    code, text = ended(
        start(tmp_path, waiting, "--arrival-rate", "100", "-u", "1", "-t", "4s", "--fail-on-invalid")
    )
    assert code == 4, text
    due, dropped = (int(re.search(rf"^{row} +(\d+) ", text, re.MULTILINE)[1]) for row in ("due", "dropped"))
    assert f"{dropped} of {due} iterations" in text, text
    assert "allow more users at a time (-u)" in text
