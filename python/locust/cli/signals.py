"""SIGINT and SIGTERM, so that neither is lost: not to a task that never yields, nor to an `except` in a
script.

A Python signal handler runs inside whatever code happens to run; raising KeyboardInterrupt there loses it
whenever that code is a background greenlet, a weak reference's callback or somebody's `except:`. And a
handler of the event loop never runs while a task does not yield. So a signal only *asks*, and a watchdog sees
to it that somebody listens:

1. The interpreter's C handler writes the signal's number to a pipe (`signal.set_wakeup_fd`), whatever else
   goes on.
2. The watchdog, a thread of the operating system, reads it and wakes gevent's hub, which sets `stop`.
3. The main greenlet, waiting for `stop`, says `taken()` and begins the exit sequence.
4. If that does not happen within `PATIENCE` seconds, the watchdog has KeyboardInterrupt raised in the Python
   code that keeps the hub from running; not in what the end of the run needs, such as a master's ear for its
   workers. While users are being stopped it goes on watching, but then it
   interrupts users only, and not in their `on_stop`: listeners may take their time.
5. A second signal sets `hurry` (do not wait for running tasks), and interrupts any code after `IMPATIENCE`
   seconds.

Nothing here logs: the watchdog is no greenlet, and a handler may run while the log is locked.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from enum import Enum
from types import FrameType
from typing import Any

import gevent
from gevent import monkey
from gevent.event import Event

from .._steady import is_steady
from ..user.group import UserGreenlet

PATIENCE = 2.0
"""Seconds that code may keep the hub from taking the first signal."""
IMPATIENCE = 0.2
"""The same after a further signal."""
PATIENCE_LATER = 0.5
"""The same once some code had to be interrupted: where one task does not yield, the next will not either."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# The real ones: gevent's belong to the thread of the hub.
_select = monkey.get_original("select", "select")
_start_thread = monkey.get_original("_thread", "start_new_thread")
_get_ident = monkey.get_original("_thread", "get_ident")


class _Phase(Enum):
    RUNNING = "nobody has reacted to a signal yet"
    STOPPING = "users are being stopped"
    REPORTING = "only our own code runs"
    CLOSED = "signals are somebody else's again"


class StopSignals:
    """The signals of a run. Use it as a context manager in the main greenlet; one at a time.

    Where signals cannot be had (another thread than the main one) it does nothing, and Ctrl-C is
    KeyboardInterrupt as ever. A SIGINT handler that a script installed is left alone.
    """

    def __init__(self) -> None:
        self.stop = Event()
        """Set by the first signal."""
        self.hurry = Event()
        """Set by the second."""
        self.received: list[int] = []
        """The signals in the order of arrival."""
        self.interrupted = 0
        """How often running code had to be interrupted."""
        self._phase = _Phase.RUNNING
        self._previous: dict[int, Any] = {}
        self._previous_wakeup = -1
        self._pipe: tuple[int, int] | None = None
        self._notice: Any = None
        self._main_thread = _get_ident()
        # Rounds of asking the hub whether it still runs, and of its answers.
        self._asked = self._answered = 0
        # Set by the watchdog: the next call of our handler is its doing. True: interrupt any code, False:
        # users only.
        self._interrupt: bool | None = None
        # Signals of the watchdog that will appear in the pipe.
        self._echoes = 0

    # ------------------------------------------------------------------------------------------ main greenlet

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is not threading.main_thread():
            return self
        ours = [number for number in _SIGNALS if self._is_free(number)]
        read_end, write_end = self._pipe = os.pipe()
        os.set_blocking(write_end, False)
        hub = gevent.get_hub()
        # A KeyboardInterrupt that ends a greenlet is our own doing then: the hub need not print it.
        hub.NOT_ERROR = (*type(hub).NOT_ERROR, KeyboardInterrupt)
        self._notice = hub.loop.async_()
        self._notice.start(self._noticed)
        self._previous_wakeup = signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        for number in ours:
            self._previous[number] = signal.signal(number, self._handle)
        os.register_at_fork(after_in_child=self._close_in_child)
        _start_thread(self._watch, (read_end, frozenset(ours)))
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def taken(self) -> None:
        """Says that the main greenlet stops the run now."""
        if self._phase is _Phase.RUNNING:
            self._phase = _Phase.STOPPING

    def reporting(self) -> None:
        """Says that no code of scripts runs from now on: nothing is interrupted any more, up to the third
        signal."""
        if self._phase is not _Phase.CLOSED:
            self._phase = _Phase.REPORTING

    def close(self) -> None:
        """Gives the signals back. Does nothing the second time."""
        if self._pipe is None or self._phase is _Phase.CLOSED:
            return
        self._phase = _Phase.CLOSED
        signal.set_wakeup_fd(self._previous_wakeup)
        for number, previous in self._previous.items():
            if signal.getsignal(number) == self._handle:
                signal.signal(number, previous)
        self._notice.stop()
        self._notice.close()
        gevent.get_hub().__dict__.pop("NOT_ERROR", None)
        # The watchdog sees the end of the pipe, closes its own end, and ends.
        os.close(self._pipe[1])

    @staticmethod
    def _is_free(number: int) -> bool:
        return number != signal.SIGINT or signal.getsignal(number) is signal.default_int_handler

    def _close_in_child(self) -> None:
        """A forked process must not stop its parent through the pipe they share."""
        if self._pipe is None or self._phase is _Phase.CLOSED:
            return
        self._phase = _Phase.CLOSED
        signal.set_wakeup_fd(-1)
        for number, previous in self._previous.items():
            signal.signal(number, previous)
        for end in self._pipe:
            os.close(end)

    # ----------------------------------------------------------------------------------- hub and running code

    def _noticed(self) -> None:
        """In the hub, woken by the watchdog."""
        self._answered = self._asked
        if self.received:
            self.stop.set()
        if len(self.received) > 1:
            self.hurry.set()

    def _handle(self, _number: int, frame: FrameType | None) -> None:
        """In whatever code runs. The signal itself goes the way of the pipe; only what the watchdog sent
        counts."""
        interrupt, self._interrupt = self._interrupt, None
        if interrupt is None:
            if self._phase is _Phase.REPORTING and len(self.received) > 2:
                raise KeyboardInterrupt
            return
        if self._may_be_interrupted(gevent.getcurrent(), frame, any_code=interrupt):
            self.interrupted += 1
            raise KeyboardInterrupt

    def _may_be_interrupted(self, greenlet: Any, frame: FrameType | None, any_code: bool) -> bool:
        if len(self.received) > 1:
            return True
        if any_code:
            return not is_steady(greenlet, frame)
        return isinstance(greenlet, UserGreenlet) and not _is_in_on_stop(frame)

    # ----------------------------------------------------------------------------------------------- watchdog

    def _watch(self, read_end: int, ours: frozenset[int]) -> None:
        deadline: float | None = None
        while True:
            timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
            if _select([read_end], [], [], timeout)[0]:
                numbers = os.read(read_end, 256)
                if not numbers:
                    os.close(read_end)
                    return
                if arrived := self._arrivals(numbers, ours):
                    patience = PATIENCE if len(self.received) == arrived else IMPATIENCE
                    deadline = min(deadline or float("inf"), time.monotonic() + patience)
                    self._ask()
            if deadline is not None:
                deadline = self._next_deadline(deadline, min(ours))

    def _arrivals(self, numbers: bytes, ours: frozenset[int]) -> int:
        """Notes the signals that came from outside and counts them."""
        arrived = 0
        for number in numbers:
            if number not in ours:
                continue
            if self._echoes:
                self._echoes -= 1
            else:
                self.received.append(number)
                arrived += 1
        return arrived

    def _next_deadline(self, deadline: float, number: int) -> float | None:
        """When to look again; interrupts what stands in the way if it is time."""
        now = time.monotonic()
        if self._phase in (_Phase.REPORTING, _Phase.CLOSED):
            return None
        patience = PATIENCE_LATER if self.interrupted else PATIENCE
        if self._phase is _Phase.STOPPING and self._answered == self._asked:
            self._ask()
            return now + patience
        if now < deadline:
            return deadline
        self._interrupt = self._phase is _Phase.RUNNING or len(self.received) > 1
        self._echoes = 1
        # To this thread, so that a blocking system call ends too.
        signal.pthread_kill(self._main_thread, number)
        return now + patience

    def _ask(self) -> None:
        self._asked += 1
        try:
            self._notice.send()
        except Exception:
            # The main thread is closing the watcher this moment.
            pass


def _is_in_on_stop(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_name == "on_stop":
            return True
        frame = frame.f_back
    return False
