"""Thresholds: where they are asked for, and what their end means for the exit code. What they are is in crates/record."""

from __future__ import annotations

import json
import re
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from .. import _engine
from ..argument_parser import Unset
from . import tables
from .run_end import end_of_run
from .table import exit_code, table

if TYPE_CHECKING:
    from ..env import Environment

# Options that are short for a threshold. A plugin's or a script's own option of such a name is not ours.
_CHECKS = {
    "check_rps": "rps >= {}",
    "check_fail_ratio": "fail_ratio <= {}",
    "check_avg_response_time": "avg <= {}ms",
}
# The one attribute in which a class says what only gregaria knows.
ATTRIBUTE = "gregaria"
_KEY = "thresholds"


def check_options(options: Namespace) -> None:
    """Ends the program with exit code 2 if the options ask for what is no threshold."""
    for text in _of_options(options):
        _check(text, table().by_dest(_KEY).long_flag)


def asked_for(options: Namespace, user_classes: list[Any]) -> list[str]:
    """All of them, of options and classes. Ends the program if a class asks for what is none."""
    texts = _of_options(options)
    for user_class in user_classes:
        where = f"{user_class.__name__}.{ATTRIBUTE}"
        settings = getattr(user_class, ATTRIBUTE, None)
        if not isinstance(settings, dict):
            # A script's own attribute of that name.
            continue
        of_class = settings.get(_KEY, [])
        if not isinstance(of_class, list | tuple) or not all(isinstance(text, str) for text in of_class):
            _stop(f"{where}['{_KEY}'] is to be a list of texts, not {of_class!r}")
        for text in of_class:
            _check(text, f"{where}['{_KEY}']")
        texts += of_class
    return list(dict.fromkeys(text.strip() for text in texts))


def check_lengths(texts: Sequence[str], options: Namespace, environment: Environment) -> None:
    """Ends the program if a threshold looks at more seconds than the run has: it would fail without any data."""
    end = end_of_run(options, environment) if options.headless or options.autostart else None
    if end is None:
        return
    seconds = end[0] - environment._warm_up_seconds
    for text in texts:
        # What stands behind the value is no part of a name.
        start = max(text.rfind(sign) for sign in "<>=!")
        times = list(re.finditer(r"\b(?:over|after)\s+([^\s,]+)", text[start:]))
        needs = sum(_engine.timespan(time[1]) or 0 for time in times)
        # One that only warns does no harm.
        if needs > seconds and not re.search(r",\s*warn$", text):
            first, last = start + times[0].start(), start + times[-1].end()
            behind = " behind its warm-up" if environment._warm_up_seconds else ""
            _stop(
                f"this threshold needs {needs} seconds of the run, which has {seconds:g}{behind} ({end[1]}), so it would always fail "
                f"for want of data: make the run longer, or its times shorter\n    {text}\n    {' ' * first}{'^' * (last - first)}"
            )


def _of_options(options: Namespace) -> list[str]:
    given = getattr(options, _KEY, None)
    texts = [text for text in given if isinstance(text, str)] if isinstance(given, list) else []
    for dest, rule in _CHECKS.items():
        value = getattr(options, dest, None)
        if isinstance(value, float):
            texts.append(rule.format(f"{value:f}".rstrip("0").rstrip(".")))
    return texts


def _check(text: str, where: str) -> None:
    try:
        _engine.check_threshold(text)
    except ValueError as e:
        _stop(f"{where}: {e}")


def _stop(message: str) -> NoReturn:
    sys.stderr.write(f"locust: error: {message}\n")
    raise SystemExit(exit_code("USAGE"))


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
