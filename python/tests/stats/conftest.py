from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gevent
import pytest


class Clock:
    """Stands for `time.time`; `now` is what it says."""

    now = 1_700_000_000.25

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


class Rounds:
    """Runs what goes on for ever, pausing with `gevent.sleep`, for some rounds. The pauses take no time."""

    class Over(BaseException):
        """The last pause has begun."""

    def __init__(self, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pauses: list[float] = []
        self._clock, self._monkeypatch = clock, monkeypatch

    def __call__(
        self,
        endless: Callable[..., Any],
        *arguments: Any,
        rounds: int,
        between: Callable[[int], Any] | None = None,
    ) -> None:
        """`between` is called in each pause, with the number of rounds that are over."""
        self.pauses.clear()

        def pause(seconds: float) -> None:
            self.pauses.append(seconds)
            if len(self.pauses) == rounds:
                raise Rounds.Over
            self._clock.now += seconds
            if between is not None:
                between(len(self.pauses))

        with self._monkeypatch.context() as patch:
            patch.setattr(gevent, "sleep", pause)
            patch.setattr(time, "monotonic", self._clock)
            with pytest.raises(Rounds.Over):
                endless(*arguments)


@pytest.fixture
def run_for(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Rounds:
    return Rounds(clock, monkeypatch)
