"""Keeps it from a script that users without a trace share greenlets.

A user that waits gives its greenlet back unless a task has left something on it (`crates/python/src/user/lending.rs`). Three
things a script can hold on to leave nothing there: the number of a greenlet, which gevent also gives out as the number of
a thread; the object's `id`; and a lock of which the owner is known by that number. Importing this module makes them leave
a trace; it has to be imported after gevent has patched the standard library, or has been told not to.
"""

from __future__ import annotations

import _thread
import functools
import sys
import threading
from typing import Any

import gevent
from gevent import monkey
from greenlet import getcurrent


def _mark(greenlet: Any) -> None:
    greenlet._known_to_script = True


@functools.wraps(getcurrent)
def _getcurrent() -> Any:
    greenlet = getcurrent()
    _mark(greenlet)
    return greenlet


def _marking_get_ident(original: Any) -> Any:
    @functools.wraps(original)
    def get_ident() -> int:
        # The module asks for its own locks' sake all the time; those are seen to below.
        caller = sys._getframe().f_back
        if caller is None or caller.f_globals is not threading.__dict__:
            _mark(getcurrent())
        return int(original())

    return get_ident


def _remember_holder(lock_class: Any) -> None:
    """Makes locks that know their owner by number hold on to its greenlet for as long as they are held."""
    take, give = lock_class.acquire, lock_class.release

    @functools.wraps(take)
    def acquire(self: Any, blocking: bool = True, timeout: float = -1) -> bool:
        taken = take(self, blocking, timeout)
        if taken:
            try:
                self._holder = getcurrent()
            except RuntimeError:
                pass  # The interpreter ends, and an object's `__del__` takes a lock; there are no users any more.
        return bool(taken)

    @functools.wraps(give)
    def release(self: Any) -> None:
        give(self)
        if not self._is_owned():
            self._holder = None

    lock_class.acquire = lock_class.__enter__ = acquire
    lock_class.release = release


gevent.getcurrent = _getcurrent
if monkey.is_module_patched("threading"):
    threading.get_ident = _thread.get_ident = _marking_get_ident(threading.get_ident)
    _remember_holder(threading._PyRLock)  # type: ignore[attr-defined]
