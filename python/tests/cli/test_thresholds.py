"""Thresholds as a CI job meets them: real runs, their exit codes, tables and files."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.request
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest

from locust import _engine
from servers import clean_environment, ended, free_port, locust_command, run_locust

# No server: what is measured is said by the script, so it is known to the digit.
LOCUSTFILE = """
import os, time
from locust import User, constant, events, task

SLOW_FROM, SLOW_TO = (float(one) for one in os.environ.get("SLOW", "1e9 1e9").split())
BEGAN = time.time()

class Shopper(User):
    wait_time = constant(0.02)
    if os.environ.get("OF_CLASS"):
        gregaria = eval(os.environ["OF_CLASS"])

    @task
    def shop(self):
        slow = SLOW_FROM <= time.time() - BEGAN < SLOW_TO
        fire = self.environment.events.request.fire
        fire(request_type="GET", name="/cart", response_time=900 if slow else 40, response_length=1, exception=None, context={})
        fire(request_type="GET", name="/user/:id", response_time=10, response_length=1, exception=None, context={})
        fire(request_type="POST", name="/pay", response_time=100, response_length=1, exception=ValueError("no"), context={})
"""


def start(folder: Path, *arguments: str, script: str = LOCUSTFILE, **variables: str) -> subprocess.Popen[str]:
    path = folder / "locustfile.py"
    path.write_text(script)
    return subprocess.Popen(
        [locust_command(), "--headless", "-f", str(path), "-u", "2", "-r", "2", *arguments],
        cwd=folder,
        env=clean_environment() | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def table(text: str) -> list[str]:
    """The rows of the table of thresholds."""
    lines = text.splitlines()
    found = [index for index, line in enumerate(lines) if re.search(r"Thresholds +required +measured", line)]
    if not found:
        return []
    rows = lines[found[-1] + 2 :]
    return [row.strip() for row in rows[: rows.index("") if "" in rows else None]]


def rules(*texts: str) -> list[str]:
    return [part for text in texts for part in ("--threshold", text)]


def test_each_surface_says_what_was_asked_and_what_came(tmp_path: Path) -> None:
    asked = rules(
        "GET /cart: p95 < 250ms",
        "/user/:id: max <= 10ms",
        "fail_ratio < 1%",
        "~^(GET|POST) /: rps > 1",
        "GET /nowhere: p99 < 1s",
        "avg < 1ms, warn",
        "count > 2 over 1s",
        "p50 < 1s over 1h",
    )
    files = ["--junit", "j.xml", "--summary-md", "s.md", "--html", "r.html", "--json"]
    # So that nobody knows beforehand how long it is: else one of the rules would be refused.
    code, out = ended(start(tmp_path, "-t", "4s", "--run-time-from", "ramp-end", *asked, *files))
    assert code == 3, out
    rows = table(out)
    words = [
        r"^ok +GET /cart +p95 +< 250 ms +40(\.\d+)? ms$",
        r"^ok +/user/:id +max +<= 10 ms +10 ms$",
        r"^FAILED +all +fail ratio +< 1% +33\.3% \([\d,]+ of [\d,]+\)$",
        r"^ok +~\^\(GET\|POST\) / +requests/s +> 1/s +[\d.]+/s$",
        r"^NO DATA +GET /nowhere +p99 +< 1 s +– \(no request was counted under this name\)$",
        r"^warning +all +avg +< 1 ms +50 ms$",
        r"^ok +all +requests +> 2 +\d+ \((the only window|worst of \d windows) of 1 s\)$",
        r"^NO DATA +all +p50 +< 1 s +– \(no window of 3600 s had one\)$",
    ]
    assert len(rows) == len(words), out
    for row, word in zip(rows, words, strict=True):
        assert re.match(word, row), (row, word)

    suites = {suite.get("name"): suite for suite in xml.parse(tmp_path / "j.xml").getroot()}
    assert suites["requests"].get("failures") == "0", "the thresholds say what is too many"
    assert (suites["thresholds"].get("tests"), suites["thresholds"].get("failures")) == ("8", "3")
    summary = (tmp_path / "s.md").read_text()
    assert "failed (exit code 3)" in summary and "| FAILED | `all` | fail ratio | &lt; 1% |" in summary
    report = (tmp_path / "r.html").read_text()
    assert '"text":"GET /nowhere: p99 \\u003c 1s"' in report and '"outcome":"no data"' in report


def test_failed_requests_alone_are_no_failure_unless_that_is_asked_for(tmp_path: Path) -> None:
    runs = {name: tmp_path / name for name in ("kept", "both", "none")}
    for folder in runs.values():
        folder.mkdir()
    kept = start(runs["kept"], "-t", "2s", "--threshold", "fail_ratio < 50%")
    both = start(runs["both"], "-t", "2s", "--threshold", "fail_ratio < 50%", "--exit-code-on-error", "1")
    none = start(runs["none"], "-t", "2s")
    assert ended(kept)[0] == 0
    assert ended(both)[0] == 1
    code, out = ended(none)
    assert code == 1 and not table(out) and "Thresholds" not in out


def test_a_window_sees_what_the_whole_run_hides_and_stops_it(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    # Three seconds of slowness, in a run that is never slow on the whole.
    whole = start(
        folders[0], "-t", "8s", *rules("GET /cart: p50 < 250ms", "GET /cart: p50 < 250ms over 2s"), SLOW="3 6"
    )
    stopped = start(
        folders[1], "-t", "10m", *rules("GET /cart: avg < 250ms over 2s after 1s, stop"), SLOW="3 600"
    )
    code, out = ended(whole)
    assert code == 3
    first, second = table(out)
    assert first.startswith("ok"), out
    assert re.match(
        r"FAILED +GET /cart +p50 +< 250 ms +900(\.\d)? ms \(worst of \d windows of 2 s, first after 0:00:0[4-7]\)",
        second,
    ), out
    code, out = ended(stopped)
    assert code == 3, out
    assert "Threshold broken: GET /cart: avg < 250ms over 2s after 1s, stop" in out
    assert table(out)[0].startswith("FAILED")


@pytest.mark.parametrize("source", ["variable", "lines", "conf", "toml", "class", "checks"])
def test_a_threshold_can_stand_wherever_an_option_can(tmp_path: Path, source: str) -> None:
    variables: dict[str, str] = {}
    arguments: list[str] = []
    expected = ["FAILED   all       fail ratio", "ok       GET /cart p95"]
    both = ["fail_ratio < 1%", "GET /cart: p95 < 250ms, stop"]
    if source == "variable":
        variables["LOCUST_THRESHOLDS"] = " ; ".join(both)
    elif source == "lines":
        variables["LOCUST_THRESHOLDS"] = "\n".join(["", *both, ""])
    elif source == "conf":
        (tmp_path / "locust.conf").write_text(f"threshold = {'; '.join(both)}\n")
    elif source == "toml":
        (tmp_path / "pyproject.toml").write_text(f"[tool.locust]\nthreshold = {json.dumps(both)}\n")
    elif source == "class":
        variables["OF_CLASS"] = repr({"thresholds": both})
    else:
        arguments = ["--check-fail-ratio", "0.01", "--check-rps", "1.5", "--check-avg-response-time", "60"]
        expected = ["ok       all requests/s", "FAILED   all fail ratio", "ok       all avg"]
    code, out = ended(start(tmp_path, "-t", "2s", *arguments, **variables))
    assert code == 3, out
    rows = [re.sub(" +", " ", row) for row in table(out)]
    for row, wanted in zip(rows, expected, strict=True):
        assert row.startswith(re.sub(" +", " ", wanted)), out


def test_the_command_line_wins_over_the_variable(tmp_path: Path) -> None:
    code, out = ended(
        start(tmp_path, "-t", "1s", "--threshold", "users == 2", LOCUST_THRESHOLDS="users == 7")
    )
    assert (code, len(table(out))) == (0, 1), out


SCRIPT_DECIDES = (
    LOCUSTFILE
    + """
@events.threshold.add_listener
def on_threshold(environment, threshold, measured, passed, **_):
    print("TOLD", threshold, measured, passed, flush=True)

@events.quitting.add_listener
def set_code(environment, **_):
    environment.process_exit_code = 42
"""
)
OWN_OPTION = (
    LOCUSTFILE
    + """
@events.init_command_line_parser.add_listener
def add(parser):
    parser.add_argument("--threshold", type=float, default=0.5)
    parser.add_argument("--check-rps", type=int)

@events.test_start.add_listener
def show(environment, **_):
    print("MINE", environment.parsed_options.threshold, environment.parsed_options.check_rps, flush=True)
"""
)


def test_a_script_decides_and_is_told(tmp_path: Path) -> None:
    code, out = ended(start(tmp_path, "-t", "2s", "--threshold", "fails == 0", script=SCRIPT_DECIDES))
    assert code == 42, out
    assert len(re.findall(r"TOLD fails == 0 [\d.]+ False", out)) == 1, out


LISTENER_RAISES = (
    LOCUSTFILE
    + """
@events.quitting.add_listener
def fail(environment, **_):
    raise RuntimeError("mine")
"""
)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--threshold", "rps > 1", "--exit-code-on-error", "1"], 2),
        (["--threshold", "rps > 1000000"], 2),
        (["--fail-on-invalid", "--exit-code-on-error", "7"], 2),
        # Nobody gates it: as with Locust.
        (["--exit-code-on-error", "7"], 7),
        ([], 1),
    ],
)
def test_of_a_gated_run_a_listener_that_raised_is_told_first(
    tmp_path: Path, arguments: list[str], code: int
) -> None:
    found, out = ended(start(tmp_path, "-t", "2s", *arguments, script=LISTENER_RAISES))
    assert found == code, out


def test_options_of_a_script_keep_their_meaning(tmp_path: Path) -> None:
    code, out = ended(start(tmp_path, "-t", "1s", "--threshold", "7", "--check-rps", "3", script=OWN_OPTION))
    assert code == 1 and "MINE 7.0 3" in out and not table(out), out


def test_with_workers_the_master_judges_the_sum(tmp_path: Path) -> None:
    port = str(free_port())
    arguments = [
        "-t",
        "6s",
        "--processes",
        "2",
        "-u",
        "4",
        "-r",
        "4",
        "--master-bind-port",
        port,
        "--master-port",
        port,
    ]
    code, out = ended(
        start(tmp_path, *arguments, *rules("users == 4 after 3s", "GET /cart: p95 < 250ms", "fails == 0"))
    )
    assert code == 3, out
    assert [row.split()[0] for row in table(out)] == ["ok", "ok", "FAILED"], out
    assert len(re.findall("Thresholds +required", out)) == 1


def test_a_live_run_tells_how_they_stand(tmp_path: Path) -> None:
    port = free_port()
    process = start(
        tmp_path,
        "-t",
        "60s",
        "--metrics-port",
        str(port),
        *rules("avg < 1s", "fails == 0", "GET /never: avg < 1s"),
    )
    try:
        text = ""
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                    text = answer.read().decode()
            except OSError:
                text = ""
            if 'gregaria_threshold_ok{threshold="fails == 0"} 0' in text:
                break
            assert process.poll() is None
            time.sleep(0.05)
        assert 'gregaria_threshold_ok{threshold="avg < 1s"} 1' in text
        assert "/never" not in "\n".join(line for line in text.splitlines() if "threshold" in line)
    finally:
        process.terminate()
        assert ended(process)[0] == 3


BAD = {
    "GET /cart: p95x < 250ms": "unknown metric",
    "p95 <": "stands a number",
    "failratio < 1%": "did you mean 'fail_ratio'",
    "rps > -5": "never negative",
    "fail_ratio < 20": "from 0% to 100%",
    "p95 < 1s over 0s": "whole seconds",
    "~[: p95 < 1s": "no regular expression",
    "": "unknown metric",
}


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_threshold_is_marked(text: str) -> None:
    with pytest.raises(ValueError) as raised:
        _engine.check_threshold(text)
    message, shown, mark = str(raised.value).split("\n")
    assert BAD[text] in message
    assert shown.strip() == text.strip() and set(mark.strip()) == {"^"}


def test_bad_input_ends_the_program_before_the_run(tmp_path: Path) -> None:
    code, out = ended(start(tmp_path, "-t", "60s", "--threshold", "GET /cart: p95x < 250ms"))
    assert code == 2 and "Starting Locust" not in out
    assert "--threshold: unknown metric" in out and "               ^^^^" in out
    for settings, word in (
        ({"thresholds": ["p95 < fast"]}, "after '<' stands a number"),
        ({"thresholds": "p95 < 1s"}, "list of texts"),
    ):
        code, out = ended(start(tmp_path, "-t", "60s", OF_CLASS=repr(settings)))
        assert code == 2 and "Shopper.gregaria['thresholds']" in out and word in out, out
    code, out = ended(start(tmp_path, "-t", "60s", "--check-fail-ratio", "-1"))
    assert code == 2 and "--check-fail-ratio" in out


def test_times_longer_than_the_run_and_options_given_twice_are_told_before_it(tmp_path: Path) -> None:
    script = """
from locust import User, constant, task

class Asks(User):
    wait_time = constant(0.05)

    @task
    def ask(self):
        self.environment.events.request.fire(
            request_type="GET", name="over 9h", response_time=1, response_length=1, exception=None, context={}
        )
"""
    (tmp_path / "locustfile.py").write_text(script)
    (tmp_path / "own.conf").write_text("headless = true\nwarmup = 1s\n\narrival-rate = 5\nusers = 3\n")
    rule = "p95 < 1s over 30s after 1m"

    def run(*arguments: str) -> tuple[int, str]:
        done = run_locust("--only-summary", "--config", "own.conf", *arguments, folder=tmp_path)
        return done.returncode, done.stderr

    code, err = run("-t", "10s", "--threshold", rule)
    assert code == 2 and f"    {rule}\n             {'^' * len('over 30s after 1m')}" in err, err
    assert "needs 91 seconds of the run (windows consist of whole seconds of the clock" in err, err
    assert "which has 9 behind its warm-up (--run-time 10)" in err, err
    # A window as long as the run would have data or not, as the clock has it; and behind what is left out something is to be left.
    for length, times, needs in (("4", "over 2s after 1s", 4), ("3", "over 2s", 3), ("3", "after 2s", 4)):
        code, err = run("-t", length, "--threshold", f"p95 < 1s {times}")
        assert code == 2 and f"needs {needs} seconds of the run" in err, err
        assert ("whole seconds of the clock" in err) is ("over" in times), err
    code, err = run("-t", "3", "--run-time-from", "warmup-end", "--threshold", "p95 < 1s over 3s")
    assert (
        code == 2 and "needs 4 seconds" in err and "which has 3 behind its warm-up (--run-time 3)" in err
    ), err
    # A name is no time; what just fits is tried.
    code, err = run("-t", "4", "--arrival-rate", "20", "--threshold", "over 9h: p95 < 1s after 1s", "-u", "4")
    assert code == 0, err
    place = tmp_path / "own.conf"
    assert f"{place.name}:4: arrival-rate = 5 is not taken, as the command line says 20" in err, err
    assert "users = 3" not in err, "of Locust's options nothing is said, as in Locust"
