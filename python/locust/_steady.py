"""Greenlets that a first signal does not interrupt, because the end of a run needs them."""

from __future__ import annotations

from types import FrameType
from typing import Any

# Where code of scripts is called: module and function.
_CALLERS = {("locust.event", "fire"), ("locust._distributed.messages", "_call")}


def mark_as_steady(greenlet: Any) -> None:
    """Says that this greenlet has to go on whatever comes."""
    greenlet.is_steady = True


def is_steady(greenlet: Any, frame: FrameType | None) -> bool:
    """Whether what runs in this greenlet, at this frame, has to go on. A script's listener has not, wherever it is called."""
    return getattr(greenlet, "is_steady", False) and not _is_in_script(frame)


def _is_in_script(frame: FrameType | None) -> bool:
    while frame is not None:
        caller = frame.f_back
        if caller is not None and (_module(caller), caller.f_code.co_name) in _CALLERS:
            return not _module(frame).startswith("locust.")
        frame = caller
    return False


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__"))
