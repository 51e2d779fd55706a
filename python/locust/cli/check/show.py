"""Verdicts as text for people and as JSON for programs."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Sequence

from .finding import Finding, Verdict
from .rules import DIFFERS, RULES

_WIDTH = 80
_LINES_SHOWN = 5


def as_json(verdicts: Sequence[Verdict]) -> str:
    """One object with everything."""
    return json.dumps({"files": [verdict.as_dict() for verdict in verdicts]}, indent=2)


def text(verdicts: Sequence[Verdict]) -> str:
    """A paragraph for each file."""
    return "\n\n".join(_one(verdict) for verdict in verdicts)


def _one(verdict: Verdict) -> str:
    lines = [f"{_short(verdict.file)}: {_headline(verdict)}"]
    if verdict.problem is not None:
        lines.append(textwrap.indent(verdict.problem, "    "))
    ordered = sorted(RULES, key=lambda rule: RULES[rule].level != DIFFERS)
    for rule in ordered:
        found = [finding for finding in verdict.findings if finding.rule == rule]
        if found:
            lines += ["", *_group(rule, found)]
    return "\n".join(lines)


def _headline(verdict: Verdict) -> str:
    if verdict.problem is not None:
        return "cannot be run"
    differs = len({finding.rule for finding in verdict.findings if finding.about.level == DIFFERS})
    notes = len({finding.rule for finding in verdict.findings}) - differs
    told = "runs as is" if not differs else f"{differs} {'thing' if differs == 1 else 'things'} will differ"
    if notes:
        told += f" ({notes} {'note' if notes == 1 else 'notes'})"
    if verdict.skipped:
        return f"{told}; {verdict.skipped}"
    if not verdict.users:
        return f"{told}; defines no User class"
    names = verdict.users + verdict.shapes
    return f"{told}; {', '.join(names[:6])}{', …' if len(names) > 6 else ''}"


def _group(rule: str, found: list[Finding]) -> list[str]:
    level = "differs" if RULES[rule].level == DIFFERS else "note"
    lines = [
        f"  {level:<8}{_short(one.file)}:{one.line}: {one.what}"
        if number == 0
        else f"  {'':<8}{_short(one.file)}:{one.line}: {one.what}"
        for number, one in enumerate(found[:_LINES_SHOWN])
    ]
    if len(found) > _LINES_SHOWN:
        lines.append(f"  {'':<8}and {len(found) - _LINES_SHOWN} more")
    about = RULES[rule].why + (f" [{RULES[rule].difference}]" if RULES[rule].difference else "")
    return lines + textwrap.wrap(about, _WIDTH, initial_indent=" " * 12, subsequent_indent=" " * 12)


def _short(path: str) -> str:
    near = os.path.relpath(path)
    return path if near.startswith("..") else near
