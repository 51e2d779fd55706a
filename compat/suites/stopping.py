"""Ctrl-C and SIGTERM: what runs is ended, what waits is not begun, and nothing is left behind."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_asked = threading.Event()


class Stopped(Exception):
    """Somebody wants the program to end."""


def asked() -> bool:
    """Whether the program has been told to end. Threads that wait for processes look now and then."""
    return _asked.is_set()


def check() -> None:
    """Raises `Stopped` if nothing more is to be begun."""
    if asked():
        raise Stopped


@contextmanager
def on_signals() -> Iterator[None]:
    """Turns the signals into KeyboardInterrupt in the main thread and `Stopped` in the others."""

    def stop(_number: int, _frame: Any) -> None:
        _asked.set()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _asked.clear()
