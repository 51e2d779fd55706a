"""Answers the native server's commands. Each comes in a greenlet of its own and may wait for greenlets."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import gevent
from gevent.lock import BoundedSemaphore

from .. import _shown, runners
from .._hosts import complaints
from .._run_time import RunTime
from ..html import get_html_report_aside
from ..log import get_logs, greenlet_exception_logger
from . import recording
from .swarm import Form, Order
from .wire import as_json, text

if TYPE_CHECKING:
    from ..web import WebUI

# The logger of the module that scripts know.
logger = logging.getLogger("locust.web")

# The requests that commands without a path stand for.
_REQUESTS = {
    "index": ("GET", "/"),
    "swarm": ("POST", "/swarm"),
    "stop": ("POST", "/stop"),
    "reset": ("POST", "/stats/reset"),
    "update_user": ("POST", "/user"),
    "tasks": ("GET", "/tasks"),
    "logs": ("GET", "/logs"),
    "report": ("GET", "/stats/report"),
}

NO_RUNNER = "Error: Locust Environment does not have any runner"
NO_FULL_HISTORY = "Error: Server was not started with option to generate full history."


class Host:
    """What the web interface can be told to do, and asked for; for the server as for Flask views."""

    def __init__(self, web_ui: WebUI) -> None:
        self.web_ui = web_ui
        self.environment = web_ui.environment
        self._swarm: gevent.Greenlet | None = None
        self._timer: gevent.Greenlet | None = None
        # One at a time: each is as large as all that it shows.
        self._reports = BoundedSemaphore()

    def handle(self, command: Any) -> None:
        """Answers a command; an exception becomes an answer with its text."""
        try:
            getattr(self, f"_on_{command.kind}")(command)
        except Exception as e:
            code = log_failure(*self._asked(command), e)
            command.fail(text(str(e)), code)

    def _asked(self, command: Any) -> tuple[str, str]:
        """Method and path of the request that a command came from."""
        if command.kind not in _REQUESTS:
            return command.method, command.path
        method, path = _REQUESTS[command.kind]
        return method, self.web_ui.web_base_path + path

    # ------------------------------------------------------------------------------------------------ actions

    def swarm(self, pairs: list[tuple[str, str]]) -> dict[str, Any]:
        """Starts a test or edits the running one, as the form says."""
        environment, runner = self.environment, self.environment.runner
        order = Order(environment, Form(pairs), self.web_ui.userclass_picker_is_active, self.web_ui.is_open)
        if order.refusal is not None:
            return order.answer(order.refusal)
        for complaint in complaints(environment):
            logger.warning(complaint)
        if runner is not None and environment.shape_class:
            self.web_ui.recording.run_time = None
            runner.start_shape()
            name = type(environment.shape_class).__name__
            return order.answer(f"Swarming started using shape class '{name}'")
        self._end_start()
        if runner is None:
            order.refusal = "No runner"
            return order.answer(order.refusal)
        order.refuse_unless_startable()
        if order.refusal is not None:
            return order.answer(order.refusal)
        order.refuse_a_warm_up_without_end()
        if order.refusal is not None:
            return order.answer(order.refusal)
        more: dict[str, Any] = {}
        self.web_ui.recording.run_time = None
        if order.run_time:
            limit = RunTime(environment, order.run_time)
            self._timer = self._spawn(0, self._stop_at_limit, limit)
            self._timer.link(lambda _: limit.forget())
            more["run_time"] = order.run_time
        self._swarm = self._spawn(0, runner.start, order.user_count, order.spawn_rate)
        if order.user_classes is not None:
            more["user_classes"] = order.user_classes
        return order.answer("Swarming started", **more)

    def stop(self) -> dict[str, Any]:
        """Stops the test; returns when it has ended."""
        self._end_start()
        if self.environment.runner is not None:
            self.environment.runner.stop()
        return {"success": True, "message": "Test stopped"}

    def reset(self) -> str:
        """Begins the statistics anew."""
        self.environment.events.reset_stats.fire()
        runner = self.environment.runner
        if runner is not None:
            runner.stats.reset_all()
            runner.exceptions = {}
        self.web_ui.notify()
        return "ok"

    def update_user(self, body: bytes) -> None:
        """Changes a User class; `body` is JSON."""
        settings = json.loads(body)
        user_class = (self.environment.available_user_classes or {}).get(settings.get("user_class_name"))
        present = {key: getattr(user_class, key, None) for key in settings}
        self.environment.update_user_class(
            {key: _shown.meant(value, present[key]) for key, value in settings.items()}
        )

    # -------------------------------------------------------------------------------------------- information

    def tasks(self) -> dict[str, Any]:
        """The shares of all tasks among the users that run."""
        return recording.task_ratios(self.environment, final=False)

    def logs(self) -> dict[str, Any]:
        """The last lines of the log, here and on workers."""
        return {"master": get_logs(), "workers": self.environment.worker_logs}

    def worker_count(self) -> int:
        """Connected workers."""
        runner = self.environment.runner
        return runner.worker_count if isinstance(runner, runners.MasterRunner) else 0

    def report(self, args: dict[str, str]) -> tuple[str, list[tuple[str, str]]]:
        """The report as a page, with the headers of a download if it is one."""
        download = bool(args.get("download"))
        with self._reports:
            page = get_html_report_aside(self.environment, not download, args.get("theme", ""))
        if not download:
            return page, []
        name = f"{recording.file_stem(self.environment)}.html"
        return page, [("Content-Disposition", disposition(name))]

    # ----------------------------------------------------------------------------------------------- commands

    def _on_index(self, command: Any) -> None:
        if self.environment.runner is None:
            command.reply(NO_RUNNER, 500, content_type="text/html; charset=utf-8")
            return
        self.web_ui.update_template_args()
        command.reply(as_json(self.web_ui.template_args))

    def _on_swarm(self, command: Any) -> None:
        command.reply(as_json(self.swarm(command.form)))

    def _on_stop(self, command: Any) -> None:
        command.reply(as_json(self.stop()))

    def _on_reset(self, command: Any) -> None:
        command.reply(self.reset(), content_type="text/html; charset=utf-8")

    def _on_update_user(self, command: Any) -> None:
        self.update_user(command.body)
        command.reply("{}", 201)

    def _on_tasks(self, command: Any) -> None:
        command.reply(as_json(self.tasks()))

    def _on_logs(self, command: Any) -> None:
        command.reply(as_json(self.logs()))

    def _on_report(self, command: Any) -> None:
        page, headers = self.report(command.args)
        command.reply(page, 200, headers, "text/html; charset=utf-8")

    def _on_wsgi(self, command: Any) -> None:
        self.web_ui.bridge.serve(command)

    def _on_auth(self, command: Any) -> None:
        self.web_ui.bridge.authorize(command)

    # ----------------------------------------------------------------------------------------------- starting

    def _end_start(self) -> None:
        """Ends a start that is under way, and the time limit of the run."""
        if self._swarm is not None:
            self._swarm.kill(block=True)
            self._swarm = None
        if self._timer is not None:
            self._timer.kill(block=False)
            self._timer = None

    def _stop_at_limit(self, limit: RunTime) -> None:
        limit.wait()
        self._timer = None
        self.web_ui._stop_runners()

    @staticmethod
    def _spawn(after: float, function: Any, *args: Any) -> gevent.Greenlet:
        greenlet = gevent.spawn_later(after, function, *args) if after else gevent.spawn(function, *args)
        greenlet.link_exception(greenlet_exception_logger(logger))
        return greenlet


def disposition(name: str) -> str:
    """The header that makes a download of a file with this name, which may hold whatever a host or a script is called."""
    return "attachment;filename=" + "".join(
        char if char.isprintable() and char not in '";' else "_" for char in name
    )


def log_failure(method: str, path: str, error: Exception) -> int:
    """Logs that a request of the web interface failed; the status to answer with."""
    code = getattr(error, "code", None)
    code = code if isinstance(code, int) else 500
    name = getattr(error, "name", None) or type(error).__name__
    logger.log(
        logging.DEBUG if code <= 404 else logging.ERROR,
        f"UI got request for {method} {path}, but it resulted in a {code}: {name}",
    )
    return code
