"""Run times and timeouts as people write them: `90`, `20s`, `1h20m`."""

from __future__ import annotations

import re

_SECONDS = re.compile(r"\d+")
_PARTS = re.compile(r"(?:(?P<hours>\d+)h)?(?:(?P<minutes>\d+)m)?(?:(?P<seconds>\d+)s)?")


def parse_timespan(time_str: str) -> int:
    """Seconds in `time_str`: digits alone are seconds, else hours, minutes and seconds in this order, any
    subset.

    `ValueError` for anything else, spaces, fractions and days included.
    """
    if not time_str:
        raise ValueError("Invalid time span format")
    if _SECONDS.fullmatch(time_str):
        return int(time_str)
    parts = _PARTS.fullmatch(time_str)
    if parts is None:
        raise ValueError("Invalid time span format. Valid formats: 20, 20s, 3m, 2h, 1h20m, 3h30m10s, etc.")
    hours, minutes, seconds = (int(part or 0) for part in parts.group("hours", "minutes", "seconds"))
    return hours * 3600 + minutes * 60 + seconds
