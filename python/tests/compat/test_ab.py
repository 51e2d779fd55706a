"""`gregaria ab`: what it finds between two accounts, what it says, and real runs of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from locust.cli.ab import arguments, compare, oracle, show, sides
from locust.cli.ab.sides import OURS, REAL, Account, Entry
from servers import ROOT, TOOLS, TestkitServer, clean_environment

# So many tasks a user, soon done, and then nothing until the end: how fast the machine is does not matter.
SCRIPT = """
from locust import HttpUser, constant, task

class Visitor(HttpUser):
    wait_time = constant(0.05)
    turn = 0

    @task
    def visit(self):
        self.turn += 1
        if self.turn > 15:
            return
        if self.turn % 5 == 0:
            raise ValueError("on purpose")
        if self.turn % 5 == 1:
            self.client.get(f"/nowhere/{self.turn}", name="/nowhere/[id]")
        else:
            self.client.get("/")
"""


def account(side: str, **counts: tuple[int, int]) -> Account:
    """An account with entries of so many requests and failures, at one request per user and second."""
    made = Account(side, "1.0", codes=[0])
    for name, (requests, failures) in counts.items():
        made.entries[f"GET /{name}"] = Entry(requests, failures, requests * 10.0, 12.0, {10: requests})
    made.user_seconds = float(made.total.requests)
    return made


def found(real: Account, ours: Account) -> tuple[list[str], list[str]]:
    """The kinds and subjects of the differences and of the notes."""
    result = compare.compare(real, ours)
    return (
        [f"{one.kind} {one.about}".strip() for one in result.differences],
        [f"{one.kind} {one.about}".strip() for one in result.notes],
    )


def test_equal_accounts_do_not_differ() -> None:
    assert found(account(REAL, a=(100, 0), b=(50, 5)), account(OURS, a=(110, 0), b=(45, 4))) == ([], [])


def test_a_name_that_one_side_never_requests_is_a_difference_when_it_is_expected_often() -> None:
    real, ours = account(REAL, a=(900, 0), b=(100, 0)), account(OURS, a=(90, 0))
    assert found(real, ours)[0] == ["name GET /b"]
    (line,) = compare.compare(real, ours).differences
    assert (line.locust, line.gregaria) == ("100 requests", "missing")


def test_a_name_seen_a_few_times_only_may_be_chance() -> None:
    assert found(account(REAL, a=(100, 0)), account(OURS, a=(100, 0), b=(3, 0))) == ([], ["name GET /b"])


@pytest.mark.parametrize(
    ("ours", "kinds"),
    [
        ({"a": (500, 0), "b": (500, 0)}, ["share GET /a", "share GET /b"]),
        ({"a": (900, 90), "b": (100, 0)}, ["failures GET /a"]),
        ({"a": (900, 9), "b": (100, 0)}, []),
        ({"a": (920, 0), "b": (80, 0)}, []),
    ],
)
def test_shares_count_when_chance_does_not_explain_them(
    ours: dict[str, tuple[int, int]], kinds: list[str]
) -> None:
    assert found(account(REAL, a=(900, 0), b=(100, 0)), account(OURS, **ours))[0] == kinds


def test_another_pace_is_a_difference_unless_the_users_only_wait_for_responses() -> None:
    real, ours = account(REAL, a=(1000, 0)), account(OURS, a=(2000, 0))
    ours.user_seconds = 1000.0
    assert found(real, ours) == (["rate"], [])
    # At half a second a response, users that get one request a second done are busy half of their time.
    real.entries["GET /a"].total_response_time = 1000 * 600.0
    assert found(real, ours) == ([], ["rate"])


def test_failures_are_compared_without_the_numbers_in_them() -> None:
    real, ours = account(REAL, a=(100, 40)), account(OURS, a=(100, 40))
    real.errors = {"GET /a: took 17.5 ms": 20, "GET /a: took 18 ms": 20}
    ours.errors = {"GET /a: took 3 ms": 40}
    assert found(real, ours) == ([], [])
    ours.errors = {"GET /a: never took place": 40}
    assert found(real, ours)[0] == ["failure GET /a: never took place", "failure GET /a: took 17.5 ms"]
    ours.errors = {"GET /a: took 3 ms": 38, "GET /a: was rare": 2}
    assert found(real, ours) == ([], ["failure GET /a: was rare"])


def test_exceptions_logs_and_exit_codes_are_compared() -> None:
    real, ours = account(REAL, a=(100, 0)), account(OURS, a=(100, 0))
    real.exceptions = {"on purpose": 30}
    real.logs = {"WARNING/locust.runners: CPU usage above 90%!": 2, "WARNING/script: odd": 1}
    # Only ours has a verdict, and it is about the machine.
    ours.logs = {"WARNING/locust.verdict: Verdict amber: the generator may have had its part": 1}
    real.codes, ours.codes = [1, 1], [0, 0]
    assert found(real, ours) == (
        ["exit code", "exception on purpose", "log WARNING/script: odd"],
        [
            "log WARNING/locust.runners: CPU usage above 90%!",
            "log WARNING/locust.verdict: Verdict amber: the generator may have had its part",
        ],
    )


def test_runs_of_a_side_are_added_up() -> None:
    said = {
        "version": "2.0",
        "entries": [
            {
                "method": "GET",
                "name": "/a",
                "requests": 4,
                "failures": 1,
                "total_response_time": 100.0,
                "max": 70.0,
                "response_times": {"10": 3, "70": 1},
            }
        ],
        "errors": [{"method": "GET", "name": "/a", "error": "bad", "occurrences": 1}],
        "exceptions": [{"message": "oh", "occurrences": 2}],
        "logs": [{"level": "ERROR", "logger": "x", "message": "oh"}],
        "user_seconds": 2.0,
        "cpu": 0.5,
    }
    both = Account(REAL)
    both.add(said, 1)
    both.add(said, 0)
    assert both.total == Entry(8, 2, 200.0, 70.0, {10: 6, 70: 2})
    assert [both.total.percentile(share) for share in (0.5, 0.75, 0.76, 1.0)] == [10.0, 10.0, 70.0, 70.0]
    assert (both.errors, both.exceptions) == ({"GET /a: bad": 2}, {"oh": 4})
    assert (both.logs, both.codes, both.user_seconds, both.cpu) == ({"ERROR/x: oh": 2}, [1, 0], 4.0, 1.0)
    assert Entry().percentile(0.5) is None


def test_the_table_has_both_sides_of_each_name() -> None:
    real, ours = account(REAL, a=(100, 1)), account(OURS, a=(90, 0), **{"n" * 80: (1, 0)})
    ours.cpu = 0.091
    text = show.text(real, ours, compare.compare(real, ours))
    lines = text.splitlines()
    assert lines[1] == "GET /a"
    assert lines[2].split() == ["locust", "1.0", "100", "1", "1.0", "10", "10", "10", "12", "1"]
    assert lines[3].split() == ["gregaria", "1.0", "90", "0", "0.0", "10", "10", "10", "12", "0.989"]
    assert lines[4].startswith("GET /nnn") and lines[4].endswith("…")
    assert lines[5].split() == ["locust", "1.0", *["-"] * 8]
    assert "gregaria 1.0: 1,000 µs of CPU per request (0.09 s of CPU during the test)\n  exit code 0" in text
    assert "No difference that chance does not explain." in text
    data = json.loads(show.as_json(real, ours, compare.compare(real, ours)))
    assert data["gregaria"]["cpu_microseconds_per_request"] == pytest.approx(1000)
    assert data["locust"]["requests"]["GET /a"]["failures"] == 1


def test_all_of_it_fits_a_terminal_of_80_columns() -> None:
    real, ours = account(REAL, a=(9_000_000, 0)), account(OURS, b=(9_000_000, 9_000_000))
    real.version, ours.version = "2.47.0", "0.1.0"
    real.cpu = ours.cpu = 12345.6
    ours.errors = {"GET /b: " + "a long story " * 12: 9_000_000}
    text = show.text(real, ours, compare.compare(real, ours))
    assert "Failures of one side only" in text
    assert max(map(len, text.splitlines())) <= 80


def test_that_there_was_little_to_compare_is_told() -> None:
    def told(real: Account, ours: Account) -> str:
        real.errors = ours.errors = {"GET /a: refused": 20, "GET /a: rare": 1}
        return show.text(real, ours, compare.compare(real, ours))

    failed = told(account(REAL, a=(21, 21)), account(OURS, a=(21, 21)))
    assert "Every request failed, on both sides. The most frequent failure:\n  GET /a: refused" in failed
    assert "Neither side made a request" in told(account(REAL), account(OURS))
    assert "Every request" not in told(account(REAL, a=(21, 20)), account(OURS, a=(21, 21)))


def test_the_first_word_is_the_script_and_the_rest_is_passed_on() -> None:
    parsed = arguments.parse(["script.py", "-u", "5", "--json", "-t", "3s", "--own-option", "1", "Visitor"])
    assert parsed.json and not parsed.both_orders and parsed.oracle is None
    passed = (
        "--locustfile",
        "script.py",
        "-u",
        "5",
        "-t",
        "3s",
        "--own-option",
        "1",
        "Visitor",
        "--headless",
    )
    assert parsed.passed_on == passed


@pytest.mark.parametrize("option", ["--worker", "--master", "--processes=2", "--csv=x", "--list", "--html=x"])
def test_options_that_make_no_sense_are_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        arguments.parse(["script.py", option])
    assert ended.value.code == 2
    assert f"{option.partition('=')[0]} makes no sense here" in capsys.readouterr().err


def test_folders_with_a_locust_of_their_own_leave_pythonpath(tmp_path: Path) -> None:
    (tmp_path / "theirs" / "locust").mkdir(parents=True)
    (tmp_path / "theirs" / "locust" / "__init__.py").touch()
    path = os.pathsep.join([str(tmp_path / "theirs"), str(tmp_path)])
    assert sides.others_of(path) == str(tmp_path)


def real_locust() -> str:
    named = os.environ.get("GREGARIA_ORACLE", str(ROOT / ".venv-oracle" / "bin" / "locust"))
    if named == "none":
        pytest.skip("there is no oracle")
    return named


def ab(
    folder: Path, *given: str, script: str = SCRIPT, **environment: str
) -> subprocess.CompletedProcess[str]:
    (folder / "script.py").write_text(script)
    return subprocess.run(
        [TOOLS / "gregaria", "ab", *given],
        cwd=folder,
        env=clean_environment(HOME=str(folder), **environment),
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_one_script_on_both_sides(tmp_path: Path, blog: TestkitServer) -> None:
    given = ["script.py", "-u", "8", "-r", "8", "-t", "3s", "-H", blog.url]
    done = ab(tmp_path, *given, "--oracle", real_locust(), "--json")
    data = json.loads(done.stdout)
    assert (done.returncode, data["differences"]) == (0, []), done.stdout + done.stderr
    for side in ("locust", "gregaria"):
        assert set(data[side]["requests"]) == {"GET /", "GET /nowhere/[id]"}
        assert data[side]["exit_codes"] == [1]
        assert list(data[side]["exceptions"]) == ["on purpose"]
        # Of a busy machine the verdict has something to say, too.
        said = {words for words in data[side]["log"] if "locust.verdict" not in words}
        assert said == {"ERROR/locust.user.task: on purpose (ValueError: on purpose)"}
        assert data[side]["cpu_microseconds_per_request"] > 0
        assert data[side]["user_seconds"] > 8
    assert data["locust"]["version"] == "2.47.0"
    assert data["gregaria"]["version"] != "2.47.0"


def test_a_script_that_behaves_differently_is_found_out(tmp_path: Path, blog: TestkitServer) -> None:
    which = 'name=str(importlib.util.find_spec("locust._engine") is not None)'
    script = "import importlib.util\n" + SCRIPT.replace(
        'self.client.get("/")', f'self.client.get("/", {which})'
    )
    given = ["script.py", "-u", "8", "-r", "8", "-t", "3s", "-H", blog.url, "--both-orders"]
    done = ab(tmp_path, *given, "--oracle", str(Path(real_locust()).parent.parent), script=script)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Requested by one side only" in done.stdout
    assert "GET True" in done.stdout and "GET False" in done.stdout
    assert [line for line in done.stderr.splitlines() if "Run " in line] == [
        f"gregaria ab: Run {number} of 4: {side}"
        for number, side in enumerate(["locust", "gregaria", "gregaria", "locust"], 1)
    ]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (["script.py", "-H", "http://127.0.0.1:9"], "nothing says when the run ends"),
        (["script.py", "-t", "3s"], "nothing says which host to load"),
        (["missing.py", "-t", "3s"], "Could not find 'missing.py'"),
        (["script.py", "-t", "3s", "--no-such-option"], "unrecognized arguments: --no-such-option"),
    ],
)
def test_what_cannot_be_compared_is_told_with_exit_code_2(
    given: list[str], complaint: str, tmp_path: Path
) -> None:
    done = ab(tmp_path, *given, "--oracle", real_locust())
    assert done.returncode == 2
    assert complaint in done.stderr and "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (["script.py"], "nothing says when the run ends"),
        (["missing.py", "-t", "3s"], "Could not find 'missing.py'"),
        (["script.py", "-t", "3s", "--no-such-option"], "unrecognized arguments: --no-such-option"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_installed(
    given: list[str], complaint: str, tmp_path: Path
) -> None:
    done = ab(tmp_path, *given, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr
    assert "Installing" not in done.stderr and "Run 1" not in done.stderr
    assert not (tmp_path / "cache").exists()


SHAPE = """
from locust import LoadTestShape, User, constant, task

class Shape(LoadTestShape):
    def tick(self):
        return None if self.get_run_time() > 0.5 else (1, 1)

class Idle(User):
    wait_time = constant(0.1)

    @task
    def wait(self):
        pass
"""


def test_a_shape_ends_the_run_and_needs_no_run_time(tmp_path: Path) -> None:
    done = ab(tmp_path, "script.py", "--oracle", real_locust(), script=SHAPE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Neither side made a request" in done.stdout


def interrupted(folder: Path, told: str, *given: str, **environment: str) -> tuple[int, str]:
    """Exit code and stderr if Ctrl-C comes when `told` stands there."""
    (folder / "script.py").write_text(SCRIPT)
    process = subprocess.Popen(
        [TOOLS / "gregaria", "ab", "script.py", "-H", "http://127.0.0.1:9", "-t", "60s", *given],
        cwd=folder,
        env=clean_environment(HOME=str(folder), **environment),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    try:
        seen = next((line for line in process.stderr if told in line), "")
        assert seen
        # As a terminal does it: everybody in the foreground gets it.
        os.killpg(process.pid, signal.SIGINT)
        rest = process.stderr.read()
        return process.wait(timeout=30), rest
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        process.stderr.close()


def test_ctrl_c_ends_all_of_it_and_nothing_is_compared(tmp_path: Path) -> None:
    code, rest = interrupted(tmp_path, "Run 1 of 2", "--oracle", real_locust())
    assert (code, rest) == (130, "gregaria ab: interrupted: nothing was compared\n")


def test_ctrl_c_leaves_no_half_of_an_environment(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "XDG_CACHE_HOME": str(cache)}
    code, rest = interrupted(tmp_path, "Installing Locust", **nowhere)
    assert (code, rest) == (130, "gregaria ab: interrupted: nothing was compared\n")
    assert [path.suffix for path in (cache / "gregaria").iterdir()] == [".lock"]


def test_an_oracle_that_is_none_is_refused(tmp_path: Path) -> None:
    done = ab(tmp_path, "script.py", "-t", "1s", "--oracle", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no Python interpreter at or beside it" in done.stderr
    done = ab(tmp_path, "script.py", "-t", "1s", "--oracle", str(TOOLS / "locust"))
    assert done.returncode == 2
    assert "does not have Locust" in done.stderr


def test_without_a_package_index_the_way_out_is_named(tmp_path: Path) -> None:
    nowhere = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/",
        "PIP_RETRIES": "0",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_FIND_LINKS": "",
    }
    done = ab(tmp_path, "script.py", "-t", "1s", **nowhere, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert done.returncode == 2
    assert f"pip could not install locust=={oracle.VERSION}" in done.stderr
    assert "--oracle PATH" in done.stderr
    assert "The package index (PIP_INDEX_URL, or PyPI) cannot be reached" in done.stderr
    assert not list((tmp_path / "cache" / "gregaria").glob("*/bin"))
