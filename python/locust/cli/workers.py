"""A master whose workers are all gone: its run ends, and says why."""

from __future__ import annotations

import time
from argparse import Namespace
from typing import Any

from .. import runners
from . import processes

# Seconds between two looks, and that workers which have ended properly may take to say so.
INTERVAL = 0.5
_GOODBYE = 5.0


class Watch:
    """Looks after the workers of a run that nobody watches."""

    def __init__(self, runner: Any, options: Namespace) -> None:
        self._runner = runner
        self._options = options
        self._children = processes.forked
        # When there was a worker last; not before there was one.
        self._seen: float | None = None
        self._children_ended: float | None = None

    def look(self) -> str | None:
        """Why the run has to end, if it has to."""
        now = time.monotonic()
        if self._runner.worker_count:
            self._seen = now
        return self._look_at_children(now) or self._look_at_workers(now)

    def _look_at_workers(self, now: float) -> str | None:
        patience = -runners.HEARTBEAT_DEAD_INTERNAL * runners.HEARTBEAT_INTERVAL
        # After a stop they are away for as long as their users may take.
        if self._seen is None or now - self._seen <= patience + self._runner.environment._stop_seconds:
            return None
        return f"There has been no worker for {patience:g} seconds"

    def _look_at_children(self, now: float) -> str | None:
        children = self._children
        if children is None:
            return None
        all_ended = children.reap()
        code = f"exit code {children.exit_code}"
        if not all_ended:
            missing = self._options.expect_workers - children.alive
            if missing and self._is_waiting():
                return f"{missing} of {self._options.expect_workers} worker processes ended before the test began ({code})"
            return None
        if self._children_ended is None:
            self._children_ended = now
        if children.exit_code or self._runner.abandoned or now - self._children_ended > _GOODBYE:
            return f"All worker processes have ended ({code})"
        return None

    def _is_waiting(self) -> bool:
        ready = len(self._runner.clients.ready)
        return self._runner.state == runners.STATE_INIT and ready < self._options.expect_workers
