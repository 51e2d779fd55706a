"""What a master sends along with the number of users, the options that scripts added; and how long it waits for the reports."""

from __future__ import annotations

import datetime
import logging
import os
from typing import Any

from .. import argument_parser, runners

logger = logging.getLogger("locust.runners")

# Workers take these over besides what scripts added.
ALSO_FOR_WORKERS = ("expect_workers", "tags", "exclude_tags")
_PLAIN = (str, int, float, bool, bytes, datetime.datetime, type(None))


def options_for_workers(parsed_options: Any) -> dict[str, Any]:
    """The options that workers are to have too. Workers have all others from their own command line, and secrets of this
    one are nobody's business."""
    if parsed_options is None:
        return {}
    wanted = _added(vars(parsed_options))
    sendable = {name: value for name, value in wanted.items() if _can_be_sent(value)}
    if left := sorted(wanted.keys() - sendable.keys()):
        logger.debug(f"Options that cannot be sent to workers: {', '.join(left)}")
    return sendable


def options_from_master(options: dict[Any, Any]) -> dict[str, Any]:
    """Those that a worker takes over."""
    return _added({name: value for name, value in options.items() if isinstance(name, str)})


def _added(options: dict[str, Any]) -> dict[str, Any]:
    own = argument_parser.default_args_dict()
    return {name: value for name, value in options.items() if name not in own or name in ALSO_FOR_WORKERS}


def _can_be_sent(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _can_be_sent(item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(_can_be_sent, value))
    if isinstance(value, int):
        return -(1 << 63) <= value < 1 << 64
    return isinstance(value, _PLAIN)


def report_wait() -> float:
    """`LOCUST_WAIT_FOR_WORKERS_REPORT_AFTER_RAMP_UP`: seconds, or `<number> * WORKER_REPORT_INTERVAL`."""
    given = os.getenv("LOCUST_WAIT_FOR_WORKERS_REPORT_AFTER_RAMP_UP")
    if given is None:
        return 1.0
    factor, times, interval = given.partition("*")
    try:
        seconds = float(factor)
        if times:
            if interval.strip() != "WORKER_REPORT_INTERVAL":
                raise ValueError
            seconds *= runners.WORKER_REPORT_INTERVAL
        if not 0 <= seconds < float("inf"):
            raise ValueError
    except ValueError:
        logger.warning(
            f"LOCUST_WAIT_FOR_WORKERS_REPORT_AFTER_RAMP_UP must be a number of seconds, or '<number> * "
            f"WORKER_REPORT_INTERVAL', but is {given!r}; taking 1 second"
        )
        return 1.0
    return seconds
