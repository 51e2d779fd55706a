"""The files that tell of a finished run: the HTML report, JUnit XML, Markdown; and the store of runs."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from servers import clean_environment, run_locust
from web_runs import SCRIPT, WebRun, embedded

FILES = ("--html", "out/{u}-{r}-{t}.html", "--junit", "out/junit.xml", "--summary-md", "out/summary.md")


def data_of(path: Path) -> dict[str, Any]:
    page = path.read_text()
    # It needs nothing from elsewhere.
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
    return embedded(page, "reportArgs")


def shown_requests(log: str) -> int:
    """The total of the last table of requests."""
    return int(re.findall(r"Aggregated +(\d+) +\d+\(", log)[-1])


def requests_of(data: dict[str, Any]) -> int:
    return data["requests_statistics"][-1]["num_requests"]


def test_a_headless_run_leaves_all_three(tmp_path: Path):
    result = run_locust(
        "--headless", "-u", "4", "-r", "4", "-t", "3", *FILES, folder=tmp_path, locustfile=SCRIPT
    )
    assert result.returncode == 1, result.stderr
    data = data_of(tmp_path / "out" / "4-4-3.html")
    shown = shown_requests(result.stderr)
    run = data["run"]
    assert requests_of(data) == run["summary"]["requests"] == run["total"]["requests"][0] == shown > 3
    assert {name["name"] for name in run["names"]} == {"talk", "note", "before"}
    assert run["history"]["requests"][-1] == shown and len(run["history"]["at"]) >= 2
    assert max(run["history"]["users"]) == 4
    [total] = [window["window"] for window in data["windows"] if window["id"] == -1]
    assert sum(count for _low, _high, count in total["bins"]) == shown
    assert {error["error"] for error in run["errors"]} == {"ValueError('no <paper>')"}
    assert [one["msg"] for one in run["exceptions"]] == ["it broke"]
    assert run["info"]["options"]["basket"] == 3 and "password" not in run["info"]["options"]
    assert run["info"]["user_count"] == 4 and run["info"]["tasks"]["total"]["Talker"]["ratio"] == 0.5
    assert data["download"] is None and data["show_download_link"] is False and data["is_report"] is True
    assert "hunter2" not in (tmp_path / "out" / "4-4-3.html").read_text()

    suites = ElementTree.parse(tmp_path / "out" / "junit.xml").getroot()
    cases = {case.get("name"): case for case in suites.iter("testcase")}
    assert set(cases) == {
        "TALK talk",
        "TALK note",
        "TALK before",
        "RuntimeError: it broke",
        "the run as a whole",
    }
    assert cases["TALK note"].find("failure") is not None and cases["TALK talk"].find("failure") is None
    assert "no <paper>" in (cases["TALK note"].find("failure").text or "")
    assert cases["RuntimeError: it broke"].find("error") is not None

    summary = (tmp_path / "out" / "summary.md").read_text()
    assert summary.startswith("# locustfile.py: failed (exit code 1)\n")
    assert f"**{shown:,}** requests" in summary and "| TALK | `talk` |" in summary


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_ended_by_a_signal_leaves_them_too(tmp_path: Path, number: signal.Signals):
    with WebRun(tmp_path, "--autostart", *FILES, "Talker") as run:
        run.wait_for(lambda: run.get("/stats/requests").json()["stats"][-1]["num_requests"] > 10)
        run.end(number)
        shown = shown_requests(run.log)
    assert requests_of(data_of(tmp_path / "out" / "1-1-{t}.html")) == shown
    assert (tmp_path / "out" / "junit.xml").exists() and (tmp_path / "out" / "summary.md").exists()


def test_a_run_that_a_task_ends_leaves_them_too(tmp_path: Path):
    script = SCRIPT.replace('raise RuntimeError("it broke")', "raise SystemExit(7)")
    result = run_locust("--headless", "-u", "2", "-t", "20", *FILES, folder=tmp_path, locustfile=script)
    assert result.returncode == 7, result.stderr
    assert requests_of(data_of(tmp_path / "out" / "2-1-20.html")) > 0
    assert "failed (exit code 7)" in (tmp_path / "out" / "summary.md").read_text()
    assert ElementTree.parse(tmp_path / "out" / "junit.xml").getroot().get("failures") != "0"


def test_listeners_of_quitting_find_the_report(tmp_path: Path):
    script = (
        SCRIPT
        + """
import os

@events.quitting.add_listener
def send(environment, **_):
    print("FOUND", os.path.getsize(environment.parsed_options.html_file) > 1000)
"""
    )
    result = run_locust(
        "--headless", "-t", "1", "--html", "{u}.html", "Talker", folder=tmp_path, locustfile=script
    )
    assert "FOUND True" in result.stdout and (tmp_path / "1.html").exists()


def test_users_that_end_late_are_in_the_report(tmp_path: Path):
    script = """
from locust import User, task
import gevent

class Slow(User):
    @task
    def work(self):
        # The end comes in the middle of it.
        gevent.spawn(self.environment.runner.quit)
        gevent.sleep(0.5)
        self.environment.events.request.fire(
            request_type="TALK", name="slow", response_time=2000, response_length=0, exception=None, context={}
        )
"""
    arguments = ("--headless", "-s", "30", "--html", "r.html", "--junit", "j.xml")
    result = run_locust(*arguments, folder=tmp_path, locustfile=script)
    assert result.returncode == 0, result.stderr
    assert requests_of(data_of(tmp_path / "r.html")) == 1


def test_a_report_in_the_browser_is_that_of_the_file(tmp_path: Path):
    with WebRun(tmp_path, "--autostart", "-t", "1", "--html", "r.html") as run:
        run.wait_for_state("stopped")
        live = embedded(run.get("/stats/report?theme=dark").text, "reportArgs")
        assert live["theme"] == "dark" and live["download"].startswith("stats/report?download=1")
        download = run.get("/stats/report?download=1")
        assert download.headers["content-disposition"].startswith("attachment;filename=Locust_")
        downloaded = embedded(download.text, "reportArgs")
        run.end(signal.SIGINT)
    written = data_of(tmp_path / "r.html")
    for data in (live, downloaded):
        assert data["run"]["rows"] == written["run"]["rows"]
        assert data["run"]["history"] == written["run"]["history"]
        assert data["requests_statistics"] == written["requests_statistics"]


def test_runs_are_kept_and_shown_later(tmp_path: Path):
    store = ("--store-dir", str(tmp_path / "store"))
    result = run_locust(
        "--headless",
        "-u",
        "2",
        "-t",
        "1",
        *store,
        "Talker",
        folder=tmp_path,
        locustfile=SCRIPT,
        LOCUST_NO_STORE="false",
    )
    assert result.returncode == 1, result.stderr
    assert len(list((tmp_path / "store").iterdir())) >= 1
    with WebRun(tmp_path, *store, LOCUST_NO_STORE="false") as run:
        [kept] = run.get("/runs").json()["runs"]
        assert kept["requests"] > 1 and kept["locustfile"] == "locustfile.py"
        detail = run.get(f"/runs/{kept['id']}").json()
        assert detail["summary"] == kept and detail["info"]["options"]["basket"] == 3
        assert run.post("/swarm", {"user_count": 1, "spawn_rate": 1}).json()["success"]
        run.wait_for(lambda: run.get("/stats/requests").json()["stats"][-1]["num_requests"] > 3)
        # A run that the end of the program ends is kept, too.
        run.end(signal.SIGTERM)
    with WebRun(tmp_path, *store, LOCUST_NO_STORE="false") as run:
        assert len(run.get("/runs").json()["runs"]) == 2


def test_nothing_is_kept_without_a_store(tmp_path: Path):
    result = run_locust("--headless", "-t", "1", "--no-store", "Talker", folder=tmp_path, locustfile=SCRIPT)
    assert result.returncode == 1
    assert [path.name for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".pyc"] == [
        "locustfile.py"
    ]


def test_a_store_that_cannot_be_written_is_told_only_if_it_was_asked_for(tmp_path: Path):
    (tmp_path / "file").write_text("")
    asked = run_locust(
        "--headless",
        "-t",
        "1",
        "--store-dir",
        "file",
        folder=tmp_path,
        locustfile=SCRIPT,
        LOCUST_NO_STORE="false",
    )
    assert asked.returncode == 1 and "Could not keep runs in file" in asked.stderr
    usual = run_locust(
        "--headless",
        "-t",
        "1",
        "Talker",
        folder=tmp_path,
        LOCUST_NO_STORE="false",
        XDG_STATE_HOME=str(tmp_path / "file"),
    )
    assert "Shutting down" in usual.stderr and "kept" not in usual.stderr


def test_the_function_works_without_a_web_interface(tmp_path: Path):
    script = """
import json, re, sys
from locust import User
from locust.env import Environment
from locust.html import get_html_report

class Nobody(User):
    host = "http://a</script>"

environment = Environment(user_classes=[Nobody], locustfile="x.py")
runner = environment.create_local_runner()
environment.stats.log_request("GET", "/<b>", 12.5, 3)
environment.stats.log_error("GET", "/<b>", "</script><script>alert(1)</script>")
sys.stdout.write(get_html_report(environment, show_download_link=False, theme="dark"))
runner.quit()
"""
    (tmp_path / "library.py").write_text(script)
    result = subprocess.run(
        [sys.executable, "library.py"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    data = embedded(result.stdout, "reportArgs")
    assert data["theme"] == "dark" and data["host"] == "http://a</script>"
    assert data["run"]["total"]["requests"] == [1]
    assert data["run"]["errors"][0]["error"] == "</script><script>alert(1)</script>"
    assert "alert(1)</script>" not in result.stdout


ODD_RUN = """
from locust import User, constant, events, task

@events.init_command_line_parser.add_listener
def options(parser):
    parser.add_argument("--limit", type=float, default=float("inf"))
    parser.add_argument("--bytes", default="\\udcff\\x00")

class Odd:
    def __str__(self):
        raise RuntimeError("no words")

class Talker(User):
    wait_time = constant(0.05)

    @task
    def talk(self):
        fire = self.environment.events.request.fire
        common = {"response_length": 1, "context": {}}
        fire(request_type="GET\\udcfe", name="</script>\\udcff\\x00\\x1b]]>", response_time=1, exception=ValueError("\\udcfd"), **common)
        fire(request_type="GET", name="=1+1|`x`", response_time=None, exception=None, **common)
        fire(request_type="GET", name="big", response_time=1e18, exception=None, **common)
        raise RuntimeError("\\udcfc <b> ]]> \\x00")
"""


def test_what_is_no_text_and_no_number_does_not_cost_a_report(tmp_path: Path):
    """Bytes that were no text (lone surrogates), control characters and infinities: in names, messages and options."""
    result = run_locust(
        "--headless",
        "-t",
        "2",
        "--json",
        "--csv",
        "out/run",
        "--store-dir",
        "kept",
        *FILES,
        folder=tmp_path,
        locustfile=ODD_RUN,
        LOCUST_NO_STORE="false",
    )
    assert result.returncode == 1, result.stderr
    assert "Traceback" not in result.stderr.partition("Shutting down")[2]
    data = data_of(tmp_path / "out" / "1-1-2.html")
    shown = shown_requests(result.stderr)
    assert requests_of(data) == data["run"]["summary"]["requests"] == shown > 3
    assert data["run"]["info"]["options"]["limit"] == "inf"
    assert [one["msg"] for one in data["run"]["exceptions"]] == ["\ufffd <b> ]]> \x00"]
    suites = ElementTree.parse(tmp_path / "out" / "junit.xml").getroot()
    assert int(suites.get("tests", 0)) == len(list(suites.iter("testcase"))) == 5
    assert (suites.get("failures"), suites.get("errors")) == ("1", "1")
    summary = (tmp_path / "out" / "summary.md").read_text()
    assert "&lt;/script&gt;" in summary and "\x00" not in summary and "=1+1\\|\\`x\\`" in summary
    assert sum(entry["num_requests"] for entry in json.loads(result.stdout)) == shown
    assert len(list((tmp_path / "kept").glob("*.run"))) == 1


@pytest.mark.parametrize("option", ["--html", "--junit", "--summary-md"])
def test_a_full_disk_costs_only_the_file_that_is_on_it(tmp_path: Path, option: str):
    files = {"--html": "r.html", "--junit": "r.xml", "--summary-md": "r.md"}
    others = [word for name, path in files.items() if name != option for word in (name, path)]
    result = run_locust(
        "--headless", "-t", "1", option, "/dev/full", *others, folder=tmp_path, locustfile=SCRIPT
    )
    assert result.returncode == 1
    assert result.stderr.count("No space left on device") == 1, result.stderr
    assert all((tmp_path / path).stat().st_size > 500 for name, path in files.items() if name != option)
    assert shown_requests(result.stderr) > 0


def test_a_directory_is_no_report(tmp_path: Path):
    result = run_locust("--headless", "-t", "1", "--junit", ".", folder=tmp_path, locustfile=SCRIPT)
    assert result.returncode == 1 and "Is a directory: '.'" in result.stderr
    assert "Ramping" not in result.stderr
