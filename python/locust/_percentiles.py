"""What a script may set as percentiles to be shown."""

from __future__ import annotations

from typing import Any


def problem_with(chart: list[float], statistics: list[float]) -> str | None:
    """What is wrong with `PERCENTILES_TO_CHART` or `PERCENTILES_TO_STATISTICS`, in Locust's words; None: nothing."""
    if len(chart) > 6:
        return "stats.PERCENTILES_TO_CHART parameter should be a maximum of 6 parameters \n"
    for name, percentiles in (("PERCENTILES_TO_CHART", chart), ("PERCENTILES_TO_STATISTICS", statistics)):
        if not all(map(_is_valid_percentile, percentiles)):
            return f"stats.{name} parameter need to be float and value between. 0 < percentile < 1 Eg 0.95\n"
    return None


def _is_valid_percentile(parameter: Any) -> bool:
    try:
        return 0 < float(parameter) < 1
    except ValueError:
        return False
