"""The steps of a request that scripts take over: noticed when it happens, so that no request has to ask.

A step is a method that Locust or requests calls on the way of each request, under a name that scripts override, replace on an
object, or patch on the class. Where one is not ours any more, requests go through Python, step by step, as in Locust.
"""

from __future__ import annotations

import sys
from abc import ABCMeta
from collections.abc import Callable
from types import ModuleType
from typing import Any

from .. import _engine


class Watched(ABCMeta):
    """The type of classes on which scripts replace methods: sessions and responses look again after each change.

    It derives from ABCMeta so that a class of a script may derive from one of ours and an abstract one.
    """

    def __setattr__(cls, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        changed()

    def __delattr__(cls, name: str) -> None:
        super().__delattr__(name)
        changed()


# For each kind of response (fast or not): its classes, and their steps as they are defined.
_responses: dict[bool, list[tuple[type, dict[str, Any]]]] = {False: [], True: []}

altered = {False: False, True: False}
"""For each kind of response (fast or not) whether one of those is a script's."""

_RESPONSE_STEPS = ("__enter__", "__exit__", "_report_request", "raise_for_status", "failure", "success")


def watch_responses(fast: bool, *classes: type) -> None:
    """Has responses of these classes judged in Python as soon as one of their steps is replaced."""
    for cls in classes:
        steps = {name: getattr(cls, name) for name in _RESPONSE_STEPS if hasattr(cls, name)}
        _responses[fast].append((cls, steps))


def changed() -> None:
    """Something that requests go through is no longer what it was, or is again."""
    for fast, classes in _responses.items():
        altered[fast] = any(
            getattr(cls, name, None) is not step for cls, steps in classes for name, step in steps.items()
        )
    _engine.steps_changed(altered[False], altered[True])


def watch_module(module: str, names: tuple[str, ...]) -> Callable[[], bool]:
    """Notices when a script binds one of these names of a module anew; the function returned says whether it is so now."""
    loaded = sys.modules[module]
    original = {name: getattr(loaded, name) for name in names}

    class Module(ModuleType):
        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, value)
            if name in original:
                changed()

        def __delattr__(self, name: str) -> None:
            super().__delattr__(name)
            if name in original:
                changed()

    loaded.__class__ = Module
    return lambda: any(getattr(loaded, name, None) is not value for name, value in original.items())
