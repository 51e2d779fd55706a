"""What a script measures besides its requests: checks (`response.check`) and metrics of its own (`environment.metrics`).

They are counted natively, merged over workers, and shown beside the requests, never among them. Locust has neither: a file that is to
run there, too, asks `hasattr(environment, "metrics")` first.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Never

from . import _engine

if TYPE_CHECKING:
    from .env import Environment


class Metrics:
    """The metrics of an environment, by name; asking for one again gives the same one."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def trend(self, name: str, *misplaced: Never) -> Trend:
        """Values of which mean and percentiles are of interest: tokens of an answer, rows of a page, times of one's own."""
        _has_no_value("trend", name, misplaced)
        return Trend(self._environment, "trend", name)

    def counter(self, name: str, *misplaced: Never) -> Counter:
        """A sum."""
        _has_no_value("counter", name, misplaced)
        return Counter(self._environment, "counter", name)

    def rate(self, name: str, *misplaced: Never) -> Rate:
        """How often something is so."""
        _has_no_value("rate", name, misplaced)
        return Rate(self._environment, "rate", name)


def _has_no_value(kind: str, name: object, given: tuple[object, ...]) -> None:
    # In other tools the value stands beside the name.
    if given:
        value = ", ".join(repr(one) for one in given)
        raise TypeError(
            f"a {kind} is asked for by its name alone, and then given its values: metrics.{kind}({name!r}).add({value})"
        )


class Metric:
    """A metric of that name."""

    def __init__(self, environment: Environment, kind: str, name: str) -> None:
        if not isinstance(name, str) or not name:
            raise ValueError(f"the name of a {kind} has to be a text, not {name!r}")
        self._environment = environment
        self._kind = kind
        self.name = name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def _add(self, value: Any) -> None:
        number = float(value)
        if not math.isfinite(number) or number < 0:
            raise ValueError(f"{self._kind} {self.name!r} takes numbers from 0 on, not {value!r}")
        # Statistics that a script has put in the place of ours are asked anew each time.
        stats = self._environment.stats
        _engine.measure(stats if stats._apart is None else stats._apart, self._kind, self.name, number)


class Trend(Metric):
    """Values; see `Metrics.trend`."""

    def add(self, value: float) -> None:
        """Counts a value, which is not negative."""
        self._add(value)


class Counter(Metric):
    """A sum; see `Metrics.counter`."""

    def add(self, value: float = 1) -> None:
        """Adds to it, what is not negative."""
        self._add(value)


class Rate(Metric):
    """How often something is so; see `Metrics.rate`."""

    def add(self, value: object) -> None:
        """Counts one time, in which it was so if `value` is true."""
        self._add(bool(value))


def check(response: Any, name: str, expected: bool | Callable[[Any], Any]) -> bool:
    """Counts a check of a response; whether it passed. A function that raises has not."""
    user = getattr(response, "_user", None) or _engine.user_of(response)
    environment = getattr(user, "environment", None)
    if environment is None:
        from .exception import LocustError

        raise LocustError(f"check {name!r}: this response is of no user, so there is nowhere to count it")
    if callable(expected):
        try:
            passed = bool(expected(response))
        except Exception:
            passed = False
    else:
        passed = bool(expected)
    Metric(environment, "check", name)._add(passed)
    return passed
