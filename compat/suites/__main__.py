"""`scripts/compat`: runs the suites and keeps the score.

Exit codes: 0 all as it should be, 1 something got worse or has no reason, 2 it could not be run, 130 it was interrupted.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import differences, record, render, score, setting, stopping, suites, units
from .results import Result
from .setting import ROOT, WORK
from .suites import Choice, LiterateSuite, Suite
from .units import Account, Part, Results, Retry

COMPAT = ROOT / "compat"
SCOREBOARD = COMPAT / "scoreboard.json"
PAGE = ROOT / "COMPATIBILITY.md"
# Most of what they do is waiting.
UNITS_AT_ONCE = 5
WAITING = ("todo",)
FAULTS = (setting.SettingError, score.ScoreError, differences.DifferencesError)


def main() -> int:
    options = arguments()
    try:
        deliberate = differences.load(COMPAT / "differences.toml", ROOT)
        if options.render:
            return write_page(deliberate)
        with only_one(), stopping.on_signals():
            setting.prepare()
            if options.prepare:
                setting.unpack_all()
                return 0
            return quick(options) if options.ours else full(options, deliberate)
    except FAULTS as error:
        print(f"scripts/compat: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("scripts/compat: interrupted; compat/scoreboard.json is as it was", file=sys.stderr)
        return 130


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/compat",
        description="Runs tests that others wrote on real Locust and on gregaria, and writes compat/scoreboard.json"
        " and COMPATIBILITY.md.",
    )
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument(
        "--ours", action="store_true", help="only our side, held against compat/scoreboard.json"
    )
    mode.add_argument("--render", action="store_true", help="only write COMPATIBILITY.md again")
    mode.add_argument("--prepare", action="store_true", help="only get what the suites need; runs nothing")
    parser.add_argument("--tree", type=Path, help="a source tree of Locust whose tests are run, too")
    parser.add_argument("--suite", action="append", default=[], help="only this suite (repeat for more)")
    parser.add_argument("--module", action="append", default=[], help="only this module; writes nothing")
    parser.add_argument(
        "--keep-real", action="store_true", help="take the real side's results of the last run"
    )
    parser.add_argument(
        "--recount", action="store_true", help="take both sides' results of the last run: for changed reasons"
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=UNITS_AT_ONCE,
        help="modules, parts of modules or scripts at a time (%(default)s)",
    )
    options = parser.parse_args()
    if options.jobs < 1:
        parser.error("--jobs must be 1 or more")
    return options


@contextmanager
def only_one() -> Iterator[None]:
    """The trees are made anew by each run, so there is one at a time."""
    WORK.mkdir(parents=True, exist_ok=True)
    with open(WORK / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise setting.SettingError("another run is under way (it holds target/compat/lock)") from None
        yield


def chosen_suites(options: argparse.Namespace) -> list[Suite]:
    found = suites.all_suites(options.tree)
    known = [suite.name for suite in found]
    if unknown := [name for name in options.suite if name not in known]:
        raise setting.SettingError(f"no suite {', '.join(unknown)}; there are {', '.join(known)}")
    return [suite for suite in found if not options.suite or suite.name in options.suite]


def full(options: argparse.Namespace, deliberate: list[differences.Difference]) -> int:
    """Both sides, the record and the page."""
    parts = score.load_map(COMPAT / "map.toml")
    reasons = score.load_reasons(COMPAT / "reasons.toml", [one.id for one in deliberate])
    scored = {}
    titles = {}
    records = record.read(SCOREBOARD)
    seconds = {}
    for suite in chosen_suites(options):
        before = records.get(suite.name, {}).get("seconds", {})
        real = kept(suite, "real", options) if options.keep_real or options.recount else None
        if real is None:
            real = account_of(suite, "real", lambda _: True, before, options).results
        ours = kept(suite, "ours", options) if options.recount else None
        seconds[suite.name] = before
        if ours is None:
            account = account_of(suite, "ours", worth_another_attempt(suite, real, reasons), before, options)
            ours, seconds[suite.name] = account.results, account.seconds
        if isinstance(suite, LiterateSuite):
            real = dict.fromkeys(ours, Result("passed"))
        scored[suite.name] = score.score(suite.name, real, ours, parts)
        titles[suite.name] = suite.title
    nameless = []
    for name, tests in scored.items():
        records[name] = record.make(name, titles[name], tests, reasons, seconds[name])
        nameless += [f"{name}: {test}" for test in score.unexplained(name, tests, reasons)]
        show(records[name])
    failing = {name: record.failing(one) for name, one in records.items()}
    for pattern in [] if options.module else score.stale(failing, reasons):
        print(f"compat/reasons.toml: nothing that fails belongs to {pattern!r} any more")
    if not options.module:
        about = {"Locust": setting.LOCUST, "Python": platform.python_version()}
        ordered = {name: records[name] for name in suites.ORDER if name in records}
        record.write(SCOREBOARD, ordered, about)
        write_page(deliberate)
    for test in nameless:
        print(f"fails on ours only, and compat/reasons.toml does not say why: {test}")
    return 1 if nameless else 0


def account_of(
    suite: Suite, side: str, retry: Retry, seconds: dict[str, float], options: argparse.Namespace
) -> Account:
    """Runs one side of a suite, and keeps all that is known of its tests for whoever wants to see why one fails."""
    tell(f"{side:5} {suite.name}: {suite.title}")
    part = Part(suite.name, suite.units(side, Choice(options.module, seconds=seconds)), retry)
    account = units.run_all([part], options.jobs, lambda line: tell(f"{side:5} {line}"))[suite.name]
    if not options.module:
        write_results(suite.name, side, account.results)
    return account


def kept(suite: Suite, side: str, options: argparse.Namespace) -> Results | None:
    """What the last run of a side found, if there was one."""
    results = read_results(suite.name, side)
    chosen = options.module
    return {
        test: said for test, said in results.items() if not chosen or test.split("::")[0] in chosen
    } or None


def worth_another_attempt(suite: Suite, real: Results, reasons: score.Rules) -> Retry:
    """Of the real side every failing test is tried again; of ours those that the real one passes, unless it is known why
    they fail."""

    def worth(test: str) -> bool:
        if reasons.find(suite.name, test, "kind") is not None:
            return False
        return isinstance(suite, LiterateSuite) or (test in real and real[test].passed)

    return worth


def quick(options: argparse.Namespace) -> int:
    """Our side only, all suites side by side; tests that the record says pass are tried again when they fail."""
    records = record.read(SCOREBOARD)
    chosen = [suite for suite in chosen_suites(options) if suite.quick and suite.name in records]

    def part(suite: Suite) -> Part:
        recorded = records[suite.name]["not passed"]
        # What is known to wait for something that is not built only takes time.
        skip = [test for test, said in recorded.items() if said.get("kind") in WAITING]
        choice = Choice(options.module, skip, records[suite.name].get("seconds", {}), sampled=True)

        def retry(test: str) -> bool:
            return recorded.get(test, {"ours": "passed"})["ours"] == "passed"

        return Part(suite.name, suite.units("ours", choice), retry)

    accounts = units.run_all(
        [part(suite) for suite in chosen], options.jobs, lambda line: tell(f"ours  {line}")
    )
    worse, better = [], []
    for suite in chosen:
        results = accounts[suite.name].results
        if not options.module:
            write_results(suite.name, "ours", results)
        down, up = record.held(
            suite.name, records[suite.name], results, whole=not options.module and suite.sample == 1
        )
        worse += down
        better += up
        if suite.sample > 1 and not any(result.passed for result in results.values()):
            worse.append(f"{suite.name}: no test of the sample passes")
        for test, result in results.items():
            if result.passed and result.attempts > 1:
                print(
                    f"passed only when tried again, alone: {suite.name}: {test} ({result.attempts} attempts)"
                )
    for line in better:
        print(f"passes now: {line}")
    if better:
        print("'make compat' writes these into compat/scoreboard.json and COMPATIBILITY.md")
    for line in worse:
        print(f"worse than compat/scoreboard.json: {line}", file=sys.stderr)
    print("the scoreboard holds" if not worse else f"the score fell by {len(worse)}", flush=True)
    return 1 if worse else 0


def write_page(deliberate: list[differences.Difference]) -> int:
    PAGE.write_text(render.page(record.read(SCOREBOARD), deliberate))
    return 0


def write_results(suite: str, side: str, results: Results) -> None:
    """All that is known of each test, for whoever wants to see why one fails: target/compat/results."""
    folder = WORK / "results"
    folder.mkdir(exist_ok=True)
    text = json.dumps({test: vars(result) for test, result in results.items()}, indent=1)
    (folder / f"{suite}-{side}.json").write_text(text)


def read_results(suite: str, side: str) -> Results:
    path = WORK / "results" / f"{suite}-{side}.json"
    return (
        {test: Result(**said) for test, said in json.loads(path.read_text()).items()} if path.exists() else {}
    )


def show(board: record.Record) -> None:
    print(f"\n{board['title']}: {board['tests']} tests")
    for name, number in record.counts_of(board).items():
        if number.real:
            print(f"  {name:34} {number}")
    print(flush=True)


def tell(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
