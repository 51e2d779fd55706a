"""The logs that workers send, as the page shows them: a worker sends all the lines it keeps, the page wants the new ones."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

_LEVEL = re.compile(r"/(DEBUG|INFO|WARNING|ERROR|CRITICAL)/")


def new_lines(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """The lines of `after` that follow those of `before`, whose first lines may be gone from it."""
    for gone in range(len(before)):
        kept = len(before) - gone
        if list(before[gone:]) == list(after[:kept]):
            return list(after[kept:])
    return list(after)


def level_of(line: str) -> int:
    """The level that a line of Locust's format names; that of information if it names none."""
    named = _LEVEL.search(line.partition("\n")[0])
    return getattr(logging, named[1]) if named else logging.INFO
