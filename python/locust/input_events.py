"""Keys pressed in the terminal while a test runs."""

from __future__ import annotations

import logging
import os
import sys
import termios
import tty
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from gevent import socket


def input_listener(key_to_func_map: Mapping[str, Callable[[], object]]) -> Callable[[], None]:
    """A function, to be run in a greenlet, that calls the function of each key that is pressed.

    It returns at once if stdin is no terminal of ours, and when stdin ends. While it runs the terminal hands
    over single keys without showing them; killing the greenlet restores it.
    """

    def listen() -> None:
        try:
            with _single_keys() as descriptor:
                _serve_keys(descriptor, key_to_func_map)
        except _NoTerminalError as e:
            logging.debug(e)
        except Exception as e:
            logging.warning(f"Exception in keyboard input poller: {e}")

    return listen


class _NoTerminalError(Exception):
    pass


def _serve_keys(descriptor: int, functions: Mapping[str, Callable[[], object]]) -> None:
    while True:
        # Other greenlets go on meanwhile, and nothing wakes up until a key is pressed.
        socket.wait_read(descriptor)
        keys = os.read(descriptor, 1024)
        if not keys:
            return
        for key in keys.decode(errors="ignore"):
            if function := functions.get(key):
                function()


@contextmanager
def _single_keys() -> Iterator[int]:
    try:
        descriptor = sys.stdin.fileno()
        usable = os.isatty(descriptor) and not _in_background(descriptor)
    except (AttributeError, OSError, ValueError):
        usable = False  # Closed or replaced.
    if not usable:
        # In the background, touching the terminal would stop the process.
        raise _NoTerminalError("Terminal was not a tty. Keyboard input disabled")
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor, termios.TCSANOW)
    try:
        yield descriptor
    finally:
        termios.tcsetattr(descriptor, termios.TCSANOW, before)


def _in_background(terminal: int) -> bool:
    """Whether the terminal belongs to somebody else now, as after `locust … &`."""
    try:
        return os.tcgetpgrp(terminal) != os.getpgrp()
    except OSError:
        # Not the one that controls this process, so nobody shares it.
        return False
