"""Runners: they start and stop the users of a test, and hold what happens to it.

Planning who runs when is `dispatch`'s, running a user is the engine's. What is here is the part that scripts and plugins
see, override and listen to: states, events, log lines and their order.
"""

from __future__ import annotations

import inspect
import json
import logging
import math
import os
import time
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, TypedDict

import gevent
import psutil
from gevent.event import Event
from gevent.pool import Group

from . import _engine, _io_fault, _shown
from ._internals import module_attributes
from ._nodes import WorkerNode as WorkerNode
from ._nodes import WorkerNodes as WorkerNodes
from ._open_run import follow_rate, over
from ._origins import Origins
from ._steady import mark_as_steady
from ._stopping import Stopping, ask_to_stop, await_end
from ._usage import BusiestThread
from ._warm_up import WarmingUp
from .dispatch import UsersDispatcher
from .exception import StopTest
from .log import greenlet_exception_logger
from .user.group import UserGreenlet, UserGroup
from .user.task import LOCUST_STATE_STOPPING as LOCUST_STATE_STOPPING

if TYPE_CHECKING:
    from .env import Environment
    from .stats import RequestStats, StatsError
    from .user import User

logger = logging.getLogger(__name__)

STATE_INIT = "ready"
STATE_SPAWNING = "spawning"
STATE_RUNNING = "running"
STATE_CLEANUP = "cleanup"
STATE_STOPPING = "stopping"
STATE_STOPPED = "stopped"
STATE_MISSING = "missing"

# Scripts overwrite these, so they are looked up when they are needed.
WORKER_REPORT_INTERVAL = 3.0
WORKER_LOG_REPORT_INTERVAL = 10
CPU_MONITOR_INTERVAL = 10.0
CPU_WARNING_THRESHOLD = 90
HEARTBEAT_INTERVAL = 1
HEARTBEAT_LIVENESS = 3
HEARTBEAT_DEAD_INTERNAL = -60
MASTER_HEARTBEAT_TIMEOUT = 60
FALLBACK_INTERVAL = 5
CONNECT_TIMEOUT = 5
CONNECT_RETRY_COUNT = 60

_DISTRIBUTING = "See https://docs.locust.io/en/stable/running-distributed.html for how to distribute the load over multiple CPU cores or machines"

ShapeTick = tuple[int, float] | tuple[int, float, "list[type[User]] | None"] | None


class ExceptionDict(TypedDict):
    """One row of the exceptions table."""

    count: int
    msg: str
    traceback: str
    nodes: set[str]


def locust_exception_handler(environment: Environment) -> Callable[[gevent.Greenlet], None]:
    """For `Greenlet.link_exception` of a runner's greenlets: StopTest stops the test, anything else is logged."""
    exception_logger = greenlet_exception_logger(logger)

    def handler(greenlet: gevent.Greenlet) -> None:
        error = greenlet.exception
        if type(error) is StopTest and environment.runner is not None:
            environment.runner._stop_because(error)
        else:
            exception_logger(greenlet)

    return handler


class Runner(WarmingUp):
    """What all runners have in common. Make one with `Environment.create_local_runner`."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        _io_fault.runners.add(self)
        self.user_greenlets: UserGroup = UserGroup(on_finished=self._user_finished)
        """The running users."""
        self.greenlet = Group()
        """The runner's own greenlets; join it to wait for `quit`."""
        # Where the run is and who runs in it. What is here besides is what scripts see of it.
        self._run = environment._run = _engine.RunCore(environment._run)
        self.spawning_greenlet: gevent.Greenlet | None = None
        self.shape_greenlet: gevent.Greenlet | None = None
        self.shape_last_tick: ShapeTick = None
        self.current_cpu_usage: float = 0.0
        self.current_memory_usage: int = 0
        self.cpu_warning_emitted = False
        self.worker_cpu_warning_emitted = False
        self.exceptions: dict[int, ExceptionDict] = {}
        self._origins = Origins()
        self.target_user_classes_count: dict[str, int] = {}
        """Users of each class at the end of the last ramp."""
        self.target_user_count = 0
        """Where the present ramp leads."""
        self.final_user_classes_count: dict[str, int] = {}
        """Users of each class when the test was stopped."""
        self.custom_messages: dict[str, tuple[Callable[..., None], bool]] = {}
        self.connection_broken = False
        self._users_dispatcher: UsersDispatcher | None = None
        # The pool of users of an open run, until the next run.
        self._open: Any = None
        self._stopper: gevent.greenlet | None = None
        self._stopped = Event()
        self._stop_requested = False
        # How often the test was stopped.
        self._stops = 0
        # A user that stopped the test itself: ended last, when everything else is done.
        self._last_user: User | None = None

        self._spawn(self.monitor_cpu_and_memory)

        self._stats_listener = _engine.StatsListener(environment.stats)
        environment.events.request.add_listener(self._stats_listener)

        def on_spawning_complete(user_count: int) -> None:
            self.update_state(STATE_RUNNING)
            if environment.reset_stats:
                logger.info("Resetting stats\n")
                self.stats.reset_all()

        environment.events.spawning_complete.add_listener(on_spawning_complete)

    def __del__(self) -> None:
        # No stray greenlets, should the runner go away before it was told to quit.
        greenlets = getattr(self, "greenlet", None)
        if greenlets is not None and len(greenlets) > 0:
            greenlets.kill(block=False)

    def _spawn(self, function: Callable[..., Any], *args: Any) -> gevent.Greenlet:
        greenlet = self.greenlet.spawn(self._run_until_stop_test, function, args)
        greenlet.link_exception(locust_exception_handler(self.environment))
        return greenlet

    def _run_until_stop_test(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        try:
            function(*args)
        except StopTest as e:
            # A user's constructor says so. gevent would print a traceback of what is no fault.
            self.stop_test(e)

    def _spawn_steady(self, function: Callable[..., Any]) -> None:
        """For what has to go on as long as the runner does."""
        mark_as_steady(self._spawn(function))

    @property
    def state(self) -> str:
        """What the run is doing: one of the `STATE_…` above."""
        return self._run.state

    @state.setter
    def state(self, state: str) -> None:
        self._run.state = state

    @property
    def user_classes(self) -> list[type[User]]:
        """The classes users may be started of."""
        return self.environment.user_classes

    @property
    def user_classes_by_name(self) -> dict[str, type[User]]:
        """The same by name."""
        return self.environment.user_classes_by_name

    @property
    def stats(self) -> RequestStats:
        """The statistics of this run."""
        return self.environment.stats

    @property
    def errors(self) -> dict[str, StatsError]:
        """The rows of the failures table."""
        return self.stats.errors

    @property
    def user_count(self) -> int:
        """How many users are running."""
        return len(self.user_greenlets)

    @property
    def user_classes_count(self) -> dict[str, int]:
        """How many users of each class are running."""
        counts = {user_class.__name__: 0 for user_class in self.user_classes}
        self._count_users()
        for name, count in self._run.user_classes_count().items():
            if count or name in counts:
                counts[name] = count
        return counts

    def _count_users(self) -> None:
        if self._run.user_count != len(self.user_greenlets):
            # Somebody else started users in our group.
            self._run.recount([type(user).__name__ for user in self.user_greenlets.users()])

    def _user_finished(self, user: User) -> None:
        self._run.user_ended(type(user).__name__)

    def update_state(self, new_state: str) -> None:
        """Enters a state."""
        self.state = new_state
        for watcher in tuple(self.environment._state_watchers):
            watcher()

    def cpu_log_warning(self) -> bool:
        """At the end of a test: says once more if the processor was too busy at some point."""
        if self.cpu_warning_emitted:
            logger.warning(f"CPU usage was too high at some point during the test! {_DISTRIBUTING}")
        return self.cpu_warning_emitted

    def spawn_users(self, user_classes_spawn_count: dict[str, int], wait: bool = False) -> list[User]:
        """Starts so many users of each class now and returns them; with `wait` returns when all users have stopped."""
        if self.state in (STATE_INIT, STATE_STOPPED):
            self.update_state(STATE_SPAWNING)
        verbose = logger.isEnabledFor(logging.DEBUG)
        if verbose:
            running = json.dumps(self.user_classes_count)
            logger.debug(
                f"Spawning additional {json.dumps(user_classes_spawn_count)} ({running} already running)..."
            )
        new_users: list[User] = []
        for name, count in user_classes_spawn_count.items():
            user_class = self.user_classes_by_name[name]
            self._spawn_class(user_class, count, new_users, verbose)
            if verbose:
                logger.debug(f"All users of class {name} spawned")
        if wait:
            self.user_greenlets.join()
            logger.info("All users stopped\n")
        return new_users

    def _spawn_class(self, user_class: type[User], count: int, new_users: list[User], verbose: bool) -> None:
        environment, group, name = self.environment, self.user_greenlets, user_class.__name__
        stops = self._stops
        for number in range(1, count + 1):
            user = user_class(environment)
            if self._stops != stops:
                # Stopped meanwhile, by the constructor or while it waited for something.
                return
            if not hasattr(user, "environment"):
                raise AssertionError(
                    f"Attribute 'environment' is missing on user {name}. Perhaps you defined your own __init__ and forgot "
                    "to call the base constructor? (super().__init__(*args, **kwargs))"
                )
            user.start(group)
            self._run.user_started(name)
            new_users.append(user)
            if verbose and (number % 10 == 0 or number == count):
                logger.debug(f"{self.user_count} users spawned")

    def stop_users(self, user_classes_stop_count: dict[str, int]) -> None:
        """Stops so many users of each class, those started first, and returns when they have ended.

        With a stop timeout, users that are in a task may finish it; all of them share the one deadline.
        """
        known = self.user_classes_count
        for name in user_classes_stop_count:
            if name not in known:
                raise KeyError(name)
        self._await_end(self._ask_to_stop(user_classes_stop_count))
        logger.debug(
            "%g users have been stopped, %g still running",
            sum(user_classes_stop_count.values()),
            self.user_count,
        )

    def _ask_to_stop(self, counts: dict[str, int]) -> Stopping:
        return ask_to_stop(self.user_greenlets, counts, self.environment.stop_timeout or 0.0)

    def _await_end(self, stopping: Stopping) -> None:
        caller = await_end(stopping)
        if caller is not None:
            self._last_user = caller

    def monitor_cpu_and_memory(self) -> NoReturn:
        """Measures this process every `CPU_MONITOR_INTERVAL` seconds, and warns if a thread of it is too busy."""
        process = psutil.Process()
        meter = BusiestThread(process)
        while True:
            gevent.sleep(CPU_MONITOR_INTERVAL)
            self.current_cpu_usage = meter.percent()
            self.current_memory_usage = process.memory_info().rss
            events = self.environment.events
            if self.current_cpu_usage > CPU_WARNING_THRESHOLD:
                events.cpu_warning.fire(environment=self.environment, cpu_usage=self.current_cpu_usage)
                if not self.cpu_warning_emitted:
                    logging.warning(
                        f"CPU usage above {CPU_WARNING_THRESHOLD}%! This may constrain your throughput and may even give "
                        f"inconsistent response time measurements! {_DISTRIBUTING}"
                    )
                    self.cpu_warning_emitted = True
            events.usage_monitor.fire(
                environment=self.environment,
                cpu_usage=self.current_cpu_usage,
                memory_usage=self.current_memory_usage,
            )

    @abstractmethod
    def start(
        self,
        user_count: int,
        spawn_rate: float,
        wait: bool = False,
        user_classes: list[type[User]] | None = None,
    ) -> None:
        """Starts a test, or leads a running one to another number of users."""

    @abstractmethod
    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        """Sends a custom message to other nodes."""

    def start_shape(self) -> None:
        """Starts a test that follows `environment.shape_class`."""
        if self.shape_greenlet:
            logger.info("There is an ongoing shape test running. Editing is disabled")
            return
        logger.info("Shape test starting.")
        self.update_state(STATE_INIT)
        self.shape_greenlet = self._spawn(self.shape_worker)
        if self.environment.shape_class is not None:
            self.environment.shape_class.reset_time()

    def shape_worker(self) -> None:
        """Asks the shape about once a second and follows its answers until it gives none."""
        logger.info("Shape worker starting")
        while self.state in (STATE_INIT, STATE_SPAWNING, STATE_RUNNING):
            began = time.monotonic()
            shape = self.environment.shape_class
            tick = shape.tick() if shape is not None else None
            if tick is None:
                logger.info("Shape test stopping")
                self._end_test()
                self.shape_greenlet = None
                self.shape_last_tick = None
                return
            if not follow_rate(self, tick) and self.shape_last_tick != tick:
                user_count, spawn_rate, user_classes = (*tick, None) if len(tick) == 2 else tick
                # `trunc` and not `int`: a text is an error here, before anything is started.
                logger.info(
                    f"Shape test updating to {math.trunc(user_count)} users at {spawn_rate:.2f} spawn rate"
                )
                self.start(user_count=user_count, spawn_rate=spawn_rate, user_classes=user_classes)
                self.shape_last_tick = tick
            gevent.sleep(max(1 - (time.monotonic() - began), 0))

    def stop(self) -> None:
        """Stops the test and all users, and returns when they have ended.

        A user may call it; that user is stopped last, at its next wait or request.
        """
        while self._stopper is not None:
            if self._stopper is gevent.getcurrent() or isinstance(gevent.getcurrent(), UserGreenlet):
                # From a listener of the stop, or from a user that the stop is waiting for.
                return
            self._stopped.wait()
        if self.state == STATE_STOPPED:
            return
        self._stopper = gevent.getcurrent()
        self._stopped.clear()
        try:
            self._stop()
        finally:
            self._stopper = None
            self._stopped.set()
            if self._last_user is not None:
                # Not from here: the caller may have more to do.
                gevent.spawn(_kill, self._last_user)
                self._last_user = None

    def _stop(self) -> None:
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug(f"Stopping all users (called from {_caller()})")
        steering: Exception | None = None
        try:
            self.environment.events.test_stopping.fire(environment=self.environment)
        except Exception as e:
            # A listener raised something that steers a user. There is none to steer, and the users have to stop.
            steering = e
        self.final_user_classes_count = {**self.user_classes_count}
        self._stops += 1
        # Ends a ramp that is under way, too.
        self.update_state(STATE_CLEANUP)
        current = gevent.getcurrent()
        if (
            self.spawning_greenlet is not current
            and self.spawning_greenlet
            and not self.spawning_greenlet.ready()
        ):
            self.spawning_greenlet.kill(block=True)
        if self.environment.shape_class is not None and self.shape_greenlet is not current:
            if self.shape_greenlet is not None:
                self.shape_greenlet.kill(block=True)
                self.shape_greenlet = None
            self.shape_last_tick = None
        with over(self._open):
            self.stop_users(self.user_classes_count)
        self._users_dispatcher = None
        self._end_warm_up()
        self.update_state(STATE_STOPPED)
        self.cpu_log_warning()
        self.environment.events.test_stop.fire(environment=self.environment)
        if steering is not None:
            raise steering

    def _begin_test(self) -> None:
        self.stats.clear_all()
        self.exceptions = {}
        self._begin_warm_up(self.environment._warm_up_seconds)
        self.cpu_warning_emitted = False
        self.worker_cpu_warning_emitted = False
        self._stop_requested = False
        self.environment._filter_tasks_by_tags()
        self.environment.events.test_start.fire(environment=self.environment)

    def hurry(self) -> None:
        """Somebody who ends the test does not want to wait for others. Users are not meant: see `environment.stop_timeout`."""

    def quit(self) -> None:
        """Stops the test and ends the runner."""
        try:
            self.stop()
        finally:
            self.greenlet.kill(block=True)

    def stop_test(self, error: BaseException) -> None:
        """A user raised StopTest: the test ends. Returns at once, so that the user can end too."""
        gevent.spawn(self._stop_because, error).link_exception(locust_exception_handler(self.environment))

    def _stop_because(self, error: BaseException) -> None:
        if self._stop_requested:
            return
        self._stop_requested = True
        logger.error(error)
        logger.warning("Stopping Locust...")
        self._end_test()

    def _end_test(self) -> None:
        options = self.environment.parsed_options
        if options and options.headless:
            self.quit()
        else:
            self.stop()

    def log_exception(self, node_id: str, msg: str, formatted_tb: str) -> None:
        """Counts an exception of a task in the exceptions table."""
        row = self.exceptions.get(key := hash(formatted_tb))
        if row is None:
            # The table is shown: no passwords, of a script's URLs either, which its lines may have.
            shown = {"msg": _shown.value(msg), "traceback": _shown.value(formatted_tb)}
            row = self.exceptions[key] = {"count": 0, **shown, "nodes": set()}
        row["count"] += 1
        row["nodes"].add(node_id)

    def register_message(
        self, msg_type: str, listener: Callable[..., None], concurrent: bool = False
    ) -> None:
        """Calls `listener(environment=, msg=)` for each custom message of this type."""
        if msg_type in self.custom_messages:
            raise Exception(
                f"Tried to register listener method for {msg_type}, but it already had a listener!"
            )
        self.custom_messages[msg_type] = (listener, concurrent)


def _kill(user: User) -> None:
    if user._is_running:
        _engine.stop_user_nowait(user, True)


def _caller() -> str:
    """File and line outside this module that called into it."""
    frame = inspect.currentframe()
    while frame is not None and os.path.samefile(frame.f_code.co_filename, __file__):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "outside Python"


# At the end: they are derived from `Runner`. Scripts know them by this module.
from ._distributed.master import MasterRunner as MasterRunner  # noqa: E402
from ._distributed.messages import DistributedRunner as DistributedRunner  # noqa: E402
from ._distributed.worker import WorkerRunner as WorkerRunner  # noqa: E402
from ._local_runner import LocalRunner as LocalRunner  # noqa: E402

__getattr__ = module_attributes(__name__)
