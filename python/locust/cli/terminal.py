"""The block of figures at the foot of the terminal in which the program was started: whether there is one, and giving the terminal back.

What it shows and how it is painted is native (crates/terminal); no request and no line of output passes through it.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import re
import signal
import sys
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import _engine, input_events
from .._switches import is_on
from . import web

if TYPE_CHECKING:
    from .run import Run

PLAIN = "LOCUST_PLAIN"
_STDIN, _STDOUT, _STDERR = 0, 1, 2


def open_block(run: Run) -> Block | None:
    """The block of this run; None: there is to be none, and what is printed is what Locust prints. To be called before the run is
    recorded."""
    options = run.options
    if run.recorder is None or options.worker or options.skip_log_setup or not _is_wanted():
        return None
    page = web.address(options) if run.web_ui is not None else None
    try:
        native = _engine.TerminalBlock(
            colours=not os.environ.get("NO_COLOR"),
            unicode=_shows_unicode(),
            keys=os.isatty(_STDIN),
            page=page,
        )
    except OSError:
        return None
    run.recorder.native.add_block(native)
    return Block(native)


def _is_wanted() -> bool:
    if is_on(PLAIN, other=True) or is_on("CI", other=True):
        return False
    if os.environ.get("TERM", "") in ("", "dumb"):
        return False
    # In the background the terminal is somebody else's.
    return os.isatty(_STDOUT) and os.isatty(_STDERR) and not input_events.in_background(_STDOUT)


def _shows_unicode() -> bool:
    """Whether the terminal reads UTF-8, as far as anybody says so: Python has to write it, and the locale has to name it.

    Python alone says nothing: where the locale is C, or there is none, it writes UTF-8 all the same (PEP 538 and 540).
    """
    try:
        writes = codecs.lookup(sys.__stdout__.encoding).name == "utf-8"  # type: ignore[union-attr]
    except (AttributeError, LookupError, TypeError):
        return False
    given = _given_environment()
    wanted = (given.get("PYTHONIOENCODING", "").partition(":")[0], given.get("PYTHONUTF8") == "1")
    return writes and (any(wanted) or names_utf8(given))


def names_utf8(environment: Mapping[str, str]) -> bool:
    """Whether the locale that these variables ask for is one of UTF-8."""
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        if locale := environment.get(name):
            return re.search(r"utf-?8", locale, re.IGNORECASE) is not None
    # macOS's terminals read nothing else, and do not always say so.
    return sys.platform == "darwin"


def _given_environment() -> Mapping[str, str]:
    """The variables as the program got them: Python itself sets `LC_CTYPE` where the locale is C."""
    try:
        with open("/proc/self/environ", "rb") as file:
            pairs = [os.fsdecode(entry).partition("=") for entry in file.read().split(b"\0") if entry]
    except OSError:
        return os.environ
    return {name: value for name, _, value in pairs}


class Block:
    """An open block, with what signals do to it."""

    def __init__(self, native: Any) -> None:
        self._native = native
        self._usual: dict[int, Any] = {}
        if threading.current_thread() is not threading.main_thread():
            # Only there may somebody say what happens at a signal.
            return
        self._handle(signal.SIGWINCH, self._resized)
        self._handle(signal.SIGCONT, self._continued)
        if signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL:
            self._handle(signal.SIGTSTP, self._suspended)

    def close(self) -> None:
        """Gives the terminal back for good."""
        self._native.close()
        for number, usual in self._usual.items():
            with contextlib.suppress(TypeError, ValueError):
                signal.signal(number, usual)
        self._usual.clear()

    def _handle(self, number: int, handler: Any) -> None:
        self._usual[number] = signal.signal(number, handler)

    def _pass_on(self, number: int, frame: Any) -> None:
        usual = self._usual.get(number)
        if callable(usual):
            usual(number, frame)

    def _resized(self, number: int, frame: Any) -> None:
        self._pass_on(number, frame)
        self._native.resized()

    def _continued(self, number: int, frame: Any) -> None:
        self._pass_on(number, frame)
        self._go_on()

    def _go_on(self) -> None:
        input_events.take_again()
        self._native.resume()

    def _suspended(self, _number: int, _frame: Any) -> None:
        self._native.pause()
        input_events.give_back()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        # To this thread: it stops here, and goes on here.
        signal.raise_signal(signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._suspended)
        # The system may have refused to stop a process whose shell is gone.
        self._go_on()
