"""Where two accounts differ, as far as chance does not explain it.

The two runs are never the same: users choose their tasks at random and take their time. A difference is told when its
probability under chance is below about one in a thousand; what is seen too rarely to tell is a note.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from .sides import OURS, REAL, Account

# Expected so often on the other side, something that is not there at all is no accident (probability below e**-7).
EXPECTED = 7.0
# Standard deviations, and the relative size below which nobody cares.
SIGMAS = 4.0
SMALLEST = 0.10
SMALLEST_SHARE = 0.01
# From this share of its time on that a user waits for responses, the rate is a matter of the generator's speed.
BUSY = 0.5
# Log lines about the generator itself and the machine it runs on. The verdict is ours alone, and a matter of what else runs.
ABOUT_THE_GENERATOR = re.compile(
    r"CPU usage|open file limit|CPU threshold|^[A-Z]+/locust\.verdict: ", re.IGNORECASE
)


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same: what it is about, and how it is on either side."""

    kind: str
    about: str
    locust: str
    gregaria: str


@dataclass
class Comparison:
    """Differences, and what could be one but may be chance or is the generator's own."""

    differences: list[Difference] = field(default_factory=list)
    notes: list[Difference] = field(default_factory=list)


def compare(real: Account, ours: Account) -> Comparison:
    """Everything in which the two differ."""
    found = Comparison()
    compare_codes(found, real, ours)
    compare_names(found, real, ours)
    compare_rates(found, real, ours)
    # Failures and exceptions come with the requests, so they are expected in proportion to these.
    scale = ratio(ours.total.requests, real.total.requests)
    compare_texts(found, "failure", real.errors, ours.errors, scale)
    compare_texts(found, "exception", real.exceptions, ours.exceptions, scale)
    compare_logs(found, real.logs, ours.logs, scale)
    return found


def compare_codes(found: Comparison, real: Account, ours: Account) -> None:
    if sorted(set(real.codes)) != sorted(set(ours.codes)):
        found.differences.append(Difference("exit code", "", shown(real.codes), shown(ours.codes)))


def shown(codes: list[int]) -> str:
    return ", ".join(map(str, codes))


def compare_names(found: Comparison, real: Account, ours: Account) -> None:
    """Names missing on one side; else the name's share of all requests, and its share of failures."""
    total = {REAL: real.total.requests, OURS: ours.total.requests}
    for name in sorted({*real.entries, *ours.entries}):
        theirs, mine = real.entries.get(name), ours.entries.get(name)
        if theirs is None or mine is None:
            there, count = (OURS, mine.requests) if mine else (REAL, theirs.requests if theirs else 0)
            missing = OURS if there == REAL else REAL
            texts = {there: f"{count:,} requests", missing: "missing"}
            line = Difference("name", name, texts[REAL], texts[OURS])
            expected = count * ratio(total[missing], total[there])
            (found.differences if expected >= EXPECTED else found.notes).append(line)
            continue
        if unlike(theirs.requests, total[REAL], mine.requests, total[OURS]):
            texts = {
                side: f"{entry.requests / max(1, total[side]):.1%} of the requests"
                for side, entry in ((REAL, theirs), (OURS, mine))
            }
            found.differences.append(Difference("share", name, texts[REAL], texts[OURS]))
        if unlike(theirs.failures, theirs.requests, mine.failures, mine.requests):
            texts = {
                side: f"{entry.failures:,} of {entry.requests:,} fail"
                for side, entry in ((REAL, theirs), (OURS, mine))
            }
            found.differences.append(Difference("failures", name, texts[REAL], texts[OURS]))


def unlike(a: int, all_a: int, b: int, all_b: int) -> bool:
    """Whether the shares a/all_a and b/all_b differ by more than chance, and enough to matter."""
    if not all_a or not all_b:
        return False
    together = (a + b) / (all_a + all_b)
    apart = abs(a / all_a - b / all_b)
    deviation = math.sqrt(together * (1 - together) * (1 / all_a + 1 / all_b))
    return apart > SIGMAS * deviation and apart > SMALLEST_SHARE and apart > SMALLEST * together


def compare_rates(found: Comparison, real: Account, ours: Account) -> None:
    """Requests per user and second."""
    if not real.user_seconds or not ours.user_seconds:
        return
    rates = {REAL: real.total.requests / real.user_seconds, OURS: ours.total.requests / ours.user_seconds}
    apart = abs(rates[REAL] - rates[OURS])
    deviation = math.hypot(
        math.sqrt(real.total.requests) / real.user_seconds, math.sqrt(ours.total.requests) / ours.user_seconds
    )
    if apart <= SIGMAS * deviation or apart <= SMALLEST * max(rates.values()):
        return
    line = Difference(
        "rate", "", *(f"{rates[side]:.3g} requests per user and second" for side in (REAL, OURS))
    )
    busy = max(busy_share(real), busy_share(ours)) > BUSY
    (found.notes if busy else found.differences).append(line)


def busy_share(account: Account) -> float:
    """The part of the users' time in which they wait for responses."""
    return account.total.total_response_time / 1000 / account.user_seconds if account.user_seconds else 0.0


def compare_texts(
    found: Comparison, kind: str, real: Mapping[str, int], ours: Mapping[str, int], scale: float
) -> None:
    """Texts that only one side has. Numbers in them may differ."""
    theirs, mine = grouped(real), grouped(ours)
    for key in sorted({*theirs, *mine}):
        if key in theirs and key in mine:
            continue
        there = REAL if key in theirs else OURS
        text, count = (theirs if there == REAL else mine)[key]
        expected = count * (scale if there == REAL else ratio(1, scale))
        line = Difference(
            kind, text, *(f"{count:,} times" if side == there else "never" for side in (REAL, OURS))
        )
        (found.differences if expected >= EXPECTED else found.notes).append(line)


def compare_logs(found: Comparison, real: Mapping[str, int], ours: Mapping[str, int], scale: float) -> None:
    """Log lines that only one side has. A single one may be all there is of its kind, so one is enough."""
    theirs, mine = grouped(real), grouped(ours)
    for key in sorted({*theirs, *mine}):
        if key in theirs and key in mine:
            continue
        there = REAL if key in theirs else OURS
        text, count = (theirs if there == REAL else mine)[key]
        line = Difference(
            "log", text, *(f"{count:,} times" if side == there else "never" for side in (REAL, OURS))
        )
        (found.notes if ABOUT_THE_GENERATOR.search(text) else found.differences).append(line)


def grouped(texts: Mapping[str, int]) -> dict[str, tuple[str, int]]:
    """Texts that differ by numbers only, under one key: the first of them and how often they occur."""
    groups: dict[str, tuple[str, int]] = {}
    for text, count in texts.items():
        key = re.sub(r"0x[0-9a-fA-F]+|\d+(\.\d+)?", "N", text)
        first, before = groups.get(key, (text, 0))
        groups[key] = (first, before + count)
    return groups


def ratio(a: float, b: float) -> float:
    return a / b if b else 0.0
