"""`MasterRunner`: leads the workers of a distributed test. It runs no users itself."""

from __future__ import annotations

import functools
import logging
import math
import sys
import time
from dataclasses import replace
from operator import methodcaller
from typing import TYPE_CHECKING, Any, NoReturn

import gevent

from .. import _engine, runners
from .. import rpc as transport
from .._internals import Telling
from .._local_runner import format_user_classes_count
from .._nodes import WorkerNode
from ..dispatch import UsersDispatcher
from ..exception import RPCError, RPCReceiveError, RPCSendError
from ..rpc import Message
from ..runners import (
    STATE_INIT,
    STATE_SPAWNING,
    STATE_STOPPED,
    STATE_STOPPING,
)
from .access import Access
from .again import Again
from .arrivals import MasterArrivals, stamp
from .attendance import Attendance
from .inbox import Inbox
from .jobs import options_for_workers, report_wait
from .messages import TRANSPORT_ERRORS
from .seconds import RUN, TAKES, WARM_UP

if TYPE_CHECKING:
    from ..env import Environment
    from ..user import User

logger = logging.getLogger("locust.runners")

# Beyond the stop timeout, that workers get to stop their users and send what they measured last.
GRACE = 60.0


class MasterRunner(Attendance, metaclass=Telling):
    """Leads workers: it tells them how many users to run, and collects what they measure.

    The numbers of users that scripts see here are those that workers have reported.
    """

    __module__ = "locust.runners"
    not_called = ("_wait_for_workers_report_after_ramp_up",)

    def _wait_for_workers_report_after_ramp_up(self) -> float:
        """No wait: workers report each change of their users at once."""
        return 0.0

    def __init__(self, environment: Environment, master_bind_host: str, master_bind_port: int) -> None:
        super().__init__(environment)
        self.master_bind_host = master_bind_host
        self.master_bind_port = master_bind_port
        # Seconds to wait for reports after a ramp; read once.
        self._wait_for_workers_report_after_ramp_up = functools.lru_cache(report_wait)
        self._last_job = 0.0
        # While listeners of the beginning test are told.
        self._beginning = False
        # Messages that were received, ever.
        self._heard = 0
        self._quitting = False
        self._hurried = False
        self._access = Access(environment)
        self.server = self._listen_or_exit()
        self._access.announce(master_bind_host, getattr(self.server, "port", master_bind_port))
        self._inbox = Inbox(self)
        self._again = Again(self)
        self._spawn_steady(self.heartbeat_worker)
        self._spawn_steady(self.client_listener)
        environment.events.worker_report.add_listener(self._on_worker_report)

        def on_quitting(**_kwargs: Any) -> None:
            self.quit()

        environment.events.quitting.add_listener(on_quitting)

    # ----------------------------------------------------------------------------------------------- connection

    def _listen(self) -> Any:
        return transport.rpc.Server(self.master_bind_host, self.master_bind_port, **self._access.keywords())

    def _listen_or_exit(self) -> Any:
        if self._access.problem:
            logger.error(self._access.problem)
            sys.exit(1)
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
        self._listener = gevent.getcurrent()
        while True:
            try:
                client_id, msg = self.server.recv_from_client()
                self._heard += 1
                self.handle_message(client_id, msg)
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

    def _reset_worker(self, error: RPCReceiveError) -> None:
        """A message could not be read. A worker that is known is asked to connect anew."""
        client_id = error.addr
        if not isinstance(client_id, str) or client_id not in self.clients:
            self._words.say(
                logging.ERROR,
                f"Unrecognized message detected: {error}" + (f" from {client_id}" if client_id else ""),
            )
            return
        self._words.say(
            logging.ERROR, f"RPCError when receiving from client: {error}. Will reset client {client_id}."
        )
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
        # The others are not in Locust: ours say in return which job they have heard of last, and what happened in which second.
        data = {"index": self.get_worker_index(client_id), "says_again": True, TAKES: True}
        self.send_message("ack", client_id=client_id, data=data)

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

    # ------------------------------------------------------------------------------------------- start and stop

    def start(
        self,
        user_count: int,
        spawn_rate: float,
        wait: bool = False,
        user_classes: list[type[User]] | None = None,
    ) -> None:
        """Starts a test, or leads a running one to another number of users. Returns when the workers were told of all of
        them, or when there is something else to do: a stop, an end, another ramp."""
        if self._quitting:
            logger.debug("No test is started any more, this master is quitting")
            return
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
        ramp, begins_test = self._run.begin_ramp()
        self._ramp_id = ramp
        self._end_ramp()
        if not self._run.is_current(ramp):
            # Others had a turn while the last one came to its end.
            return
        is_open = self.environment._arrivals is not None
        if self._users_dispatcher is None and not is_open:
            self._users_dispatcher = self.environment.dispatcher_class(
                worker_nodes=workers, user_classes=self.user_classes
            )
            if isinstance(self._users_dispatcher, UsersDispatcher):
                self._users_dispatcher._for_distributed_run()
        dispatcher = self._users_dispatcher
        if not is_open:
            self._tell_of_jobs(user_count, spawn_rate, len(workers))
        if begins_test:
            self._left.clear()
            self._again.begin()
            self._seconds.begin()
            self._open = None
            self._beginning = True
            try:
                self._begin_test()
            finally:
                self._beginning = False
            if not self._run.is_current(ramp):
                # A listener has stopped the test again.
                return
            if self.environment.shape_class:
                self.environment.shape_class.reset_time()
        self.update_state(STATE_SPAWNING)
        if dispatcher is None:
            self._begin_arrivals(math.trunc(user_count))
            return
        dispatcher.new_dispatch(
            target_user_count=user_count, spawn_rate=spawn_rate, user_classes=user_classes
        )
        greenlet = self.spawning_greenlet = self._spawn(self._ramp, ramp, dispatcher)
        greenlet.join()

    def _tell_of_jobs(self, user_count: float, spawn_rate: float, workers: int) -> None:
        logger.info(
            f"Sending spawn jobs of {math.trunc(user_count)} users at {spawn_rate:.2f} spawn rate to {workers} ready "
            "workers"
        )
        if spawn_rate / workers > 100:
            logger.warning(
                "Your selected spawn rate is very high (>100/worker), and this is known to sometimes cause issues. Do you "
                "really need to ramp up that fast?"
            )

    def _begin_arrivals(self, most: int) -> None:
        """As the end of a ramp to so many users, who come when arrivals need them."""
        if self._open is not None:
            self._open.limit(most)
        else:
            arrivals = replace(self.environment._arrivals, most=most)
            self._open = MasterArrivals(self, arrivals)
            logger.info(
                f"Iterations arrive at a rate of {arrivals.in_words}, shared out among {self.worker_count} workers, for at most "
                f"{most} users at a time"
            )
            self._open.begin()
        self.environment.events.spawning_complete.fire(user_count=self.user_count)
        self.send_message("spawning_complete", data={"user_count": self.user_count})
        self.spawning_completed = True

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
            self._tell(worker_id, self._job(counts, options))
        if logger.isEnabledFor(logging.DEBUG):
            users = sum(map(sum, map(methodcaller("values"), plan.values())))
            logger.debug("Sending spawn messages for %g total users to %i worker(s)", users, len(plan))
            logger.debug(
                f"Currently spawned users: {format_user_classes_count(self.reported_user_classes_count)}"
            )

    def _job(self, counts: dict[str, int], options: dict[str, Any] | None = None) -> dict[str, Any]:
        job = {
            "user_classes_count": counts,
            "host": self.environment.host,
            "stop_timeout": self.environment.stop_timeout,
            "parsed_options": options_for_workers(self.environment.parsed_options)
            if options is None
            else options,
        }
        if listeners := _engine.refused_addresses():
            # Where the system under test must not send users. Locust's workers do not look at it.
            job["out_of_bounds"] = listeners
        return job

    def _tell(self, worker_id: str, job: dict[str, Any]) -> None:
        # Workers drop jobs that are not newer than their last.
        self._last_job = max(time.time(), self._last_job + 1e-6)
        job["timestamp"] = self._last_job
        job[RUN] = self._seconds.run
        stamp(job, self._open)
        if self._warm_up is not None:
            job[WARM_UP] = [self._warm_up.left, self._warm_up.seconds]
        self._again.gets(worker_id, job)
        self._send(Message("spawn", job, worker_id))

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
        if self.state == STATE_STOPPING:
            return
        if self.state in (STATE_INIT, STATE_STOPPED) and not self._beginning:
            # It may run users all the same: it was cut off when it should have stopped them.
            for client in self.clients.running + self.clients.spawning if send_stop_to_client else ():
                self._stop_worker(client)
            return
        logger.debug("Stopping...")
        self.environment.events.test_stopping.fire(environment=self.environment)
        self.final_user_classes_count = {**self.reported_user_classes_count}
        # Also ends the ramp that is under way.
        self.update_state(STATE_STOPPING)
        self._end_ramp()
        if self.shape_greenlet is not None and self.shape_greenlet is not gevent.getcurrent():
            self.shape_greenlet.kill(block=True)
            self.shape_greenlet = None
            self.shape_last_tick = None
        self._users_dispatcher = None
        if self._open is not None:
            self._open.end()
        self._end_warm_up()
        if send_stop_to_client:
            for client in tuple(self.clients.all):
                self._stop_worker(client)
            if not self._wait(lambda: self.user_count == 0):
                logger.error("Timeout waiting for all workers to stop")
        self.cpu_log_warning()
        self.environment.events.test_stop.fire(environment=self.environment)

    def _stop_worker(self, client: WorkerNode) -> None:
        logger.debug(f"Sending stop message to worker {client.id}")
        self._again.stops(client.id)
        self._send(Message("stop", None, client.id))

    def _wait(self, condition: Any) -> bool:
        """Waits for what workers have to do at the end; whether they did it in time. What has arrived is waited for as long as it
        gets less."""
        heard, deadline = self._heard, time.monotonic() + self.environment._stop_seconds + GRACE
        while not condition():
            if self._backlog()[0] and self._heard != heard:
                heard, deadline = self._heard, max(deadline, time.monotonic() + GRACE)
            if self._hurried or time.monotonic() > deadline:
                return False
            gevent.sleep(0.05)
        return True

    def hurry(self) -> None:
        """Ends the waiting for workers that have not stopped yet."""
        self._hurried = True

    @property
    def is_quitting(self) -> bool:
        """Whether it has begun to end all workers and itself."""
        return self._quitting

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
        for client_id in self._left:
            # Those that are not ready again yet are to go, too.
            self._send(Message("quit", None, client_id))
        # Each says goodbye after its last report. One that has gone silent has nothing more to say, but what waits here.
        self._wait(lambda: not any(self._is_awaited(client) for client in leaving))
        _messages, reports, _seconds = self._backlog()
        if reports:
            logger.warning(
                f"{reports} reports of workers have arrived and are not among the numbers of this run"
            )
        self.greenlet.kill(block=True)

    def _is_awaited(self, client: WorkerNode) -> bool:
        is_there = self.clients.get(client.id) is client
        return is_there and (client.heartbeat > 0 or self._is_pending(client.id))

    def cpu_log_warning(self) -> bool:
        """At the end of a test: says once more if a processor was too busy at some point."""
        emitted = super().cpu_log_warning()
        if self.worker_cpu_warning_emitted:
            logger.warning("CPU usage threshold was exceeded on workers during the test!")
            emitted = True
        return emitted

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
