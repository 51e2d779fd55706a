"""COMPATIBILITY.md, from compat/scoreboard.json and compat/differences.toml."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .differences import AREAS, Difference
from .record import Record, counts_of, failing
from .score import KINDS

HEAD = """\
# Compatibility with Locust 2.47

Scripts, options, environment variables, configuration files, exit codes, log lines, tables, CSV and JSON are Locust's. This page
says how much of that is proven by tests that others wrote, and what is **not** the same, with the reason and the test of it.
It is generated: `make compat` runs the tests on real Locust and on gregaria and writes it (compat/README.md).
"""


def page(suites: Mapping[str, Record], differences: Sequence[Difference]) -> str:
    """The whole page."""
    blocks = [HEAD, *scoreboard(suites), *left(suites), *tables(differences)]
    return "\n".join(block.rstrip("\n") + "\n" for block in blocks)


def scoreboard(suites: Mapping[str, Record]) -> Iterable[str]:
    if not suites:
        return
    yield "## The scoreboard"
    yield (
        "Of the tests that real Locust passes in the same environment, so many pass on gregaria. The *public part* is what goes\n"
        "through the `locust` command and the Python API that scripts use; the rest looks at Locust's internals."
    )
    rows = []
    for record in suites.values():
        counts = counts_of(record)
        split = has_parts(record)
        public = [
            str(counts[name]) if split else "" for name in ("public without distributed mode", "public")
        ]
        rows.append([record["title"], *public, str(counts["whole"])])
    yield table(["Suite", "Public part without distributed runs", "Public part", "All"], rows)


def has_parts(record: Record) -> bool:
    """Whether the suite distinguishes a public part from the rest."""
    return record["counts"]["whole"] != record["counts"]["public without distributed mode"]


def left(suites: Mapping[str, Record]) -> Iterable[str]:
    """The tests that the real one passes and ours does not."""
    for record in suites.values():
        missing = failing(record)
        if not missing:
            continue
        yield f"### What fails of: {record['title']}"
        rows: dict[tuple[str, str], list[str]] = {}
        for test, said in missing.items():
            rows.setdefault((reason(said), said.get("note", "")), []).append(test)
        yield table(
            ["Tests", "Reason", ""], [[names(tests), kind, note] for (kind, note), tests in rows.items()]
        )


def reason(said: Record) -> str:
    kind = KINDS.get(said.get("kind", ""), "unexplained")
    return f"{kind} (`{said['difference']}`)" if "difference" in said else kind


def names(tests: Sequence[str]) -> str:
    """Tests, those of one class together: `module::Class`: test, test."""
    groups: dict[str, list[str]] = {}
    for test in tests:
        place, _, name = test.rpartition("::")
        groups.setdefault(place, []).append(name)
    return "; ".join(f"`{place}` {len(found)}: {', '.join(found)}" for place, found in groups.items())


def tables(differences: Sequence[Difference]) -> Iterable[str]:
    todo = [one for one in differences if one.todo]
    if todo:
        yield "## Not there yet"
        yield table(["Part", "What happens"], [[one.locust, one.ours] for one in todo])
    yield "## Different on purpose"
    for area, title in AREAS.items():
        rows = [
            [one.locust, ours_of(one), one.why, ", ".join(f"`{test}`" for test in one.tests)]
            for one in differences
            if one.area == area and not one.todo
        ]
        if rows:
            yield f"### {title}"
            yield table(["Locust", "gregaria", "Why", "Test"], rows)


def ours_of(one: Difference) -> str:
    return f"{one.ours}. Locust's way: {one.restore}" if one.restore else one.ours


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)
