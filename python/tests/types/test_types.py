"""What an editor knows of a locustfile: as much as with Locust, or more."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from servers import ROOT

HERE = Path(__file__).parent
# What basedpyright says where it knows nothing; ours may then say more.
UNKNOWN = re.compile(r"Unknown|Any|\(\.\.\.\)")


def revealed(python: Path) -> tuple[dict[str, str], list[str]]:
    """Of each `reveal_type` its type, by line; and the errors."""
    done = subprocess.run(
        [sys.executable, "-m", "basedpyright", "--pythonpath", str(python), "--outputjson", "expressions.py"],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=110,
    )
    types, errors = {}, []
    for said in json.loads(done.stdout)["generalDiagnostics"]:
        line = said["range"]["start"]["line"] + 1
        if said["severity"] == "error":
            errors.append(f"{line}: {said['message']}")
        elif said["severity"] == "information" and (
            match := re.fullmatch(r'Type of "(.*)" is "(.*)"', said["message"], re.DOTALL)
        ):
            types[f"{line}: {match[1]}"] = match[2]
    return types, errors


@pytest.fixture(scope="module")
def oracle_python() -> Path:
    named = os.environ.get("GREGARIA_ORACLE", str(ROOT / ".venv-oracle" / "bin" / "locust"))
    if named == "none":
        pytest.skip("without real Locust nothing can be compared")
    python = Path(named).with_name("python")
    if not python.exists():
        pytest.fail(
            f"no oracle at {named}: run scripts/setup --test, or set GREGARIA_ORACLE=none to do without"
        )
    return python


def test_expressions_of_locustfiles_have_the_types_that_locust_gives_them(oracle_python: Path):
    real, _ = revealed(oracle_python)
    ours, errors = revealed(Path(sys.executable))
    assert errors == [], "an editor would underline what runs"
    assert len(real) >= 60 and ours.keys() == real.keys()
    differ = {
        expression: (real[expression], ours[expression])
        for expression in real
        if real[expression].replace("Unknown", "Any") != ours[expression].replace("Unknown", "Any")
        and not UNKNOWN.search(real[expression])
    }
    assert differ == {}
    vague = [
        expression
        for expression in real
        if ours[expression] == "Any" and real[expression] not in ("Any", "Unknown")
    ]
    assert vague == []


def test_the_stub_of_the_native_module_says_what_is_there():
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "locust._engine", "--ignore-missing-stub"],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout + done.stderr
