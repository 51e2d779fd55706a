"""What is refused before anything starts, in Locust's order: the first complaint is the one that counts."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import Any, NoReturn

from .. import stats
from ..argument_parser import LocustArgumentParser
from .table import Option, exit_code, table

_WHY_NOT_YET = {
    "cluster": "this version runs in one process yet",
}


def check_options(parser: LocustArgumentParser, options: Namespace) -> None:
    """Ends the program with a message if the options make no sense together, or need what is not there yet.

    Settles `headless`, too, where `--headful` takes it back.
    """
    if options.stats_history_enabled and options.csv_prefix is None:
        parser.error("'--csv-full-history' requires '--csv'.")
    stats.validate_stats_configuration()
    if options.headful:
        options.headless = False
    if options.autoquit != -1 and not options.autostart:
        _stop("--autoquit is only meaningful in combination with --autostart")
    _refuse_what_is_not_there_yet(parser, options)
    if not 0 <= options.web_port <= 65535:
        parser.error(f"argument --web-port/-P: not a port: {options.web_port}")
    if options.num_users is not None and options.num_users < 0:
        parser.error(f"argument -u/--users: must not be negative, but is {options.num_users}")


def _refuse_what_is_not_there_yet(parser: LocustArgumentParser, options: Namespace) -> None:
    indirect = parser.dests_from_files_and_environment()
    used = [option for option in table().options if option.feature and _is_used(option, options, indirect)]
    if not used:
        return
    feature = used[0].feature or ""
    names = ", ".join(option.long_flag for option in used if option.feature == feature)
    parser.exit(
        exit_code("USAGE"), f"{parser.prog}: error: not available yet: {names} ({_WHY_NOT_YET[feature]})\n"
    )


def _is_used(option: Option, options: Namespace, indirect: set[str]) -> bool:
    value: Any = getattr(options, option.dest, option.default)
    if value == option.default:
        return False
    # A shared file or environment may well tune a feature that is off here; on the command line it is meant.
    return not (option.passive and option.dest in indirect)


def _stop(message: str) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    raise SystemExit(exit_code("STARTUP"))
