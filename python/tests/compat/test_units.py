"""The order in which the scoreboard's parts run, and what a failure counts."""

from __future__ import annotations

import sys
import threading
from collections.abc import Collection
from pathlib import Path

import pytest

from suites import modules, record
from suites.modules import Module, ModuleUnit, units_of
from suites.results import Result
from suites.score import Rules
from suites.setting import Side
from suites.units import RETRIES, Part, Results, Unit, run_all

PATIENCE = 30
PASSED, FAILED = Result("passed", seconds=1.0), Result("failed", "E   no")


class Scripted(Unit):
    """Writes into `log` when it begins and ends; its one test ends as `outcomes` say, one after the other."""

    def __init__(
        self, name: str, log: list[str], *outcomes: Result, expected: float = 0, lock: str = ""
    ) -> None:
        self.name, self.expected, self.lock = name, expected, lock
        self.log, self.outcomes = log, list(outcomes or [PASSED])

    def run(self) -> Results:
        self.log += [f"{self.name} begins", f"{self.name} ends"]
        return {f"{self.name}::test": self.outcomes.pop(0)}

    def again(self, tests: Collection[str]) -> Results:
        self.log.append(f"{self.name} again: {', '.join(tests)}")
        return {test: self.outcomes.pop(0) for test in tests}


def test_the_longest_begin_first() -> None:
    log: list[str] = []
    units = [Scripted(name, log, expected=expected) for name, expected in (("a", 1), ("b", 60), ("c", 7))]
    run_all(
        [Part("one", units[:2], lambda _: True), Part("two", units[2:], lambda _: True)], 1, lambda _: None
    )
    assert [line for line in log if "begins" in line] == ["b begins", "c begins", "a begins"]


def test_units_of_one_lock_run_one_after_the_other_beside_the_rest() -> None:
    met = threading.Barrier(2)
    at_work: list[str] = []
    most: list[int] = []

    class Meeting(Scripted):
        def run(self) -> Results:
            at_work.append(self.name)
            most.append(sum(name != "beside" for name in at_work))
            if self.name in ("second", "beside"):
                met.wait(PATIENCE)
            at_work.remove(self.name)
            return super().run()

    units = [
        Meeting("first", [], lock="port 1"),
        Meeting("second", [], lock="port 1"),
        Meeting("beside", []),
    ]
    accounts = run_all([Part("one", units, lambda _: True)], 3, lambda _: None)
    assert list(accounts["one"].results) == ["first::test", "second::test", "beside::test"]
    assert max(most) == 1


def test_what_failed_is_tried_again_when_all_else_has_ended_and_told_of() -> None:
    log: list[str] = []
    told: list[str] = []
    units = [
        Scripted("flaky", log, FAILED, PASSED, expected=9),
        Scripted("broken", log, *[FAILED] * (1 + RETRIES)),
        Scripted("known", log, FAILED),
        Scripted("good", log),
    ]
    account = run_all([Part("s", units, lambda test: "known" not in test)], 1, told.append)["s"]
    assert log[-2 - RETRIES :] == [
        "good ends",
        "flaky again: flaky::test",
        *["broken again: broken::test"] * RETRIES,
    ]
    assert {
        test.partition("::")[0]: (one.outcome, one.attempts) for test, one in account.results.items()
    } == {
        "flaky": ("passed", 2),
        "broken": ("failed", 1 + RETRIES),
        "known": ("failed", 1),
        "good": ("passed", 1),
    }
    assert [line for line in told if "tried again" in line] == [
        "s flaky::test: tried again, alone: passed",
        *["s broken::test: tried again, alone: failed"] * RETRIES,
    ]
    assert told[-1] == "s: 4 tests in all, 2 failed"


TESTS = "import pytest\n" + "".join(
    f"def test_{number}():\n    assert {number} != 4\n" for number in range(7)
)


def test_the_parts_of_a_long_module_have_all_of_its_tests_between_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modules, "own_network", lambda: True)
    side, module = Side("ours", tmp_path, Path(sys.executable)), Module("s", "test_it", "test_it.py")
    found = units_of(module, side, 2.5 * modules.SHARE)
    assert len(found) == 3 and len(units_of(module, side, modules.SHARE)) == 1
    monkeypatch.undo()
    (tmp_path / "test_it.py").write_text(TESTS)
    results = [unit.run() for unit in found]
    assert [len(one) for one in results] == [3, 2, 2]
    assert {test: one.outcome for part in results for test, one in part.items()} == {
        f"test_it::test_{number}": "failed" if number == 4 else "passed" for number in range(7)
    }
    # The part that has a test can run it again.
    assert found[1].again(["test_it::test_4"])["test_it::test_4"].failed


def test_a_module_without_a_network_of_its_own_waits_for_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    side = Side("ours", tmp_path, Path(sys.executable))
    for own in (True, False):
        monkeypatch.setattr(modules, "own_network", lambda own=own: own)
        locks = [ModuleUnit(Module("s", name, "x.py"), side).lock for name in ("a", "b")]
        assert locks == (["", ""] if own else ["network", "network"])
        assert len(units_of(Module("s", "a", "x.py"), side, 10 * modules.SHARE)) == (10 if own else 1)


def test_the_record_keeps_what_takes_long() -> None:
    made = record.make("s", "Tests", [], Rules(()), {"long": 61.6, "short": 4.9})
    assert made["seconds"] == {"long": 62}
