"""Options, and misspelt variables, that change nothing in this run: nobody is to believe that they did."""

from __future__ import annotations

import logging
import os
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from .._run_time import START, WARMUP_END
from . import arrivals, asked, nearest, script_options
from .table import table

if TYPE_CHECKING:
    from ..env import Environment

logger = logging.getLogger("locust.main")

_OF_OPEN_RUNS = {"arrivals": "poisson", "latency": "service", "let_processors_sleep": True}


def tell(options: Namespace, environment: Environment) -> None:
    """Names them in the log, and what is missing for them. What arrives, and the warm-up, are known."""
    if not arrivals.may_be_open(options, environment):
        rate = table().by_dest("arrival_rate").long_flag
        for dest, value in _OF_OPEN_RUNS.items():
            if _given(options, dest) == value:
                _tell(dest, value, f"iterations arrive at no rate ({rate})")
    begin = _given(options, "run_time_from")
    if begin == WARMUP_END and not environment._warm_up_seconds:
        _tell("run_time_from", begin, f"there is no warm-up ({table().by_dest('warmup').long_flag})")
    elif begin not in (None, START) and options.headless and not options.run_time:
        _tell("run_time_from", begin, f"there is no run time ({table().by_dest('run_time').long_flag})")
    if (share := _given(options, "out_sample")) is not None and not _given(options, "outs"):
        _tell("out_sample", f"{share:g}", f"no requests are written ({table().by_dest('outs').long_flag})")
    _tell_of_variables()


def _tell_of_variables() -> None:
    known = {option.env: option.ours for option in table().options if option.env}
    of_scripts = {getattr(action, "env_var", None) for action in script_options.script_options().values()}
    for name in sorted(os.environ.keys() - known.keys() - of_scripts - set(table().env_vars)):
        # A script may read what it likes: only what is next to one of ours is taken for it.
        near = nearest.nearest(name, known, closeness=0.9) if name.startswith("LOCUST_") else None
        if near is not None and known[near]:
            logger.warning(f"{name} has no effect: no option has this variable. Did you mean '{near}'?")


def _given(options: Namespace, dest: str) -> Any:
    # A script's own option of that name is not ours.
    return None if dest in script_options.script_options() else getattr(options, dest, None)


def _tell(dest: str, value: Any, missing: str) -> None:
    flag, place = table().by_dest(dest).long_flag, asked.place_of_option(dest)
    option = flag if value is True else f"{flag} {value}"
    logger.warning(f"{option}{'' if place == flag else f' ({place})'} has no effect: {missing}")
