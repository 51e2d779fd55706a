"""Which suites there are, what belongs to each and how it is run."""

from __future__ import annotations

import os
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

from . import programs, setting
from .modules import Module, Results, Retry, own_network, run_all
from .results import Result, join
from .score import Rules
from .setting import ROOT, WORK, SettingError, Side

LOCUST_SDIST = "locust-2.29.1"
REQUESTS_SDIST = "requests-2.34.2"
GEVENTHTTPCLIENT_SDIST = "geventhttpclient-2.6.1"
# As on the page.
ORDER = (
    LOCUST_SDIST,
    "locust-tree",
    "examples",
    "examples-tree",
    "plugins",
    REQUESTS_SDIST,
    GEVENTHTTPCLIENT_SDIST,
    "literate",
)
LISTS = Path(__file__).parent
# Their runner is one of our own tests and wants our settings of pytest, which other suites must not get.
LITERATE = (
    "--import-mode=importlib",
    f"--override-ini=pythonpath={ROOT}/python/tests {ROOT}/python/tests/compat {ROOT}/compat",
    "-k",
    "test_case",
)
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Run:
    """How a side is run: which tests are worth another attempt, how many modules at a time, who is told."""

    retry: Retry
    jobs: int
    tell: Tell
    # Only these modules; all if there are none.
    only: Collection[str] = ()
    # Tests that are left out.
    skip: Collection[str] = ()
    # Only what must run alone (True), or only the rest (False).
    alone: bool | None = None


@dataclass(frozen=True)
class Suite(ABC):
    """A suite. `quick` ones are part of the run that holds our side against the record."""

    name: str
    title: str
    quick: bool = field(default=True, kw_only=True)

    @abstractmethod
    def results(self, side: str, run: Run) -> Results:
        """What each test does on the side "real" or "ours"."""

    def wanted(self, module: str, run: Run, alone: bool = False) -> bool:
        return (not run.only or module in run.only) and run.alone in (None, alone)


@dataclass(frozen=True)
class ModuleSuite(Suite):
    """Test modules for pytest."""

    modules: tuple[Module, ...]
    side: Callable[[str], Side]

    def results(self, side: str, run: Run) -> Results:
        skip = frozenset(run.skip)
        wanted = [module for module in self.modules if self.wanted(module.name, run, module.alone)]
        modules = [replace(module, skip=skip) for module in wanted]
        return run_all(modules, self.side(side), run.retry, run.jobs, run.tell) if modules else {}


@dataclass(frozen=True)
class ProgramSuite(Suite):
    """A list of scripts, each run as its author meant (`programs`)."""

    module: str
    source: Path
    # Further packages that the programs import.
    packages: Path | None = None

    def results(self, side: str, run: Run) -> Results:
        if not self.wanted(self.module, run):
            return {}
        entries, _ = programs.read(LISTS / f"{self.module}.toml")
        place = setting.make_side(side, self.name, {})
        environment = {
            name: value for name, value in place.environment().items() if name in ("PATH", "PYTHONPATH")
        }
        if self.packages is not None:
            environment["PYTHONPATH"] += os.pathsep + str(self.packages)
        commands = programs.Commands(place.tree / "bin" / "locust", place.python, environment)

        def once(chosen: list[programs.Program]) -> Results:
            done = programs.run_list(chosen, commands, self.source, at_once=2 * run.jobs)
            return {f"{self.module}::{one.id}": Result(one.outcome, one.reason, one.seconds) for one in done}

        results = once(entries)
        for _ in range(2):
            failed = {name for name, result in results.items() if result.failed and run.retry(name)}
            if not failed:
                break
            again = once([entry for entry in entries if f"{self.module}::{entry.id}" in failed])
            results.update({name: join(results[name], result) for name, result in again.items()})
        bad = sum(result.failed for result in results.values())
        run.tell(f"{side:5} {self.name}: {len(results)} programs, {bad} failed")
        return results


@dataclass(frozen=True)
class LiterateSuite(Suite):
    """The cases of compat/*.md. Each compares the two sides, so the real one passes all of them."""

    def results(self, side: str, run: Run) -> Results:
        if side == "real" or not self.wanted("test_compat", run):
            return {}
        module = Module(self.name, "test_compat", "python/tests/compat/test_compat.py", shared_network=True)
        place = Side("ours", ROOT, Path(sys.executable), arguments=LITERATE)
        results = run_all([module], place, run.retry, 1, run.tell)
        return results


def all_suites(tree: Path | None, parts: Rules) -> list[Suite]:
    """The suites in the order of COMPATIBILITY.md; with a `tree` of Locust, its tests and examples too."""
    sdist = setting.source(LOCUST_SDIST)
    found: list[Suite] = [locust_suite(LOCUST_SDIST, "Locust's own tests (sdist of 2.29.1)", sdist, parts)]
    if tree is not None:
        tree = tree.resolve()
        if not (tree / "locust" / "test" / "__init__.py").exists():
            raise SettingError(f"{tree} is no source tree of Locust: it has no locust/test")
        found.append(locust_suite("locust-tree", f"Locust's own tests ({version_of(tree)})", tree, parts))
    found.append(
        ProgramSuite("examples", "Locust's examples (sdist of 2.29.1)", "examples", sdist / "examples")
    )
    if tree is not None:
        title = f"Locust's examples ({version_of(tree)})"
        found.append(ProgramSuite("examples-tree", title, "examples", tree / "examples"))
    plugins = LISTS / "plugins"
    found += [
        ProgramSuite("plugins", "Scripts that use plugins of Locust", "plugins", plugins, WORK / "plugins"),
        client_suite(REQUESTS_SDIST, "requests' tests through `HttpUser.client`", "requests_through_locust"),
        client_suite(
            GEVENTHTTPCLIENT_SDIST,
            "geventhttpclient's tests through `FastHttpUser.client`",
            "geventhttpclient_through_locust",
        ),
        LiterateSuite("literate", "Cases of compat/*.md, compared with real Locust", quick=False),
    ]
    return found


def locust_suite(name: str, title: str, origin: Path, parts: Rules) -> Suite:
    def module(path: Path) -> Module:
        alone = parts.value(name, path.stem, "alone", False)
        return Module(name, path.stem, f"locust/test/{path.name}", alone=alone)

    paths = sorted((origin / "locust" / "test").glob("test_*.py"))
    if not paths:
        raise SettingError(f"{origin} has no test modules in locust/test")
    copies = {"locust/test": origin / "locust" / "test", "examples": origin / "examples"}
    return ModuleSuite(
        name, title, tuple(map(module, paths)), lambda side: setting.make_side(side, name, copies)
    )


def client_suite(sdist: str, title: str, plugin: str) -> Suite:
    """The tests of a client library, with our session in its place by a plugin; the real side is the library itself."""
    origin = setting.source(sdist)
    copies = {entry.name: entry for entry in origin.iterdir() if entry.name != "src"}
    arguments = {"real": ("-W", "ignore"), "ours": ("-W", "ignore", "-p", plugin)}
    # geventhttpclient's listen on one fixed port.
    module = Module(sdist, "tests", "tests", alone=not own_network())
    return ModuleSuite(
        sdist, title, (module,), lambda side: setting.make_side(side, sdist, copies, arguments[side])
    )


def version_of(origin: Path) -> str:
    """What a source tree calls itself."""
    said = subprocess.run(
        ["git", "-C", origin, "describe", "--tags", "--always"], capture_output=True, text=True
    )
    inside = said.returncode == 0 and (origin / ".git").exists()
    return f"checkout of {said.stdout.strip()}" if inside else f"tree {origin.name}"
