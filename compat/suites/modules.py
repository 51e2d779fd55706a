"""Runs test modules: each in processes of its own, past tests that hang or kill their process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import cache
from math import ceil
from pathlib import Path

from . import stopping
from .results import Result, Session, read_session
from .setting import INSIDE, Side
from .units import Results, Unit

# A process that dies or hangs takes its test with it and the next process goes on behind it; but not for ever.
MOST_PROCESSES = 12
# A module that takes longer than so many seconds is run in parts, side by side.
SHARE = 60.0
IMPORT = "::(import)"
# pytest's exit code when there is nothing to run.
NO_TESTS = 5


@dataclass(frozen=True)
class Module:
    """A test module of a suite."""

    suite: str
    name: str
    # As an argument of pytest, relative to the side's tree.
    path: str
    # Of one test, and of all of them in one process, in seconds.
    test_limit: float = 60
    limit: float = 1200
    # Its servers are not in its own process.
    shared_network: bool = False
    # Tests that are left out, by their names on the scoreboard.
    skip: frozenset[str] = frozenset()
    # Which part of its tests is run, of how many.
    share: tuple[int, int] = (0, 1)


class ModuleUnit(Unit):
    """A module on one side, or a part of its tests."""

    def __init__(self, module: Module, side: Side, expected: float = 0.0) -> None:
        self.module, self.side, self.expected = module, side, expected
        self.name = module.name
        # Without a network of its own a module listens where the others do.
        self.lock = "" if own_network() or module.shared_network else "network"
        # pytest's names, by those of the scoreboard.
        self._nodes: dict[str, str] = {}

    def run(self) -> Results:
        return self._named(run_past_hangs(self.module, self.side, None))

    def again(self, tests: Collection[str]) -> Results:
        nodes = [self._nodes[test] for test in tests if not test.endswith(IMPORT)]
        return self._named(run_past_hangs(self.module, self.side, nodes)) if nodes else {}

    def _named(self, results: Results) -> Results:
        # Some tests have paths of the tree in their names.
        tree = str(self.side.tree)
        names = {node: identity(self.module, node).replace(tree, "TREE") for node in results}
        self._nodes.update({name: node for node, name in names.items()})
        return {names[node]: result for node, result in results.items()}


def units_of(module: Module, side: Side, expected: float) -> list[Unit]:
    """The module as a unit; a long one as several, where they cannot meet on the network."""
    count = max(1, ceil(expected / SHARE)) if own_network() and not module.shared_network else 1
    return [
        ModuleUnit(replace(module, share=(index, count)), side, expected / count) for index in range(count)
    ]


def run_past_hangs(module: Module, side: Side, only: list[str] | None) -> Results:
    """Runs the module's tests (`only` these), in a further process when one does not survive a test. The results are by
    pytest's names."""
    results: Results = {}
    for _ in range(MOST_PROCESSES):
        session, in_time, said = run_process(module, side, only)
        results.update(session.results)
        results.update(
            {node + IMPORT: Result("failed", text) for node, text in session.not_collected.items()}
        )
        if session.finished and session.running is None:
            if not session.collected and not session.not_collected and session.code != NO_TESTS:
                results[module.path + IMPORT] = Result("failed", said)
            break
        if not session.collected:
            results[module.path + IMPORT] = Result("died" if in_time else "hung", said)
            break
        if session.running is not None:
            results[session.running] = Result("died" if in_time else "hung", said, module.limit)
        only = [node for node in session.collected if node not in results and (only is None or node in only)]
        if not only or not (session.results or session.running):
            break
    for node in only or []:
        results.setdefault(node, Result("missing", "its process ended before its turn"))
    return results


def identity(module: Module, node: str) -> str:
    """A test's name on the scoreboard: `test_main::Class::test` for `locust/test/test_main.py::Class::test`."""
    file, _, test = node.partition("::")
    folder = module.path if not module.path.endswith(".py") else module.path.rpartition("/")[0]
    return f"{file.removeprefix(folder).lstrip('/').removesuffix('.py') or module.name}::{test}"


def run_process(module: Module, side: Side, only: list[str] | None) -> tuple[Session, bool, str]:
    """One process: its account, whether it ended in time, the end of what it printed."""
    stopping.check()
    side.refresh()
    with tempfile.TemporaryDirectory(prefix="compat-") as folder:
        results, wanted, home = Path(folder, "results"), Path(folder, "only"), Path(folder, "home")
        home.mkdir()
        results.touch()
        environment = side.environment(
            COMPAT_ARGUMENTS=json.dumps(pytest_arguments(module, side)),
            COMPAT_RESULTS=str(results),
            HOME=str(home),
            TMPDIR=folder,
        )
        if only is not None:
            wanted.write_text(json.dumps(only))
            environment["COMPAT_ONLY"] = str(wanted)
        if module.skip:
            left_out = Path(folder, "skip")
            left_out.write_text(json.dumps(sorted(module.skip)))
            environment["COMPAT_SKIP"] = str(left_out)
        if module.share[1] > 1:
            environment["COMPAT_SHARE"] = "/".join(map(str, module.share))
        command: list[str | Path] = [side.python, INSIDE / "compat_pytest.py"]
        if own_network() and not module.shared_network:
            command = ["unshare", "--user", "--map-root-user", "--net", *command]
            environment["COMPAT_OWN_NETWORK"] = "yes"
        with open(Path(folder, "output"), "w+b") as output:
            process = subprocess.Popen(
                command,
                cwd=side.tree,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            in_time = wait(process, module.limit, side.refresh)
            stopping.check()
            output.seek(max(0, output.seek(0, os.SEEK_END) - 3000))
            said = output.read().decode(errors="replace")
        return read_session(results.read_text(errors="replace").splitlines()), in_time, said


def pytest_arguments(module: Module, side: Side) -> list[str]:
    limit = f"--timeout={module.test_limit:g}"
    return [
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        f"--rootdir={side.tree}",
        limit,
        *side.arguments,
        module.path,
    ]


def wait(process: subprocess.Popen[bytes], limit: float, now_and_then: Callable[[], None]) -> bool:
    """Waits for a process; False if it had to be killed. What it started and left behind goes with it."""
    end = time.monotonic() + limit
    in_time = False
    while not in_time and not stopping.asked() and time.monotonic() < end:
        try:
            process.wait(1)
            in_time = True
        except subprocess.TimeoutExpired:
            now_and_then()
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    return in_time


@cache
def own_network() -> bool:
    """Whether a process can have a network of its own: default ports are then free, and nobody is reached outside."""
    if shutil.which("unshare") is None:
        return False
    probe = ["unshare", "--user", "--map-root-user", "--net", "true"]
    return subprocess.run(probe, capture_output=True).returncode == 0
