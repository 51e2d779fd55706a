"""A long table on the console: laid out by a thread of its own, printed bit by bit, since users run on meanwhile."""

from __future__ import annotations

import time
from logging import Logger
from typing import TYPE_CHECKING, Any

import gevent
from gevent.socket import wait_read

from . import _engine

if TYPE_CHECKING:
    from .stats import RequestStats

# A table of so many names takes about a millisecond.
SHORT = 64
SLICE_SECONDS = 0.001
LINES_AT_A_TIME = 16

# Not the one that scripts and tests replace: this is no pause between two tables.
_let_others_run = gevent.sleep


class LongTable:
    """The main table of some statistics, again and again."""

    def __init__(self, stats: RequestStats, logger: Logger) -> None:
        self._stats = stats
        self._logger = logger
        self._maker: Any = None

    def is_short(self) -> bool:
        """Whether it can as well be printed at one go."""
        return self._stats._entry_mark()[0] <= SHORT

    def print(self, type_width: int, name_width: int) -> None:
        """Prints it as it is now, and an empty line."""
        self._maker = self._maker or _engine.TableMaker()
        self._maker.make(self._stats, True, type_width, name_width)
        wait_read(self._maker.descriptor)
        began = time.perf_counter()
        while lines := self._maker.take(LINES_AT_A_TIME):
            for line in lines:
                self._logger.info(line)
                if time.perf_counter() - began >= SLICE_SECONDS:
                    # With a timer: what only takes turns could keep the loop from looking at sockets.
                    _let_others_run(SLICE_SECONDS)
                    began = time.perf_counter()
        self._logger.info("")
