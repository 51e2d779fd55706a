"""`MasterRunner`: leads the workers of a distributed test. It runs no users itself."""

from __future__ import annotations

import functools
import logging
import math
import sys
import time
from collections import defaultdict
from operator import methodcaller
from typing import TYPE_CHECKING, Any, NoReturn

import gevent

from .. import rpc as transport
from .. import runners
from .._local_runner import format_user_classes_count
from .._nodes import WorkerNode, WorkerNodes
from ..dispatch import UsersDispatcher
from ..exception import RPCError, RPCReceiveError, RPCSendError
from ..log import greenlet_exception_logger
from ..rpc import Message
from ..runners import (
    STATE_INIT,
    STATE_MISSING,
    STATE_RUNNING,
    STATE_SPAWNING,
    STATE_STOPPED,
    STATE_STOPPING,
)
from .access import Access
from .inbox import Inbox
from .jobs import options_for_workers, report_wait
from .messages import TRANSPORT_ERRORS, DistributedRunner

if TYPE_CHECKING:
    from ..env import Environment
    from ..user import User

logger = logging.getLogger("locust.runners")

# Beyond the stop timeout, that workers get to stop their users and send what they measured last.
GRACE = 60.0


class MasterRunner(DistributedRunner):
    """Leads workers: it tells them how many users to run, and collects what they measure.

    The numbers of users that scripts see here are those that workers have reported.
    """

    __module__ = "locust.runners"

    def __init__(self, environment: Environment, master_bind_host: str, master_bind_port: int) -> None:
        super().__init__(environment)
        self.master_bind_host = master_bind_host
        self.master_bind_port = master_bind_port
        self.spawn_rate = 0.0
        self.spawning_completed = False
        self.worker_indexes: dict[str, int] = {}
        self.worker_index_max = 0
        self.clients = WorkerNodes()
        # Seconds to wait for reports after a ramp; read once.
        self._wait_for_workers_report_after_ramp_up = functools.lru_cache(report_wait)
        self._last_job = 0.0
        self._quitting = False
        self._hurried = False
        self._access = Access(environment)
        self.server = self._listen_or_exit()
        self._access.announce(master_bind_host, getattr(self.server, "port", master_bind_port))
        self._inbox = Inbox(self)
        self._spawn(self.heartbeat_worker)
        self._spawn(self.client_listener)
        environment.events.worker_report.add_listener(self._on_worker_report)

        def on_quitting(**_kwargs: Any) -> None:
            self.quit()

        environment.events.quitting.add_listener(on_quitting)

    # ----------------------------------------------------------------------------------------------- connection

    def _listen(self) -> Any:
        return transport.rpc.Server(self.master_bind_host, self.master_bind_port, **self._access.keywords())

    def _listen_or_exit(self) -> Any:
        try:
            return self._listen()
        except RPCError as e:
            where = str(self.master_bind_port)
            if self.master_bind_host != "*":
                where = f"{self.master_bind_host}:{where}"
            if "Address already in use" in str(e):
                logger.error(
                    f"The Locust master port ({where}) was busy. Close any applications using that port - perhaps an old "
                    f"instance of Locust master is still running? ({e})"
                )
            else:
                logger.error(f"The Locust master could not listen on {where}: {e}")
            sys.exit(1)

    def reset_connection(self) -> None:
        """Listens anew; workers connect again by themselves."""
        logger.info("Resetting RPC server and all worker connections.")
        try:
            self.server.close(linger=0)
            self.server = self._listen()
            self.connection_broken = False
        except TRANSPORT_ERRORS as e:
            logger.error(f"Temporary failure when resetting connection: {e}, will retry later.")

    def client_listener(self) -> NoReturn:
        """Takes messages in, for ever. Nothing that a worker sends may end it."""
        while True:
            try:
                client_id, msg = self.server.recv_from_client()
            except RPCReceiveError as e:
                self._reset_worker(e)
            except (RPCSendError, RPCError) as e:
                if self.worker_count:
                    logger.error(f"RPCError: {e}. Will reset RPC server.")
                else:
                    logger.debug(
                        f"RPCError when receiving from worker: {e} (but no workers were expected to be connected anyway)"
                    )
                self._give_up_connection()
            except KeyboardInterrupt:
                logger.debug("Got KeyboardInterrupt in client_listener, somebody else will react to it")
            else:
                self.handle_message(client_id, msg)

    def _reset_worker(self, error: RPCReceiveError) -> None:
        """A message could not be read. A worker that is known is asked to connect anew."""
        client_id = error.addr
        if not isinstance(client_id, str) or client_id not in self.clients:
            logger.error(
                f"Unrecognized message detected: {error}" + (f" from {client_id}" if client_id else "")
            )
            return
        logger.error(f"RPCError when receiving from client: {error}. Will reset client {client_id}.")
        try:
            self.server.send_to_client(Message("reconnect", None, client_id))
            # It has lost its place, should the connection have been another worker's.
            self._acknowledge(client_id)
        except TRANSPORT_ERRORS as e:
            logger.error(f"Error sending reconnect message to worker: {e}. Will reset RPC server.")
            self._give_up_connection()

    def _give_up_connection(self) -> None:
        self.connection_broken = True
        gevent.sleep(runners.FALLBACK_INTERVAL)

    def _acknowledge(self, client_id: str) -> None:
        self.send_message("ack", client_id=client_id, data={"index": self.get_worker_index(client_id)})

    def handle_message(self, client_id: str, msg: Message) -> None:
        """Acts on a message. One that is malformed is logged and has no effect."""
        self._inbox.take(client_id, msg)
        self.check_stopped()

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        """Sends a message to the worker with this id, or to all that are known."""
        for receiver in [client_id] if client_id else [client.id for client in self.clients.all]:
            logger.debug(f"Sending {msg_type} message to worker {receiver}")
            self._send(Message(msg_type, data, receiver))

    def _send(self, msg: Message) -> None:
        """Sends to one worker. If that fails, the others are none the worse for it."""
        try:
            self.server.send_to_client(msg)
        except TRANSPORT_ERRORS as e:
            logger.error(f"Could not send {msg.type} to worker {msg.node_id}: {e}")

    # -------------------------------------------------------------------------------------------------- workers

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

    def cpu_log_warning(self) -> bool:
        """At the end of a test: says once more if a processor was too busy at some point."""
        emitted = super().cpu_log_warning()
        if self.worker_cpu_warning_emitted:
            logger.warning("CPU usage threshold was exceeded on workers during the test!")
            emitted = True
        return emitted

    def _on_worker_report(self, client_id: str, data: dict[str, Any]) -> None:
        if client_id not in self.clients:
            logger.info("Discarded report from unrecognized worker %s", client_id)
        elif "user_classes_count" in data:
            self.clients[client_id].user_classes_count = data["user_classes_count"]

    def _worker_joined(self, client: WorkerNode) -> None:
        if self._users_dispatcher is not None:
            self._users_dispatcher.add_worker(worker_node=client)
        self._rebalance()

    def _worker_left(self, client: WorkerNode) -> None:
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
            # Not here: it takes until all users are there, and meanwhile messages have to be answered.
            self._spawn(self.start, self.target_user_count, self.spawn_rate)

    def _lost_all_workers(self, message: str, then_quit: bool) -> None:
        logger.info(message)

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
            dead = []
            for client in tuple(self.clients.all):
                if client.state == STATE_MISSING and client.heartbeat <= runners.HEARTBEAT_DEAD_INTERNAL:
                    dead.append(client.id)
                if client.heartbeat < 0 and client.state != STATE_MISSING:
                    self._missing(client)
                else:
                    client.heartbeat -= 1
            for client_id in dead:
                self.clients.pop(client_id, None)
            if dead and self.worker_count and self.state in (STATE_RUNNING, STATE_SPAWNING):
                # Their users are the others' now, if they were not already.
                self._spawn(self.start, self.target_user_count, self.spawn_rate)

    def _missing(self, client: WorkerNode) -> None:
        logger.info(f"Worker {client.id} failed to send heartbeat, setting state to missing.")
        client.state = STATE_MISSING
        client.user_classes_count = {}
        self._worker_left(client)
        if self.worker_count <= 0:
            self._lost_all_workers("The last worker went missing, stopping test.", then_quit=False)

    # ------------------------------------------------------------------------------------------- start and stop

    def start(
        self,
        user_count: int,
        spawn_rate: float,
        wait: bool = False,
        user_classes: list[type[User]] | None = None,
    ) -> None:
        """Starts a test, or leads a running one to another number of users. Returns when the workers were told of all of
        them."""
        self.spawning_completed = False
        self.target_user_count = user_count
        workers = self._active_workers
        if not workers:
            logger.warning(
                "You can't start a distributed test before at least one worker processes has connected"
            )
            return
        for user_class in self.user_classes:
            if self.environment.host:
                user_class.host = self.environment.host
        self.spawn_rate = spawn_rate
        self._end_ramp()
        ramp, begins_test = self._run.begin_ramp()
        if self._users_dispatcher is None:
            self._users_dispatcher = self.environment.dispatcher_class(
                worker_nodes=workers, user_classes=self.user_classes
            )
            if isinstance(self._users_dispatcher, UsersDispatcher):
                self._users_dispatcher._for_distributed_run()
        dispatcher = self._users_dispatcher
        logger.info(
            f"Sending spawn jobs of {math.trunc(user_count)} users at {spawn_rate:.2f} spawn rate to {len(workers)} ready "
            "workers"
        )
        if spawn_rate / len(workers) > 100:
            logger.warning(
                "Your selected spawn rate is very high (>100/worker), and this is known to sometimes cause issues. Do you "
                "really need to ramp up that fast?"
            )
        if begins_test:
            self._begin_test()
            if not self._run.is_current(ramp):
                # A listener has stopped the test again.
                return
            if self.environment.shape_class:
                self.environment.shape_class.reset_time()
        self.update_state(STATE_SPAWNING)
        dispatcher.new_dispatch(
            target_user_count=user_count, spawn_rate=spawn_rate, user_classes=user_classes
        )
        greenlet = self.spawning_greenlet = self._spawn(self._ramp, ramp, dispatcher)
        greenlet.join()

    def _end_ramp(self) -> None:
        ramp = self.spawning_greenlet
        # From a listener of the ramp itself, it ends by itself.
        if ramp is not None and ramp is not gevent.getcurrent():
            ramp.kill(block=True)

    def _ramp(self, ramp: int, dispatcher: Any) -> None:
        options = options_for_workers(self.environment.parsed_options)
        last: dict[str, dict[str, int]] = {}
        try:
            for plan in dispatcher:
                if not self._run.is_current(ramp):
                    return
                self._hand_out(plan, options)
                last = plan
        except KeyboardInterrupt:
            # It surfaces wherever Python runs at the moment, and here it would only end the ramp.
            self.quit()
            return
        if last:
            self.target_user_classes_count = _total_of(last)
        spawned = "All users spawned"
        if not self._reports_arrive():
            spawned = "Spawning is complete and report waittime is expired, but not all reports received from workers"
        if not self._run.is_current(ramp):
            return
        count = sum(self.target_user_classes_count.values())
        self.environment.events.spawning_complete.fire(user_count=count)
        if not self._run.is_current(ramp):
            return
        # Workers fire the event, too.
        self.send_message("spawning_complete", data={"user_count": count})
        self.spawning_completed = True
        logger.info(f"{spawned}: {format_user_classes_count(self.reported_user_classes_count)}")

    def _hand_out(self, plan: dict[str, dict[str, int]], options: dict[str, Any]) -> None:
        """Tells each worker how many users to run."""
        for worker_id, counts in plan.items():
            # Workers drop jobs that are not newer than their last.
            self._last_job = max(time.time(), self._last_job + 1e-6)
            job = {
                "timestamp": self._last_job,
                "user_classes_count": counts,
                "host": self.environment.host,
                "stop_timeout": self.environment.stop_timeout,
                "parsed_options": options,
            }
            self._send(Message("spawn", job, worker_id))
        if logger.isEnabledFor(logging.DEBUG):
            users = sum(map(sum, map(methodcaller("values"), plan.values())))
            logger.debug("Sending spawn messages for %g total users to %i worker(s)", users, len(plan))
            logger.debug(
                f"Currently spawned users: {format_user_classes_count(self.reported_user_classes_count)}"
            )

    def _reports_arrive(self) -> bool:
        """Waits a little until the workers have reported all users; whether they have."""
        deadline = time.monotonic() + self._wait_for_workers_report_after_ramp_up()
        while self.user_count != self.target_user_count:
            gevent.sleep(0.01)
            if time.monotonic() >= deadline:
                return False
        return True

    def stop(self, send_stop_to_client: bool = True) -> None:
        """Stops the test and returns when the workers have ended their users."""
        if self.state in (STATE_INIT, STATE_STOPPED, STATE_STOPPING):
            return
        logger.debug("Stopping...")
        self.environment.events.test_stopping.fire(environment=self.environment)
        self.final_user_classes_count = {**self.reported_user_classes_count}
        # From now on nobody follows the ramp that is under way.
        self._run.begin_ramp()
        self.update_state(STATE_STOPPING)
        self._end_ramp()
        if self.shape_greenlet is not None and self.shape_greenlet is not gevent.getcurrent():
            self.shape_greenlet.kill(block=True)
            self.shape_greenlet = None
            self.shape_last_tick = None
        self._users_dispatcher = None
        if send_stop_to_client:
            for client in tuple(self.clients.all):
                logger.debug(f"Sending stop message to worker {client.id}")
                self._send(Message("stop", None, client.id))
            if not self._wait(lambda: self.user_count == 0):
                logger.error("Timeout waiting for all workers to stop")
        self.cpu_log_warning()
        self.environment.events.test_stop.fire(environment=self.environment)

    def _wait(self, condition: Any) -> bool:
        """Waits for what workers have to do at the end; whether they did it in time."""
        deadline = time.monotonic() + (self.environment.stop_timeout or 0) + GRACE
        while not condition():
            if self._hurried or time.monotonic() > deadline:
                return False
            gevent.sleep(0.05)
        return True

    def hurry(self) -> None:
        """Ends the waiting for workers that have not stopped yet."""
        self._hurried = True

    def quit(self) -> None:
        """Ends the test and all workers, and returns when the last of them has reported."""
        if self._quitting:
            return
        self._quitting = True
        self.stop(send_stop_to_client=False)
        logger.debug("Quitting...")
        leaving = tuple(self.clients.all)
        for client in leaving:
            logger.debug(
                f"Sending quit message to worker {client.id} (index {self.get_worker_index(client.id)})"
            )
            self._send(Message("quit", None, client.id))
        # Each says goodbye after its last report. One that has gone silent has nothing more to say.
        self._wait(lambda: not any(self.clients.get(c.id) is c and c.heartbeat > 0 for c in leaving))
        self.greenlet.kill(block=True)

    def check_stopped(self) -> None:
        """Enters the state "stopped" once no worker has users any more."""
        if self.state == STATE_STOPPING and (
            all(client.state == STATE_INIT for client in self.clients.all) or not self.worker_count
        ):
            self.update_state(STATE_STOPPED)

    def _worker_stopped(self, client: WorkerNode) -> None:
        """It has no users any more, and will be ready again soon."""
        self._worker_left(client)
        if self.state == STATE_INIT and not self.worker_count:
            self.update_state(STATE_STOPPED)


def _total_of(plan: dict[str, dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for counts in plan.values():
        for name, count in counts.items():
            total[name] = total.get(name, 0) + count
    return total
