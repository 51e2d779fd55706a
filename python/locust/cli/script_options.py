"""The options that scripts and plugins have added to the command line.

They are noted when the parser of the command line is made, and whoever wants to know of them later, such as a report of the
run, asks here: a further parser would call the scripts' listeners of `init_command_line_parser` once more.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from types import MappingProxyType

_noted: dict[str, argparse.Action] = {}
_parser: argparse.ArgumentParser | None = None


def added_by_scripts(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    """Those options of `parser` that are not the program's own, by key."""
    # What comes from the option table says whether Locust has it; see `argument_parser._add`.
    own = {action.dest for action in parser._actions if hasattr(action, "ours")} | {"help"}
    return {action.dest: action for action in parser._actions if action.dest not in own}


def note(parser: argparse.ArgumentParser) -> None:
    """Notes what scripts have added to `parser`, which is complete; in place of what was noted before."""
    global _parser
    found = added_by_scripts(parser)
    _parser = parser
    _noted.clear()
    _noted.update(found)


def parser() -> argparse.ArgumentParser | None:
    """The parser made last; none if the command line is another program's."""
    return _parser


def script_options() -> Mapping[str, argparse.Action]:
    """All of them, by key: of the parser made last, or none if the command line is another program's."""
    return MappingProxyType(_noted)


def shown_options() -> dict[str, argparse.Action]:
    """Those with a field in the web interface."""
    return {dest: action for dest, action in _noted.items() if getattr(action, "include_in_web_ui", False)}


def secret_options() -> dict[str, argparse.Action]:
    """Those whose values nobody is to see, whether they have a field or not."""
    return {dest: action for dest, action in _noted.items() if getattr(action, "is_secret", False)}
