"""Compares two outcomes: exactly where behaviour is exact, by form where a number depends on timing."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

from compat_run import Outcome

TABLE = re.compile(r"^Type +Name +# reqs")
PERCENTILES = "Response time percentiles (approximated)"
ERRORS = "Error report"
LOG_LINE = re.compile(r"\[TIME\] HOST/(\w+)/([^:]+): (.*)")


def view(outcome: Outcome, entry: str) -> Any:
    """What `entry` of `same` looks at, in a form that must be equal on both sides."""
    kind, _, argument = entry.partition(" ")
    if kind not in VIEWS:
        raise ValueError(f"compat/README.md knows no comparison {kind!r}")
    return VIEWS[kind](outcome, argument)


def trace(outcome: Outcome, _: str) -> list[str]:
    return [outcome.filtered(line) for line in outcome.stdout.splitlines() if line.startswith("TRACE ")]


def lines(text: Callable[[Outcome], str]) -> Callable[[Outcome, str], list[str]]:
    return lambda outcome, _: outcome.filtered(text(outcome)).splitlines()


def matching(text: Callable[[Outcome], str]) -> Callable[[Outcome, str], list[str]]:
    def found(outcome: Outcome, pattern: str) -> list[str]:
        wanted = (line for line in outcome.filtered(text(outcome)).splitlines() if re.search(pattern, line))
        return list(dict.fromkeys(wanted))

    return found


def log(outcome: Outcome, _: str) -> list[str]:
    found = (LOG_LINE.fullmatch(line) for line in outcome.filtered(outcome.stderr).splitlines())
    # The verdict is not Locust's (COMPATIBILITY.md), and on a busy machine speaks against the numbers.
    return list(dict.fromkeys(f"{m[1]}/{m[2]}: {m[3]}" for m in found if m and m[2] != "locust.verdict"))


def blocks(outcome: Outcome, begins: Callable[[str], bool]) -> list[list[str]]:
    """The runs of lines that begin so and end with an empty line."""
    found: list[list[str]] = []
    inside = False
    for line in outcome.stderr.splitlines():
        if begins(line):
            found.append([])
            inside = True
        elif not line.strip():
            inside = False
        if inside:
            found[-1].append(line)
    return found


# A right-aligned number with the spaces before it, its decimals, and the share in brackets that fails have.
NUMBER = re.compile(r" *\d+(?:\.(\d+))?(\(\d+\.\d\d%\))?")


def cell_form(match: re.Match[str]) -> str:
    """A number by its form: the width it takes with the spaces before it, its decimals, whether it has a share."""
    # A rate above 9999.99 (a run of milliseconds) does not fit its column of seven: that is no difference of form.
    overflow = max(0, match[0].strip().find(".") - 4) if match[1] else 0
    return f"<{len(match[0]) - overflow}.{len(match[1] or '')}{'%' if match[2] else ''}>"


def table_form(rows: list[str]) -> list[str]:
    """A table with every number by form; headings, bars and names stay as they are."""
    bar = next((line for line in rows if line.startswith("--------|")), None)
    if bar is None:
        return rows
    name_end = bar.index("|", 9)
    out = []
    for row in rows:
        is_data = row[:4] not in ("Type", "----") and row != PERCENTILES
        out.append(row[:name_end] + NUMBER.sub(cell_form, row[name_end:]) if is_data else row)
    return out


def last_table(outcome: Outcome, _: str) -> list[str]:
    found = blocks(outcome, lambda line: bool(TABLE.match(line)))
    return table_form(found[-1]) if found else []


def first_table(outcome: Outcome, _: str) -> list[str]:
    found = blocks(outcome, lambda line: bool(TABLE.match(line)))
    return table_form(found[0]) if found else []


def percentiles(outcome: Outcome, _: str) -> list[str]:
    found = blocks(outcome, lambda line: line.startswith(PERCENTILES))
    return table_form(found[-1]) if found else []


def errors(outcome: Outcome, _: str) -> list[str]:
    found = blocks(outcome, lambda line: line.startswith(ERRORS))
    rows = found[-1] if found else []
    return [outcome.filtered(re.sub(r"^\d+ +", lambda m: f"<{len(m[0])}>", row)).rstrip() for row in rows]


def number_form(cell: str) -> str | None:
    """ "int", "float", or None for a text."""
    if re.fullmatch(r"-?\d+", cell):
        return "int"
    return "float" if re.fullmatch(r"-?\d+\.\d+(e[-+]?\d+)?", cell) else None


def csv_form(outcome: Outcome, name: str) -> dict[str, Any]:
    path = outcome.folder / name
    if not path.exists():
        return {"missing": name}
    raw = path.read_bytes()
    rows = list(csv.reader(io.StringIO(raw.decode(), newline="")))
    # A median is a rounded time, unless it lies beyond the exact minimum or maximum.
    median = ["Median" in name for name in rows[0]] if rows else []
    last: dict[str, list[str]] = {}
    for row in rows[1:]:
        texts = [outcome.filtered(cell) for cell in row if number_form(cell) is None and cell != "N/A"]
        stamp = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
        key = " ".join(stamp.sub("STAMP", text) for text in texts)
        forms = [number_form(cell) or ("N/A" if cell == "N/A" else "text") for cell in row]
        last[key] = [
            "number" if m and f in ("int", "float") else f for f, m in zip(forms, median, strict=True)
        ]
    return {
        "header": rows[:1],
        "rows": last,
        "line ends": b"\r\n" in raw,
        "bare": b"\n" in raw.replace(b"\r\n", b""),
    }


def json_form(outcome: Outcome, name: str) -> Any:
    text = outcome.stdout if name == "-" else None
    if text is None:
        path = outcome.folder / name
        if not path.exists():
            return f"missing: {name}"
        text = path.read_text()
    else:
        # Whatever the locustfile printed comes first.
        text = text[text.index("[") :] if "[" in text else text
    return value_form(outcome, json.loads(text))


def value_form(outcome: Outcome, value: Any) -> Any:
    if isinstance(value, dict):
        if value and all(re.fullmatch(r"\d+", key) for key in value):
            return {"<number>": sorted({type(item).__name__ for item in value.values()})}
        return [[key, value_form(outcome, item)] for key, item in value.items()]
    if isinstance(value, list):
        return [value_form(outcome, item) for item in value]
    return outcome.filtered(value) if isinstance(value, str) else type(value).__name__


def file_text(outcome: Outcome, name: str) -> str:
    path = outcome.folder / name
    return outcome.filtered(path.read_text()) if path.exists() else f"missing: {name}"


def file_names(outcome: Outcome, _: str) -> list[str]:
    found = (path.relative_to(outcome.folder) for path in outcome.folder.rglob("*") if path.is_file())
    return sorted(str(path) for path in found if "__pycache__" not in path.parts)


VIEWS: dict[str, Callable[[Outcome, str], Any]] = {
    "trace": trace,
    "trace.set": lambda outcome, _: sorted(set(trace(outcome, ""))),
    "trace.first": lambda outcome, count: trace(outcome, "")[: int(count)],
    "stdout": lines(lambda outcome: outcome.stdout),
    "stderr": lines(lambda outcome: outcome.stderr),
    "stdout.match": matching(lambda outcome: outcome.stdout),
    "stderr.match": matching(lambda outcome: outcome.stderr),
    "log": log,
    "table": last_table,
    "table.live": first_table,
    "percentiles": percentiles,
    "errors": errors,
    "csv": csv_form,
    "json": json_form,
    "file": file_text,
    "files": file_names,
}
