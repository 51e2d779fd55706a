"""The two programs, a run of one of them, and what it did."""

from __future__ import annotations

import json
import os
import site
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import children

INSIDE = Path(__file__).with_name("inside.py")
REAL, OURS = "locust", "gregaria"
# Seconds that an interrupted run has to end.
PATIENCE = 5.0


class RunError(Exception):
    """A side did not get as far as having results."""


@dataclass(frozen=True)
class Side:
    """One of the two: `locust` (the real one) or `gregaria`, and the interpreter that has it."""

    name: str
    python: Path
    # Where it looks for packages that its own environment does not have.
    packages: tuple[str, ...] = ()


@dataclass
class Entry:
    """What was requested under one name."""

    requests: int = 0
    failures: int = 0
    total_response_time: float = 0.0
    max: float = 0.0
    response_times: dict[int, int] = field(default_factory=dict)

    def add(self, other: Entry) -> None:
        self.requests += other.requests
        self.failures += other.failures
        self.total_response_time += other.total_response_time
        self.max = max(self.max, other.max)
        for key, count in other.response_times.items():
            self.response_times[key] = self.response_times.get(key, 0) + count

    def percentile(self, share: float) -> float | None:
        """The response time in milliseconds within which this share of the requests was answered."""
        left = share * sum(self.response_times.values())
        for key in sorted(self.response_times):
            left -= self.response_times[key]
            if left <= 0:
                return float(key)
        return None


@dataclass
class Account:
    """What a side did, in one run or several."""

    side: str
    version: str = ""
    entries: dict[str, Entry] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    exceptions: dict[str, int] = field(default_factory=dict)
    logs: dict[str, int] = field(default_factory=dict)
    codes: list[int] = field(default_factory=list)
    user_seconds: float = 0.0
    cpu: float = 0.0

    @property
    def total(self) -> Entry:
        """All entries together."""
        together = Entry()
        for entry in self.entries.values():
            together.add(entry)
        return together

    def add(self, said: dict[str, Any], code: int) -> None:
        """Adds what `inside` wrote of a run that ended with `code`."""
        self.version = said["version"]
        self.codes.append(code)
        self.user_seconds += said["user_seconds"]
        self.cpu += said["cpu"]
        for raw in said["entries"]:
            times = {int(float(key)): count for key, count in raw["response_times"].items()}
            entry = Entry(raw["requests"], raw["failures"], raw["total_response_time"], raw["max"], times)
            self.entries.setdefault(f"{raw['method']} {raw['name']}".strip(), Entry()).add(entry)
        for raw in said["errors"]:
            count(self.errors, f"{raw['method']} {raw['name']}: {raw['error']}", raw["occurrences"])
        for raw in said["exceptions"]:
            count(self.exceptions, raw["message"], raw["occurrences"])
        for raw in said["logs"]:
            count(self.logs, f"{raw['level']}/{raw['logger']}: {raw['message']}", 1)


def count(counts: dict[str, int], key: str, number: int) -> None:
    counts[key] = counts.get(key, 0) + number


def check(side: Side, arguments: Sequence[str]) -> None:
    """Loads the script as a run would, and starts nothing. Raises `RunError` if a run would make no sense."""
    said, code, printed = started(side, arguments, {"GREGARIA_AB_CHECK": "1"})
    if not said.get("loaded"):
        raise RunError(f"{side.name} ended with exit code {code} before a test began:\n{indented(printed)}")


def run(side: Side, arguments: Sequence[str]) -> tuple[dict[str, Any], int]:
    """Runs `locust ARGUMENTS` on a side; what it wrote down and its exit code. Raises `RunError`."""
    said, code, printed = started(side, arguments, {})
    if "entries" not in said:
        raise RunError(
            f"{side.name} ended with exit code {code} before there were any results:\n{indented(printed)}"
        )
    return said, code


def started(
    side: Side, arguments: Sequence[str], more_environment: dict[str, str]
) -> tuple[dict[str, Any], int, str]:
    """What the process of a side wrote down, its exit code and what it printed last."""
    with tempfile.TemporaryDirectory(prefix="gregaria-ab-") as folder:
        out = Path(folder, "account.json")
        environment = without_python_path()
        environment |= {"GREGARIA_AB_OUT": str(out), "GREGARIA_AB_SITES": json.dumps(side.packages)}
        environment |= more_environment
        if kept := others_of(os.environ.get("PYTHONPATH", "")):
            environment["PYTHONPATH"] = kept
        with open(Path(folder, "output"), "w+b") as output:
            process = children.start(
                [side.python, INSIDE, *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            code = wait(process)
            output.seek(max(0, output.seek(0, os.SEEK_END) - 4000))
            printed = output.read().decode(errors="replace").strip()
        said = json.loads(out.read_text()) if out.exists() else {"problem": None}
    match said["problem"]:
        case "run-time":
            raise RunError("nothing says when the run ends: give a run time, for example -t 30s")
        case "host":
            raise RunError(
                "nothing says which host to load: give --host, for example --host http://127.0.0.1:8000"
            )
    return said, code, printed


def without_python_path() -> dict[str, str]:
    """Our environment variables without the folders in which our packages may be."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}


def others_of(python_path: str) -> str:
    """PYTHONPATH without the folders that have a package `locust` in them: each side has its own."""
    folders = [
        one
        for one in python_path.split(os.pathsep)
        if one and not Path(one, "locust", "__init__.py").exists()
    ]
    return os.pathsep.join(folders)


def wait(process: subprocess.Popen[bytes]) -> int:
    """The exit code. Ctrl-C ends the process, too, and is raised again: half a run is nothing to compare."""
    try:
        return process.wait()
    except KeyboardInterrupt:
        end(process)
        raise


def end(process: subprocess.Popen[bytes]) -> None:
    """Lets it end by itself first: in a terminal Ctrl-C has reached it as well. The next Ctrl-C is less patient."""
    for insist in (None, process.terminate, process.kill):
        if insist is not None:
            insist()
        try:
            process.wait(PATIENCE)
            return
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            continue


def indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def our_side() -> Side:
    """This very program."""
    return Side(OURS, Path(sys.executable))


def our_packages() -> tuple[str, ...]:
    """Where the packages are that the script may import: those of this environment."""
    return tuple(dict.fromkeys(existing([*site.getsitepackages(), site.getusersitepackages()])))


def existing(folders: Iterable[str]) -> Iterable[str]:
    return (folder for folder in folders if os.path.isdir(folder))
