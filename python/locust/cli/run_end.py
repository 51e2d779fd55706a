"""When a run ends, as far as it is known before it begins: what asks for more time than that can be told at once."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from .._run_time import START, WARMUP_END, counts_from

if TYPE_CHECKING:
    from ..env import Environment


def end_of_run(options: Namespace, environment: Environment) -> tuple[float, str, str] | None:
    """After how many seconds the run ends, what says so, and what else could be done; None: nobody knows."""
    ends = []
    arrivals = environment._arrivals
    if arrivals is not None and arrivals.ends_at is not None:
        ends.append((arrivals.ends_at, "the last stage of the arrival rate", ""))
    run_time, begin = getattr(options, "run_time", None), counts_from(options)
    # Zero before it is known, too: then it is not.
    warm_up = environment._warm_up_seconds
    if isinstance(run_time, int) and run_time > 0 and environment.shape_class is None:
        if begin == START:
            other_way = ", or count it with --run-time-from warmup-end"
            ends.append((float(run_time), f"--run-time {run_time}", other_way))
        elif begin == WARMUP_END and warm_up:
            ends.append((run_time + warm_up, f"--run-time {run_time}", ""))
    return min(ends, default=None)
