"""When a run ends, as far as it is known before it begins: what asks for more time than that can be told at once."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from .._run_time import START, counts_from

if TYPE_CHECKING:
    from ..env import Environment


def end_of_run(options: Namespace, environment: Environment) -> tuple[float, str, str] | None:
    """After how many seconds the run ends, what says so, and what else could be done; None: nobody knows."""
    ends = []
    arrivals = environment._arrivals
    if arrivals is not None and arrivals.ends_at is not None:
        ends.append((arrivals.ends_at, "the last stage of the arrival rate", ""))
    run_time = getattr(options, "run_time", None)
    if (
        isinstance(run_time, int)
        and run_time > 0
        and environment.shape_class is None
        and counts_from(options) == START
    ):
        ends.append(
            (float(run_time), f"--run-time {run_time}", ", or count it with --run-time-from warmup-end")
        )
    return min(ends, default=None)
