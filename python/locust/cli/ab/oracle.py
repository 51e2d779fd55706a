"""Real Locust, in a throw-away environment that is made once per user, or the one that `--oracle` names."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

from .sides import REAL, Side, our_packages

VERSION = "2.47.0"


class OracleError(Exception):
    """There is no real Locust to compare with; the text says why, and the way out."""


def named(path: str) -> Side:
    """The real Locust at `path`: its command, its interpreter or its virtual environment."""
    place = Path(path).expanduser()
    for folder in (place, place / "bin", place.parent):
        python = folder / "python"
        if python.is_file() and os.access(python, os.X_OK):
            break
    else:
        raise OracleError(f"--oracle {path}: there is no Python interpreter at or beside it")
    # Not resolved: the link in a virtual environment is what makes it one.
    side = Side(REAL, python.absolute())
    if not version_of(side):
        raise OracleError(f"--oracle {path}: its interpreter {python} does not have Locust")
    return side


def throw_away() -> Side:
    """The one in the cache; made if it is not there."""
    folder = cache() / f"locust-{VERSION}-python-{sys.version_info[0]}.{sys.version_info[1]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    side = Side(REAL, folder / "bin" / "python", our_packages())
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if version_of(side) != VERSION:
            shutil.rmtree(folder, ignore_errors=True)
            try:
                make(folder)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
    return side


def cache() -> Path:
    named = os.environ.get("XDG_CACHE_HOME")
    return (Path(named) if named else Path.home() / ".cache") / "gregaria"


def make(folder: Path) -> None:
    sys.stderr.write(f"Installing Locust {VERSION} into {folder} (once)\n")
    call(
        [sys.executable, "-m", "venv", folder],
        "'python -m venv' does not work here (on Debian, install python3-venv)",
    )
    call(
        [
            folder / "bin" / "python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            f"locust=={VERSION}",
        ],
        f"pip could not install locust=={VERSION}",
    )


def call(command: list[str | Path], complaint: str) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        cause = next(
            (line for line in reversed(lines) if line.startswith("ERROR:")), lines[-1] if lines else ""
        )
        raise OracleError(
            f"{complaint}: {cause}\nName a Locust that is installed elsewhere with --oracle PATH."
        )


def version_of(side: Side) -> str | None:
    """The version of the `locust` that a side's interpreter has; None if it has none, or has gregaria's."""
    if not side.python.exists():
        return None
    code = (
        "import importlib.metadata as m\n"
        "try: m.distribution('gregaria')\n"
        "except m.PackageNotFoundError: print(m.version('locust'))"
    )
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run([side.python, "-c", code], capture_output=True, text=True, env=environment)
    return done.stdout.strip() or None if done.returncode == 0 else None
