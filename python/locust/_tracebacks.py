"""Tracebacks as a script's author wants them: without the frames of this program, which say nothing about the script."""

from __future__ import annotations

import os
from traceback import format_exception
from types import TracebackType

from .exception import LocustError

_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep


def spare_own_frames(error: BaseException) -> None:
    """Takes our frames out of the traceback of `error` and of those behind it. One that has no others stays, unless its text
    says all: what went wrong in this program itself is to be found."""
    todo: list[BaseException | None] = [error]
    seen: set[int] = set()
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        one.__traceback__ = _without_own(one, one.__traceback__)
        todo += [one.__cause__, one.__context__]


def _without_own(error: BaseException, traceback: TracebackType | None) -> TracebackType | None:
    frames = []
    frame = traceback
    while frame is not None:
        frames.append(frame)
        frame = frame.tb_next
    kept = [one for one in frames if not one.tb_frame.f_code.co_filename.startswith(_OURS)]
    if not kept and (type(error) is Exception or isinstance(error, LocustError)):
        return None
    if not kept or len(kept) == len(frames):
        return traceback
    made = None
    for one in reversed(kept):
        made = TracebackType(made, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return made


def told(error: BaseException) -> str:
    """An error for the log: its text, then its traceback. Where that has no frames left the text alone says all."""
    return f"{error}\n{''.join(format_exception(error))}" if error.__traceback__ is not None else str(error)
