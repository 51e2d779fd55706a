"""What the start form draws of a load shape, or of an arrival rate, before a test.

It is read out of what the class holds: `stages` as Locust's examples have them, `time_limit`, the docstring. No method of a script is
called for a picture, and no property of it read; what `tick` makes of its data only a test shows.
"""

from __future__ import annotations

import inspect
import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from .. import _engine
from ..shape import LoadTestShape

if TYPE_CHECKING:
    from ..env import Environment

_MOST_STAGES = 500
_MOST_WORDS = 600


def shape_plans(environment: Environment) -> dict[str, dict[str, Any]]:
    """What is known of each shape beforehand, by its name."""
    shapes = dict(environment.available_shape_classes or {})
    if environment.shape_class is not None:
        shapes.setdefault(type(environment.shape_class).__name__, environment.shape_class)
    return {name: _plan(shape) for name, shape in shapes.items()}


def arrival_plan(environment: Environment) -> dict[str, Any] | None:
    """The rate at which iterations are to arrive, all classes together; None: no open run is asked for."""
    arrivals = environment._arrivals
    if arrivals is None:
        return None
    curves = [_engine.arrival_corners(rate) for rate, _members in arrivals.lanes if rate]
    return {
        "points": [list(point) for point in _sum(curves)],
        "ends_at": arrivals.ends_at,
        "rates": [
            {"rate": rate, "classes": [name for name, _weight in members]}
            for rate, members in arrivals.lanes
            if rate
        ],
    }


def _plan(shape: Any) -> dict[str, Any]:
    cls = shape if isinstance(shape, type) else type(shape)
    limit = _number(_held(shape, "time_limit"))
    found = _stages(_held(shape, "stages"))
    points, cumulative = found or ([], True)
    return {
        "doc": _doc(cls),
        "time_limit": limit if limit and limit > 0 else None,
        "points": [list(point) for point in points],
        "durations": "ends" if cumulative else "lengths",
    }


def _held(shape: Any, name: str) -> Any:
    """What the object or one of its classes holds under the name, as it is: nothing is called to get it."""
    own = {} if isinstance(shape, type) else getattr(shape, "__dict__", {})
    if name in own:
        return own[name]
    cls = shape if isinstance(shape, type) else type(shape)
    for base in cls.__mro__:
        if name in vars(base):
            return vars(base)[name]
    return None


def _doc(cls: type) -> str:
    """The class's own docstring, not one that it has inherited from ours."""
    for base in cls.__mro__:
        if base is LoadTestShape:
            break
        doc = vars(base).get("__doc__")
        if type(doc) is str and doc.strip():
            return inspect.cleandoc(doc)[:_MOST_WORDS]
    return ""


def _number(value: Any) -> float | None:
    # A subclass may say otherwise what it is, by a method.
    if type(value) not in (int, float) or not math.isfinite(value):
        return None
    return float(value)


def _stages(stages: Any) -> tuple[list[tuple[float, float]], bool] | None:
    """The corners of the number of users, as (seconds, users), and whether the durations are read as moments; None: these are not
    Locust's usual stages."""
    if type(stages) not in (list, tuple) or not 0 < len(stages) <= _MOST_STAGES:
        return None
    rows = []
    for stage in stages:
        if type(stage) is not dict:
            return None
        duration, users, rate = (_number(stage.get(key)) for key in ("duration", "users", "spawn_rate"))
        if duration is None or users is None or duration < 0 or users < 0 or (rate is not None and rate <= 0):
            return None
        rows.append((duration, users, rate))
    ends = [duration for duration, _users, _rate in rows]
    # In Locust's examples each duration is the moment at which a stage is over. Where they do not grow they can only be lengths.
    cumulative = all(before < after for before, after in pairwise(ends))
    points = [(0.0, 0.0)]
    begin = present = 0.0
    for duration, users, rate in rows:
        end = duration if cumulative else begin + duration
        ramp = 0.0 if rate is None else abs(users - present) / rate
        if ramp > end - begin:
            # It is over before all of them are there.
            present += math.copysign((end - begin) * (rate or 0.0), users - present)
        else:
            points.append((begin + ramp, users))
            present = users
        points.append((end, present))
        begin = end
    return [point for at, point in enumerate(points) if at == 0 or point != points[at - 1]], cumulative


def _sum(curves: list[list[tuple[float, float]]]) -> list[tuple[float, float]]:
    """Curves on top of each other: their corners are all of theirs."""
    moments = sorted({at for curve in curves for at, _rate in curve})
    points = []
    for at in moments:
        for side in (_before, _after):
            point = (at, sum(side(curve, at) for curve in curves))
            if at == 0 and side is _before:
                continue
            if not points or points[-1] != point:
                points.append(point)
    return points


def _before(curve: list[tuple[float, float]], at: float) -> float:
    """The value of a curve as one comes to a moment."""
    for (begin, low), (end, high) in pairwise(curve):
        if begin < at <= end:
            return low + (high - low) * (at - begin) / (end - begin)
    return curve[-1][1] if at > curve[-1][0] and _goes_on(curve) else 0.0


def _after(curve: list[tuple[float, float]], at: float) -> float:
    """The value as one leaves it."""
    for (begin, low), (end, high) in pairwise(curve):
        if begin <= at < end:
            return low + (high - low) * (at - begin) / (end - begin)
    return curve[-1][1] if at >= curve[-1][0] and _goes_on(curve) else 0.0


def _goes_on(curve: list[tuple[float, float]]) -> bool:
    """Whether a curve has no end: its last corner is a jump, or its only one."""
    return len(curve) == 1 or curve[-1][0] == curve[-2][0]
