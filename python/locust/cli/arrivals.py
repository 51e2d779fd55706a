"""The rate at which iterations are to arrive: where it is asked for. What it means is in crates/engine."""

from __future__ import annotations

import json
import logging
import sys
from argparse import Namespace
from typing import Any, NoReturn

from .. import _engine
from .._open_run import MOST_USERS, Arrivals, latency_of
from . import tables
from .table import exit_code, table
from .thresholds import ATTRIBUTE

logger = logging.getLogger("locust.main")

_KEY = "arrival_rate"
_PATTERN = "arrivals"


def check_options(options: Namespace) -> None:
    """Ends the program with exit code 2 if the options ask for what is no rate, or contradict each other."""
    rate = _option(options)
    if rate is not None:
        _check(rate, table().by_dest(_KEY).long_flag)
    elif _is_poisson(options) and rate is None:
        # A class or the shape may still say at which rate.
        logger.debug("--arrivals has an effect in open runs only")


def asked_for(options: Namespace, user_classes: list[Any], shape: Any) -> Arrivals | None:
    """What the options or the classes ask for; None: a closed run. Ends the program if they contradict each other."""
    rate = _option(options)
    of_classes = _of_classes(user_classes)
    if rate is None and not of_classes:
        return None
    what = (
        table().by_dest(_KEY).long_flag
        if rate is not None
        else f"{next(iter(of_classes))}.{ATTRIBUTE}['{_KEY}']"
    )
    if shape is not None:
        _stop(
            f"{what} and the shape {type(shape).__name__} both say how much load there is to be: leave one of them out, or have "
            "tick() return an ArrivalRate"
        )
    weights = [(user_class.__name__, float(user_class.weight)) for user_class in user_classes]
    if rate is not None:
        if of_classes:
            logger.info(f"{what} is taken in place of the rates of {', '.join(of_classes)}")
        lanes = [(rate, weights)]
    else:
        if left := [name for name, _weight in weights if name not in of_classes]:
            _stop(
                f"{what} is the rate of one class only, and {', '.join(left)} has none: give each class one, leave classes out "
                f"(locust … {' '.join(of_classes)}), or give {table().by_dest(_KEY).long_flag} for all of them"
            )
        lanes = [(of_classes[name], [(name, 1.0)]) for name, _weight in weights]
    for user_class in user_classes:
        if user_class.fixed_count:
            logger.warning(
                f"fixed_count of {user_class.__name__} has no effect in an open run: the class gets arrivals by its weight"
            )
    if getattr(options, "spawn_rate", None):
        logger.warning("--spawn-rate has no effect in an open run: users are started when arrivals need them")
    most = getattr(options, "num_users", None)
    if most is not None and most < len(user_classes):
        _stop(
            f"--users {most} is the most users at a time in an open run, and there are {len(user_classes)} classes that need one "
            f"each: give at least --users {len(user_classes)}"
        )
    return Arrivals(lanes, _is_poisson(options), MOST_USERS if most is None else most, latency_of(options))


def show(runner: Any) -> None:
    """Prints what has become of the arrivals, if there were any."""
    tables.show(_engine.arrival_lines(json.dumps({"arrivals": totals(runner)})))


def totals(runner: Any) -> dict[str, Any] | None:
    """What has become of the arrivals of this run; None: it is a closed one."""
    known = runner._open.totals() if runner is not None and runner._open is not None else None
    return known or None


def _option(options: Namespace) -> str | None:
    # A script's own option of that name is not ours.
    rate = getattr(options, _KEY, None)
    return rate if isinstance(rate, str) else None


def _is_poisson(options: Namespace) -> bool:
    return getattr(options, _PATTERN, None) == "poisson"


def _of_classes(user_classes: list[Any]) -> dict[str, str]:
    rates = {}
    for user_class in user_classes:
        settings = getattr(user_class, ATTRIBUTE, None)
        if not isinstance(settings, dict) or _KEY not in settings:
            # None, or a script's own attribute of that name.
            continue
        rate, where = settings[_KEY], f"{user_class.__name__}.{ATTRIBUTE}['{_KEY}']"
        if isinstance(rate, bool) or not isinstance(rate, int | float | str):
            _stop(f"{where} is to be a number or a text, as 50 or '30/m', not {rate!r}")
        rates[user_class.__name__] = str(rate)
        _check(str(rate), where)
    return rates


def _check(text: str, where: str) -> None:
    try:
        _engine.check_arrival_rate(text)
    except ValueError as e:
        _stop(f"{where}: {e}")


def _stop(message: str) -> NoReturn:
    sys.stderr.write(f"locust: error: {message}\n")
    raise SystemExit(exit_code("USAGE"))
