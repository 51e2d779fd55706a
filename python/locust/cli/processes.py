"""`--processes`: forks workers, early, so that each has its own connections, threads and files.

Each child goes on as a worker. The parent becomes their master or, with `--worker`, only waits for them. Children end with
their parent, however that ends.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import logging
import os
import signal
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Callable
from typing import Any, NoReturn

import gevent
from gevent import monkey

from .._distributed.access import share_with_children
from ..rpc.interfaces import own_address
from .table import exit_code

logger = logging.getLogger("locust.main")

# Seconds that children get to end by themselves, and after SIGINT, before they are killed.
PATIENCE = 3.0
PATIENCE_AFTER_SIGNAL = 10.0
_PR_SET_PDEATHSIG = 1
_waitpid: Callable[[int, int], tuple[int, int]] = monkey.get_original("os", "waitpid")

forked: Children | None = None
"""The workers of this process, if it has forked some and leads them."""


def fork(options: Namespace) -> None:
    """Forks what `--processes` asks for and turns `options` into those of the process that returns. With `--worker` the
    parent does not return: it leaves the program when all children have ended."""
    if not options.processes:
        return
    count = _count(options)
    if not options.worker:
        share_with_children()
    # What is there already is not looked at any more, so parent and children go on sharing its memory.
    gc.collect()
    gc.freeze()
    children = Children()
    try:
        with _CtrlCHeldBack():
            if not _fork(count, children):
                _become_worker(options)
                return
    except KeyboardInterrupt:
        if not children.are_ours():
            # The parent says what has happened.
            sys.exit(exit_code("INTERRUPTED"))
        children.abandon()
        raise
    if options.worker:
        children.wait_for_all()
    global forked
    forked = children
    options.master = True
    options.expect_workers = count
    atexit.register(children.end)


class _CtrlCHeldBack:
    """Within it Ctrl-C waits, in the parent and in its children.

    Raised in the middle of a fork, in one of the functions that Python and gevent run around it, it would be lost and complain
    on stderr. Python also forgets what arrives in a child before it has looked around there; so the system is to keep it. That
    is not enough where other threads may take the signal, for which there is a handler.
    """

    def __enter__(self) -> None:
        self._came = False
        # Only the main thread may say what happens at a signal.
        self._ours = threading.current_thread() is threading.main_thread()
        if self._ours:
            self._usual = signal.signal(signal.SIGINT, self._note)
            self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

    def _note(self, _number: int, _frame: Any) -> None:
        self._came = True

    def __exit__(self, *_exception: object) -> None:
        if not self._ours:
            return
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        signal.signal(signal.SIGINT, self._usual)
        if self._came:
            signal.raise_signal(signal.SIGINT)


def _fork(count: int, children: Children) -> bool:
    """Forks; whether this process is the parent."""
    parent = os.getpid()
    for _ in range(count):
        pid = gevent.fork()
        if not pid:
            _die_with(parent)
            return False
        children.add(pid)
        logger.debug(f"Started child worker with pid #{pid}")
    return True


def _count(options: Namespace) -> int:
    count = int(options.processes)
    if count == -1:
        count = os.cpu_count() or _stop("--processes failed to detect number of cpus!?")
    elif count < -1:
        _stop(f"Invalid --processes count {count}")
    elif options.master:
        _stop(
            "--master cannot be combined with --processes. Remove --master, as it is implicit as long as --worker is not set."
        )
    return count


def _become_worker(options: Namespace) -> None:
    if not options.worker:
        # The parent is the master, whatever is said of one elsewhere.
        options.master_host = own_address(options.master_bind_host)
        options.master_port = options.master_bind_port
    options.worker = True
    # What only the whole run has.
    options.run_time = None
    options.autostart = False
    options.csv_prefix = None
    options.stats_history_enabled = False
    options.html_file = None
    options.json = False
    options.json_file = None
    options.junit_file = None
    options.summary_md_file = None
    options.print_stats = False


def _die_with(parent: int) -> None:
    """Asks the system for a SIGTERM when the parent ends."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


class Children:
    """The processes that were forked."""

    def __init__(self) -> None:
        self._alive: list[int] = []
        self._parent = os.getpid()
        self.exit_code = 0
        """The largest of those that have ended; one that was killed counts as 128 plus the signal's number."""

    def are_ours(self) -> bool:
        """Whether this process is their parent, not one of them."""
        return os.getpid() == self._parent

    @property
    def alive(self) -> int:
        """How many have not ended, as far as was noted."""
        return len(self._alive)

    def add(self, pid: int) -> None:
        """One more."""
        self._alive.append(pid)

    def reap(self) -> bool:
        """Notes which have ended; whether all have."""
        for pid in tuple(self._alive):
            try:
                ended, status = _look_at(pid)
            except ChildProcessError:
                # Somebody else has asked for it.
                self._alive.remove(pid)
                continue
            if ended:
                self._alive.remove(pid)
                code = os.waitstatus_to_exitcode(status)
                self.exit_code = max(self.exit_code, code if code >= 0 else 128 - code)
        return not self._alive

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to those that are alive."""
        for pid in self._alive:
            logger.debug(f"Sending {number.name} to child with pid {pid}")
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def wait_for_all(self) -> NoReturn:
        """Leaves the program when the last has ended. They get a terminal's Ctrl-C themselves; a second one kills them."""
        received = 0

        def on_signal(number: int, _frame: Any) -> None:
            nonlocal received
            received += 1
            if received > 1:
                self.signal(signal.SIGKILL)
                sys.exit(exit_code("STARTUP"))
            if number == signal.SIGTERM:
                # Sent to us alone.
                self.signal(signal.SIGTERM)

        signal.signal(signal.SIGINT, on_signal)
        signal.signal(signal.SIGTERM, on_signal)
        while not self.reap():
            time.sleep(0.05)
        sys.exit(self.exit_code)

    def end(self) -> None:
        """At the end of the master: waits for the workers, and ends those that do not go by themselves."""
        if not self.are_ours():
            return
        if not self._wait(PATIENCE):
            self.signal(signal.SIGINT)
            if not self._wait(PATIENCE_AFTER_SIGNAL):
                self.signal(signal.SIGKILL)
                self._wait(PATIENCE)
        if self.exit_code > 1:
            logger.error(f"Bad response code from worker children: {self.exit_code}")

    def abandon(self) -> None:
        """Ends them before anything was begun."""
        self.signal(signal.SIGTERM)
        if not self._wait(PATIENCE):
            self.signal(signal.SIGKILL)
            self._wait(PATIENCE)

    def _wait(self, seconds: float) -> bool:
        return _until(self.reap, seconds)


def _look_at(pid: int) -> tuple[int, int]:
    """What waitpid says of a child, whether it has ended or not."""
    try:
        # The system is asked itself. gevent goes by a signal, of which it may not have heard: its children share the descriptor
        # that tells it, until each has made its own.
        return _waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        # Or it has heard, and knows the answer.
        return os.waitpid(pid, os.WNOHANG)


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _stop(message: str) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    raise SystemExit(exit_code("STARTUP"))
