"""Real Locust, in a throw-away environment that is made once per user, or the one that `--oracle` names."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import time
from pathlib import Path

from .. import children
from .sides import REAL, Side, our_packages, without_python_path

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
    with open(folder.with_name(f"{folder.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if version_of(side) != VERSION:
            remove(folder)
            try:
                make(folder)
            except BaseException:
                remove(folder)
                raise
    return side


def cache() -> Path:
    named = os.environ.get("XDG_CACHE_HOME")
    return (Path(named) if named else Path.home() / ".cache") / "gregaria"


def remove(folder: Path) -> None:
    """Deletes it. What was killed a moment ago may still add a file to it, so it may take more than one attempt."""
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)


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
    code, printed, complained = children.output(command, env=without_python_path())
    if code != 0:
        lines = (complained or printed).strip().splitlines()
        cause = next(
            (line for line in reversed(lines) if line.startswith("ERROR:")), lines[-1] if lines else ""
        )
        # What pip says if no index answers is that there are no versions.
        if any("(from versions: none)" in line for line in lines):
            cause += "\nThe package index (PIP_INDEX_URL, or PyPI) cannot be reached, or has no Locust."
        raise OracleError(
            f"{complaint}:\n    {cause}\nName a Locust that is installed elsewhere with --oracle PATH."
        )


def version_of(side: Side) -> str | None:
    """The version of the `locust` that a side's interpreter has; None if it has none, or has gregaria's."""
    if not side.python.exists():
        return None
    question = (
        "import importlib.metadata as m\n"
        "try: m.distribution('gregaria')\n"
        "except m.PackageNotFoundError: print(m.version('locust'))"
    )
    code, printed, _ = children.output([side.python, "-c", question], env=without_python_path())
    return printed.strip() or None if code == 0 else None
