"""What the clients of vector databases share: a call that reports by what it returns, never by raising."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from locust import events


def timed(call: Callable[[], Any], describe: Callable[[Any], dict[str, Any]] | None = None) -> dict[str, Any]:
    """Calls `call` and tells how that went: `success`, `response_time` (ms), and `result` or `exception`.

    `describe` makes further items out of the result, and may say that it was no success after all.
    """
    began = time.time()
    try:
        result = call()
        outcome = {"success": True, "response_time": (time.time() - began) * 1000, "result": result}
        if describe is not None:
            outcome.update(describe(result))
    except Exception as e:
        return {"success": False, "response_time": (time.time() - began) * 1000, "exception": e}
    return outcome


def fire(request_type: str, name: str, outcome: dict[str, Any]) -> None:
    """Reports an outcome of `timed` to `locust.events`."""
    events.request.fire(
        request_type=request_type,
        name=name,
        response_time=int(outcome.get("response_time", 0)),
        response_length=0,
        exception=outcome.get("exception"),
    )
