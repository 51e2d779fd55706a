"""How long a test runs: from when `--run-time` counts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import Event

if TYPE_CHECKING:
    from .env import Environment


START, RAMP_END, WARMUP_END = "start", "ramp-end", "warmup-end"


def counts_from(options: Any) -> str:
    """What `--run-time-from` says. A script's own option of that name is not ours: the run time counts from the start then."""
    given = getattr(options, "run_time_from", None)
    return given if given in (RAMP_END, WARMUP_END) else START


class RunTime:
    """The limit of a test that is about to start."""

    def __init__(self, environment: Environment, seconds: float) -> None:
        self.seconds = seconds
        self._environment = environment
        self._began = time.monotonic()
        self._ramped = Event()
        begin = counts_from(environment.parsed_options)
        self.from_ramp_end = begin == RAMP_END
        self._from_warm_up = environment._warm_up_seconds if begin == WARMUP_END else 0.0
        self.seconds += self._from_warm_up
        self._listens = self.from_ramp_end
        if self._listens:
            environment.events.spawning_complete.add_listener(self._ramp_is_over)
        else:
            self._ramped.set()
        self._tell(None if self.from_ramp_end else self.seconds)

    @property
    def since(self) -> str:
        """From when it counts, for the log; empty: from the start."""
        if self._from_warm_up:
            return ", counted from the end of the warm-up"
        return ", counted from when all users run" if self.from_ramp_end else ""

    def _tell(self, seconds: float | None) -> None:
        """What the page shows as the length of the run; None: nobody knows yet."""
        if (recorder := self._environment._recorder) is not None:
            recorder.recording.run_time = seconds

    def _ramp_is_over(self, **_kwargs: Any) -> None:
        self._ramped.set()
        self.forget()

    def forget(self) -> None:
        """Listens no longer."""
        if self._listens:
            self._listens = False
            self._environment.events.spawning_complete.remove_listener(self._ramp_is_over)

    def wait(self) -> None:
        """Returns when the time is over."""
        if self.from_ramp_end:
            self._ramped.wait()
            now = time.monotonic()
            self._tell(now - self._began + self.seconds)
            self._began = now
        # gevent counts from when its loop last looked at the clock, which may be early; so look again.
        while (remaining := self._began + self.seconds - time.monotonic()) > 0:
            gevent.sleep(remaining)
