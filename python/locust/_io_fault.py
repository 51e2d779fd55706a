"""What follows when an I/O thread of the engine has died: nothing can be sent any more, so all runs of the process end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

import gevent

logger = logging.getLogger("locust.runners")

runners: WeakSet[Any] = WeakSet()
"""All runners of this process."""

followers: list[Callable[[], Any]] = []
"""Called after the message and before the runners end."""


def end_runs(fault: str) -> None:
    """Says so and ends all runs; called once for each set of I/O threads, by the engine, in a greenlet."""
    logger.critical(
        f"An I/O thread of the engine has died ({fault}). Nothing can be sent any more, so the run ends"
    )
    for follower in followers:
        follower()
    for runner in list(runners):
        gevent.spawn(runner.quit)
