"""The warm-up of a test: where it is asked for. What it is, is in `locust._warm_up`."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from ..util.timespan import parse_timespan
from . import asked, script_options, tables
from .run_end import end_of_run

if TYPE_CHECKING:
    from ..env import Environment

_KEY = "warmup"


def asked_for(options: Namespace, environment: Environment) -> float:
    """How many seconds the options ask for, or else the classes. Ends the program if nothing of the run would be left."""
    seconds, what = _of_option(options), asked.place_of_option(_KEY)
    if seconds is None:
        seconds, what = _of_classes(environment.user_classes)
    if seconds and (limit := end_of_run(options, environment)) is not None and limit[0] <= seconds:
        asked.refuse(
            f"{what} is {seconds:g} seconds and {limit[1]} ends the run after {limit[0]:g}, so that nothing would be measured: make "
            f"the warm-up shorter or the run longer{limit[2]}"
        )
    return seconds


def _of_option(options: Namespace) -> float | None:
    seconds = getattr(options, _KEY, None)
    # A script's own option of that name is not ours.
    if _KEY in script_options.script_options() or isinstance(seconds, bool) or not isinstance(seconds, int):
        return None
    return float(seconds)


def _of_classes(user_classes: list[Any]) -> tuple[float, str]:
    """The longest of them, and where it is written."""
    longest, where = 0.0, ""
    for user_class in user_classes:
        settings = asked.of_class(user_class)
        if _KEY not in settings:
            continue
        place = asked.place_in_class(user_class.__name__, _KEY)
        seconds = _seconds(settings[_KEY], place)
        if seconds > longest:
            longest, where = seconds, place
    return longest, where


def _seconds(given: Any, where: str) -> float:
    if isinstance(given, str):
        try:
            return float(parse_timespan(given))
        except ValueError:
            pass
    elif isinstance(given, int | float) and not isinstance(given, bool) and 0 <= given < float("inf"):
        return float(given)
    asked.refuse(f"{where} is to be a number of seconds or a text, as 30 or '1m30s', not {given!r}")


def show(runner: Any) -> None:
    """Prints what was left out, if there was a warm-up."""
    if runner is not None and runner._warm_up is not None:
        tables.show([f"Warm-up: {runner._warm_up.described()['said']}"])
