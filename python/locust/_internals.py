"""Names that are internal to Locust and that public code touches all the same.

Those that mean something here are other modules' under Locust's name: `module_attributes` finds them. What a script puts in the
place of one that nothing here calls is told once: it would be believed to work.
"""

from __future__ import annotations

import logging
import sys
from abc import ABCMeta
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any, ClassVar

logger = logging.getLogger("locust")

# By module, then by name: where it is. The last part is the name there.
_ELSEWHERE: dict[str, dict[str, str]] = {
    "locust.argument_parser": {
        "Message": "locust.rpc.Message",
        "_parse_locustfile_path": "locust.cli.locustfiles._resolve",
        "download_locustfile_from_master": "locust._internals.download_locustfile_from_master",
        "exit_handler": "locust._internals.remove_file",
        "get_abspaths_in": "locust.util.directory.get_abspaths_in",
        "is_url": "locust.util.url.is_url",
        "raise_argument_type_error": "locust._internals.raise_argument_type_error",
        "retrieve_locustfiles_from_master": "locust._internals.retrieve_locustfiles_from_master",
    },
    "locust.debug": {"RescheduleTask": "locust.exception.RescheduleTask"},
    "locust.env": {
        "StatsCSV": "locust.stats.StatsCSV",
        "TaskSet": "locust.user.task.TaskSet",
        "WebUI": "locust.web.WebUI",
    },
    "locust.html": {
        "MasterRunner": "locust.runners.MasterRunner",
        "get_ratio": "locust.user.inspectuser.get_ratio",
    },
    "locust.main": {"setup_opentelemetry": "locust.opentelemetry.setup_opentelemetry"},
    "locust.runners": {
        "Message": "locust.rpc.Message",
        "RPCError": "locust.exception.RPCError",
        "RPCReceiveError": "locust.exception.RPCReceiveError",
        "RPCSendError": "locust.exception.RPCSendError",
        "RequestStats": "locust.stats.RequestStats",
        "StatsError": "locust.stats.StatsError",
        "_aggregate_dispatched_users": "locust._internals.users_of_all_workers",
        "_format_user_classes_count_for_log": "locust._local_runner.format_user_classes_count",
        "get_abspaths_in": "locust.util.directory.get_abspaths_in",
        "get_logs": "locust.log.get_logs",
        "is_url": "locust.util.url.is_url",
        "rpc": "locust.rpc.rpc",
        "setup_distributed_stats_event_listeners": "locust.stats.setup_distributed_stats_event_listeners",
    },
    "locust.shape": {"Runner": "locust.runners.Runner"},
    "locust.user.users": {
        "CatchResponseError": "locust.exception.CatchResponseError",
        "RestResponseContextManager": "locust.clients.RestResponseContextManager",
    },
    "locust.util.load_locustfile": {"PytestUser": "locust.user.pytest_user.PytestUser"},
    "locust.web": {
        "HttpUser": "locust.user.users.HttpUser",
        "MasterRunner": "locust.runners.MasterRunner",
        "format_safe_timestamp": "locust.util.date.format_safe_timestamp",
        "get_html_report": "locust.html.get_html_report",
        "get_logs": "locust.log.get_logs",
        "get_ratio": "locust.user.inspectuser.get_ratio",
        "greenlet_exception_logger": "locust.log.greenlet_exception_logger",
        "memoize": "locust.util.cache.memoize",
        "parse_timespan": "locust.util.timespan.parse_timespan",
    },
}  # fmt: skip


def module_attributes(module: str) -> Callable[[str], Any]:
    """The `__getattr__` of a module; from now on the module tells of internals that a script replaces in vain."""
    names = _ELSEWHERE[module]
    loaded = sys.modules[module]

    class Module(ModuleType):
        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, value)
            if name in names:
                tell(f"{module}.{name}")

    loaded.__class__ = Module

    def find(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        where, _, there = names[name].rpartition(".")
        return getattr(import_module(where), there)

    return find


def elsewhere(module: str) -> dict[str, str]:
    """The internals of Locust's that stand in this module under its name for them, and where they are."""
    return _ELSEWHERE.get(module, {})


class Telling(ABCMeta):
    """The type of classes with methods that are there under Locust's names, but that nothing here calls."""

    not_called: ClassVar[tuple[str, ...]] = ()

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(name, bases, namespace, **kwargs)
        if "not_called" not in namespace:
            for one in cls.not_called:
                if one in namespace:
                    tell(f"{name}.{one}")

    def __setattr__(cls, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in cls.not_called:
            tell(f"{cls.__name__}.{name}")


_told: set[str] = set()


def tell(name: str) -> None:
    """Warns, once, that what a script has put in the place of `name` is not called."""
    if name not in _told:
        _told.add(name)
        logger.warning(
            "%s is replaced, but nothing here calls it: what it does in Locust is done natively (COMPATIBILITY.md).",
            name,
        )


# ------------------------------------------------------------------------------- internals that are only here


def download_locustfile_from_master(master_host: str, master_port: int) -> list[str]:
    """The paths of the master's locustfiles, fetched from it."""
    from ._distributed import shipping

    return shipping.fetch(master_host, master_port)


def retrieve_locustfiles_from_master(options: Any) -> list[str]:
    """As `download_locustfile_from_master`, by a worker's options."""
    return download_locustfile_from_master(options.master_host, options.master_port)


def remove_file(filename: str) -> None:
    """Removes a file that may be gone already."""
    import os
    from contextlib import suppress

    with suppress(FileNotFoundError, PermissionError):
        os.remove(filename)


def raise_argument_type_error(err_msg: str) -> type:
    """An argparse action that refuses whatever it is given."""
    import argparse

    class Refusing(argparse.Action):
        def __call__(self, *_arguments: Any, **_keywords: Any) -> None:
            raise argparse.ArgumentError(self, err_msg)

    return Refusing


def users_of_all_workers(plan: dict[str, dict[str, int]]) -> dict[str, int]:
    """How many users of each class a plan has."""
    names = dict.fromkeys(name for users in plan.values() for name in users)
    return {name: sum(users.get(name, 0) for users in plan.values()) for name in names}
