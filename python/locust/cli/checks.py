"""What is refused before anything starts, in Locust's order: the first complaint is the one that counts."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import NoReturn

from .. import _tokens, stats
from ..argument_parser import LocustArgumentParser
from .table import exit_code


def check_options(parser: LocustArgumentParser, options: Namespace) -> None:
    """Ends the program with a message if the options make no sense together.

    Settles `headless`, too, where `--headful` takes it back.
    """
    if options.stats_history_enabled and options.csv_prefix is None:
        parser.error("'--csv-full-history' requires '--csv'.")
    stats.validate_stats_configuration()
    if options.headful:
        options.headless = False
    if options.autoquit != -1 and not options.autostart:
        _stop("--autoquit is only meaningful in combination with --autostart")
    if not 0 <= options.web_port <= 65535:
        parser.error(f"argument --web-port/-P: not a port: {options.web_port}")
    if options.num_users is not None and options.num_users < 0:
        parser.error(f"argument -u/--users: must not be negative, but is {options.num_users}")


def check_tokens() -> None:
    """Ends the program with a message if a token is to come from a file that does not have it."""
    try:
        for variable in (_tokens.CLUSTER, _tokens.WEB, _tokens.OUT):
            _tokens.given(variable)
    except ValueError as error:
        _stop(str(error))


def _stop(message: str) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    raise SystemExit(exit_code("STARTUP"))
