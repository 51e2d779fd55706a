"""What was lost with a connection is said again: no load goes on that nobody asked for, and none that was asked for is missing.

A message may have been taken by the system and never arrive. What workers do shows in their heartbeats: a state, and from our
workers the time stamp of the last job that they have heard of. (How many users they report shows nothing: users may end by
themselves.)
"""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING, Any

from .. import runners
from .._nodes import WorkerNode
from ..rpc import Message
from ..runners import STATE_INIT, STATE_RUNNING, STATE_SPAWNING, STATE_STOPPED, STATE_STOPPING

if TYPE_CHECKING:
    from .master import MasterRunner

logger = logging.getLogger("locust.runners")

# Seconds beyond what it may take, that a worker gets to do what it was told before it is told again; the next time twice as many,
# and so on: it may have heard, and something in it takes its time.
PATIENCE = 3.0
MOST_DOUBLINGS = 5
# Workers that are remembered.
MOST = 10_000


class Again:
    """Compares what workers do with what they were told, for a master."""

    def __init__(self, master: MasterRunner) -> None:
        self._master = master
        # When each was told to stop, or said that it has and will be back; and how often it was told again.
        self._stopped: dict[str, tuple[float, int]] = {}
        self._jobs: dict[str, tuple[float, dict[str, Any]]] = {}

    def begin(self) -> None:
        """A test begins."""
        self._jobs.clear()

    def stops(self, client_id: str) -> None:
        """It is told to stop."""
        self._jobs.pop(client_id, None)
        self._note(client_id)

    def pauses(self, client_id: str) -> None:
        """It has stopped, and will be ready again when the time for stopping is over."""
        self._note(client_id)

    def was_told_to_stop(self, client_id: str) -> bool:
        """Whether it was told, at some time."""
        return client_id in self._stopped

    def gets(self, client_id: str, job: dict[str, Any]) -> None:
        """It is told how many users to run."""
        self._jobs[client_id] = time.monotonic(), job

    def look(self, client: WorkerNode, heard: Any) -> None:
        """After a heartbeat, with the job that the worker has heard of last, if it says that."""
        state = self._master.state
        if state in (STATE_SPAWNING, STATE_RUNNING):
            self._repeat_job(client, heard)
        elif state in (STATE_INIT, STATE_STOPPED, STATE_STOPPING):
            if client.state in (STATE_SPAWNING, STATE_RUNNING) and not self._master.is_quitting:
                self._repeat_stop(client.id, "runs users that nobody asks for, telling it to stop")

    def stranger_beats(self, client_id: str) -> None:
        """A heartbeat of one that never joined or was given up: of a master's that is gone, or cut off for long. After a stop
        it introduces itself."""
        if not self._master.is_quitting:
            self._repeat_stop(client_id, "is not one of this master's, telling it to stop and to join")

    def _repeat_stop(self, client_id: str, why: str) -> None:
        since, times = self._stopped.get(client_id, (-math.inf, 0))
        patience = PATIENCE * 2**times + 2 * self._master.environment._stop_seconds
        if time.monotonic() - since < patience:
            return
        self._master._words.say(logging.WARNING, f"Worker {client_id} {why}")
        self._note(client_id, min(times + 1, MOST_DOUBLINGS))
        self._master._send(Message("stop", None, client_id))

    def _repeat_job(self, client: WorkerNode, heard: Any) -> None:
        since, job = self._jobs.get(client.id, (0.0, {}))
        if (
            not job
            or isinstance(heard, bool)
            or not isinstance(heard, (int, float))
            or heard >= job["timestamp"]
        ):
            return
        if time.monotonic() - since >= PATIENCE + 2 * runners.HEARTBEAT_INTERVAL:
            self._master._words.say(
                logging.WARNING, f"Worker {client.id} has not heard how many users to run, telling it again"
            )
            self._master._tell(client.id, job)

    def _note(self, client_id: str, times: int = 0) -> None:
        self._stopped.pop(client_id, None)
        if len(self._stopped) >= MOST:
            del self._stopped[next(iter(self._stopped))]
        self._stopped[client_id] = time.monotonic(), times
