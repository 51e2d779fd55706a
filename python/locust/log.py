"""Logging of the program: the format of its lines, where they go, and what counts as a crash."""

from __future__ import annotations

import logging
import logging.config
import os
import socket
import sys
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import _shown

if TYPE_CHECKING:
    from gevent import Greenlet

HOSTNAME = socket.gethostname().partition(".")[0]

LOG_LINES_KEPT = 500

LINE = f"[%(asctime)s] {HOSTNAME}/%(levelname)s/%(name)s: %(message)s"

unhandled_greenlet_exception = False
"""Set when a listener or a background greenlet raised; the program then exits with code 2 unless there is a
stronger reason."""


Follower = Callable[[str, int, float], None]
"""Hears of each record of the log: the formatted line, its level, and when (unix seconds)."""

_followers: list[Follower] = []


class ShownFormatter(logging.Formatter):
    """Formats without passwords of URLs and tokens: log files are kept, collected, and shown by the web interface."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        return _shown.text(super().format(record))


def say_on_terminal(name: str, message: str, level: int = logging.INFO) -> None:
    """Says on stderr, in the form of the log and if its level allows it, what no log may hold: no handler gets it."""
    logger = logging.getLogger(name)
    if not logger.isEnabledFor(level) and logger.hasHandlers():
        return
    record = logger.makeRecord(name, level, "", 0, message, (), None)
    sys.stderr.write(logging.Formatter(LINE).format(record) + "\n")
    sys.stderr.flush()


class LogReader(logging.Handler):
    """Keeps the last lines in memory, for the web interface, and tells followers of new ones."""

    def __init__(self) -> None:
        super().__init__()
        self.logs: deque[str] = deque(maxlen=LOG_LINES_KEPT)
        self.records: deque[tuple[str, int, float]] = deque(maxlen=LOG_LINES_KEPT)

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps one line."""
        line = self.format(record)
        self.logs.append(line)
        self.records.append((line, record.levelno, record.created))
        for follower in tuple(_followers):
            follower(line, record.levelno, record.created)


def setup_logging(loglevel: str, logfile: str | None = None) -> None:
    """Sends the log to stderr or to a file, whose directory is made if need be.

    The tables of statistics always go to stderr, without a prefix and whatever the level is. Raises `OSError`
    if the file cannot be written.
    """
    level = loglevel.upper()
    handlers: dict[str, dict[str, Any]] = {
        "console": {"class": "logging.StreamHandler", "formatter": "default"},
        "console_plain": {"class": "logging.StreamHandler", "formatter": "plain"},
        "log_reader": {"class": "locust.log.LogReader", "formatter": "default"},
    }
    lines_go_to = ["console", "log_reader"]
    if logfile:
        if directory := os.path.dirname(logfile):
            os.makedirs(directory, exist_ok=True)
        # Opened here for a plain OSError; dictConfig would wrap it.
        with open(logfile, "a", encoding="utf-8"):
            pass
        handlers["file"] = {"class": "logging.FileHandler", "filename": logfile, "formatter": "default"}
        lines_go_to = ["file", "log_reader"]
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "default": {"class": "locust.log.ShownFormatter", "format": LINE},
                "plain": {"class": "locust.log.ShownFormatter", "format": "%(message)s"},
            },
            "handlers": handlers,
            "loggers": {
                "locust": {"handlers": lines_go_to, "level": level, "propagate": False},
                "locust.stats_logger": {
                    "handlers": ["console_plain", "log_reader"],
                    "level": "INFO",
                    "propagate": False,
                },
            },
            "root": {"handlers": lines_go_to, "level": level},
        }
    )


def get_logs() -> list[str]:
    """The last lines of the log; empty before `setup_logging`."""
    reader = _reader()
    return [] if reader is None else list(reader.logs)


def follow(follower: Follower) -> None:
    """Tells `follower` of the lines that are kept, and from now on of each new one."""
    reader = _reader()
    for record in tuple(reader.records) if reader is not None else ():
        follower(*record)
    _followers.append(follower)


def unfollow(follower: Follower) -> None:
    """Ends `follow`; does nothing if it was not called."""
    if follower in _followers:
        _followers.remove(follower)


def _reader() -> LogReader | None:
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LogReader):
            return handler
    return None


def greenlet_exception_logger(
    logger: logging.Logger, level: int = logging.CRITICAL
) -> Callable[[Greenlet], None]:
    """A function for `Greenlet.link_exception` that logs what ended the greenlet and remembers that it
    happened.

    `sys.exit()` in a greenlet is told quietly: at most at INFO, its call stack at DEBUG.
    """

    def handler(greenlet: Greenlet) -> None:
        global unhandled_greenlet_exception
        exc_info = greenlet.exc_info
        if issubclass(exc_info[0], SystemExit):
            logger.log(
                min(logging.INFO, level),
                "sys.exit(%s) called (use log level DEBUG for callstack)",
                exc_info[1],
            )
            level_of_trace = logging.DEBUG
        else:
            level_of_trace = level
        logger.log(level_of_trace, "Unhandled exception in greenlet: %s", greenlet, exc_info=exc_info)
        unhandled_greenlet_exception = True

    return handler
