"""`WorkerRunner`: runs the users that a master asks for, and reports to it."""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
import traceback
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn
from uuid import uuid4

import gevent
from gevent.event import Event

import locust

from .. import _engine, argument_parser, runners
from .. import rpc as transport
from .._origins import origin
from .._web.address import is_this_machine
from ..cli.table import exit_code
from ..log import get_logs
from ..rpc import Message
from ..runners import STATE_INIT, STATE_RUNNING, STATE_SPAWNING
from . import arrivals as shared
from . import checks
from .access import worker_keywords
from .jobs import options_from_master
from .messages import TRANSPORT_ERRORS, DistributedRunner
from .seconds import KEY, RUN, TAKES, WARM_UP, WorkerSeconds, told_warm_up
from .sendable import Sieve

if TYPE_CHECKING:
    from ..env import Environment
    from ..user import User

logger = logging.getLogger("locust.runners")

MOST_LINES_AT_ONCE = 70
# Messages that may wait to be sent when another report is made: a heartbeat, lines of the log.
MOST_WAITING = 2
WAIT_BEFORE_READY = "LOCUST_WORKER_ADDITIONAL_WAIT_BEFORE_READY_AFTER_STOP"


class WorkerRunner(DistributedRunner):
    """Runs users for a master. Making one waits until the master has answered; `ConnectionError` if it never does."""

    __module__ = "locust.runners"

    # Told by the master; those before 2.10.2 do not.
    worker_index = -1

    def __init__(self, environment: Environment, master_host: str, master_port: int) -> None:
        super().__init__(environment)
        self.retry = 0
        self._sieve = Sieve()
        self._seconds = WorkerSeconds(self.stats)
        self.connected = False
        self.last_heartbeat_timestamp: float | None = None
        # The same, and by a clock that does not jump.
        self._heard = 0.0, 0.0
        self.last_received_spawn_timestamp = 0.0
        self.connection_event = Event()
        self.worker_state = STATE_INIT
        self.client_id = f"{socket.gethostname()}_{uuid4().hex}"
        self.master_host = master_host
        self.master_port = master_port
        self.web_base_path = getattr(environment.parsed_options, "web_base_path", "")
        self.logs: list[str] = []
        self._master_says_again = False
        # Seconds of the warm-up that are left, and of all of it.
        self._warm_up_told: tuple[float, float | None] = (0.0, None)
        self._obeying = False
        self._said_goodbye = False
        self.client = self._connect()
        self._spawn_steady(self.worker)
        self.connect_to_master()
        self._spawn_steady(self.heartbeat)
        self._spawn_steady(self.heartbeat_timeout_checker)
        self._spawn_steady(self.stats_reporter)
        self._spawn_steady(self.logs_reporter)

        events = environment.events

        def on_report_to_master(client_id: str, data: dict[str, Any]) -> None:
            data["user_classes_count"] = self.user_classes_count
            data["user_count"] = self.user_count

        def on_quitting(**_kwargs: Any) -> None:
            if not self.user_count:
                self._say_goodbye()
            # Else `quit` does, when the last user has ended and was reported.

        def on_user_error(user_instance: Any, exception: BaseException, tb: Any) -> None:
            text = "".join(traceback.format_tb(tb))
            # An original master reads the first two.
            told = {"msg": str(exception), "traceback": text, **origin(user_instance, exception, tb)}
            if self._leaves_out_exception():
                return
            self._try_to_send("exception", told)

        events.report_to_master.add_listener(on_report_to_master)
        events.quitting.add_listener(on_quitting)
        events.user_error.add_listener(on_user_error)

    # ---------------------------------------------------------------------------------------------- connection

    def _connect(self) -> Any:
        return transport.rpc.Client(self.master_host, self.master_port, self.client_id, **worker_keywords())

    def connect_to_master(self) -> None:
        """Introduces itself until the master answers. `ConnectionError` if it never does."""
        while True:
            self.retry += 1
            self.client.send(Message("client_ready", locust.__version__, self.client_id))
            try:
                answered = self.connection_event.wait(timeout=runners.CONNECT_TIMEOUT)
            except KeyboardInterrupt:
                sys.exit(1)
            if answered:
                self.connected = True
                return
            # For half a minute that is nothing unusual.
            level = logging.DEBUG if self.retry < 30 / runners.CONNECT_TIMEOUT else logging.INFO
            logger.log(
                level,
                f"Failed to connect to master {self.master_host}:{self.master_port}{self.web_base_path}, retry "
                f"{self.retry}/{runners.CONNECT_RETRY_COUNT}.",
            )
            if self.retry > runners.CONNECT_RETRY_COUNT:
                raise ConnectionError(f"no answer from {self.master_host}:{self.master_port}")

    def reset_connection(self) -> None:
        """Connects anew, under the same name."""
        logger.info("Reset connection to master")
        try:
            self.client.close()
            self.client = self._connect()
        except TRANSPORT_ERRORS as e:
            logger.error(f"Temporary failure when resetting connection: {e}, will retry later.")

    def worker(self) -> NoReturn:
        """Takes messages in, for ever. Nothing that a master sends may end it."""
        while True:
            try:
                self.handle_message(self.client.recv())
            except TRANSPORT_ERRORS as e:
                self._words.say(logging.ERROR, f"RPCError found when receiving from master: {e}")
                gevent.sleep(0.1)
            except KeyboardInterrupt:
                logger.debug("Got KeyboardInterrupt in worker, somebody else will react to it")

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        """Sends a message to the master; `client_id` is of no use here."""
        logger.debug(f"Sending {msg_type} message to master")
        self.client.send(Message(msg_type, data, self.client_id))

    def _try_to_send(self, msg_type: str, data: Any = None) -> None:
        try:
            self.client.send(Message(msg_type, data, self.client_id))
        except TRANSPORT_ERRORS as e:
            logger.error(f"Could not send {msg_type} to the master: {e}")

    def heartbeat(self) -> NoReturn:
        """Tells the master that we are there."""
        while True:
            data = {
                "state": self.worker_state,
                "current_cpu_usage": self.current_cpu_usage,
                "current_memory_usage": self.current_memory_usage,
                **self._seconds.beat(),
            }
            if self._script:
                data["script"] = self._script
            if self._master_says_again:
                data["job"] = self.last_received_spawn_timestamp
            try:
                self.client.send(Message("heartbeat", data, self.client_id))
            except TRANSPORT_ERRORS as e:
                logger.error(f"RPCError found when sending heartbeat: {e}")
                self.reset_connection()
            gevent.sleep(runners.HEARTBEAT_INTERVAL)

    def heartbeat_timeout_checker(self) -> NoReturn:
        """Ends the worker if the master is gone."""
        while True:
            gevent.sleep(1)
            # While users are being stopped nobody reads the answers.
            if not self._obeying and self._silence() > runners.MASTER_HEARTBEAT_TIMEOUT:
                logger.error(f"Didn't get heartbeat from master in over {runners.MASTER_HEARTBEAT_TIMEOUT}s")
                if self.environment.process_exit_code is None:
                    # Whoever started it is to know that its work was not done.
                    self.environment.process_exit_code = exit_code("FAILURES")
                self.quit()

    def _heard_master(self) -> None:
        self.last_heartbeat_timestamp = time.time()
        self._heard = self.last_heartbeat_timestamp, time.monotonic()

    def _silence(self) -> float:
        """For how many seconds the master has not been heard of; 0 before the first time. The clock on the wall may jump."""
        last, heard = self.last_heartbeat_timestamp, self._heard
        if not last:
            return 0.0
        # A script may have set it.
        return time.monotonic() - heard[1] if last == heard[0] else time.time() - last

    # ------------------------------------------------------------------------------------------------ messages

    def handle_message(self, msg: Message) -> None:
        """Acts on a message. One that is malformed is logged and has no effect."""
        handler = _HANDLERS.get(msg.type) if isinstance(msg.type, str) else None
        try:
            if handler is not None:
                handler(self, msg)
            elif isinstance(msg.type, str) and self._deliver(msg):
                self._words.say(logging.DEBUG, f"Received {msg.type} message from master")
            else:
                self._words.say(logging.WARNING, f"Unknown message type received: {msg.type}")
        except checks.Malformed as e:
            self._words.say(logging.ERROR, f"Ignored a malformed {msg.type} message of the master: {e}")
        except Exception:
            self._words.say_exception(f"Could not act on a {msg.type} message of the master")

    def _on_ack(self, msg: Message) -> None:
        if isinstance(msg.data, dict):
            if isinstance(msg.data.get("index"), int):
                self.worker_index = msg.data["index"]
            # Not in Locust: whether it wants to know which job we have heard of last.
            self._master_says_again = bool(msg.data.get("says_again"))
            self._seconds.follow(bool(msg.data.get(TAKES)))
        self.connection_event.set()

    def _on_spawn(self, msg: Message) -> None:
        self._try_to_send("spawning")
        job = checks.mapping(msg.data)
        moment = checks.number(job, "timestamp")
        counts = checks.user_counts(job.get("user_classes_count"))
        stop_timeout = checks.number(job, "stop_timeout") if job.get("stop_timeout") is not None else 0.0
        host = checks.text(job, "host") if job.get("host") is not None else None
        options = options_from_master(checks.mapping(job.get("parsed_options"), "parsed_options"))
        if moment <= self.last_received_spawn_timestamp:
            logger.info(
                "Discard spawn message with older or equal timestamp than timestamp of previous spawn message"
            )
            return
        self._keep_out(job.get("out_of_bounds"))
        environment = self.environment
        environment.host, environment.stop_timeout = host, stop_timeout
        if environment.parsed_options is None:
            parser = argument_parser.get_empty_argument_parser()
            argument_parser.setup_parser_arguments(parser)
            environment.parsed_options = parser.parse(args=[])
        vars(environment.parsed_options).update(options)
        run = job.get(RUN) if isinstance(job.get(RUN), str) else None
        # What was on its way to us, and waited here, is over.
        self._warm_up_told = told_warm_up(job, msg.waited)
        is_new = self.worker_state not in (STATE_RUNNING, STATE_SPAWNING) or run != self._seconds.run
        if self.worker_state not in (STATE_RUNNING, STATE_SPAWNING):
            self._open = None
            self._seconds.begin_run(run)
            self._begin_test()
        elif run != self._seconds.run:
            # It has not heard of the end of the last one: what was counted until now is not of this one.
            self._report()
            self._seconds.end_run()
            self._seconds.begin_run(run)
            self._begin_warm_up(0.0)
        self.worker_state = STATE_SPAWNING
        if self.spawning_greenlet:
            self.spawning_greenlet.kill(block=True)
        self.last_received_spawn_timestamp = moment
        if shared.KEY in job:
            self._follow_arrivals(checks.mapping(job[shared.KEY], shared.KEY), is_new)
        else:
            self.spawning_greenlet = self._spawn(self.start_worker, counts)

    def _begin_warm_up(self, seconds: float, whole: float | None = None) -> None:
        # The master's, not one of our own.
        super()._begin_warm_up(*self._warm_up_told)

    def _warm_up_is_over(self) -> None:
        super()._warm_up_is_over()
        self._seconds.counts_anew()

    def _follow_arrivals(self, told: dict[Any, Any], is_new: bool) -> None:
        for user_class in self.user_classes:
            if self.environment.host:
                user_class.host = self.environment.host
        shared.follow(self, told, is_new)
        self.spawning_complete(self.user_count)
        self.update_state(STATE_RUNNING)

    def _keep_out(self, addresses: Any) -> None:
        """Has no request of a user go to what a master on this machine listens on: there users would pass for friends."""
        if isinstance(addresses, list) and addresses and self._is_masters_machine:
            try:
                _engine.refuse_addresses([str(address) for address in addresses])
            except ValueError as e:
                logger.debug(f"The master tells of listeners that are none: {e}")

    @cached_property
    def _is_masters_machine(self) -> bool:
        return is_this_machine(self.master_host)

    def _on_stop(self, _msg: Message) -> None:
        self._obey(self._stop_and_be_ready)

    def _on_quit(self, _msg: Message) -> None:
        logger.info("Got quit message from master, shutting down...")
        self._obey(self.quit)

    def _obey(self, order: Any) -> None:
        self._obeying = True
        try:
            order()
        finally:
            self._obeying = False
            if self.last_heartbeat_timestamp:
                self._heard_master()

    def _stop_and_be_ready(self) -> None:
        self.stop()
        self._seconds.end_run()
        # Now, so that these numbers are not taken for those of the next test.
        self._report()
        self._try_to_send("client_stopped")
        gevent.sleep(self.environment._stop_seconds + _additional_wait())
        self._try_to_send("client_ready", locust.__version__)
        self.worker_state = STATE_INIT

    def _on_reconnect(self, _msg: Message) -> None:
        logger.warning("Received reconnect message from master. Resetting RPC connection.")
        self.reset_connection()

    def _on_heartbeat(self, msg: Message) -> None:
        self._heard_master()
        self._seconds.hear(msg.data)
        self.environment.events.heartbeat_received.fire(
            client_id=msg.node_id, timestamp=self.last_heartbeat_timestamp
        )

    def _on_update_user_class(self, msg: Message) -> None:
        settings = checks.mapping(msg.data)
        try:
            self.environment.update_user_class(settings)
        except KeyError as e:
            raise checks.Malformed(f"no such user class or setting: {e}") from None

    def _on_spawning_complete(self, msg: Message) -> None:
        # The whole ramp is complete, on all workers.
        count = int(checks.number(checks.mapping(msg.data), "user_count"))
        self.environment.events.spawning_complete.fire(user_count=count)

    # --------------------------------------------------------------------------------------------------- users

    def start(
        self,
        user_count: int,
        spawn_rate: float,
        wait: bool = False,
        user_classes: list[type[User]] | None = None,
    ) -> None:
        """The master decides how many users there are."""
        raise NotImplementedError("use start_worker")

    def start_worker(self, user_classes_count: dict[str, int], **_kwargs: Any) -> None:
        """Starts and stops users until so many of each class run."""
        known = self.user_classes_by_name
        if unknown := [name for name in user_classes_count if name not in known]:
            self._words.say(
                logging.ERROR,
                f"The master asks for users that the locustfile of this worker does not define: {', '.join(unknown)}",
            )
        plan = {name: count for name, count in user_classes_count.items() if name in known}
        self.target_user_classes_count = plan
        self.target_user_count = sum(plan.values())
        for user_class in self.user_classes:
            if self.environment.host:
                user_class.host = self.environment.host
        self._count_users()
        spawn, stop = self._run.follow(plan, False)
        # Stopping may block for the stop timeout, so starting comes first.
        self.spawn_users(spawn)
        self.stop_users(stop)
        self.spawning_complete(sum(self.user_classes_count.values()))
        self.update_state(STATE_RUNNING)

    def spawning_complete(self, user_count: int) -> None:
        """Tells the master that all users it asked for run."""
        data = {"user_classes_count": self.user_classes_count, "user_count": user_count}
        self._try_to_send("spawning_complete", data)
        self.worker_state = STATE_RUNNING

    def _stop_because(self, error: BaseException) -> None:
        if not self._stop_requested:
            # The whole test is to end, not only our part of it.
            self._try_to_send("stop_test", {"reason": str(error)})
        super()._stop_because(error)

    def _end_test(self) -> None:
        # Whether the process ends is the master's business.
        self.stop()

    def quit(self) -> None:
        """Ends the users, reports what they measured last, and ends the runner."""
        try:
            self.stop()
        finally:
            self._say_goodbye()
            self._seconds.stop()
            self.greenlet.kill(block=True)

    def _say_goodbye(self) -> None:
        if not self._said_goodbye:
            self._said_goodbye = True
            self._report()
            self._try_to_send("quit")

    # ------------------------------------------------------------------------------------------------- reports

    def stats_reporter(self) -> NoReturn:
        """Reports every `WORKER_REPORT_INTERVAL` seconds; less often to a master that does not keep up, and no less."""
        while True:
            # What waits would only wait longer. The numbers stay in the statistics, and go with the next report.
            if getattr(self.client, "waiting", 0) <= MOST_WAITING:
                self._report()
            gevent.sleep(runners.WORKER_REPORT_INTERVAL)

    def _report(self) -> None:
        try:
            self._send_stats()
        except TRANSPORT_ERRORS as e:
            logger.error(f"Temporary connection lost to master server: {e}, will retry later.")
        except Exception:
            # Whatever it is, the next report is due, and the goodbye.
            logger.exception("A report could not be sent, its numbers go with the next one")

    def _send_stats(self) -> None:
        data: dict[str, Any] = {}
        told = self._seconds.begin()
        more: dict[str, Any] = {}
        try:
            self.environment.events.report_to_master.fire(client_id=self.client_id, data=data)
            more = self._seconds.complete(told)
            if self._warm_up is not None:
                more[WARM_UP] = self._warm_up.counts
            if self._open is not None and (arrivals := self._open.reported()):
                more[shared.KEY] = arrivals
            self._send_report(data, more)
        except BaseException:
            # Their own listener has taken them out of the statistics: they go with the next report.
            if "stats_total" in data:
                self.stats.put_report_back(data, more.get(KEY, {}).get("seconds"))
            raise
        if more:
            self._seconds.sent()

    def _send_report(self, data: dict[str, Any], more: dict[str, Any]) -> None:
        try:
            self.client.send(Message("stats", {**data, **more}, self.client_id))
        except TRANSPORT_ERRORS:
            raise
        except Exception:
            self.client.send(Message("stats", {**self._sieve.sift(data), **more}, self.client_id))

    def logs_reporter(self) -> None:
        """Sends the log every `WORKER_LOG_REPORT_INTERVAL` seconds; not at all if that is negative."""
        while runners.WORKER_LOG_REPORT_INTERVAL >= 0:
            lines = get_logs()
            if len(lines) - len(self.logs) > MOST_LINES_AT_ONCE:
                logger.warning(
                    f"The worker attempted to send more than {MOST_LINES_AT_ONCE} log lines in one interval. Further log "
                    "sending was disabled for this worker."
                )
                self._send_logs(get_logs())
                return
            if lines != self.logs:
                self._send_logs(lines)
            self.logs = lines
            gevent.sleep(runners.WORKER_LOG_REPORT_INTERVAL)

    def _send_logs(self, lines: list[str]) -> None:
        self._try_to_send("logs", {"worker_id": self.client_id, "logs": lines})


def _additional_wait() -> float:
    given = os.getenv(WAIT_BEFORE_READY, "0")
    try:
        return max(0.0, float(given))
    except ValueError:
        logger.warning(f"{WAIT_BEFORE_READY} must be a number of seconds, but is {given!r}; not waiting")
        return 0.0


_HANDLERS = {
    "ack": WorkerRunner._on_ack,
    "spawn": WorkerRunner._on_spawn,
    "stop": WorkerRunner._on_stop,
    "quit": WorkerRunner._on_quit,
    "reconnect": WorkerRunner._on_reconnect,
    "heartbeat": WorkerRunner._on_heartbeat,
    "update_user_class": WorkerRunner._on_update_user_class,
    "spawning_complete": WorkerRunner._on_spawning_complete,
}
