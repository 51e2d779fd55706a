"""What comes from another node is looked at before it is believed.

Nodes may run other versions, be written in other languages, or be no nodes at all. What does not have the form that the
protocol demands raises `Malformed`; whoever receives messages logs that and goes on.
"""

from __future__ import annotations

import math
from typing import Any

MOST_LOG_LINES = 500
MOST_LOG_TEXT = 256 << 10
MOST_TEXT = 1 << 20


class Malformed(ValueError):
    """A message without the form that it should have."""


def mapping(data: Any, what: str = "data") -> dict[Any, Any]:
    """A map."""
    if not isinstance(data, dict):
        raise Malformed(f"{what} must be a map, but is {_kind(data)}")
    return data


def text(data: dict[Any, Any], key: str, most: int = MOST_TEXT) -> str:
    """The text of a key, cut to a sensible length."""
    value = data.get(key)
    if not isinstance(value, str):
        raise Malformed(f"{key} must be a text, but is {_kind(value)}")
    return value[:most]


def number(data: dict[Any, Any], key: str) -> float:
    """The finite number of a key."""
    value = data.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise Malformed(f"{key} must be a number, but is {_kind(value)}")
    return value


def user_counts(data: Any) -> dict[str, int]:
    """How many users of each class."""
    counts = mapping(data, "user_classes_count")
    for name, count in counts.items():
        if not isinstance(name, str) or isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise Malformed(f"user_classes_count has {name!r}: {count!r}")
    return counts


def report(data: Any) -> dict[Any, Any]:
    """A worker's report, as far as its outer form goes; the statistics in it are checked when they are merged."""
    outer = mapping(data, "the report")
    for key, kind in (("stats", list), ("stats_total", dict), ("errors", dict)):
        if not isinstance(outer.get(key), kind):
            raise Malformed(f"{key} must be a {kind.__name__}, but is {_kind(outer.get(key))}")
    if "user_classes_count" in outer:
        user_counts(outer["user_classes_count"])
    return outer


def log_lines(data: Any) -> list[str]:
    """The last lines of a worker's log."""
    lines = mapping(data).get("logs")
    if not isinstance(lines, list):
        raise Malformed(f"logs must be a list, but is {_kind(lines)}")
    kept: list[str] = []
    room = MOST_LOG_TEXT
    for line in reversed(lines[-MOST_LOG_LINES:]):
        kept.append(str(line)[:10_000])
        room -= len(kept[-1])
        if room < 0:
            kept.pop()
            break
    return kept[::-1]


def _kind(value: Any) -> str:
    return "missing" if value is None else type(value).__name__
