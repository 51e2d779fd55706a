"""Points in time and durations as reports and file names show them."""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def format_utc_timestamp(unix_timestamp: float) -> str:
    """`2026-01-31T13:07:00Z`: whole seconds, UTC."""
    return datetime.fromtimestamp(int(unix_timestamp), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_safe_timestamp(unix_timestamp: float) -> str:
    """`2026-01-31-13h07`: local time, safe in a file name."""
    return datetime.fromtimestamp(int(unix_timestamp)).strftime("%Y-%m-%d-%Hh%M")


def format_duration(start_time: float, end_time: float) -> str:
    """`2 days, 3 hours and 1 second`: units that are zero are left out."""
    rest = int(end_time - start_time)
    parts = []
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        if count > 0:
            parts.append(f"{count} {unit}{'' if count == 1 else 's'}")
    if not parts:
        return "0 seconds"
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
