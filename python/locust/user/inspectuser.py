"""The share of each task in a test, as `--show-task-ratio` prints it and reports show it."""

from __future__ import annotations

import inspect
import json
from collections import Counter
from typing import Any

from .task import TaskSet
from .users import User

Ratios = dict[str, dict[str, Any]]


def print_task_ratio(user_classes: list[type[User]], num_users: int | None, total: bool) -> None:
    """Prints the shares as an indented list, in percent: of each class, or of the whole test if `total`."""
    _print_task_ratio(get_ratio(user_classes, _calc_distribution(user_classes, num_users), total))


def print_task_ratio_json(user_classes: list[type[User]], num_users: int | None) -> None:
    """Prints both kinds as one JSON object."""
    counts = _calc_distribution(user_classes, num_users)
    shares = {
        "per_class": get_ratio(user_classes, counts, False),
        "total": get_ratio(user_classes, counts, True),
    }
    print(json.dumps(shares, indent=4))


def get_ratio(user_classes: list[type[User]], user_spawned: dict[str, int], total: bool) -> Ratios:
    """`{class: {"ratio": 0..1, "tasks": {task: {"ratio", "tasks"?}}}}` for so many users of each class (by
    name).

    The ratio of a task is its share of its class's (or TaskSet's) tasks, or of all tasks of the test if
    `total`.
    """
    users = sum(user_spawned.values()) or 1
    ratios = {}
    for user_class in user_classes:
        share = user_spawned.get(user_class.__name__, 0) / users
        ratios[user_class.__name__] = {
            "ratio": share,
            "tasks": _get_task_ratio(user_class.tasks, total, share),
        }
    return ratios


def _get_task_ratio(tasks: list[Any], total: bool, parent_ratio: float) -> Ratios:
    whole = parent_ratio if total else 1.0
    ratios: Ratios = {}
    for task, count in Counter(tasks).items():
        share = count * whole / len(tasks)
        ratios[task.__name__] = {"ratio": share}
        if inspect.isclass(task) and issubclass(task, TaskSet):
            ratios[task.__name__]["tasks"] = _get_task_ratio(task.tasks, total, share)
    return ratios


def _calc_distribution(user_classes: list[type[User]], num_users: int | None) -> dict[str, int]:
    """How many users of each class `num_users` (None: one per unit of weight) will be."""
    fixed = sum(user_class.fixed_count or 0 for user_class in user_classes)
    weights = sum(user_class.weight for user_class in user_classes if not user_class.fixed_count)
    users = num_users or (1 if fixed else weights)
    to_share = max(0, users - fixed)
    return {
        user_class.__name__: round(user_class.fixed_count or user_class.weight / weights * to_share)
        for user_class in user_classes
    }


def _print_task_ratio(ratios: Ratios, level: int = 0) -> None:
    indent = "  " * level
    for name, entry in ratios.items():
        percent = f"{entry.get('ratio', 1) * 100:<6.1f}"
        print(f" {indent + percent:<10} {indent + name:<50}")
        if "tasks" in entry:
            _print_task_ratio(entry["tasks"], level + 1)
