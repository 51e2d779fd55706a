"""What the native server, the run store and reports are told about a run.

The numbers they read themselves, out of `environment.stats`. This is the rest: the state of the runner, the
parameters of the run and its exceptions, each as the JSON text that the server's commands of that name want.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from typing import TYPE_CHECKING, Any

import locust

from .. import _shown, runners, stats
from ..cli import script_options
from ..stats_csv import StatsCSVFileWriter
from ..user.inspectuser import get_ratio
from ..util.date import format_safe_timestamp
from .wire import as_json

if TYPE_CHECKING:
    from .._nodes import WorkerNode
    from ..env import Environment


class Recording:
    """Describes the present run of an environment (or the last): which it is, and when it began and ended, the runner knows."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.run_time: float | None = None
        """Seconds after which the present run is to end; None: open."""
        self.stats_csv_writer: stats.StatsCSV | None = None
        # Of each exception of that run: how often it was seen, when first, and when last; by its key in the runner.
        self._exceptions: dict[int, tuple[int, float, float]] = {}
        self._exceptions_of = 0

    def status(self, with_exceptions: bool = False) -> str:
        """The answer to the command `status`; `with_exceptions` adds the answer to `exceptions`."""
        environment, runner, options = (
            self.environment,
            self.environment.runner,
            self.environment.parsed_options,
        )
        shape = environment.shape_class
        status: dict[str, Any] = {
            "state": runner.state if runner is not None else runners.STATE_MISSING,
            "user_count": runner.user_count if runner is not None else 0,
            "run": self._number(),
            "started": getattr(environment._run, "began", None),
            "ended": getattr(environment._run, "ended", None),
            "spawn_rate": getattr(options, "spawn_rate", None),
            "host": shown_host(environment),
            "run_time": self.run_time,
            "stop_timeout": environment._stop_seconds,
            "shape": type(shape).__name__ if shape is not None else None,
            "profile": environment.profile,
            "is_distributed": isinstance(runner, runners.MasterRunner),
            "percentiles_to_statistics": stats.PERCENTILES_TO_STATISTICS,
            "percentiles_to_chart": stats.PERCENTILES_TO_CHART,
            "percentiles_to_report": self._percentiles_to_report(),
            "locustfile": environment.locustfile,
            "file_stem": file_stem(environment),
            "full_history_csv": self.full_history_csv(),
        }
        if runner is not None and runner._warm_up is not None:
            status["warm_up"] = runner._warm_up.described()
        if runner is not None and runner._open is not None:
            status["arrivals"] = runner._open.totals(with_latencies=False) or None
        if runner is not None:
            status["target_user_count"] = runner.target_user_count if status["run"] else None
            status["user_classes"] = user_classes_count(runner)
            status["exceptions_version"] = _version(runner.exceptions)
            if isinstance(runner, runners.MasterRunner):
                status["workers"] = workers(runner)
                status["worker_count"] = runner.worker_count
                status["settled"] = runner._seconds.look()
        if with_exceptions:
            status["exceptions"] = self._exception_rows()
        return as_json(status)

    def exceptions(self) -> str:
        """The answer to the command `exceptions`: all of them, with the moments at which each was seen here first and
        last."""
        return as_json(self._exception_rows())

    def _exception_rows(self) -> list[dict[str, Any]]:
        runner = self.environment.runner
        rows = []
        for key, row in (runner.exceptions if runner is not None else {}).items():
            first, last = self._seen(key, row["count"])
            rows.append(
                {**exception_row(row), **runner._origins.of(key), "first_seen": first, "last_seen": last}
            )
        return rows

    def info(self) -> str:
        """The answer to the command `run_info`: parameters and environment of the run, without secrets."""
        environment, runner, options = (
            self.environment,
            self.environment.runner,
            self.environment.parsed_options,
        )
        shape = environment.shape_class
        secret = script_options.secret_options()
        info: dict[str, Any] = {
            "host": shown_host(environment),
            "locustfile": environment.locustfile,
            "user_count": runner.target_user_count if runner is not None else None,
            "spawn_rate": getattr(options, "spawn_rate", None),
            "run_time": self.run_time,
            "profile": environment.profile,
            "user_classes": [user_class.__name__ for user_class in environment.user_classes],
            "shape": type(shape).__name__ if shape is not None else None,
            "options": {
                dest: _shown.value(getattr(options, dest))
                for dest in script_options.shown_options()
                if dest not in secret and hasattr(options, dest)
            },
            "tasks": task_ratios(environment),
            "version": locust.__version__,
            "python": platform.python_version(),
            "platform": _platform(),
        }
        if runner is not None and runner._warm_up is not None:
            info["warm_up"] = runner._warm_up.described()["said"]
        if options is not None and (command := _shown.command(sys.argv, script_options.parser())):
            info["command"] = command
        return as_json(info)

    def _number(self) -> int:
        """Which run this is; 0 before the first."""
        return getattr(self.environment._run, "number", 0)

    def _seen(self, key: int, count: int) -> tuple[float, float]:
        now = time.time()
        if self._number() != self._exceptions_of:
            self._exceptions_of = self._number()
            self._exceptions = {}
        known = self._exceptions.get(key)
        if known is None:
            self._exceptions[key] = (count, now, now)
        elif known[0] != count:
            self._exceptions[key] = (count, known[1], now)
        return self._exceptions[key][1:]

    def _percentiles_to_report(self) -> list[float]:
        writer = self.stats_csv_writer
        return stats.PERCENTILES_TO_REPORT if writer is None else writer.percentiles_to_report

    def full_history_csv(self) -> str | None:
        """The file of the full history, if the program writes one."""
        writer = self.stats_csv_writer
        wanted = getattr(self.environment.parsed_options, "stats_history_enabled", False)
        if wanted and isinstance(writer, StatsCSVFileWriter):
            return os.path.abspath(writer.stats_history_file_name())
        return None


def host_of(environment: Environment) -> str | None:
    """The base URL of the test: the environment's, else the one its user classes agree on."""
    if environment.host:
        return environment.host
    hosts = {user_class.host for user_class in environment.user_classes}
    return hosts.pop() if len(hosts) == 1 else None


def shown_host(environment: Environment) -> str | None:
    """The same without a password in it."""
    host = host_of(environment)
    return _shown.url(host) if host else host


def file_stem(environment: Environment) -> str:
    """What the names of downloaded files begin with."""
    host = f"_{_shown.url(environment.host)}" if environment.host else ""
    return f"Locust_{format_safe_timestamp(environment.stats.start_time)}_{environment.locustfile}{host}"


def user_classes_count(runner: runners.Runner) -> dict[str, int]:
    """How many users of each class run, on workers if there are any."""
    if isinstance(runner, runners.MasterRunner):
        return dict(runner.reported_user_classes_count)
    return runner.user_classes_count


def task_ratios(environment: Environment, final: bool = True) -> dict[str, Any]:
    """The shares of all tasks, by the users that run; with `final`, once the test has stopped by those that ran."""
    runner = environment.runner
    counts: dict[str, int] = {}
    if runner is not None:
        stopped = runner.state in (runners.STATE_STOPPED, runners.STATE_STOPPING)
        counts = runner.final_user_classes_count if final and stopped else user_classes_count(runner)
    return {
        "per_class": get_ratio(environment.user_classes, counts, False),
        "total": get_ratio(environment.user_classes, counts, True),
    }


def workers(runner: runners.MasterRunner) -> list[dict[str, Any]]:
    """The workers of a master, as pages and exporters show them."""
    return [
        {
            "id": str(worker.id),
            "host": _WORKER_ID.sub("", str(worker.id)),
            "index": getattr(runner, "worker_indexes", {}).get(worker.id),
            "reported": bool(worker.memory_usage or worker.cpu_usage),
            "problem": _problem(runner, worker),
            "state": str(worker.state),
            "user_count": _count(worker.user_count),
            "cpu_usage": worker.cpu_usage,
            "memory_usage": worker.memory_usage,
        }
        for worker in runner.clients.values()
    ]


# A worker is called by its machine and letters of its own.
_WORKER_ID = re.compile(r"_[0-9a-f]{32}$")


def _problem(runner: runners.MasterRunner, worker: WorkerNode) -> str:
    """What is wrong with a worker, in words; empty: nothing that its master knows of."""
    if worker.state == runners.STATE_MISSING:
        return "missing: nothing was heard of it for too long"
    found = []
    # Scripts and tests put workers of their own among them.
    if getattr(worker, "heartbeat", runners.HEARTBEAT_LIVENESS) < runners.HEARTBEAT_LIVENESS - 1:
        found.append("late: its heartbeats do not come in time")
    version = getattr(worker, "_version", "")
    if version and version != locust.__version__:
        found.append(f"other version: {_shown.value(version[:40])}")
    if script := _other_script(runner, worker):
        found.append(f"other script: {script}")
    return "; ".join(found)


def _other_script(runner: runners.MasterRunner, worker: WorkerNode) -> str:
    """How it shows that a worker has another locustfile than its master; empty: it does not."""
    told = set(getattr(worker, "user_classes_count", {}))
    wanted = {user_class.__name__ for user_class in getattr(runner, "user_classes", [])}
    # Which of the classes run is the master's choice; a worker may know all of the script.
    environment = getattr(runner, "environment", None)
    known = wanted | set(getattr(environment, "available_user_classes", None) or {})
    if wanted and (strange := sorted(told - known)[:3]):
        return f"runs {', '.join(strange)}"
    if told and (lacking := sorted(wanted - told)[:3]):
        return f"has no {', '.join(lacking)}"
    ours, its = getattr(runner, "_script", ""), getattr(worker, "_script", "")
    return "its locustfile is not this one" if ours and its and ours != its else ""


def _count(value: Any) -> int:
    """A number as a worker says it, which may be another program's."""
    try:
        return max(int(value), 0)
    except (TypeError, ValueError, OverflowError):
        return 0


def exception_row(row: runners.ExceptionDict) -> dict[str, Any]:
    """An exception of a task as pages show it."""
    return {
        "count": row["count"],
        "msg": row["msg"],
        "traceback": row["traceback"],
        "nodes": ", ".join(row["nodes"]),
    }


def _version(exceptions: dict[int, runners.ExceptionDict]) -> int:
    total = sum(row["count"] for row in exceptions.values())
    return hash((id(exceptions), len(exceptions), total)) & 0x7FFF_FFFF


def _platform() -> str:
    """System, release and machine. Not `platform.platform()`: that runs a program and waits for it in the hub, while the
    server that asks may be waiting to end."""
    system = os.uname()
    return f"{system.sysname}-{system.release}-{system.machine}"
