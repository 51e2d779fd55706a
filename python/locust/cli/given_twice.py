"""Options that stand in a file and on the command line: the command line is taken, and the log says so.

Of those that Locust does not have: about its own it says nothing.
"""

from __future__ import annotations

import logging
import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from . import config_files, nearest

if TYPE_CHECKING:
    from ..argument_parser import LocustArgumentParser

logger = logging.getLogger("locust.main")


def tell(parser: LocustArgumentParser, options: Namespace) -> None:
    """Names the places in files of what is not taken."""
    given = {word.partition("=")[0] for word in sys.argv[1:]}
    for path, settings in config_files.read.items():
        for key, value in settings.items():
            action = parser._option_string_actions.get(f"--{key.removeprefix('--')}")
            if action is None or not getattr(action, "ours", False) or not given & set(action.option_strings):
                continue
            taken = getattr(options, action.dest, None)
            taken = "; ".join(map(str, taken)) if isinstance(taken, list) else taken
            logger.info(
                f"{nearest.place_of(path, key)}: {key} = {value} is not taken, as the command line says {taken}"
            )
