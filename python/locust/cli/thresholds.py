"""Thresholds: where they are asked for, and what their end means for the exit code. What they are is in crates/record."""

from __future__ import annotations

import json
import re
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .. import _engine
from ..argument_parser import Unset
from . import arrivals, asked, tables
from .run_end import end_of_run
from .table import table

if TYPE_CHECKING:
    from ..env import Environment

# Options that are short for a threshold. A plugin's or a script's own option of such a name is not ours.
_CHECKS = {
    "check_rps": "rps >= {}",
    "check_fail_ratio": "fail_ratio <= {}",
    "check_avg_response_time": "avg <= {}ms",
}
_KEY = "thresholds"
# A rule about arrivals is about those of the whole run, so that no other name stands before it.
_OF_ARRIVALS = re.compile(r"(?:(?:all|Aggregated): +)?(dropped|late)\s*[<>=!]")


def check_options(options: Namespace) -> None:
    """Ends the program with exit code 2 if the options ask for what is no threshold."""
    for text, where in _of_options(options):
        _check(text, where)


def asked_for(options: Namespace, user_classes: list[Any]) -> dict[str, str]:
    """All of them, of options and classes, and where each stands. Ends the program if a class asks for what is none."""
    rules = _of_options(options)
    for user_class in user_classes:
        where = asked.place_in_class(user_class.__name__, _KEY)
        of_class = asked.of_class(user_class).get(_KEY, [])
        if not isinstance(of_class, list | tuple) or not all(isinstance(text, str) for text in of_class):
            asked.refuse(f"{where} is to be a list of texts, not {of_class!r}")
        for text in of_class:
            _check(text, where)
        rules += [(text, where) for text in of_class]
    found: dict[str, str] = {}
    for text, where in rules:
        found.setdefault(text.strip(), where)
    return found


def check_what_can_be_known(rules: Mapping[str, str], options: Namespace, environment: Environment) -> None:
    """Ends the program if a threshold can have no data in this run: it would go by, and fail for that."""
    # One that only warns does no harm.
    gates = {text: where for text, where in rules.items() if not re.search(r",\s*warn$", text)}
    if not arrivals.may_be_open(options, environment):
        _check_arrivals(gates)
    end = end_of_run(options, environment) if options.headless or options.autostart else None
    if end is not None:
        _check_lengths(gates, end[0] - environment._warm_up_seconds, end[1], environment)


def _check_arrivals(gates: Mapping[str, str]) -> None:
    rate = table().by_dest("arrival_rate").long_flag
    for text, where in gates.items():
        if found := _OF_ARRIVALS.match(text):
            asked.refuse(
                f"{where}: '{found[1]}' is about iterations that arrive at a rate, and none is asked for, so this threshold would always "
                f"fail for want of data: give {rate}, or leave it out\n{_marked(text, *found.span(1))}"
            )


def _check_lengths(gates: Mapping[str, str], seconds: float, what: str, environment: Environment) -> None:
    for text, where in gates.items():
        # What stands behind the value is no part of a name.
        start = max(text.rfind(sign) for sign in "<>=!")
        times = list(re.finditer(r"\b(over|after)\s+([^\s,]+)", text[start:]))
        if not times:
            continue
        # A run begins and ends within a second of the clock: of so many seconds one less is whole for sure. Behind what is left out one
        # of them is to be left.
        spans = {time[1]: _engine.timespan(time[2]) or 0 for time in times}
        needs = spans.get("after", 0) + max(spans.get("over", 0), 1) + 1
        if needs > seconds:
            why = (
                "windows consist of whole seconds of the clock"
                if "over" in spans
                else "seconds are those of the clock"
            )
            why = f" ({why}, of which a run has one less than it takes)"
            behind = " behind its warm-up" if environment._warm_up_seconds else ""
            asked.refuse(
                f"{where}: this threshold needs {needs} seconds of the run{why}, which has {seconds:g}{behind} ({what}), so it would fail "
                "for want of data: make the run longer, or its times shorter\n"
                f"{_marked(text, start + times[0].start(), start + times[-1].end())}"
            )


def _marked(text: str, first: int, last: int) -> str:
    return f"    {text}\n    {' ' * first}{'^' * (last - first)}"


def _of_options(options: Namespace) -> list[tuple[str, str]]:
    """Each, and where it stands."""
    given, where = getattr(options, _KEY, None), asked.place_of_option(_KEY)
    rules = [(text, where) for text in given if isinstance(text, str)] if isinstance(given, list) else []
    for dest, rule in _CHECKS.items():
        value = getattr(options, dest, None)
        if isinstance(value, float):
            text = rule.format(f"{value:f}".rstrip("0").rstrip("."))
            rules.append((text, asked.place_of_option(dest)))
    return rules


def _check(text: str, where: str) -> None:
    try:
        _engine.check_threshold(text)
    except ValueError as e:
        asked.refuse(f"{where}: {e}")


def is_lenient(options: Namespace, standing: Sequence[dict[str, Any]]) -> bool:
    """Whether failed requests alone are no failure of the run: thresholds say what is, and nobody has asked for both."""
    return bool(standing) and isinstance(options.exit_code_on_error, Unset)


def _about(standing: Sequence[dict[str, Any]]) -> str:
    return json.dumps({"thresholds": standing})


def is_broken(standing: Sequence[dict[str, Any]]) -> bool:
    """Whether the run has failed for one of them."""
    return _engine.thresholds_fail(_about(standing))


def show(standing: Sequence[dict[str, Any]]) -> None:
    """Prints the table of them, if there are any."""
    tables.show(_engine.threshold_lines(_about(standing)))
