"""Lines in the log about what other nodes send. Whatever and however much that is, the log stays finite and can be read."""

from __future__ import annotations

import logging
import time
import traceback

logger = logging.getLogger("locust.runners")

# Lines that may come one after the other, and how many more there are with each second.
BURST = 1_000
PER_SECOND = 1.0
MOST_CHARACTERS = 500
MOST_TRACEBACK_LINES = 40


def printable(text: str, most: int = MOST_CHARACTERS) -> str:
    """The text on one line, cut, with characters that a terminal would obey written out."""
    kept = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:most])
    return kept if len(text) <= most else f"{kept}… ({len(text)} characters)"


class Words:
    """Writes such lines. All of them share one limit."""

    def __init__(self) -> None:
        self._room = float(BURST)
        self._since = time.monotonic()
        self._left_out = 0

    def say(self, level: int, text: str, where: logging.Logger = logger) -> None:
        """Logs one line, if there is room for it."""
        if where.isEnabledFor(level) and self._is_room():
            where.log(level, "%s", printable(text))

    def say_exception(self, text: str, where: logging.Logger = logger) -> None:
        """The same with the traceback of the exception that is being handled."""
        if self._is_room():
            lines = traceback.format_exc().splitlines()[-MOST_TRACEBACK_LINES:]
            where.error("%s", "\n".join(map(printable, [text, *lines])))

    def _is_room(self) -> bool:
        now = time.monotonic()
        self._room = min(BURST, self._room + (now - self._since) * PER_SECOND)
        self._since = now
        if self._room < 1:
            self._left_out += 1
            return False
        self._room -= 1
        if self._left_out:
            logger.warning(f"{self._left_out} lines about messages of other nodes were left out")
            self._left_out = 0
        return True
