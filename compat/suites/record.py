"""compat/scoreboard.json: what a full run found, and whether a later run of our side still gets there.

A suite's record holds its counts and the tests that do not pass on ours, or not on the real side; a test that is not
named passed on both. Counts are computed once, by a full run, so that COMPATIBILITY.md can be written from this file alone.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .results import Result
from .score import CLASSES, Count, Rules, Scored, count

Record = dict[str, Any]
# What takes less is not worth a place at the beginning of the next run.
SHORT = 5


def make(
    suite: str, title: str, scored: list[Scored], reasons: Rules, seconds: Mapping[str, float] | None = None
) -> Record:
    """The record of one suite; `seconds` is how long its units took."""
    public = [one for one in scored if one.public]
    counts = {
        "whole": count(scored),
        "public": count(public),
        "public without distributed mode": count(one for one in public if not one.distributed),
        **{f"class {kind}": count(one for one in scored if one.kind == kind) for kind in CLASSES},
    }
    return {
        "title": title,
        "tests": len(scored),
        "passed by ours": sum(one.passed for one in scored),
        "counts": {name: [number.ours, number.real] for name, number in counts.items()},
        "modules": modules_of(scored),
        "not passed": {
            one.test: entry(suite, one, reasons)
            for one in scored
            if not (one.passed and one.real == "passed")
        },
        "passed when tried again": {
            one.test: one.attempts for one in scored if one.passed and one.attempts > 1
        },
        "seconds": {name: round(took) for name, took in sorted((seconds or {}).items()) if took >= SHORT},
    }


def entry(suite: str, one: Scored, reasons: Rules) -> Record:
    said: Record = {"real": one.real, "ours": one.ours, "class": one.kind}
    if one.distributed:
        said["distributed"] = True
    if one.counts and not one.passed:
        rule = reasons.find(suite, one.test, "kind")
        if rule is not None:
            said |= {
                name: rule.values[name] for name in ("kind", "difference", "note") if name in rule.values
            }
        # Where things lie differs from machine to machine.
        said["complaint"] = re.sub(r"(/[\w.+-]+)+/", "…/", one.complaint)[:200]
    return said


def modules_of(scored: Iterable[Scored]) -> dict[str, list[int]]:
    """Of each module: how many tests ours passes of those that the real one passes, and how many these are."""
    ours: Counter[str] = Counter()
    real: Counter[str] = Counter()
    for one in scored:
        module = one.test.partition("::")[0]
        real[module] += one.counts
        ours[module] += one.counts and one.passed
    return {module: [ours[module], real[module]] for module in sorted(real)}


def counts_of(record: Record) -> dict[str, Count]:
    return {name: Count(*pair) for name, pair in record["counts"].items()}


def failing(record: Record) -> dict[str, Record]:
    """The tests that the real one passes and ours does not."""
    return {
        test: said
        for test, said in record["not passed"].items()
        if said["real"] == "passed" and said["ours"] != "passed"
    }


def read(path: Path) -> dict[str, Record]:
    return json.loads(path.read_text())["suites"] if path.exists() else {}


def write(path: Path, suites: Mapping[str, Record], about: Mapping[str, str]) -> None:
    path.write_text(
        json.dumps({"about": dict(about), "suites": dict(suites)}, indent=1, ensure_ascii=False) + "\n"
    )


def held(
    suite: str, record: Record, results: Mapping[str, Result], whole: bool = True
) -> tuple[list[str], list[str]]:
    """What a run of our side alone says against the record: what got worse, and which tests pass now. `whole`: all of the
    suite's modules were run."""
    recorded = record["not passed"]

    def did_pass(test: str) -> bool:
        module, _, name = test.partition("::")
        if name == "(import)":
            return record["modules"].get(module, [0, 0])[0] > 0
        return recorded.get(test, {"ours": "passed"})["ours"] == "passed"

    worse = [
        f"{test}: {result.outcome} ({result.complaint[:200]})"
        for test, result in results.items()
        if result.failed and did_pass(test)
    ]
    passing = [test for test, result in results.items() if result.passed]
    better = [test for test in passing if not did_pass(test)]
    if whole and not worse and len(passing) < record["passed by ours"]:
        worse.append(f"{len(passing)} tests pass, {record['passed by ours']} did: some are gone or skipped")
    return [f"{suite}: {line}" for line in worse], [f"{suite}: {test}" for test in better]
