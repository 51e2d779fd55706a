"""Runs test modules: each in processes of its own, past tests that hang or kill their process, with retries."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from . import stopping
from .results import Result, Session, join, read_session
from .setting import INSIDE, Side

RETRIES = 2
# A process that dies or hangs takes its test with it and the next process goes on behind it; but not for ever.
MOST_PROCESSES = 12
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
    # Nothing else runs beside it: its tests measure time.
    alone: bool = False
    # Its servers are not in its own process.
    shared_network: bool = False
    # Tests that are left out, by their names on the scoreboard.
    skip: frozenset[str] = frozenset()


Results = dict[str, Result]
# Whether a test that failed is worth another attempt.
Retry = Callable[[str], bool]


def run_all(
    modules: Collection[Module], side: Side, retry: Retry, jobs: int, tell: Callable[[str], None]
) -> Results:
    """Runs the modules, `jobs` at a time and those that want to be alone one by one, and returns all results."""
    results: Results = {}

    def one(module: Module) -> Results:
        started = time.monotonic()
        found = run_module(module, side, retry)
        bad = sum(result.failed for result in found.values())
        flaky = sum(result.passed and result.attempts > 1 for result in found.values())
        again = f", {flaky} only when tried again" if flaky else ""
        tell(
            f"{side.name:5} {module.suite} {module.name}: {len(found)} tests, {bad} failed{again}"
            f" ({time.monotonic() - started:.0f} s)"
        )
        return found

    together = [module for module in modules if not module.alone]
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        for found in pool.map(one, together):
            results.update(found)
    for module in modules:
        if module.alone:
            results.update(one(module))
    return results


def run_module(module: Module, side: Side, retry: Retry) -> Results:
    """All tests of a module, the failed ones up to RETRIES times again. A file that cannot be imported is one failed test
    with the name `(import)`."""
    results = run_past_hangs(module, side, None)
    for _ in range(RETRIES):
        failed = [
            node
            for node, result in results.items()
            if result.failed and not node.endswith(IMPORT) and retry(identity(module, node))
        ]
        if not failed:
            break
        again = run_past_hangs(module, side, failed)
        results.update({node: join(results[node], again[node]) for node in failed if node in again})
    # Some tests have paths of the tree in their names.
    tree = str(side.tree)
    return {identity(module, node).replace(tree, "TREE"): result for node, result in results.items()}


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
