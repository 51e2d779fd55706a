"""Words that do not exist, and the ones that may have been meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

# A list of more is no answer.
_MOST = 20


def hint(given: str, known: Iterable[str], closeness: float = 0.6) -> str:
    """A sentence that names the nearest of the known words; empty if none is near. Case does not keep words apart."""
    near = nearest(given, known, closeness)
    return f"Did you mean '{near}'?" if near else ""


def nearest(given: str, known: Iterable[str], closeness: float = 0.6) -> str | None:
    """The nearest of the known words; None if none is near. Case does not keep words apart."""
    by_lower = {word.lower(): word for word in known}
    near = difflib.get_close_matches(given.lower(), by_lower, n=1, cutoff=closeness)
    return by_lower[near[0]] if near else None


def listed(known: Iterable[str]) -> str:
    """The words that there are, a long list cut short."""
    words = sorted(known)
    more = f" and {len(words) - _MOST} more" if len(words) > _MOST else ""
    return ", ".join(words[:_MOST]) + more


def place_of(path: str, key: str) -> str:
    """A configuration file, and the line on which a key is set, if it can be found."""
    line = line_of(path, key)
    return path if line is None else f"{path}:{line}"


def line_of(path: str, key: str) -> int | None:
    """The line of a configuration file on which a key is set."""
    setting = re.compile(rf"\s*(--)?[\"']?{re.escape(key)}[\"']?\s*([=:\s]|$)")
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return next((number for number, line in enumerate(file, 1) if setting.match(line)), None)
    except OSError:
        return None
