"""The tables that stand below Locust's at the end of a run."""

from __future__ import annotations

from collections.abc import Sequence

from .. import stats


def show(lines: Sequence[str]) -> None:
    """Prints one of them and a blank line; nothing, if it has no lines."""
    for line in [*lines, ""] if lines else []:
        stats.console_logger.info(line)
