"""Which test counts how: its class, the reason why it fails, the counts of a suite.

compat/map.toml says what a test is about, compat/reasons.toml why ours fails where the real one passes. Both name tests
by patterns: a name stands for itself and all below it (`test_main` for the module, `test_main::Class` for the class),
`*` for anything; of several that fit, the longest counts.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from .results import Result

CLASSES = {"P": "process", "A": "Python API", "I": "internals"}
PUBLIC = ("P", "A")
KINDS = {
    "internal": "internal detail",
    "difference": "deliberate difference",
    "todo": "to do",
    "environment": "environment",
}


class ScoreError(ValueError):
    """compat/map.toml or compat/reasons.toml is wrong, or a failing test has no reason."""


@dataclass(frozen=True)
class Rule:
    """A line of one of the two files: for these tests of these suites, this."""

    tests: tuple[str, ...]
    suites: tuple[str, ...]
    values: Mapping[str, Any]

    def fit(self, suite: str, test: str) -> int:
        """How well it fits: the length of the longest pattern that does, -1 if none does."""
        if not any(fnmatchcase(suite, pattern) for pattern in self.suites):
            return -1
        return max((len(pattern) for pattern in self.tests if matches(pattern, test)), default=-1)


def matches(pattern: str, test: str) -> bool:
    return test == pattern or test.startswith(pattern + "::") or fnmatchcase(test, pattern)


@dataclass(frozen=True)
class Rules:
    """The rules of one file."""

    rules: tuple[Rule, ...]

    def find(self, suite: str, test: str, name: str) -> Rule | None:
        """The rule that says most exactly what `name` is for this test."""
        saying = [rule for rule in self.rules if name in rule.values]
        best = max(saying, key=lambda rule: rule.fit(suite, test), default=None)
        return best if best is not None and best.fit(suite, test) >= 0 else None

    def value(self, suite: str, test: str, name: str, otherwise: Any = None) -> Any:
        rule = self.find(suite, test, name)
        return otherwise if rule is None else rule.values[name]


def load_map(path: Path) -> Rules:
    """compat/map.toml: `[[part]]` with tests, suites, class, distributed."""
    return load_rules(path, "part", {"class": tuple(CLASSES), "distributed": (True, False)})


def load_reasons(path: Path, differences: Iterable[str]) -> Rules:
    """compat/reasons.toml: `[[reason]]` with tests, suites, kind, note, difference (an id of differences.toml)."""
    rules = load_rules(path, "reason", {"kind": tuple(KINDS), "note": None, "difference": tuple(differences)})
    for rule in rules.rules:
        if "kind" not in rule.values:
            raise ScoreError(f"{path.name}: {rule.tests[0]}: no kind")
        if (rule.values["kind"] == "difference") != ("difference" in rule.values):
            raise ScoreError(
                f"{path.name}: {rule.tests[0]}: kind 'difference' and the key 'difference' go together"
            )
        if rule.values["kind"] != "difference" and not rule.values.get("note"):
            raise ScoreError(f"{path.name}: {rule.tests[0]}: no note that says why")
    return rules


def load_rules(path: Path, table: str, known: Mapping[str, tuple[Any, ...] | None]) -> Rules:
    try:
        data = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ScoreError(f"{path.name}: {error}") from error
    rules = []
    for entry in data.pop(table, []):
        tests = entry.pop("tests", None)
        suites = entry.pop("suites", ["*"])
        if not isinstance(tests, list) or not tests or not isinstance(suites, list):
            raise ScoreError(f"{path.name}: a [[{table}]] without a list of tests: {entry}")
        for name, value in entry.items():
            if name not in known:
                raise ScoreError(f"{path.name}: {tests[0]}: unknown key {name!r}")
            allowed = known[name]
            if allowed is not None and value not in allowed:
                raise ScoreError(
                    f"{path.name}: {tests[0]}: {name} = {value!r} is none of {', '.join(map(str, allowed))}"
                )
        rules.append(Rule(tuple(tests), tuple(suites), entry))
    if data:
        raise ScoreError(f"{path.name}: unknown tables: {', '.join(data)}")
    return Rules(tuple(rules))


@dataclass(frozen=True)
class Count:
    """So many of the tests that the real one passes, ours passes too."""

    ours: int = 0
    real: int = 0

    @property
    def percent(self) -> float:
        return 100 * self.ours / self.real if self.real else 100.0

    def __str__(self) -> str:
        return f"{self.ours} of {self.real} ({self.percent:.1f} %)"


@dataclass(frozen=True)
class Scored:
    """One test on both sides, and what it is about."""

    test: str
    real: str
    ours: str
    kind: str
    distributed: bool
    complaint: str = ""
    attempts: int = 1

    @property
    def counts(self) -> bool:
        """Only what the real one passes is asked of ours."""
        return self.real == "passed"

    @property
    def passed(self) -> bool:
        return self.ours == "passed"

    @property
    def public(self) -> bool:
        return self.kind in PUBLIC


def score(suite: str, real: Mapping[str, Result], ours: Mapping[str, Result], parts: Rules) -> list[Scored]:
    """All tests of a suite, in the order of the real side."""
    own = spread_import_failures(ours, real)
    names = [*real, *(name for name in own if name not in real)]
    scored = []
    for name in names:
        mine = own.get(name, Result("missing"))
        theirs = real.get(name, Result("missing"))
        scored.append(
            Scored(
                name,
                "passed" if theirs.passed else theirs.outcome,
                "passed" if mine.passed else mine.outcome,
                parts.value(suite, name, "class", "A"),
                parts.value(suite, name, "distributed", False),
                "" if mine.passed else mine.complaint,
                mine.attempts,
            )
        )
    return scored


def spread_import_failures(results: Mapping[str, Result], other: Mapping[str, Result]) -> dict[str, Result]:
    """A module that one side cannot import fails with each of the tests that the other side finds in it."""
    spread = dict(results)
    for name, result in results.items():
        module, _, test = name.partition("::")
        if test != "(import)":
            continue
        tests = [one for one in other if one.startswith(module + "::") and one != name]
        for one in tests:
            spread.setdefault(one, Result("missing", result.text))
        if tests:
            del spread[name]
    return spread


def count(scored: Iterable[Scored]) -> Count:
    asked = [one for one in scored if one.counts]
    return Count(sum(one.passed for one in asked), len(asked))


def unexplained(suite: str, scored: Iterable[Scored], reasons: Rules) -> list[str]:
    """The tests that only ours fails and for which compat/reasons.toml has no reason."""
    return [
        one.test
        for one in scored
        if one.counts and not one.passed and reasons.find(suite, one.test, "kind") is None
    ]


def stale(failing: Mapping[str, Iterable[str]], reasons: Rules) -> list[str]:
    """The patterns of compat/reasons.toml to which none of the failing tests (by suite) belongs any more."""
    known = [(suite, test) for suite, tests in failing.items() for test in tests]
    return [
        pattern
        for rule in reasons.rules
        for pattern in rule.tests
        if not any(rule.fit(suite, test) >= 0 and matches(pattern, test) for suite, test in known)
    ]
