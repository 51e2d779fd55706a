"""The steps of counting a request that scripts take over: noticed when it happens, so that no request has to ask.

`RequestStats.log_request` and `log_error`, `StatsEntry.log` and `log_error` and their parts do natively what they do in Locust, all
in one, until one of them is a script's: overridden, replaced on an object, or patched on the class. From then on each request is
counted by calling them, as in Locust.
"""

from __future__ import annotations

import time
from abc import ABCMeta
from collections.abc import Callable
from typing import Any, ClassVar

from . import _engine

_TABLE_STEPS = {"log_request": 1, "log_error": 1}
_ENTRY_STEPS = {
    "log": 2,
    "log_error": 2,
    "_log_time_of_request": 3,
    "_log_response_time": 3,
    "_cache_response_times": 3,
}
"""The steps of `RequestStats` and `StatsEntry`, and what has to be called if one is taken over: 1 those of `RequestStats` only, 2
those of entries as well, 3 and their parts."""


class Steps(ABCMeta):
    """The type of classes that have such steps. `counting` names them, with how much has to be called if one is taken over."""

    counting: dict[str, int]
    _own: dict[str, Any]

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(name, bases, namespace, **kwargs)
        if "counting" in namespace:
            cls._own = {step: getattr(cls, step) for step in cls.counting}
        else:
            cls._look()

    def __setattr__(cls, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in cls.counting:
            cls._look()

    def _look(cls) -> None:
        for step, level in cls.counting.items():
            if getattr(cls, step) is not cls._own[step]:
                _engine.counting_taken_over(level)


class Counting(metaclass=Steps):
    """A base of those classes: notices what is replaced on an object, too."""

    counting: ClassVar[dict[str, int]] = {}

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if (level := self.counting.get(name)) is not None:
            _engine.counting_taken_over(level)


class LogByEntries:
    """How `RequestStats` counts where a step of its entries is a script's."""

    total: Any
    entries: Any
    _note_error: Callable[[str, str, Any], None]

    def _log_by_entries(self, method: str, name: str, response_time: float | None, length: int) -> None:
        self.total.log(response_time, length)
        self.entries[(name, method)].log(response_time, length)

    def _log_error_by_entries(self, method: str, name: str, error: Any) -> None:
        self.total.log_error(error)
        self.entries[(name, method)].log_error(error)
        self._note_error(method, name, error)


class LogByParts:
    """How `StatsEntry.log` counts where one of its parts is a script's."""

    use_response_times_cache: bool
    last_request_timestamp: float | None
    num_requests: int
    total_content_length: float
    _cache_response_times: Callable[[int], None]
    _log_time_of_request: Callable[[float], None]
    _log_response_time: Callable[[float | None], None]

    def _log_by_parts(self, response_time: float | None, content_length: int) -> None:
        now = time.time()
        last = self.last_request_timestamp
        if self.use_response_times_cache and last and int(now) > int(last):
            self._cache_response_times(int(now) - 1)
        self.num_requests += 1
        self._log_time_of_request(now)
        self._log_response_time(response_time)
        self.total_content_length += content_length
