"""How a request is counted, by status or by what a script decides in a with-block: the same for both clients."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Self

from .. import _engine
from .._measures import check
from ..exception import CatchResponseError, LocustError, ResponseError
from .steps import Watched, altered

logger = logging.getLogger("locust.clients")


class Counted(_engine.ResponseCore, metaclass=Watched):
    """A response that reports its request, once."""

    # Made by requests or geventhttpclient, not by the engine: then Python holds what is reported.
    _by_library = False
    _fast = False
    # Where the request is reported; read, or replaced, by scripts that report for themselves.
    _request_event: Any
    request_meta: Any

    # Of a request that a library has made: whose it is. Of all others the engine knows.
    _user: Any = None

    def check(self, name: str, expected: bool | Callable[[Any], Any]) -> bool:
        """Counts whether the response is as expected, beside the requests: the request stays what it is. `expected` is a truth, or a
        function of the response; one that raises has not passed. Not in Locust."""
        return check(self, name, expected)

    def _made_by_library(self, event: Any, meta: Any, caught: bool) -> None:
        """Takes over what is to be reported about a request that a library has made."""
        self._by_library = True
        self._request_event = event
        self.request_meta = meta
        # A script that makes a response by hand may say less.
        known = meta if isinstance(meta, dict) else {}
        self._await_verdict(caught, str(known.get("request_type", "")), str(known.get("name", "")))

    def _judge(self) -> None:
        """Counts the request by its status, or by the error that it ended with."""
        raise NotImplementedError

    def _raises_for_itself(self) -> bool:
        """Whether a script has put a function of its own in the place of `raise_for_status`."""
        return self._by_library or "raise_for_status" in self.__dict__ or altered[self._fast]

    def _count(self, exception: Any) -> None:
        """Counts the request as failed with `exception`, or as a success."""
        if self._by_library:
            self.request_meta["exception"] = exception
            self._report_request()
        else:
            # In native code, unless a script has taken this step over.
            self._report(exception)

    def _report_request(self, exc: Any = None) -> None:
        """Tells the listeners of the request event what `request_meta` says. Scripts replace this to report for themselves."""
        self._request_event.fire(**self.request_meta)


class Verdict(Counted):
    """The with-block of a response: what happens in it decides how its request is counted."""

    error: Any

    def __enter__(self) -> Self:
        if not self._enter():
            raise LocustError(
                "In order to use a with-block for requests, you must also pass catch_response=True"
            )
        return self

    def __exit__(self, exc: Any, value: Any, traceback: Any) -> bool:
        if exc is None and _engine.settle(self):
            return True
        manual = self._manual_result
        if manual is not None:
            self._count(None if manual is True else manual)
            return exc is None
        if exc is None:
            self._judge()
            return True
        if isinstance(value, ResponseError):
            self._count(value)
            return True
        return False

    def raise_for_status(self) -> None:
        """Raises what was given to `failure()`, nothing after `success()`, else what the request itself ended with."""
        __tracebackhide__ = True
        manual = self._manual_result
        if manual is None:
            if self.error is not None:
                raise self.error
            super().raise_for_status()  # type: ignore[misc]
        elif manual is not True:
            raise manual

    def success(self) -> None:
        """Counts the request as a success, whatever its status."""
        if not self._succeed():
            raise _not_entered("response.success()")

    def failure(self, exc: Any) -> None:
        """Counts the request as a failure; `exc` is an exception, or anything that says why."""
        if not self._entered:
            raise _not_entered("response.failure(...)")
        self._manual_result = exc if isinstance(exc, Exception) else CatchResponseError(exc)


def _not_entered(call: str) -> LocustError:
    return LocustError(
        "Tried to set status on a request that has not yet been made. Make sure you use a with-block, like "
        f"this:\n\nwith self.client.request(..., catch_response=True) as response:\n    {call}"
    )


# Requests that have been warned about; a script that does it once does it each time.
_warned: set[tuple[str, str]] = set()
_MAX_WARNINGS = 20


def warn_unjudged(method: str, name: str) -> None:
    """Called by the engine when a response goes away for whose with-block the statistics have waited in vain."""
    if (method, name) in _warned or len(_warned) >= _MAX_WARNINGS:
        return
    _warned.add((method, name))
    logger.warning(
        "%s %s was requested with catch_response=True, but its response was not used in a with-block: "
        "the request is missing in the statistics.",
        method,
        name,
    )
