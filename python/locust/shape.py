"""`LoadTestShape`: how many users there should be, as a function of time."""

from __future__ import annotations

import time
from abc import ABCMeta, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from . import _engine
from ._internals import module_attributes

if TYPE_CHECKING:
    from .runners import Runner
    from .user import User


class ArrivalRate:
    """For `LoadTestShape.tick`: iterations are to begin at this rate, whatever becomes of those before.

    Locust does not have it: a script that is to run there, too, asks `hasattr(locust, "ArrivalRate")`.
    """

    def __init__(self, rate: float | str, users: int | None = None) -> None:
        """`rate`: per second, or a text such as '30/m'. `users`: at most so many at a time; None: as `--users` says.

        `ValueError` if it is no rate.
        """
        self.rate = _per_second(rate)
        """Iterations per second."""
        if users is not None and users < 1:
            raise ValueError(f"an open run needs a user, but {users} are to be the most")
        self.users = users
        """Most users at a time."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ArrivalRate) and (self.rate, self.users) == (other.rate, other.users)

    def __hash__(self) -> int:
        return hash((self.rate, self.users))

    def __repr__(self) -> str:
        users = "" if self.users is None else f", users={self.users}"
        return f"ArrivalRate({self.rate:g}{users})"


def _per_second(rate: float | str) -> float:
    if isinstance(rate, int | float) and not isinstance(rate, bool) and rate == 0:
        return 0.0
    highest, ends_at = _engine.check_arrival_rate(str(rate))
    if ends_at is not None or "->" in str(rate):
        raise ValueError(f"tick() is asked again each second, so its rate is one number: {rate!r}")
    return highest


class LoadTestShapeMeta(ABCMeta):
    """Keeps `abstract` from being inherited."""

    def __new__(mcs, classname: str, bases: tuple[type, ...], class_dict: dict[str, Any]) -> type:
        class_dict.setdefault("abstract", False)
        return super().__new__(mcs, classname, bases, class_dict)


class LoadTestShape(metaclass=LoadTestShapeMeta):
    """Derive from it in a locustfile and say in `tick` how many users to run; it is asked about once a second."""

    runner: Runner | None = None
    """The runner that follows this shape."""

    abstract: ClassVar[bool] = True
    """Not to be used itself, only derived from. Not inherited."""

    use_common_options: ClassVar[bool] = False
    """Whether the shape looks at the number of users, spawn rate and run time options; without it they are ignored."""

    def __init__(self) -> None:
        self.start_time = time.perf_counter()

    def reset_time(self) -> None:
        """Makes now the beginning of the test."""
        self.start_time = time.perf_counter()

    def get_run_time(self) -> float:
        """Seconds since the beginning of the test."""
        return time.perf_counter() - self.start_time

    def get_current_user_count(self) -> int:
        """How many users are running."""
        assert self.runner is not None
        return self.runner.user_count

    @abstractmethod
    def tick(self) -> tuple[int, float] | tuple[int, float, list[type[User]] | None] | ArrivalRate | None:
        """What the test should come to: `(users, users per second to start or stop)`, optionally with a list of the
        user classes to start from now on; or an `ArrivalRate`. None ends the test.
        """


__getattr__ = module_attributes(__name__)
