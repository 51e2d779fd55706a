"""The arguments of `gregaria ab`: its own few, and Locust's, which both sides get."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from ...argument_parser import get_parser
from ..subcommands import PROGRAM
from ..table import table

# By the key of the option: why it makes no sense here. The value of an option counts wherever it was given.
POINTLESS = {
    "master": "both sides run in one process",
    "worker": "both sides run in one process",
    "processes": "both sides run in one process",
    "autostart": "both sides run without a web interface",
    "headful": "both sides run without a web interface",
    "csv_prefix": "both runs would write the same file",
    "html_file": "both runs would write the same file",
    "json_file": "both runs would write the same file",
    "logfile": "both runs would write the same file",
    "list_commands": "there is nothing to compare",
    "show_task_ratio": "there is nothing to compare",
    "show_task_ratio_json": "there is nothing to compare",
}


@dataclass(frozen=True)
class Arguments:
    """What was asked for."""

    oracle: str | None
    json: bool
    both_orders: bool
    passed_on: tuple[str, ...]


def parse(args: list[str]) -> Arguments:
    """Reads the arguments; ends the program with exit code 2 if they make no sense."""
    parser = argparse.ArgumentParser(
        prog=f"{PROGRAM} ab",
        usage="%(prog)s [--oracle PATH] [--json] [--both-orders] [locustfile] [any locust options]",
        description="Run one script on real Locust and on gregaria, one after the other and with the same options, and"
        " print the statistics of both and the differences. All other options are Locust's: -H, -u, -r, -t, …",
        epilog="Exit code: 0 no relevant difference, 1 differences, 2 nothing could be compared, 130 interrupted.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--oracle", metavar="PATH", help="real Locust: its command, or the virtual environment that it is in"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument(
        "--both-orders", action="store_true", help="then run both again, gregaria first, and add the runs up"
    )
    mine, others = parser.parse_known_args(args)
    if others and not others[0].startswith("-"):
        others = ["--locustfile", *others]
    refuse_pointless(parser, others)
    return Arguments(mine.oracle, mine.json, mine.both_orders, (*others, "--headless"))


def refuse_pointless(parser: argparse.ArgumentParser, others: list[str]) -> None:
    # Options of the script are unknown here; the runs will tell what is wrong with them.
    options, _ = get_parser().parse_known_args(others)
    for dest, why in POINTLESS.items():
        if getattr(options, dest, None):
            parser.error(f"{table().by_dest(dest).long_flag} makes no sense here: {why}")
