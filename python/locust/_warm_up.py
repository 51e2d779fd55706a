"""The warm-up of a test: its first seconds, of which nothing is among the numbers.

What happens in them is counted apart, and shown as what was left out. Numbers begin at its end, which is also when the statistics do: rates,
charts, windows of thresholds and the verdict know of nothing before. A request belongs to where it ends. Listeners of scripts are told of
each.
"""

from __future__ import annotations

import logging
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import Event

if TYPE_CHECKING:
    from .runners import Runner

logger = logging.getLogger("locust.runners")


class WarmUp:
    """That of one test in this process."""

    def __init__(self, runner: Runner, seconds: float, whole: float | None = None) -> None:
        """It takes `seconds` from now on. `whole`: of so many, should part of it be over elsewhere."""
        # Not above: `stats` is read before runners are.
        from .stats import RequestStats

        self._runner = runner
        self._ends = time.monotonic() + seconds
        self.seconds = seconds if whole is None else whole
        # On a worker: its master tells of it.
        self._level = logging.INFO if whole is None else logging.DEBUG
        self.left_out: RequestStats = RequestStats(use_response_times_cache=False)
        """What is counted apart."""
        self.exceptions = 0
        """Of tasks, that were left out."""
        self.told: dict[str, tuple[int, int, int]] = {}
        """What each worker has left out by itself: requests, failures, exceptions."""
        self.over = Event()
        """Set at its end, but not if the test ends before that."""
        self.is_cut_off = False
        """Whether the test has ended before it was over."""
        # A script may put others in their place.
        self._stats = runner.stats
        self._stats._apart = self.left_out
        runner._stats_listener.stats = self.left_out
        runner._spawn(self._wait)

    @property
    def goes_on(self) -> bool:
        """Whether nothing is counted yet. It ends when it is due, whoever asks first."""
        if not self.over.is_set() and not self.is_cut_off and time.monotonic() >= self._ends:
            self._end()
        return not self.over.is_set()

    @property
    def left(self) -> float:
        """Seconds until its end."""
        return max(self._ends - time.monotonic(), 0.0) if self.goes_on else 0.0

    @property
    def counts(self) -> tuple[int, int, int]:
        """Requests, failures and exceptions that were left out, here and on workers."""
        total = self.left_out.total
        here = total.num_requests, total.num_failures, self.exceptions
        sums = [sum(column) for column in zip(here, *self.told.values(), strict=True)]
        return sums[0], sums[1], sums[2]

    def stops(self) -> None:
        """The test is over."""
        if self.goes_on and not self.is_cut_off:
            self.is_cut_off = True
            logger.log(
                logging.ERROR if self._level == logging.INFO else self._level,
                f"The test has ended within its warm-up of {self.seconds:g} seconds: nothing of it counts",
            )

    def forget(self) -> None:
        """Another test begins."""
        self.is_cut_off = self.is_cut_off or not self.over.is_set()

    def told_by(self, worker: str, told: Any) -> None:
        """A worker says what it has left out, since the begin of the test."""
        if (
            isinstance(told, list | tuple)
            and len(told) == 3
            and all(isinstance(count, int) and 0 <= count < 1 << 53 for count in told)
        ):
            self.told[worker] = (told[0], told[1], told[2])

    def described(self) -> dict[str, Any]:
        """The words of `dto::WarmUp` in crates/record."""
        goes_on = self.goes_on
        requests, failures, exceptions = self.counts
        described: dict[str, Any] = {
            "seconds": self.seconds,
            "goes_on": goes_on and not self.is_cut_off,
            "left": self.left,
            "cut_off": self.is_cut_off,
            "requests": requests,
            "failures": failures,
            "exceptions": exceptions,
        }
        return {**described, "said": _said(described)}

    def _wait(self) -> None:
        while self.goes_on and not self.is_cut_off:
            gevent.sleep(max(self._ends - time.monotonic(), 0.0))

    def _end(self) -> None:
        runner = self._runner
        self.over.set()
        stats = runner.stats
        self._stats._apart = None
        # What is counted from now on is counted here, and nothing was before.
        runner._stats_listener.stats = stats
        stats.reset_all()
        runner.exceptions = {}
        runner._warm_up_is_over()
        logger.log(
            self._level, f"The warm-up is over, the numbers begin now. Left out: {in_words(self.counts)}"
        )


class WarmingUp:
    """A runner whose tests may have a warm-up."""

    _warm_up: WarmUp | None = None

    @cached_property
    def _numbers_begin(self) -> Event:
        """Set when the first warm-up is over."""
        return Event()

    def _begin_warm_up(self, seconds: float, whole: float | None = None) -> None:
        if self._warm_up is not None:
            self._warm_up.forget()
        self.stats._apart = None
        self._stats_listener.stats = self.stats
        self._warm_up = WarmUp(self, seconds, whole) if seconds > 0 else None

    @property
    def _warms_up(self) -> bool:
        """Whether what happens is to be left out."""
        return self._warm_up is not None and self._warm_up.goes_on

    def _warm_up_is_over(self) -> None:
        """The numbers begin."""
        self._numbers_begin.set()
        for watcher in tuple(self.environment._state_watchers):
            watcher()

    def _end_warm_up(self) -> None:
        """The test is over."""
        if self._warm_up is not None:
            self._warm_up.stops()

    def _leaves_out_exception(self) -> bool:
        """Whether an exception of a task is not to count; it is noted as left out then."""
        # As for requests: by where they are counted at the moment, not by the clock.
        if self._warm_up is None or self._warm_up.over.is_set():
            return False
        self._warm_up.exceptions += 1
        return True


def in_words(counts: tuple[int, int, int]) -> str:
    """What was left out, for people."""
    requests, failures, exceptions = counts
    parts = [f"{requests} {'request' if requests == 1 else 'requests'}"]
    if failures:
        parts.append(f"{failures} of them failed")
    if exceptions:
        parts.append(f"{exceptions} {'exception' if exceptions == 1 else 'exceptions'}")
    return ", ".join(parts)


def _said(described: dict[str, Any]) -> str:
    counts = in_words((described["requests"], described["failures"], described["exceptions"]))
    seconds = f"{described['seconds']:g} s"
    if described["cut_off"]:
        return f"the test ended within its {seconds}, so nothing counts ({counts})"
    if described["goes_on"]:
        return f"{described['left']:.0f} s of {seconds} to go ({counts} so far)"
    return f"the first {seconds} are left out: {counts}"
