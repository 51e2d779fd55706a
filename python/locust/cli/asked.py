"""Where what only gregaria knows is asked for, as messages name it: an option, its variable, a line of a file, or a class."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, NoReturn

from . import nearest, script_options
from .table import exit_code, table

# The one attribute in which a class says it, and the keys that this may have.
ATTRIBUTE = "gregaria"
KEYS = ("arrival_rate", "thresholds", "warmup")


def of_class(user_class: Any) -> dict[Any, Any]:
    """What a class asks for; empty, if it is a script's own attribute of that name."""
    settings = getattr(user_class, ATTRIBUTE, None)
    return settings if isinstance(settings, dict) else {}


def place_in_class(name: str, key: Any) -> str:
    """Where a class has a key."""
    return f"{name}.{ATTRIBUTE}[{key!r}]"


def place_of_option(dest: str) -> str:
    """Where an option has its value from: its flag, if not from a variable or a file."""
    parser = script_options.parser()
    place = None if parser is None else parser.place_of(dest)  # type: ignore[attr-defined]
    return place or table().by_dest(dest).long_flag


def check_keys(user_classes: Iterable[Any]) -> None:
    """Ends the program if a class has a key that means nothing: a gate would be off, and nobody would know."""
    for user_class in user_classes:
        for key in of_class(user_class):
            if key not in KEYS:
                hint = nearest.hint(str(key), KEYS)
                refuse(
                    f"{place_in_class(user_class.__name__, key)} means nothing. {hint}{' ' if hint else ''}"
                    f"There are: {nearest.listed(KEYS)}"
                )


def refuse(message: str) -> NoReturn:
    """Ends the program, since what is asked for cannot be."""
    sys.stderr.write(f"locust: error: {message}\n")
    raise SystemExit(exit_code("USAGE"))
