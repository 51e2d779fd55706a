"""Keys pressed in the terminal while a test runs."""

from __future__ import annotations

import logging
import os
import sys
import termios
import tty
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import gevent
from gevent import select, socket


def input_listener(key_to_func_map: Mapping[str, Callable[[], object]]) -> Callable[[], None]:
    """A function, to be run in a greenlet, that calls the function of each key that is pressed.

    It returns at once if stdin is no terminal of ours, and when stdin ends. While it runs the terminal hands
    over single keys without showing them; killing the greenlet restores it.
    """

    def listen() -> None:
        if get_poller is not _GET_POLLER:
            _poll(key_to_func_map)
            return
        try:
            with _single_keys() as descriptor:
                _serve_keys(descriptor, key_to_func_map)
        except _NoTerminalError as e:
            logging.debug(e)
        except Exception as e:
            logging.warning(f"Exception in keyboard input poller: {e}")

    return listen


class InitError(Exception):
    """There is no terminal to read keys from."""


_NoTerminalError = InitError


class UnixKeyPoller:
    """One key after another, for scripts that ask by themselves; `InitError` without a terminal."""

    def __init__(self) -> None:
        self._keys = _single_keys()
        self._descriptor = self._keys.__enter__()

    def poll(self) -> str | None:
        """The next key that was pressed; None if there is none."""
        ready, _, _ = select.select([self._descriptor], [], [], 0)
        return os.read(self._descriptor, 1).decode(errors="ignore") or None if ready else None

    def cleanup(self) -> None:
        """Restores the terminal."""
        self._keys.__exit__(None, None, None)


def get_poller() -> Any:
    """What keys come from where a script has put its own in the place of this."""
    return UnixKeyPoller()


_GET_POLLER = get_poller


def _poll(functions: Mapping[str, Callable[[], object]]) -> None:
    try:
        poller = get_poller()
    except InitError as e:
        logging.debug(e)
        return
    try:
        while True:
            key = poller.poll()
            if not key:
                gevent.sleep(0.2)
            elif function := functions.get(key):
                function()
    except Exception as e:
        logging.warning(f"Exception in keyboard input poller: {e}")
    finally:
        poller.cleanup()


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
        usable = os.isatty(descriptor) and not in_background(descriptor)
    except (AttributeError, OSError, ValueError):
        usable = False  # Closed or replaced.
    if not usable:
        # In the background, touching the terminal would stop the process.
        raise _NoTerminalError("Terminal was not a tty. Keyboard input disabled")
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor, termios.TCSANOW)
    _taken[descriptor] = before
    try:
        yield descriptor
    finally:
        _taken.pop(descriptor, None)
        termios.tcsetattr(descriptor, termios.TCSANOW, before)


# Terminals that hand over single keys at present, and how they were set before.
_taken: dict[int, Any] = {}


def give_back() -> None:
    """Sets the terminals as they were: the program is about to be stopped by a key, and their shell goes on."""
    for descriptor, before in _taken.items():
        with suppress(OSError, termios.error):
            termios.tcsetattr(descriptor, termios.TCSANOW, before)


def take_again() -> None:
    """Has them hand over single keys again, unless they are somebody else's."""
    for descriptor in _taken:
        with suppress(OSError, termios.error):
            if not in_background(descriptor):
                tty.setcbreak(descriptor, termios.TCSANOW)


def in_background(terminal: int) -> bool:
    """Whether the terminal belongs to somebody else now, as after `locust … &`."""
    try:
        return os.tcgetpgrp(terminal) != os.getpgrp()
    except OSError:
        # Not the one that controls this process, so nobody shares it.
        return False
