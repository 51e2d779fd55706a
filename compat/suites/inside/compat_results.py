"""A pytest plugin for the process under test: writes what each test did, line by line.

It is loaded by name into environments that hold nothing else of this repository, so it imports only pytest. The lines
are written at once: what a process did before it hung or died stays known.

    COMPAT_RESULTS   the file to write: one JSON object a line
    COMPAT_ONLY      a file with a JSON list of test ids; all others are deselected
    COMPAT_SKIP      a file with a JSON list of names as on the scoreboard (module::class::test); these are deselected
    COMPAT_SHARE     "1/3" keeps every third of what is left, from the second on
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

import pytest

# Worst last: a test that passes and then fails to clean up has failed.
RANK = ("passed", "xpassed", "xfailed", "skipped", "failed")
LONGEST_TEXT = 4000


def pytest_configure(config: pytest.Config) -> None:
    path = os.environ.get("COMPAT_RESULTS")
    if path:
        config.pluginmanager.register(Results(path), "compat-results-writer")


def read_list(variable: str) -> set[str]:
    path = os.environ.get(variable)
    if not path:
        return set()
    with open(path, encoding="utf-8") as file:
        return set(json.load(file))


def name_of(item: pytest.Item) -> str:
    file, _, test = item.nodeid.partition("::")
    return f"{os.path.basename(file).removesuffix('.py')}::{test}"


def keep(config: pytest.Config, items: list[pytest.Item], kept: list[pytest.Item]) -> None:
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


class Results:
    """Writes the lines of one pytest session."""

    def __init__(self, path: str) -> None:
        self.file = open(path, "a", encoding="utf-8")
        self.outcome = "passed"
        self.text = ""
        self.started = 0.0

    def write(self, event: str, **fields: Any) -> None:
        self.file.write(json.dumps({"event": event, **fields}) + "\n")
        self.file.flush()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        if skipped := read_list("COMPAT_SKIP"):
            keep(config, items, [item for item in items if name_of(item) not in skipped])
        if share := os.environ.get("COMPAT_SHARE"):
            index, count = map(int, share.split("/"))
            keep(config, items, items[index::count])
        self.write("collected", ids=[item.nodeid for item in items])
        if wanted := read_list("COMPAT_ONLY"):
            keep(config, items, [item for item in items if item.nodeid in wanted])

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.write("not collected", file=report.nodeid, text=str(report.longrepr)[-LONGEST_TEXT:])

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.outcome, self.text, self.started = "passed", "", time.time()
        self.write("start", id=nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        outcome = self.outcome_of(report)
        if outcome == "rerun":  # pytest-rerunfailures' word: what was until now does not count.
            self.outcome, self.text = "passed", ""
            return
        if RANK.index(outcome) > RANK.index(self.outcome):
            self.outcome = outcome
            self.text = str(report.longrepr or "")[-LONGEST_TEXT:]

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        seconds = round(time.time() - self.started, 3)
        self.write("end", id=nodeid, outcome=self.outcome, text=self.text, seconds=seconds)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        self.write("finished", code=int(exitstatus))
        self.file.close()

    @staticmethod
    def outcome_of(report: pytest.TestReport) -> str:
        if hasattr(report, "wasxfail"):
            return "xfailed" if report.skipped else "xpassed"
        return report.outcome
