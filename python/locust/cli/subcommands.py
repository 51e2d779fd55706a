"""What `gregaria` can do beside running a test: `gregaria blog`, `gregaria check`, `gregaria ab`.

Only under that name: for `locust` a word that is no option is the name of a User class. A subcommand's module is
imported when it is called; the others cost nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NamedTuple

from . import nearest
from .table import exit_code

PROGRAM = "gregaria"


class Subcommand(NamedTuple):
    """A subcommand: what follows its word, what it is for, and the function that takes the arguments behind the word and
    returns the exit code."""

    arguments: str
    purpose: str
    function: str


_SUBCOMMANDS = {
    "check": Subcommand("locustfile.py", "does it run as on Locust?", "locust.cli.check:command"),
    "ab": Subcommand("locustfile.py -H …", "runs it on both and compares", "locust.cli.ab:command"),
    "blog": Subcommand("", "serves the sample blog, to try things on", "locust.cli.blog:command"),
}


def help_lines() -> list[str]:
    """What `--help` says of the subcommands."""
    usages = {f"{PROGRAM} {word} {one.arguments}".rstrip(): one.purpose for word, one in _SUBCOMMANDS.items()}
    width = max(map(len, usages))
    return [f"{usage:{width}}  {purpose}" for usage, purpose in usages.items()]


def _refuse_misspelt(word: str) -> None:
    """Ends the program if the word can only have been meant for a subcommand: names of User classes begin with a capital."""
    if word.isidentifier() and word.islower() and (near := nearest.hint(word, _SUBCOMMANDS, 0.7)):
        sys.stderr.write(f"{PROGRAM}: error: there is no subcommand '{word}'. {near}\n")
        sys.exit(exit_code("USAGE"))


def find(argv: Sequence[str]) -> Callable[[list[str]], int] | None:
    """The function of the subcommand that these arguments of a process ask for, if they do."""
    if len(argv) < 2 or os.path.basename(argv[0]) != PROGRAM:
        return None
    if argv[1] not in _SUBCOMMANDS:
        _refuse_misspelt(argv[1])
        return None
    module, _, function = _SUBCOMMANDS[argv[1]].function.partition(":")
    return getattr(import_module(module), function)
