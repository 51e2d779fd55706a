"""`Environment`: what belongs to one test run, held together in one place.

It holds and checks; the work is the runner's, the statistics' and the tasks'. The command line makes one.
Scripts that use this package as a library make their own, and may set attributes of their own on it.
"""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from ._internals import module_attributes
from ._measures import Metrics
from .dispatch import UsersDispatcher
from .event import Events
from .exception import RunnerAlreadyExistsError
from .runners import LocalRunner, MasterRunner, Runner, WorkerRunner
from .shape import LoadTestShape
from .stats import RequestStats
from .user import User
from .user.task import TaskHolder, filter_tasks_by_tags

if TYPE_CHECKING:
    from .stats import StatsCSV
    from .web import WebUI

RunnerT = TypeVar("RunnerT", bound=Runner)


class Environment:
    """One test run: its user classes, events, statistics, runner and options.

    `ValueError` if two user classes have the same name, if none has a weight, or if `shape_class` is no
    instance. User classes with neither weight nor fixed count are removed from the list given.
    """

    runner: Runner | None
    """The runner, once one of the `create_*_runner` methods was called."""

    web_ui: Any
    """The web UI, if there is one."""

    process_exit_code: int | None
    """If set, what the process exits with."""

    events: Events
    """The hooks of this run. `locust.events` under the command line."""

    stats: RequestStats
    """The statistics of this run."""

    worker_logs: dict[str, list[str]]
    """On the master: the last log lines of each worker, by its id."""

    def __init__(
        self,
        *,
        user_classes: list[type[User]] | None = None,
        shape_class: LoadTestShape | None = None,
        tags: list[str] | None = None,
        locustfile: str | None = None,
        exclude_tags: list[str] | None = None,
        events: Events | None = None,
        host: str | None = None,
        reset_stats: bool = False,
        stop_timeout: float | None = None,
        catch_exceptions: bool = True,
        parsed_options: Namespace | None = None,
        parsed_locustfiles: list[str] | None = None,
        available_user_classes: dict[str, type[User]] | None = None,
        available_shape_classes: dict[str, LoadTestShape] | None = None,
        available_user_tasks: dict[str, list[Any]] | None = None,
        dispatcher_class: type[UsersDispatcher] = UsersDispatcher,
        profile: str | None = None,
    ) -> None:
        self.runner = None
        self.web_ui = None
        self.process_exit_code = None
        self.events = events or Events()
        self.stats = RequestStats()
        self.worker_logs = {}
        # Where the run of the (last) runner is: its state, number, beginning and end.
        self._run: Any = None
        # Called whenever the runner's state has changed.
        self._state_watchers: list[Callable[[], None]] = []
        # Where finished runs are kept; the command line sets it before there is a web UI.
        self._run_store: str | None = None
        # What an open run is asked for; None: runs are closed.
        self._arrivals: Any = None
        # Seconds at the begin of each test that are kept out of its numbers.
        self._warm_up_seconds = 0.0
        # What records the course of the runs: the web UI, or what the command line has instead.
        self._recorder: Any = None

        self.locustfile = locustfile
        """File name of the (first) locustfile, without its folder."""
        self.user_classes: list[type[User]] = user_classes or []
        """The User classes to run."""
        self.shape_class = shape_class
        """The shape that decides how many users run when; None: as asked."""
        self.tags = tags
        """Run only tasks with one of these tags. None: as `parsed_options` says; an empty list excludes every
        task."""
        self.exclude_tags = exclude_tags
        """Do not run tasks with one of these tags. None: as `parsed_options` says."""
        self.host = host
        """Base URL; set on every user class when a test starts, if given."""
        self.reset_stats = reset_stats
        """Whether statistics begin anew when all users have been spawned."""
        self.stop_timeout: float = _stop_timeout(stop_timeout, parsed_options)
        """Seconds that users get to finish their task when they are to stop; 0: none."""
        self.catch_exceptions = catch_exceptions
        """Whether exceptions in tasks are logged and counted (True) or end the user (False)."""
        self.parsed_options = parsed_options
        """The command line's options, or None."""
        self.parsed_locustfiles = parsed_locustfiles
        """Paths of all locustfiles."""
        self.available_user_classes = available_user_classes
        """All User classes of the locustfiles by name, to pick from."""
        self.available_shape_classes = available_shape_classes
        """All shapes of the locustfiles by name, to pick from."""
        self.available_user_tasks = available_user_tasks
        """The tasks of each User class by its name, to pick from."""
        self.dispatcher_class = dispatcher_class
        """Decides which user is spawned when and where."""
        self.profile = profile
        """A name for this run."""
        self._tasks_filtered = False

        self._remove_user_classes_with_weight_zero()
        self._validate_user_class_name_uniqueness()
        self._validate_shape_class_instance()

    @cached_property
    def metrics(self) -> Metrics:
        """Metrics of the script's own, beside the requests: `metrics.trend("tokens").add(12)`. Not in Locust; what a script assigns to
        this name is the script's."""
        return Metrics(self)

    @property
    def _stop_seconds(self) -> float:
        """How long a stop may take because of `stop_timeout`, which a script may have set to whatever it likes."""
        try:
            seconds = float(self.stop_timeout or 0)
        except (TypeError, ValueError):
            return 0.0
        return seconds if math.isfinite(seconds) and seconds > 0 else 0.0

    @property
    def user_classes_by_name(self) -> dict[str, type[User]]:
        """The User classes by class name."""
        return {user_class.__name__: user_class for user_class in self.user_classes}

    def create_local_runner(self) -> LocalRunner:
        """Makes the runner of a test in this process only."""
        return self._create_runner(LocalRunner)

    def create_master_runner(self, master_bind_host: str = "*", master_bind_port: int = 5557) -> MasterRunner:
        """Makes the runner of a master that listens for workers; "*" is every interface."""
        return self._create_runner(
            MasterRunner, master_bind_host=master_bind_host, master_bind_port=master_bind_port
        )

    def create_worker_runner(self, master_host: str, master_port: int) -> WorkerRunner:
        """Makes the runner of a worker that connects to a master."""
        # Current percentiles are the master's business; without their cache a worker's statistics stay small.
        self.stats = RequestStats(use_response_times_cache=False)
        return self._create_runner(WorkerRunner, master_host=master_host, master_port=master_port)

    def _create_runner(self, runner_class: type[RunnerT], **kwargs: Any) -> RunnerT:
        if self.runner is not None:
            raise RunnerAlreadyExistsError(f"Environment.runner already exists ({self.runner})")
        runner = self.runner = runner_class(self, **kwargs)
        if self.shape_class:
            self.shape_class.runner = runner
        return runner

    def create_web_ui(
        self,
        host: str = "",
        port: int = 8089,
        web_base_path: str | None = None,
        web_login: bool = False,
        tls_cert: str | None = None,
        tls_key: str | None = None,
        stats_csv_writer: StatsCSV | None = None,
        delayed_start: bool = False,
        userclass_picker_is_active: bool = False,
        build_path: str | None = None,
    ) -> WebUI:
        """Makes the web UI and, unless `delayed_start`, starts its server. "" is every interface, port 0 any free
        one."""
        # Here, since a run without it need not load it.
        from .web import WebUI

        self.web_ui = WebUI(
            self,
            host,
            port,
            web_login=web_login,
            tls_cert=tls_cert,
            tls_key=tls_key,
            stats_csv_writer=stats_csv_writer,
            delayed_start=delayed_start,
            userclass_picker_is_active=userclass_picker_is_active,
            build_path=build_path,
            web_base_path=web_base_path,
        )
        return self.web_ui

    def update_user_class(self, user_settings: dict[str, Any]) -> None:
        """Changes the User class named by `user_settings["user_class_name"]`, on workers too.

        "tasks" (names) chooses among the tasks the class had at first; every other key becomes a class
        attribute.
        """
        name = user_settings["user_class_name"]
        # Both are set wherever user classes can be changed: by the command line, or by who uses this as a
        # library.
        user_class = (self.available_user_classes or {})[name]
        original_tasks = (self.available_user_tasks or {})[name]
        # Not before it is known that there is such a class.
        if isinstance(self.runner, MasterRunner):
            self.runner.send_message("update_user_class", user_settings)
        for key, value in user_settings.items():
            if key == "tasks":
                user_class.tasks = [task for task in original_tasks if task.__name__ in value]
            elif key != "user_class_name":
                setattr(user_class, key, value)

    def update_worker_logs(self, worker_log_report: dict[str, Any]) -> None:
        """Keeps the log lines a worker sent: `{"worker_id", "logs"}`."""
        if worker_id := worker_log_report.get("worker_id"):
            lines = worker_log_report.get("logs", [])
            if self.web_ui is not None:
                self.web_ui.follow_worker_log(worker_id, self.worker_logs.get(worker_id, []), lines)
            self.worker_logs[worker_id] = lines

    def assign_equal_weights(self) -> None:
        """Gives every user class weight 1 and makes its tasks, those of nested TaskSets too, a flat list,
        each once."""
        for user_class in self.user_classes:
            user_class.weight = 1
            flat: list[Callable[..., Any]] = []
            to_visit = list(user_class.tasks)
            while to_visit:
                task = to_visit.pop()
                if isinstance(task, TaskHolder):
                    to_visit.extend(task.tasks)
                elif not callable(task):
                    raise ValueError("Unrecognized task type in user")
                elif task not in flat:
                    flat.append(task)
            user_class.tasks = flat

    def _filter_tasks_by_tags(self) -> None:
        """Takes out the tasks that the tags exclude; runners call it when a test starts, only the first call
        counts."""
        if self._tasks_filtered:
            return
        self._tasks_filtered = True
        chosen = self._tag_set(self.tags, "tags")
        excluded = self._tag_set(self.exclude_tags, "exclude_tags")
        for user_class in self.user_classes:
            filter_tasks_by_tags(user_class, chosen, excluded)

    def _tag_set(self, own: list[str] | None, option: str) -> set[str] | None:
        if own is not None:
            return set(own)
        return set(getattr(self.parsed_options, option, None) or ()) or None

    def _remove_user_classes_with_weight_zero(self) -> None:
        if not self.user_classes:
            return
        # In place: the caller's list is the one everybody looks at.
        self.user_classes[:] = [
            user_class
            for user_class in self.user_classes
            if user_class.weight > 0 or user_class.fixed_count > 0
        ]
        if not self.user_classes:
            raise ValueError("There are no users with weight > 0.")

    def _validate_user_class_name_uniqueness(self) -> None:
        if len(self.user_classes_by_name) != len(self.user_classes):
            names = ", ".join(user_class.fullname() for user_class in self.user_classes)
            raise ValueError(f"The following user classes have the same class name: {names}")

    def _validate_shape_class_instance(self) -> None:
        if self.shape_class is not None and not isinstance(self.shape_class, LoadTestShape):
            raise ValueError(
                "shape_class should be instance of LoadTestShape or subclass LoadTestShape, "
                f"but got: {self.shape_class}"
            )


def _stop_timeout(given: float | None, parsed_options: Namespace | None) -> float:
    if given is not None:
        return given
    return float(getattr(parsed_options, "stop_timeout", 0.0)) if parsed_options else 0.0


__getattr__ = module_attributes(__name__)
