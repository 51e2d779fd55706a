"""Whether reported response times can be believed: the comparison of the trust tests, apart so that it can be tested itself.

Three accounts of the same moments are compared: what was reported, the delay server's own log, and what a control (the
plainest client there can be) measured against that log. What even the control gets wrong is the noise of the machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

# What is promised: a thousandth, or this many milliseconds.
SHARE = 0.001
AT_LEAST_MS = 0.1
# Reported times are kept to three digits.
ROUNDING = 0.0005
# However noisy the machine: a median may not be off by more than this on top of what is promised.
MOST_NOISE_OF_MEDIAN_MS = 0.5
# Where even the control is off by more, a tail that is off says nothing about anybody.
MOST_NOISE_OF_TAIL_MS = 2.0

FRACTIONS = {"p50": 0.5, "p99": 0.99}


def nearest_rank(values: Sequence[float], fraction: float) -> float:
    return sorted(values)[max(0, math.ceil(len(values) * fraction) - 1)]


@dataclass(frozen=True)
class Figures:
    """Percentiles in milliseconds."""

    p50: float
    p99: float

    @staticmethod
    def of(times: Sequence[float]) -> Figures:
        return Figures(nearest_rank(times, 0.5), nearest_rank(times, 0.99))


@dataclass(frozen=True)
class Noise:
    """By how many milliseconds the control was off."""

    p50: float
    p99: float

    @staticmethod
    def between(control: Figures, served: Figures) -> Noise:
        return Noise(abs(control.p50 - served.p50), abs(control.p99 - served.p99))


@dataclass
class Verdict:
    """What is wrong, and what could not be judged."""

    wrong: list[str] = field(default_factory=list)
    unjudged: list[str] = field(default_factory=list)


def promised(expected_ms: float) -> float:
    return max(expected_ms * SHARE, AT_LEAST_MS) + expected_ms * ROUNDING


def judge(what: str, reported: Figures, served: Figures, noise: Noise) -> Verdict:
    """Compares what was reported with what the server wrote down."""
    verdict = Verdict()
    for name in FRACTIONS:
        expected, got, extra = getattr(served, name), getattr(reported, name), getattr(noise, name)
        allowed = promised(expected) + min(
            extra, MOST_NOISE_OF_MEDIAN_MS if name == "p50" else MOST_NOISE_OF_TAIL_MS
        )
        if abs(got - expected) <= allowed:
            continue
        line = (
            f"{what} {name}: reported {got:.3f} ms, the server says {expected:.3f} ms, {allowed:.3f} ms allowed "
            f"(the control is off by {extra:.3f} ms)"
        )
        too_noisy = name == "p99" and extra > MOST_NOISE_OF_TAIL_MS
        (verdict.unjudged if too_noisy else verdict.wrong).append(line)
    return verdict


def judge_unchanged(
    what: str, idle: Figures, burning: Figures, noises: Sequence[Noise], server_changed: float = 0.0
) -> Verdict:
    """Compares the medians of a run with idle tasks and of one whose tasks burn CPU. By so many milliseconds more the server
    itself took in the second: on a machine with little left, burning takes something from it, too."""
    verdict = Verdict()
    allowed = promised(idle.p50) + min(sum(noise.p50 for noise in noises), MOST_NOISE_OF_MEDIAN_MS)
    if abs(burning.p50 - idle.p50 - server_changed) > allowed:
        verdict.wrong.append(
            f"{what}: median {idle.p50:.3f} ms with idle tasks, {burning.p50:.3f} ms with burning ones, where the server took "
            f"{server_changed:+.3f} ms, {allowed:.3f} ms allowed"
        )
    return verdict
