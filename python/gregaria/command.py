"""What the command `gregaria` starts."""

from __future__ import annotations

import sys

from .conflict import refuse_original_beside_us


def main() -> None:
    """Runs the program with the arguments of the process, unless the package `locust` is not ours alone."""
    # By this name the program knows that it has subcommands.
    if sys.argv[0].endswith("__main__.py"):
        sys.argv[0] = "gregaria"
    refuse_original_beside_us()
    from locust.main import main as program

    program()
