"""Open runs: iterations arrive at a rate, whatever becomes of those before, and users of a pool begin them.

When they arrive, and on whom, is decided in crates/engine (`arrivals`). What is here: starting the users that it asks for, and
what becomes of it in numbers.
"""

from __future__ import annotations

import itertools
import logging
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import gevent

from . import _engine
from .shape import ArrivalRate

if TYPE_CHECKING:
    from .env import Environment
    from .runners import Runner

logger = logging.getLogger("locust.runners")

# What statistics count of an open run, if nothing else is asked for: the time since the intended start.
INTENDED = "intended"
# Users at a time where nobody has said how many.
MOST_USERS = 10_000
# Seconds in which no user of a class is started after one could not be: its constructor would fail at the rate of arrivals.
REST = 1.0
# Seconds after the last stage that iterations which are late get to begin.
PATIENCE = 2.0
# How far the clocks of a master and its workers may be apart.
SKEW = 0.25


@dataclass(frozen=True)
class Arrivals:
    """What an open run is asked for."""

    lanes: list[tuple[str, list[tuple[str, float]]]]
    """Each a rate, and the names and weights of the classes that share it."""
    poisson: bool
    """As independent people come; else at even distances."""
    most: int
    """Users at a time."""
    latency: str = INTENDED
    """What statistics count: `intended` or `service`."""

    @classmethod
    def of_shape(cls, tick: ArrivalRate, environment: Environment) -> Arrivals:
        """What a shape asks for first."""
        options = environment.parsed_options
        wanted = tick.users if tick.users is not None else getattr(options, "num_users", None)
        members = [(user_class.__name__, float(user_class.weight)) for user_class in environment.user_classes]
        return cls(
            [(f"{tick.rate!r}" if tick.rate else "", members)],
            getattr(options, "arrivals", None) == "poisson",
            wanted or MOST_USERS,
            latency_of(options),
        )

    def until(self, seconds: float) -> Arrivals:
        """The same, but that nothing arrives after so many seconds."""
        return replace(self, lanes=[(_cut(rate, seconds), classes) for rate, classes in self.lanes])

    @property
    def ends_at(self) -> float | None:
        """After how many seconds nothing arrives any more; None: never."""
        ends = [_engine.check_arrival_rate(rate)[1] if rate else None for rate, _classes in self.lanes]
        return None if None in ends else max(end for end in ends if end is not None)

    @property
    def in_words(self) -> str:
        """For the log."""
        rates = {rate for rate, _classes in self.lanes}
        if len(self.lanes) == 1 or len(rates) == 1:
            return f"{self.lanes[0][0]}{' each' if len(self.lanes) > 1 else ''}"
        return ", ".join(f"{classes[0][0]} {rate}" for rate, classes in self.lanes)


class OpenRun:
    """The pool of users of one run in this process."""

    def __init__(self, runner: Runner, arrivals: Arrivals, seed: int | None = None) -> None:
        self._runner = runner
        self.arrivals = arrivals
        if arrivals.poisson and seed is None:
            seed = random.getrandbits(64)
        self.seed = seed if arrivals.poisson else None
        self._rests: dict[str, float] = {}
        self._told = False
        self._is_over = False
        self._last: dict[str, Any] | None = None
        self._changes = 0
        self._most_lately = 0
        self._told_latencies = b""

    def begin(self, elapsed: float = 0.0, share: tuple[float, int, int] | None = None) -> None:
        """Arrivals begin. `share`: from when on, this process's number, and how many there are, if it is not alone."""
        arrivals, options = self.arrivals, self._runner.environment.parsed_options
        # A script's own option of that name is not ours.
        lets_sleep = getattr(options, "let_processors_sleep", False) is True
        is_awake = _engine.begin_open_run(
            arrivals.lanes,
            arrivals.most,
            self.seed,
            self._start_users,
            elapsed=elapsed,
            share=share,
            reads_intended=arrivals.latency == INTENDED,
            keep_awake=not lets_sleep,
        )
        logger.debug(f"Idle processors are {'kept awake' if is_awake else 'left to sleep'}")
        self._runner.stats._on_reset = self.counts_anew

    def counts_anew(self) -> None:
        """The statistics have gone back to zero."""
        if self._last is not None:
            self._last = {}
        elif self._runner._open is self:
            _engine.count_open_run_anew()

    def limit(self, most: int) -> None:
        """So many users at a time from now on."""
        self.arrivals = replace(self.arrivals, most=most)
        _engine.limit_open_run(most)

    def change(self, rate: float) -> None:
        """So many arrivals a second from now on."""
        _engine.change_arrival_rate(_engine.open_run_elapsed() or 0.0, rate)

    def follow(self, changes: list[tuple[float, float]]) -> None:
        """Changes of the rate since the begin: when, and to how many a second. Those that are known already come again."""
        for at, rate in changes[self._changes :]:
            _engine.change_arrival_rate(at, rate)
        self._changes = max(self._changes, len(changes))

    def share_out_anew(self) -> None:
        """There is nobody to share with."""

    def finish(self) -> None:
        """The test is about to end. If that is because the last stage is over: returns when all that was to begin has begun,
        `PATIENCE` seconds later at most."""
        elapsed, ends_at = _engine.open_run_elapsed(), self.arrivals.ends_at
        if self._is_over or ends_at is None or elapsed is None or elapsed < ends_at - SKEW:
            return
        deadline = time.monotonic() + PATIENCE
        while not _engine.open_run_is_through() and time.monotonic() < deadline:
            gevent.sleep(0.005)

    def end(self) -> None:
        """Nothing arrives any more."""
        if not self._is_over:
            self._is_over = True
            _engine.end_open_run()

    def forget(self) -> None:
        """All users have ended."""
        self._most_lately = max(self._most_lately, _engine.open_run_most_lately())
        self._last = self.totals()
        _engine.forget_open_run()

    def totals(self, with_latencies: bool = True) -> dict[str, Any]:
        """What has become of the arrivals until now, in the words of `dto::Arrivals` in crates/record. Without latencies, as long as the
        run goes on: whoever keeps the record reads them elsewhere, in time that this thread does not have."""
        if self._last is not None:
            return self._last
        known: dict[str, Any] | None = None if self._runner._warms_up else _engine.open_run_totals()
        if known is None:
            return {}
        known["elapsed"] = _engine.open_run_elapsed()
        if with_latencies:
            known["latencies"] = latencies(self.arrivals.latency, [self._look_at_latencies()])
        if known["dropped"] and not self._told and not self._is_over:
            self._told = True
            if known["most_users"] >= self.arrivals.most:
                logger.warning(
                    f"Iterations are dropped: all {self.arrivals.most} users are busy when they are to begin. Allow more users (-u), or "
                    "ask for a lower rate"
                )
            else:
                logger.warning(
                    "Iterations are dropped: users that they wait for cannot be started, or end before they begin one"
                )
        return known

    def reported(self) -> dict[str, Any]:
        """The same for a master, with what it cannot tell from two reports: most users at a time since the one before."""
        totals = self.totals(with_latencies=False)
        if not totals:
            return {}
        if self._last is None:
            self._look_at_latencies()
        lately = _engine.open_run_most_lately() if self._last is None else 0
        lately, self._most_lately = max(lately, self._most_lately), 0
        return {**totals, "latencies": self._told_latencies, "most_lately": lately}

    def _look_at_latencies(self) -> bytes:
        self._told_latencies = _engine.open_run_latencies() or b""
        return self._told_latencies

    def _start_users(self, names: list[str]) -> None:
        """Called by the engine, in the hub: arrivals wait for users of these classes."""
        for name in names:
            if self._rests.get(name, 0.0) > time.monotonic():
                _engine.could_not_start(name)
            else:
                self._runner._spawn(self._start_user, name)

    def _start_user(self, name: str) -> None:
        started: list[Any] = []
        try:
            user_class = self._runner.user_classes_by_name[name]
            self._runner._spawn_class(user_class, 1, started, False)
        finally:
            if not started:
                self._rests[name] = time.monotonic() + REST
                _engine.could_not_start(name)


def _cut(rate: str, seconds: float) -> str:
    """A rate that ends after so many seconds, if it goes on for longer; empty: nothing arrives until then."""
    ends_at = _engine.check_arrival_rate(rate)[1]
    if ends_at is not None and ends_at <= seconds:
        return rate
    corners = _engine.arrival_corners(rate)
    # The last goes on for ever.
    corners.append((seconds, corners[-1][1]))
    stages, is_empty = [], True
    for (begin, before), (end, after) in itertools.pairwise(corners):
        if begin >= seconds or end <= begin:
            continue
        last = min(end, seconds)
        after = before + (after - before) * (last - begin) / (end - begin)
        is_empty = is_empty and before == after == 0
        length = f"{last - begin:.9f}".rstrip("0").rstrip(".")
        stages.append(
            f"{before!r} for {length}s" if before == after else f"{before!r}->{after!r} in {length}s"
        )
    return "" if is_empty else ", ".join(stages)


def latency_of(options: Any) -> str:
    """`--latency`; a script's own option of that name is not ours."""
    latency = getattr(options, "latency", None)
    return latency if latency in (INTENDED, "service") else INTENDED


def latencies(reads: str, parts: list[bytes]) -> dict[str, Any]:
    """Those of some processes, in the words of `dto::Latencies` in crates/record."""
    fractions, rows = _engine.latency_rows([part for part in parts if part])
    keys = ("method", "name", "requests", "service", "intended")
    return {
        "reads": reads,
        "fractions": fractions,
        "rows": [dict(zip(keys, row, strict=True)) for row in rows],
    }


@contextmanager
def over(run: Any) -> Iterator[None]:
    """Around the end of all users: of an open run nothing arrives any more."""
    if run is not None:
        run.finish()
        run.end()
    yield
    if run is not None:
        run.forget()


def follow_rate(runner: Runner, tick: Any) -> bool:
    """Follows what a shape asks for, if that is a rate of arrivals. Whether it is."""
    last = runner.shape_last_tick
    is_rate = isinstance(tick, ArrivalRate)
    if last is not None and isinstance(last, ArrivalRate) is not is_rate:
        raise ValueError(
            f"tick() has returned {last!r} before, and now {tick!r}: a test is open from its begin to its end, or closed"
        )
    if not is_rate:
        if last is None:
            runner.environment._arrivals = None
        return False
    if tick == last:
        return True
    runner.shape_last_tick = tick
    logger.info(f"Shape test updating to {tick.rate:g} iterations per second")
    if last is None or runner._open is None:
        runner.environment._arrivals = arrivals = Arrivals.of_shape(tick, runner.environment)
        runner.start(user_count=arrivals.most, spawn_rate=1)
    else:
        runner._open.change(tick.rate)
        if tick.users is not None and tick.users != runner._open.arrivals.most:
            runner._open.limit(tick.users)
    return True
