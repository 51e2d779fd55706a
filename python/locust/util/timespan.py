"""Run times and timeouts as people write them: `90`, `20s`, `1h20m`."""

from __future__ import annotations

from .. import _engine


def parse_timespan(time_str: str) -> int:
    """Seconds in `time_str`: digits alone are seconds, else hours, minutes and seconds in this order, any
    subset.

    `ValueError` for anything else, spaces, fractions and days included.
    """
    if not time_str:
        raise ValueError("Invalid time span format")
    seconds = _engine.timespan(time_str)
    if seconds is None:
        raise ValueError("Invalid time span format. Valid formats: 20, 20s, 3m, 2h, 1h20m, 3h30m10s, etc.")
    return seconds
