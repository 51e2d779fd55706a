"""The scoreboard's harness: running modules past trouble, scoring, the record, the page."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from servers import ROOT
from suites import record, render, score
from suites.modules import Module, ModuleUnit
from suites.results import Result, join, read_session
from suites.score import Count, Rule, Rules, ScoreError
from suites.setting import Side
from suites.units import RETRIES, Part, run_all

PASSED, FAILED, SKIPPED = Result("passed"), Result("failed", "E   AssertionError: 1 != 2"), Result("skipped")

TROUBLED = """
import os, pathlib, sys, time, unittest
import pytest

def test_passes():
    assert sys.argv == ["pytest"]

def test_fails():
    assert 1 == 2

def test_hangs():
    time.sleep(60)

def test_kills_its_process():
    os._exit(3)

@pytest.mark.skip
def test_is_skipped():
    pass

@pytest.mark.xfail
def test_is_expected_to_fail():
    raise ValueError

def test_passes_the_second_time():
    mark = pathlib.Path(__file__).with_name("mark")
    seen = mark.exists()
    mark.touch()
    assert seen

class TestLast(unittest.TestCase):
    def test_one_of_its_parts_fails(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertNotEqual(1, number)

    def test_fails_to_clean_up(self):
        pass

    def tearDown(self):
        if self._testMethodName == "test_fails_to_clean_up":
            raise ValueError("not cleaned up")
"""


@pytest.fixture
def side(tmp_path: Path) -> Side:
    return Side("ours", tmp_path, Path(sys.executable))


def run(
    side: Side, text: str, again: tuple[str, ...] = (), **more: Any
) -> tuple[dict[str, Result], list[str]]:
    """Runs a module of this text; of its failing tests those that are named `again` are worth another attempt."""
    (side.tree / "test_it.py").write_text(text)
    told: list[str] = []
    unit = ModuleUnit(Module("suite", "test_it", "test_it.py", **more), side)
    accounts = run_all([Part("suite", [unit], lambda test: test.endswith(again))], 1, told.append)
    return accounts["suite"].results, told


def test_a_module_is_run_past_tests_that_hang_or_kill_their_process(side: Side) -> None:
    again = ("test_fails", "test_kills_its_process", "test_passes_the_second_time")
    results, told = run(side, TROUBLED, again, test_limit=1)
    assert {test.partition("::")[2]: result.outcome for test, result in results.items()} == {
        "test_passes": "passed",
        "test_fails": "failed",
        "test_hangs": "failed",
        "test_kills_its_process": "died",
        "test_is_skipped": "skipped",
        "test_is_expected_to_fail": "xfailed",
        "test_passes_the_second_time": "passed",
        "TestLast::test_one_of_its_parts_fails": "failed",
        "TestLast::test_fails_to_clean_up": "failed",
    }
    attempts = {test.partition("::")[2]: result.attempts for test, result in results.items()}
    assert attempts["test_passes"] == 1
    assert attempts["test_passes_the_second_time"] == 2
    assert attempts["test_fails"] == attempts["test_kills_its_process"] == 1 + RETRIES
    assert results["test_it::test_fails"].complaint == "assert 1 == 2"
    assert told[0].startswith("suite test_it: 9 tests, 6 failed (")
    assert "suite test_it::test_passes_the_second_time: tried again, alone: passed" in told
    assert "suite test_it::test_fails: tried again, alone: failed" in told
    assert told[-1] == "suite: 9 tests in all, 5 failed"


def test_a_process_that_does_not_end_is_ended(side: Side) -> None:
    deaf = "import signal, time\ndef test_deaf():\n    signal.setitimer = print\n    signal.alarm(0)\n"
    deaf += "    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])\n    time.sleep(60)\n"
    results, _ = run(side, deaf + "def test_after():\n    pass\n", test_limit=30, limit=3)
    assert results["test_it::test_deaf"].outcome == "hung"
    assert results["test_it::test_after"].outcome == "passed"


def test_a_module_that_cannot_be_imported_is_one_failure(side: Side) -> None:
    results, _ = run(side, "import there_is_no_such_module\ndef test_one():\n    pass\n")
    assert list(results) == ["test_it::(import)"]
    assert "there_is_no_such_module" in results["test_it::(import)"].text


def test_tests_can_be_left_out(side: Side) -> None:
    text = "def test_one():\n    pass\ndef test_two():\n    assert False\n"
    results, _ = run(side, text, skip=frozenset(["test_it::test_two"]))
    assert list(results) == ["test_it::test_one"]
    assert run(side, text, skip=frozenset(["test_it::test_one", "test_it::test_two"]))[0] == {}


def test_a_module_without_tests_has_no_results(side: Side) -> None:
    assert run(side, "x = 1\n")[0] == {}


def test_a_line_cut_short_is_left_out() -> None:
    lines = ['{"event": "collected", "ids": ["a", "b"]}', '{"event": "start", "id": "a"}', '{"event": "en']
    session = read_session(lines)
    assert (session.collected, session.running, session.results, session.finished) == (
        ["a", "b"],
        "a",
        {},
        False,
    )


def test_a_second_attempt_counts_when_it_passes() -> None:
    assert join(FAILED, PASSED) == Result("passed", attempts=2)
    assert join(join(FAILED, FAILED), FAILED).attempts == 3


PARTS = Rules(
    (
        Rule(("test_a",), ("*",), {"class": "P"}),
        Rule(("test_a::Far",), ("*",), {"distributed": True}),
        Rule(("test_*::Inner",), ("locust-*",), {"class": "I"}),
        Rule(("test_b",), ("other",), {"class": "P"}),
    )
)


@pytest.mark.parametrize(
    ("test", "kind", "distributed"),
    [
        ("test_a::Near::test_one", "P", False),
        ("test_a::Far::test_one", "P", True),
        ("test_ab::Far::test_one", "A", False),
        ("test_b::test_one", "A", False),
        ("test_c::Inner::test_one", "A", False),
    ],
)
def test_the_most_exact_pattern_counts(test: str, kind: str, distributed: bool) -> None:
    assert PARTS.value("locust-1", test, "class", "A") == kind
    assert PARTS.value("locust-1", test, "distributed", False) is distributed


def scored() -> list[score.Scored]:
    real = {
        "test_a::Far::test_one": PASSED,
        "test_a::Near::test_two": PASSED,
        "test_a::Near::test_odd": FAILED,
        "test_a::Near::test_left_out": SKIPPED,
        "test_c::test_three": PASSED,
        "test_c::test_four": PASSED,
    }
    ours = {
        "test_a::Far::test_one": FAILED,
        "test_a::Near::test_two": Result("passed", attempts=2),
        "test_a::Near::test_odd": PASSED,
        "test_a::Near::test_left_out": SKIPPED,
        "test_c::(import)": Result("failed", "E   ImportError: no (/home/me/some/where/it.py)"),
    }
    return score.score("locust-1", real, ours, PARTS)


REASONS = Rules(
    (
        Rule(("test_a::Far",), ("*",), {"kind": "todo", "note": "masters"}),
        Rule(("test_c::test_three",), ("*",), {"kind": "difference", "difference": "one-thing"}),
        Rule(("test_z",), ("*",), {"kind": "todo", "note": "long done"}),
    )
)


def test_only_what_the_real_one_passes_is_asked_of_ours() -> None:
    board = record.make("locust-1", "Tests", scored(), REASONS)
    counts = record.counts_of(board)
    assert counts["whole"] == Count(1, 4)
    assert counts["public"] == Count(1, 4)
    assert counts["public without distributed mode"] == Count(1, 3)
    assert (board["tests"], board["passed by ours"]) == (6, 2)
    assert board["modules"] == {"test_a": [1, 2], "test_c": [0, 2]}
    assert board["passed when tried again"] == {"test_a::Near::test_two": 2}
    assert set(record.failing(board)) == {"test_a::Far::test_one", "test_c::test_three", "test_c::test_four"}
    assert board["not passed"]["test_c::test_four"]["complaint"] == "ImportError: no (…/it.py)"
    assert board["not passed"]["test_a::Near::test_odd"]["real"] == "failed"


def test_a_failing_test_without_a_reason_and_a_reason_without_a_test_are_named() -> None:
    assert score.unexplained("locust-1", scored(), REASONS) == ["test_c::test_four"]
    failing = record.failing(record.make("locust-1", "Tests", scored(), REASONS))
    assert score.stale({"locust-1": failing}, REASONS) == ["test_z"]


def test_the_quick_run_is_held_against_the_record() -> None:
    board = record.make("locust-1", "Tests", scored(), REASONS)
    same = {
        "test_a::Far::test_one": FAILED,
        "test_a::Near::test_two": PASSED,
        "test_a::Near::test_odd": PASSED,
        "test_c::(import)": FAILED,
    }
    assert record.held("s", board, same) == ([], [])
    worse, better = record.held("s", board, same | {"test_a::Near::test_two": FAILED})
    assert worse == ["s: test_a::Near::test_two: failed (AssertionError: 1 != 2)"]
    worse, better = record.held("s", board, same | {"test_c::test_three": PASSED})
    assert (worse, better) == ([], ["s: test_c::test_three"])
    worse, _ = record.held("s", board, {"test_a::(import)": FAILED})
    assert worse == ["s: test_a::(import): failed (AssertionError: 1 != 2)"]
    fewer = {test: result for test, result in same.items() if "odd" not in test}
    assert record.held("s", board, fewer)[0] == ["s: 1 tests pass, 2 did: some are gone or skipped"]
    assert record.held("s", board, fewer, whole=False) == ([], [])


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    board = record.make("locust-1", "Tests", scored(), REASONS)
    path = tmp_path / "scoreboard.json"
    assert record.read(path) == {}
    record.write(path, {"locust-1": board}, {"Locust": "2.47.0"})
    assert record.read(path) == {"locust-1": board}


def test_the_page_tells_the_counts_and_each_failing_test_with_its_reason() -> None:
    board = record.make("locust-1", "Tests of 1", scored(), REASONS)
    page = render.page({"locust-1": board}, [])
    assert "| Tests of 1 | 1 of 3 (33.3 %) | 1 of 4 (25.0 %) | 1 of 4 (25.0 %) |" in page
    assert "| `test_a::Far` 1: test_one | to do | masters |" in page
    assert "| `test_c` 1: test_three | deliberate difference (`one-thing`) |  |" in page
    assert "test_odd" not in page


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[[reason]]\ntests = ["a"]\nnote = "x"\n', "a: no kind"),
        ('[[reason]]\ntests = ["a"]\nkind = "bad luck"\n', "kind = 'bad luck' is none of internal"),
        ('[[reason]]\ntests = ["a"]\nkind = "todo"\n', "no note"),
        ('[[reason]]\ntests = ["a"]\nkind = "difference"\nnote = "x"\n', "go together"),
        ('[[reason]]\ntests = ["a"]\nkind = "difference"\ndifference = "nowhere"\n', "is none of one-thing"),
        ('[[reason]]\ntests = "a"\nkind = "todo"\n', "without a list of tests"),
        ('[[reason]]\ntests = ["a"]\nkind = "todo"\nnote = "x"\nsince = 3\n', "unknown key 'since'"),
        ('[[excuse]]\ntests = ["a"]\n', "unknown tables: excuse"),
        ("[[", "reasons.toml:"),
    ],
)
def test_malformed_reasons_are_refused(text: str, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "reasons.toml"
    path.write_text(text)
    with pytest.raises(ScoreError, match=fault):
        score.load_reasons(path, ["one-thing"])


def test_a_package_may_get_a_folder_beside_its_own_entries(tmp_path: Path) -> None:
    package = tmp_path / "locust"
    (package / "user").mkdir(parents=True)
    (package / "__init__.py").write_text("answer = 42\n")
    side = Side("ours", tmp_path / "tree", packages=(package,))
    side.tree.mkdir()
    side.refresh()
    (side.tree / "locust" / "test").mkdir()
    (package / "late.py").write_text("")
    side.refresh()
    assert sorted(one.name for one in (side.tree / "locust").iterdir()) == [
        "__init__.py",
        "late.py",
        "test",
        "user",
    ]
    assert not (package / "test").exists()


def test_a_side_hides_what_would_change_a_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (
        "LOCUST_HOST",
        "PYTHONPATH",
        "PYTEST_ADDOPTS",
        "OTEL_SERVICE_NAME",
        "http_proxy",
        "HTTPS_PROXY",
    ):
        monkeypatch.setenv(name, "something")
    environment = Side("real", tmp_path).environment(HOME="/nowhere")
    assert environment["PYTHONPATH"] == str(tmp_path) and environment["HOME"] == "/nowhere"
    assert environment["PATH"].startswith(str(tmp_path / "bin"))
    assert not {"LOCUST_HOST", "PYTEST_ADDOPTS", "OTEL_SERVICE_NAME", "http_proxy", "HTTPS_PROXY"} & set(
        environment
    )


def test_an_interrupt_ends_what_runs_and_begins_nothing_more(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import os, pathlib, time\ndef test_long():\n    pathlib.Path('pid').write_text(str(os.getpid()))\n    time.sleep(60)\n"
    )
    program = f"""
import sys
from pathlib import Path
from suites import stopping
from suites.modules import Module, ModuleUnit
from suites.setting import Side
from suites.units import Part, run_all

side = Side("ours", Path({str(tmp_path)!r}), Path(sys.executable))
units = [ModuleUnit(Module("suite", name, "test_it.py"), side) for name in ("one", "two")]
try:
    with stopping.on_signals():
        run_all([Part("suite", units, lambda _: True)], 1, print)
except KeyboardInterrupt:
    sys.exit(130)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "compat")}
    process = subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE)
    pid = tmp_path / "pid"
    while not (pid.exists() and pid.read_text()):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20)[0] == b""
    assert process.returncode == 130
