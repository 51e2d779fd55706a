"""The comparison as text for a terminal, and as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from .compare import Comparison, Difference
from .sides import Account, Entry

HEADS = ("# reqs", "# fails", "fail %", "50%", "95%", "99%", "max", "/user/s")
WIDTH = 80
LONGEST_NAME = WIDTH
KINDS = {
    "exit code": "Exit code",
    "name": "Requested by one side only",
    "share": "Another share of the requests",
    "failures": "Another share of failures",
    "rate": "Another pace",
    "failure": "Failures of one side only",
    "exception": "Exceptions of one side only",
    "log": "Log lines (WARNING and above) of one side only",
}


def text(real: Account, ours: Account, found: Comparison) -> str:
    """Both tables in one, then the differences and the notes."""
    blocks = [table(real, ours), *costs(real, ours)]
    if found.differences:
        blocks += ["", "Differences", *listed(found.differences)]
    else:
        blocks += ["", "No difference that chance does not explain.", *little_seen(real, ours)]
    if found.notes:
        blocks += ["", "Too rare to tell, or a matter of the generator's speed", *listed(found.notes)]
    return "\n".join(blocks)


def table(real: Account, ours: Account) -> str:
    names = list(dict.fromkeys([*real.entries, *ours.entries]))
    sides = {account.side: f"{account.side} {account.version}" for account in (real, ours)}
    side_width = 2 + max(map(len, sides.values()))
    lines = [" ".join([" " * side_width, *(f"{head:>7}" for head in HEADS)])]
    for name in [*names, None]:
        label = "Aggregated" if name is None else name
        lines.append(label if len(label) <= LONGEST_NAME else label[: LONGEST_NAME - 1] + "…")
        for account in (real, ours):
            entry = account.total if name is None else account.entries.get(name)
            cells = [f"{cell:>7}" for cell in cells_of(entry, account)]
            lines.append(" ".join([f"  {sides[account.side]}".ljust(side_width), *cells]))
    return "\n".join(lines)


def little_seen(real: Account, ours: Account) -> Iterable[str]:
    """What somebody should know who takes the absence of differences for good news."""
    if not real.total.requests and not ours.total.requests:
        yield "Neither side made a request, so there was little to compare."
    elif real.total.failures == real.total.requests and ours.total.failures == ours.total.requests:
        yield "Every request failed, on both sides. The most frequent failure:"
        most = max(real.errors.items(), key=lambda pair: pair[1], default=("(not told)", 0))[0]
        yield from wrapped(f"  {most}")


def cells_of(entry: Entry | None, account: Account) -> list[str]:
    if entry is None:
        return ["-"] * len(HEADS)
    share = f"{100 * entry.failures / entry.requests:.1f}" if entry.requests else "-"
    times = [entry.percentile(part) for part in (0.5, 0.95, 0.99)]
    pace = f"{entry.requests / account.user_seconds:.3g}" if account.user_seconds else "-"
    shown = ["-" if time is None else f"{time:.0f}" for time in times]
    return [f"{entry.requests}", f"{entry.failures}", share, *shown, f"{entry.max:.0f}", pace]


def costs(real: Account, ours: Account) -> Iterable[str]:
    yield ""
    for account in (real, ours):
        per_request = micros_per_request(account)
        cost = "-" if per_request is None else f"{per_request:,.0f} µs of CPU per request"
        yield f"{account.side} {account.version}: {cost} ({account.cpu:.2f} s of CPU during the test)"
        codes = ", ".join(map(str, account.codes))
        yield f"  exit code {codes}, exceptions in tasks {sum(account.exceptions.values())}"


def micros_per_request(account: Account) -> float | None:
    requests = account.total.requests
    return account.cpu / requests * 1e6 if requests else None


def listed(differences: list[Difference]) -> Iterable[str]:
    for kind, title in KINDS.items():
        lines = [one for one in differences if one.kind == kind]
        if lines:
            yield f"  {title}"
        for one in lines:
            about = f"{one.about}: " if one.about else ""
            yield from wrapped(f"    {about}locust {one.locust}, gregaria {one.gregaria}")


def wrapped(line: str) -> list[str]:
    """The line at most `WIDTH` long; what is over stands below it, further in."""
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(
        line,
        WIDTH,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def as_json(real: Account, ours: Account, found: Comparison) -> str:
    data = {
        "locust": account_data(real),
        "gregaria": account_data(ours),
        "differences": [asdict(one) for one in found.differences],
        "notes": [asdict(one) for one in found.notes],
    }
    return json.dumps(data, indent=2, ensure_ascii=False)


def account_data(account: Account) -> dict[str, Any]:
    return {
        "version": account.version,
        "exit_codes": account.codes,
        "user_seconds": round(account.user_seconds, 3),
        "cpu_seconds": round(account.cpu, 3),
        "cpu_microseconds_per_request": micros_per_request(account),
        "requests": {name: entry_data(entry) for name, entry in account.entries.items()},
        "total": entry_data(account.total),
        "failures": account.errors,
        "exceptions": account.exceptions,
        "log": account.logs,
    }


def entry_data(entry: Entry) -> dict[str, Any]:
    return {
        "requests": entry.requests,
        "failures": entry.failures,
        "median": entry.percentile(0.5),
        "95%": entry.percentile(0.95),
        "99%": entry.percentile(0.99),
        "max": entry.max,
    }
