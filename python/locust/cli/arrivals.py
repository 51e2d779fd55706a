"""The rate at which iterations are to arrive: where it is asked for. What it means is in crates/engine."""

from __future__ import annotations

import json
import logging
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from .. import _engine
from .._open_run import MOST_USERS, Arrivals, latency_of
from . import asked, tables
from .run_end import end_of_run
from .table import table

if TYPE_CHECKING:
    from ..env import Environment

logger = logging.getLogger("locust.main")

_KEY = "arrival_rate"
_PATTERN = "arrivals"
# At even distances an iteration arrives whenever the sum of the rate has passed one more half: below this, none.
_FIRST = 0.5


def check_options(options: Namespace) -> None:
    """Ends the program with exit code 2 if the options ask for what is no rate, or contradict each other."""
    rate = _option(options)
    if rate is not None:
        _check(rate, asked.place_of_option(_KEY))


def asked_for(options: Namespace, user_classes: list[Any], shape: Any) -> Arrivals | None:
    """What the options or the classes ask for; None: a closed run. Ends the program if they contradict each other."""
    rate = _option(options)
    of_classes = _of_classes(user_classes)
    if rate is None and not of_classes:
        return None
    what = (
        asked.place_of_option(_KEY)
        if rate is not None
        else asked.place_in_class(next(iter(of_classes)), _KEY)
    )
    if shape is not None:
        asked.refuse(
            f"{what} and the shape {type(shape).__name__} both say how much load there is to be: leave one of them out, or have "
            "tick() return an ArrivalRate"
        )
    weights = [(user_class.__name__, float(user_class.weight)) for user_class in user_classes]
    if rate is not None:
        if weights and not any(weight > 0 for _name, weight in weights):
            asked.refuse(
                f"{what} is shared out by the weights of the classes, and all of these are 0: nothing would arrive"
            )
        if of_classes:
            logger.info(f"{what} is taken in place of the rates of {', '.join(of_classes)}")
        lanes = [(rate, weights)]
    else:
        if left := [name for name, _weight in weights if name not in of_classes]:
            asked.refuse(
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
        asked.refuse(
            f"--users {most} is the most users at a time in an open run, and there are {len(user_classes)} classes that need one "
            f"each: give at least --users {len(user_classes)}"
        )
    return Arrivals(lanes, _is_poisson(options), MOST_USERS if most is None else most, latency_of(options))


def may_be_open(options: Namespace, environment: Environment) -> bool:
    """Whether iterations arrive at a rate, or may yet: what a shape asks for is not known before it is asked."""
    picks_shapes = getattr(options, "class_picker", False) and environment.available_shape_classes
    return environment._arrivals is not None or environment.shape_class is not None or bool(picks_shapes)


def check_sums(options: Namespace, environment: Environment) -> None:
    """Ends the program if nothing would arrive before the run is over; says so, if that is true of some classes only."""
    wanted = environment._arrivals
    if wanted is None or wanted.poisson:
        # Of those that come at random the first one may come at any time.
        return
    by_itself = options.headless or options.autostart
    # Else a person says how long it takes, on the page.
    end = end_of_run(options, environment) if by_itself else None
    limit, what = (wanted.ends_at, "") if end is None else end[:2]
    if limit is None:
        return
    sums = [(rate, classes, _engine.arrivals_until(rate, limit)) for rate, classes in wanted.lanes]
    never = [lane for lane in sums if lane[2] < _FIRST]
    for rate, classes, total in never:
        where = asked.place_of_option(_KEY)
        if _option(options) is None:
            where = asked.place_in_class(classes[0][0], _KEY)
        why = (
            f"{where}: nothing would arrive at a rate of {rate}, as all of it together is {total:.2g} of an iteration within the "
            f"{limit:g} seconds of the run{f' ({what})' if what else ''}, and the first arrives at {_FIRST:g}"
        )
        if len(never) == len(sums):
            asked.refuse(f"{why}: ask for a higher rate, or for a longer run")
        logger.warning(why)


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
        settings = asked.of_class(user_class)
        if _KEY not in settings:
            continue
        rate, where = settings[_KEY], asked.place_in_class(user_class.__name__, _KEY)
        if isinstance(rate, bool) or not isinstance(rate, int | float | str):
            asked.refuse(f"{where} is to be a number or a text, as 50 or '30/m', not {rate!r}")
        rates[user_class.__name__] = str(rate)
        _check(str(rate), where)
    return rates


def _check(text: str, where: str) -> None:
    try:
        _engine.check_arrival_rate(text)
    except ValueError as e:
        asked.refuse(f"{where}: {e}")
