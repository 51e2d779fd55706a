"""Which suites there are, what belongs to each and how it is run."""

from __future__ import annotations

import os
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from . import programs, setting
from .modules import Module, ModuleUnit, own_network, units_of
from .results import Result
from .setting import ROOT, WORK, SettingError, Side
from .units import Results, Unit

LOCUST_SDIST = "locust-2.29.1"
REQUESTS_SDIST = "requests-2.34.2"
GEVENTHTTPCLIENT_SDIST = "geventhttpclient-2.6.1"


@dataclass(frozen=True)
class Other:
    """Tests of a package that is built on Locust, from its sdist."""

    sdist: str
    title: str
    # What of the sdist they need, by where it has to lie.
    copies: dict[str, str]
    # What pytest is given.
    tests: str
    # Which Locust the package pins.
    locust: str = setting.LOCUST
    sample: int = 1
    # Of one test, in seconds.
    test_limit: float = 60


OTHERS = (
    Other(
        "grizzly-loadtester-3.4.0",
        "grizzly's unit tests (it pins Locust 2.46.3)",
        {"test_framework": "tests/test_framework"},
        "test_framework/unit",
        locust="2.46.3",
        sample=4,
        test_limit=20,
    ),
    Other("locomotive-0.3.1", "locomotive's tests", {"tests": "tests"}, "tests", sample=4),
    Other("locust-telemetry-2.1.2", "locust-telemetry's tests", {"tests": "tests"}, "tests"),
    Other(
        "appian-locust-2.27.10",
        "appian-locust's tests (the 5 modules of 33 that its sdist has all of)",
        {"tests": "tests"},
        "tests",
    ),
)
# As on the page.
ORDER = (
    LOCUST_SDIST,
    "locust-tree",
    "examples",
    "examples-tree",
    "plugins",
    *(other.sdist for other in OTHERS),
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


@dataclass(frozen=True)
class Choice:
    """What of a suite is run."""

    # Only these modules; all if there are none.
    only: Collection[str] = ()
    # Tests that are left out.
    skip: Collection[str] = ()
    # How long its units took the last time, in seconds.
    seconds: Mapping[str, float] = field(default_factory=dict)
    # Whether a sample will do.
    sampled: bool = False

    def wanted(self, module: str) -> bool:
        return not self.only or module in self.only


@dataclass(frozen=True)
class Suite(ABC):
    """A suite. `quick` ones are part of the run that holds our side against the record; of long ones that is one test in
    `sample`."""

    name: str
    title: str
    quick: bool = field(default=True, kw_only=True)
    sample: int = field(default=1, kw_only=True)

    @abstractmethod
    def units(self, side: str, choice: Choice) -> Sequence[Unit]:
        """What is to be run of the side "real" or "ours"."""


@dataclass(frozen=True)
class ModuleSuite(Suite):
    """Test modules for pytest."""

    modules: tuple[Module, ...]
    side: Callable[[str], Side]

    def units(self, side: str, choice: Choice) -> Sequence[Unit]:
        modules = [module for module in self.modules if choice.wanted(module.name)]
        place = self.side(side) if modules else None
        skip = frozenset(choice.skip)
        if choice.sampled and self.sample > 1:
            share = (0, self.sample)
            return [
                ModuleUnit(
                    replace(module, skip=skip, share=share),
                    place,
                    choice.seconds.get(module.name, 0) / self.sample,
                )
                for module in modules
            ]
        return [
            unit
            for module in modules
            for unit in units_of(replace(module, skip=skip), place, choice.seconds.get(module.name, 0))
        ]


@dataclass(frozen=True)
class ProgramSuite(Suite):
    """A list of scripts, each run as its author meant (`programs`)."""

    module: str
    source: Path
    # Further packages that the programs import.
    packages: Path | None = None

    def units(self, side: str, choice: Choice) -> Sequence[Unit]:
        if not choice.wanted(self.module):
            return []
        entries, _ = programs.read(LISTS / f"{self.module}.toml")
        place = setting.make_side(side, self.name, {})
        environment = {
            name: value for name, value in place.environment().items() if name in ("PATH", "PYTHONPATH")
        }
        if self.packages is not None:
            environment["PYTHONPATH"] += os.pathsep + str(self.packages)
        commands = programs.Commands(place.tree / "bin" / "locust", place.python, environment)
        return [
            ProgramUnit(
                f"{self.module}::{entry.id}",
                entry,
                place,
                partial(programs.run_one, entry, commands, self.source),
                choice.seconds.get(entry.id, 0),
            )
            for entry in entries
        ]


class ProgramUnit(Unit):
    """One of the scripts."""

    quiet = True

    def __init__(
        self,
        test: str,
        program: programs.Program,
        side: Side,
        once: Callable[[], programs.Result],
        expected: float,
    ) -> None:
        self.name, self.expected = program.id, expected
        # Modules that have no network of their own want the usual ports, too.
        self.lock = f"port {program.port}" if program.port else ""
        if program.port and not own_network():
            self.lock = "network"
        self._test, self._side, self._once = test, side, once

    def run(self) -> Results:
        self._side.refresh()
        done = self._once()
        return {self._test: Result(done.outcome, done.reason, done.seconds)}

    def again(self, tests: Collection[str]) -> Results:
        return self.run() if self._test in tests else {}


@dataclass(frozen=True)
class LiterateSuite(Suite):
    """The cases of compat/*.md. Each compares the two sides, so the real one passes all of them."""

    def units(self, side: str, choice: Choice) -> Sequence[Unit]:
        if side == "real" or not choice.wanted("test_compat"):
            return []
        module = Module(self.name, "test_compat", "python/tests/compat/test_compat.py", shared_network=True)
        place = Side("ours", ROOT, Path(sys.executable), arguments=LITERATE)
        return units_of(module, place, choice.seconds.get(module.name, 0))


def all_suites(tree: Path | None) -> list[Suite]:
    """The suites in the order of COMPATIBILITY.md; with a `tree` of Locust, its tests and examples too."""
    sdist = setting.source(LOCUST_SDIST)
    found: list[Suite] = [locust_suite(LOCUST_SDIST, "Locust's own tests (sdist of 2.29.1)", sdist)]
    if tree is not None:
        tree = tree.resolve()
        if not (tree / "locust" / "test" / "__init__.py").exists():
            raise SettingError(f"{tree} is no source tree of Locust: it has no locust/test")
        found.append(locust_suite("locust-tree", f"Locust's own tests ({version_of(tree)})", tree))
    found.append(
        ProgramSuite("examples", "Locust's examples (sdist of 2.29.1)", "examples", sdist / "examples")
    )
    if tree is not None:
        title = f"Locust's examples ({version_of(tree)})"
        found.append(ProgramSuite("examples-tree", title, "examples", tree / "examples"))
    plugins = LISTS / "plugins"
    found += [
        ProgramSuite("plugins", "Scripts that use plugins of Locust", "plugins", plugins, WORK / "plugins"),
        *map(other_suite, OTHERS),
        client_suite(REQUESTS_SDIST, "requests' tests through `HttpUser.client`", "requests_through_locust"),
        client_suite(
            GEVENTHTTPCLIENT_SDIST,
            "geventhttpclient's tests through `FastHttpUser.client`",
            "geventhttpclient_through_locust",
        ),
        LiterateSuite("literate", "Cases of compat/*.md, compared with real Locust", quick=False),
    ]
    return found


def locust_suite(name: str, title: str, origin: Path) -> Suite:
    def module(path: Path) -> Module:
        return Module(name, path.stem, f"locust/test/{path.name}")

    paths = sorted((origin / "locust" / "test").glob("test_*.py"))
    if not paths:
        raise SettingError(f"{origin} has no test modules in locust/test")
    copies = {"locust/test": origin / "locust" / "test", "examples": origin / "examples"}
    return ModuleSuite(
        name, title, tuple(map(module, paths)), lambda side: setting.make_side(side, name, copies)
    )


def other_suite(other: Other) -> Suite:
    """The tests of a package built on Locust."""
    origin = setting.source(other.sdist)
    copies = {place: origin / part for place, part in other.copies.items()}
    packages = (WORK / "others",)
    module = Module(other.sdist, "tests", other.tests, test_limit=other.test_limit)
    # The sdists lack some of the files that their tests import or read.
    arguments = ("--continue-on-collection-errors",)
    return ModuleSuite(
        other.sdist,
        other.title,
        (module,),
        lambda side: setting.make_side(side, other.sdist, copies, arguments, packages, other.locust),
        sample=other.sample,
    )


def client_suite(sdist: str, title: str, plugin: str) -> Suite:
    """The tests of a client library, with our session in its place by a plugin; the real side is the library itself."""
    origin = setting.source(sdist)
    copies = {entry.name: entry for entry in origin.iterdir() if entry.name != "src"}
    arguments = {"real": ("-W", "ignore"), "ours": ("-W", "ignore", "-p", plugin)}
    module = Module(sdist, "tests", "tests")
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
