"""How busy this process is."""

from __future__ import annotations

import time

import psutil


class BusiestThread:
    """How busy the busiest thread of a process was since the last look, in percent of one core.

    Locust has one thread that works; its share of a core tells whether it was the bottleneck. Here requests have threads
    of their own, and the sum over threads would warn although each has time left.
    """

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._times = self._thread_times()
        self._looked = time.monotonic()

    def _thread_times(self) -> dict[int, float]:
        return {thread.id: thread.user_time + thread.system_time for thread in self._process.threads()}

    def percent(self) -> float:
        times, now = self._thread_times(), time.monotonic()
        seconds = max((spent - self._times.get(thread, 0.0) for thread, spent in times.items()), default=0.0)
        elapsed = now - self._looked
        self._times, self._looked = times, now
        return round(100 * seconds / elapsed, 1) if elapsed > 0 else 0.0
