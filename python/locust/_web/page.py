"""What the start page is filled with: `template_args`, by the names that Locust's pages and extensions use."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import locust

from .. import _hosts, _shown, argument_parser, runners, stats
from ..contrib.fasthttp import FastHttpUser
from ..user.users import HttpUser
from . import shapes

if TYPE_CHECKING:
    from ..env import Environment


def template_args(
    environment: Environment, runner: runners.Runner, class_picker: bool, host_is_required: bool
) -> dict[str, Any]:
    """The built-in arguments. Values of secret options are not among them, only whether there is one."""
    options, shape = environment.parsed_options, environment.shape_class
    host, missing, overriding = _host(environment, runner)
    distributed = isinstance(runner, runners.MasterRunner)
    classes = environment.available_user_classes
    choice = list(classes.values()) if class_picker and classes else environment.user_classes
    return {
        "locustfile": environment.locustfile,
        "state": runner.state,
        "is_distributed": distributed,
        "user_count": runner.user_count,
        "version": locust.__version__,
        "utc_offset": time.localtime().tm_gmtoff // 60,
        "host": _shown.url(host or ""),
        "history": runner.stats.history if runner.stats.num_requests > 0 else [],
        "override_host_warning": overriding,
        "missing_host_warning": missing,
        "http_user_classes": _hosts.of_http(choice),
        "user_classes_without_host": _hosts.without_host(choice),
        "num_users": options and options.num_users,
        "spawn_rate": options and options.spawn_rate,
        "run_time": options and options.run_time,
        "worker_count": runner.worker_count if distributed else 0,
        "hide_common_options": shape and not (class_picker or shape.use_common_options),
        "shape_use_common_options": shape and shape.use_common_options,
        "stats_history_enabled": options and options.stats_history_enabled,
        "tasks": json.dumps({}),
        "extra_options": extra_options(options),
        "show_userclass_picker": class_picker,
        "available_user_classes": sorted(classes) if classes else None,
        "available_shape_classes": ["Default", *sorted(environment.available_shape_classes or {})],
        "shape_plans": shapes.shape_plans(environment),
        "followed_shape": type(shape).__name__ if shape else None,
        "arrival_plan": shapes.arrival_plan(environment),
        "available_user_tasks": _tasks(environment),
        "users": {name: _shown.value(user_class.json()) for name, user_class in classes.items()}
        if classes
        else None,
        "percentiles_to_chart": stats.PERCENTILES_TO_CHART,
        "percentiles_to_statistics": stats.PERCENTILES_TO_STATISTICS,
        "is_host_required": host_is_required,
        "profile": environment.profile,
    }


def extra_options(options: Any) -> dict[str, dict[str, Any]]:
    """The options that scripts added, for the form: with their present values, those of secret ones left out."""
    shown = argument_parser.ui_extra_args_dict()
    for dest, entry in shown.items():
        value = getattr(options, dest, entry["default_value"])
        if entry["is_secret"]:
            entry["has_value"], value = bool(value), ""
        entry["default_value"] = _shown.value(value)
    return shown


def present_host(environment: Environment) -> str:
    """The host that the page shows, with what it does not show of it."""
    runner = environment.runner
    return (environment.host if runner is None else _host(environment, runner)[0]) or ""


def _host(environment: Environment, runner: runners.Runner) -> tuple[str | None, bool, bool]:
    """The host to show, whether one is missing, and whether giving one overrides several."""
    if environment.host:
        return environment.host, False, False
    if not runner.user_classes:
        return None, True, False
    hosts = {user_class.host for user_class in runner.user_classes}
    if len(hosts) == 1:
        host = hosts.pop()
        return host, not host, False
    of_http = [
        user_class.host
        for user_class in runner.user_classes
        if issubclass(user_class, (HttpUser, FastHttpUser))
    ]
    return None, not all(of_http), True


def _tasks(environment: Environment) -> dict[str, list[str]] | None:
    available = environment.available_user_tasks
    if not available:
        return None
    return {name: [task.__name__ for task in tasks] for name, tasks in available.items()}
