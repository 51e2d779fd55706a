"""compat/differences.toml: where gregaria differs from Locust, on purpose or not yet. The file's top explains its form."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

AREAS = {
    "users": "Users and runs",
    "command-line": "Command line",
    "statistics": "Statistics",
    "http": "HTTP",
    "web": "Web interface",
    "libraries": "Libraries and plugins",
    "distributed": "Distributed runs",
}
REQUIRED = {"id", "area", "locust", "ours"}
OPTIONAL = {"why", "test", "restore", "state"}
NAMED = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class DifferencesError(ValueError):
    """The file does not follow its form; each line of the text is one fault."""


@dataclass(frozen=True)
class Difference:
    """One entry. `todo` ones are not there yet, the others are decisions."""

    id: str
    area: str
    locust: str
    ours: str
    why: str = ""
    tests: tuple[str, ...] = ()
    restore: str = ""
    todo: bool = False


def load(path: Path, root: Path) -> list[Difference]:
    """The entries of the file in its order. Tests are looked up in the repository at `root`."""
    try:
        data = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise DifferencesError(f"{path.name}: {error}") from error
    entries = data.pop("difference", [])
    faults = [f"unknown table {name!r}" for name in data]
    for entry in entries:
        faults += [f"{entry.get('id', '(no id)')}: {fault}" for fault in faults_of(entry, root)]
    counts = Counter(entry.get("id") for entry in entries)
    faults += [f"{name}: {count} entries have this id" for name, count in counts.items() if count > 1]
    if faults:
        raise DifferencesError("\n".join(f"{path.name}: {fault}" for fault in faults))
    return [make(entry) for entry in entries]


def make(entry: dict[str, Any]) -> Difference:
    return Difference(
        id=entry["id"],
        area=entry["area"],
        locust=entry["locust"],
        ours=entry["ours"],
        why=entry.get("why", ""),
        tests=tests_of(entry),
        restore=entry.get("restore", ""),
        todo=entry.get("state") == "todo",
    )


def tests_of(entry: dict[str, Any]) -> tuple[str, ...]:
    tests = entry.get("test", ())
    return (tests,) if isinstance(tests, str) else tuple(tests)


def faults_of(entry: dict[str, Any], root: Path) -> list[str]:
    faults = [f"has no {name!r}" for name in sorted(REQUIRED - set(entry))]
    faults += [f"unknown key {name!r}" for name in sorted(set(entry) - REQUIRED - OPTIONAL)]
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.get("id", "")):
        faults.append("the id must be kebab-case")
    if entry.get("area") not in AREAS:
        faults.append(f"the area must be one of {', '.join(AREAS)}")
    if entry.get("state", "todo") != "todo":
        faults.append("the only state is 'todo'")
    if "state" not in entry and not (entry.get("why") and tests_of(entry)):
        faults.append("a deliberate difference needs 'why' and 'test'")
    faults += [f"no test {name!r}" for name in tests_of(entry) if not test_exists(name, root)]
    texts = [value for value in entry.values() if isinstance(value, str)]
    if any("\n" in text or "|" in text for text in texts):
        faults.append("a text must be one line without '|': it becomes a cell of a table")
    return faults


def test_exists(name: str, root: Path) -> bool:
    """Whether `file.py::test`, `file.py::Class::test`, `file.rs::test` or `chapter.md::Title` is there. A file or folder
    alone is no test: nobody could say which of its tests goes when the difference does."""
    path, _, test = name.partition("::")
    place = root / path
    if not test or not place.is_file():
        return False
    text = place.read_text(encoding="utf-8")
    if place.suffix == ".md":
        return f"\n## {test}\n" in text
    parts = test.split("::")
    if place.suffix == ".rs":
        return re.search(rf"#\[test\]\n(\s*#\[.*\]\n)*\s*fn {re.escape(parts[-1])}\(", text) is not None
    if place.suffix != ".py":
        return False
    places: list[ast.AST] = [ast.parse(text)]
    for part in parts:
        places = [
            one for outer in places for one in ast.walk(outer) if isinstance(one, NAMED) and one.name == part
        ]
    return bool(places) and parts[-1].startswith("test_")
