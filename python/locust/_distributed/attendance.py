"""Which workers a master has, and what it does when they come and go or are not heard of."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NoReturn

import gevent

from .. import runners
from .._nodes import WorkerNode, WorkerNodes
from ..log import greenlet_exception_logger
from ..runners import STATE_MISSING, STATE_RUNNING, STATE_SPAWNING
from .messages import DistributedRunner
from .seconds import MasterSeconds

if TYPE_CHECKING:
    from ..env import Environment

logger = logging.getLogger("locust.runners")

# Seconds that a report may wait for the master without a word, and between two words.
BEHIND = 2.0
TELL_BEHIND_EVERY = 30.0


class Attendance(DistributedRunner):
    """The part of a master that knows its workers."""

    __module__ = "locust.runners"

    server: Any

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.spawn_rate = 0.0
        self.spawning_completed = False
        self.worker_indexes: dict[str, int] = {}
        self.worker_index_max = 0
        self.clients = WorkerNodes()
        self._seconds = MasterSeconds(self)
        # Those that took part in this test and are no clients at present: they are about to be ready again, or were silent
        # for so long that they were given up. What they measured counts.
        self._left: set[str] = set()
        # Whether a worker has ever had users; whether the last worker went without a word, or before that.
        self._worked = False
        self._abandoned = False
        self._listener: gevent.Greenlet | None = None
        self._told_behind = -TELL_BEHIND_EVERY
        # The present ramp, or the one before.
        self._ramp_id = 0

    def get_worker_index(self, client_id: str) -> int:
        """A number for the worker, counting from 0 in order of first contact. It keeps it as long as this master lives."""
        index = self.worker_indexes.get(client_id)
        if index is None:
            index = self.worker_indexes[client_id] = self.worker_index_max
            self.worker_index_max += 1
        return index

    def rebalancing_enabled(self) -> bool:
        """Whether `--enable-rebalancing` is given."""
        return bool(getattr(self.environment.parsed_options, "enable_rebalancing", False))

    @property
    def abandoned(self) -> bool:
        """Whether all workers are gone and the last one did not just go home: it fell silent, or never had a user."""
        return self._abandoned and not self.worker_count

    @property
    def _active_workers(self) -> list[WorkerNode]:
        return self.clients.ready + self.clients.running + self.clients.spawning

    @property
    def worker_count(self) -> int:
        """How many workers are connected."""
        return len(self._active_workers)

    @property
    def user_count(self) -> int:
        """How many users run, by the workers' last reports."""
        return sum(client.user_count for client in self.clients.values())

    @property
    def reported_user_classes_count(self) -> dict[str, int]:
        """How many users of each class run, by the workers' last reports."""
        counts: dict[str, int] = defaultdict(int)
        for client in self._active_workers:
            for name, count in client.user_classes_count.items():
                counts[name] += count
        return counts

    def _on_worker_report(self, client_id: str, data: dict[str, Any]) -> None:
        if client_id in self.clients and "user_classes_count" in data:
            self._has_users(self.clients[client_id], data["user_classes_count"])

    def _has_users(self, client: WorkerNode, counts: dict[str, int]) -> None:
        client.user_classes_count = counts
        self._worked = self._worked or any(counts.values())

    def _worker_joined(self, client: WorkerNode) -> None:
        self._seconds.joined(client.id)
        if self._open is not None:
            self._open.share_out_anew()
        if self._users_dispatcher is not None:
            self._users_dispatcher.add_worker(worker_node=client)
        self._rebalance()

    def _worker_left(self, client: WorkerNode) -> None:
        self._seconds.left(client.id)
        if self._open is not None:
            self._open.share_out_anew()
        if self._users_dispatcher is not None:
            self._users_dispatcher.remove_worker(client)
            if client.state != STATE_MISSING or self.rebalancing_enabled():
                self._rebalance()

    def _rebalance(self) -> None:
        """Workers came or went: their users are shared out anew, unless a ramp is under way that does it anyway."""
        dispatcher = self._users_dispatcher
        if dispatcher is None or self.state != STATE_RUNNING or not self.worker_count:
            return
        if not dispatcher.dispatch_in_progress or (self.rebalancing_enabled() and self.spawning_completed):
            self._lead_on()

    def _lead_on(self) -> None:
        """Shares the users out anew; not if the test has been stopped, or led elsewhere, before it comes to that."""

        def lead(ramp: int) -> None:
            if self._run.is_current(ramp) and self.state in (STATE_RUNNING, STATE_SPAWNING):
                self.start(self.target_user_count, self.spawn_rate)

        # Not here: it takes until all users are there, and meanwhile messages have to be answered.
        self._spawn(lead, self._ramp_id)

    def _lost_all_workers(self, message: str, then_quit: bool) -> None:
        logger.info(message)
        self._abandoned = not then_quit or not (self._worked or self.stats.total.num_requests)

        def stop() -> None:
            self.stop()
            self.check_stopped()
            if then_quit and getattr(self.environment.parsed_options, "headless", False):
                self.quit()

        # Not one of the runner's greenlets: `quit` ends those.
        gevent.spawn(stop).link_exception(greenlet_exception_logger(logger))

    def heartbeat_worker(self) -> NoReturn:
        """Looks after workers that are not heard of."""
        while True:
            gevent.sleep(runners.HEARTBEAT_INTERVAL)
            if self.connection_broken:
                self.reset_connection()
                continue
            self._tell_if_behind()
            self._seconds.look()
            dead = []
            for client in tuple(self.clients.all):
                if client.state == STATE_MISSING and client.heartbeat <= runners.HEARTBEAT_DEAD_INTERNAL:
                    dead.append(client.id)
                if client.heartbeat < 0 and client.state != STATE_MISSING:
                    # If there is something of it that waits here, it is us who do not keep up.
                    if not self._is_pending(client.id):
                        self._missing(client)
                else:
                    client.heartbeat -= 1
            for client_id in dead:
                self.clients.pop(client_id, None)
                self._left.add(client_id)
            if dead and self.worker_count and self.state in (STATE_RUNNING, STATE_SPAWNING):
                # Their users are the others' now, if they were not already.
                self._lead_on()

    def _is_pending(self, client_id: str) -> bool:
        """Whether something of this worker has arrived that the listener has not heard yet."""
        is_pending = getattr(self.server, "is_pending", None)
        # Who asks in the middle of a message keeps the listener from hearing more.
        return is_pending is not None and gevent.getcurrent() is not self._listener and is_pending(client_id)

    def _backlog(self) -> tuple[int, int, float]:
        backlog = getattr(self.server, "backlog", None)
        return backlog() if backlog is not None else (0, 0, 0.0)

    def _tell_if_behind(self) -> None:
        _messages, reports, seconds = self._backlog()
        now = time.monotonic()
        if seconds < BEHIND or now - self._told_behind < TELL_BEHIND_EVERY:
            return
        self._told_behind = now
        logger.warning(
            f"The master is {reports} reports of workers behind; the first of them has waited for {seconds:.0f} seconds. What it "
            "shows is as old. Fewer workers, fewer different names of requests, or a longer WORKER_REPORT_INTERVAL would help."
        )

    def _missing(self, client: WorkerNode) -> None:
        logger.info(f"Worker {client.id} failed to send heartbeat, setting state to missing.")
        client.state = STATE_MISSING
        client.user_classes_count = {}
        self._worker_left(client)
        if self.worker_count <= 0:
            self._lost_all_workers("The last worker went missing, stopping test.", then_quit=False)

    def reset_connection(self) -> None:
        """Listens anew; workers connect again by themselves."""
        raise NotImplementedError

    def check_stopped(self) -> None:
        """Enters the state "stopped" once no worker has users any more."""
        raise NotImplementedError
