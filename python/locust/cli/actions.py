"""What the program can do instead of a run."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable

from ..user.inspectuser import print_task_ratio, print_task_ratio_json
from .table import exit_code


def list_users(names: Iterable[str]) -> None:
    """`--list`: prints the User classes and ends the program."""
    print("Available Users:")
    for name in names:
        print("    " + name)
    raise SystemExit(exit_code("OK"))


def show_task_ratio(options: Namespace, user_classes: list[type]) -> None:
    """`--show-task-ratio` and `--show-task-ratio-json`: prints how often each task is chosen and ends the
    program; does nothing if neither is asked for."""
    if options.show_task_ratio:
        for title, total in ((" Task ratio per User class", False), (" Total task ratio", True)):
            print(f"\n{title}")
            print("-" * 80)
            print_task_ratio(user_classes, options.num_users, total)
    elif options.show_task_ratio_json:
        print_task_ratio_json(user_classes, options.num_users)
    else:
        return
    raise SystemExit(exit_code("OK"))
