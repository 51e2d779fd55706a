"""The parts of a run and their order: side by side, the longest first; what failed is tried again with nothing beside it.

Others' tests measure time, and a machine that does several things at once is slow at times. So a failure counts only when
it comes again while nothing else runs, and every test that needed that is named.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from . import stopping
from .results import Result, join

RETRIES = 4
Results = dict[str, Result]
# Whether a test that failed is worth another attempt.
Retry = Callable[[str], bool]
Tell = Callable[[str], None]


class Unit(ABC):
    """Something that runs by itself: a test module, a part of its tests, a script."""

    name: str
    # How long it is expected to take, in seconds.
    expected: float = 0.0
    # Units of the same lock never run at the same time: they want the same port.
    lock: str = ""
    # Whether it is told of when all went well.
    quiet: bool = False

    @abstractmethod
    def run(self) -> Results:
        """What each of its tests does, by its name on the scoreboard."""

    @abstractmethod
    def again(self, tests: Collection[str]) -> Results:
        """The same of these of them only."""


@dataclass(frozen=True)
class Part:
    """What one suite has to be run: its units, and which failed test of it is worth another attempt."""

    name: str
    units: Sequence[Unit]
    retry: Retry


@dataclass
class Account:
    """What became of a suite, and how long its units took, by their names."""

    results: Results = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))


def run_all(parts: Sequence[Part], jobs: int, tell: Tell) -> dict[str, Account]:
    """Runs all units, `jobs` at a time; then, one by one, what failed and is worth it. The accounts are by suite."""
    accounts = {part.name: Account() for part in parts}
    own: dict[int, Results] = {}
    everything = [(part, unit) for part in parts for unit in part.units]

    def one(part: Part, unit: Unit) -> None:
        stopping.check()
        began = time.monotonic()
        found = own[id(unit)] = unit.run()
        took = time.monotonic() - began
        accounts[part.name].seconds[unit.name] += took
        bad = sum(result.failed for result in found.values())
        if bad or not unit.quiet:
            tell(f"{part.name} {unit.name}: {counted(len(found), 'test')}, {bad} failed ({took:.0f} s)")

    def in_turn(chain: list[tuple[Part, Unit]]) -> None:
        for part, unit in chain:
            one(part, unit)

    with ThreadPoolExecutor(max(1, jobs)) as pool:
        for _ in pool.map(in_turn, longest_first(everything)):
            pass
    for part, unit in everything:
        accounts[part.name].results.update(own[id(unit)])
    for part, unit in everything:
        try_again(part, unit, accounts[part.name].results, own[id(unit)], tell)
    for part in parts:
        results = accounts[part.name].results
        bad = sum(result.failed for result in results.values())
        tell(f"{part.name}: {counted(len(results), 'test')} in all, {bad} failed")
    return accounts


def longest_first(units: Sequence[tuple[Part, Unit]]) -> list[list[tuple[Part, Unit]]]:
    """The units in the order in which they begin, those of one lock as one chain."""
    chains: dict[object, list[tuple[Part, Unit]]] = defaultdict(list)
    for part, unit in units:
        chains[unit.lock or id(unit)].append((part, unit))
    return sorted(chains.values(), key=lambda chain: -sum(unit.expected for _, unit in chain))


def try_again(part: Part, unit: Unit, results: Results, own: Results, tell: Tell) -> None:
    """Runs the failed tests of a unit up to RETRIES times again, when nothing else runs, and says what came of it."""
    for _ in range(RETRIES):
        failed = [test for test in own if results[test].failed and part.retry(test)]
        if not failed:
            return
        again = unit.again(failed)
        for test in failed:
            if test in again:
                results[test] = join(results[test], again[test])
            said = "passed" if results[test].passed else results[test].outcome
            tell(f"{part.name} {test}: tried again, alone: {said}")


def counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
