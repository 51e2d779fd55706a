"""What `gregaria` can do beside running a test: `gregaria blog`, `gregaria check`, `gregaria ab`.

Only under that name: for `locust` a word that is no option is the name of a User class. A subcommand's module is
imported when it is called; the others cost nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib import import_module

PROGRAM = "gregaria"

# The word, and the function that takes the arguments behind it and returns the exit code.
_SUBCOMMANDS = {
    "ab": "locust.cli.ab:command",
    "blog": "locust.cli.blog:command",
    "check": "locust.cli.check:command",
}


def find(argv: Sequence[str]) -> Callable[[list[str]], int] | None:
    """The function of the subcommand that these arguments of a process ask for, if they do."""
    if len(argv) < 2 or os.path.basename(argv[0]) != PROGRAM or argv[1] not in _SUBCOMMANDS:
        return None
    module, _, function = _SUBCOMMANDS[argv[1]].partition(":")
    return getattr(import_module(module), function)
