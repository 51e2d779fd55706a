"""The comparison of the trust tests is itself tested: it must convict."""

from __future__ import annotations

import random

import pytest

from trust_verdict import Figures, Noise, judge, judge_unchanged

SERVED = Figures(10.02, 10.4)
QUIET = Noise(0.02, 0.05)


def test_agreement_to_a_hundred_microseconds_passes() -> None:
    verdict = judge("x", Figures(10.1, 10.45), SERVED, QUIET)
    assert not verdict.wrong
    assert not verdict.unjudged


def test_a_thousandth_is_allowed_where_that_is_more() -> None:
    assert not judge("x", Figures(5004.0, 5004.0), Figures(5000.0, 5000.0), Noise(0, 0)).wrong
    assert judge("x", Figures(5009.0, 5000.0), Figures(5000.0, 5000.0), Noise(0, 0)).wrong


@pytest.mark.parametrize("off", [-0.5, 0.5, 2.0, 5.0])
def test_a_median_that_is_off_is_convicted(off: float) -> None:
    verdict = judge("x", Figures(SERVED.p50 + off, SERVED.p99), SERVED, QUIET)
    assert len(verdict.wrong) == 1
    assert "p50" in verdict.wrong[0]


@pytest.mark.parametrize("off", [-0.5, 0.5, 2.0, 5.0])
def test_a_tail_that_is_off_is_convicted(off: float) -> None:
    verdict = judge("x", Figures(SERVED.p50, SERVED.p99 + off), SERVED, QUIET)
    assert len(verdict.wrong) == 1
    assert "p99" in verdict.wrong[0]


def test_what_the_control_gets_wrong_is_allowed_and_no_more() -> None:
    noisy = Noise(0.3, 1.2)
    assert not judge("x", Figures(SERVED.p50 + 0.35, SERVED.p99 + 1.25), SERVED, noisy).wrong
    assert len(judge("x", Figures(SERVED.p50 + 0.5, SERVED.p99 + 1.5), SERVED, noisy).wrong) == 2


def test_no_noise_excuses_a_wrong_median() -> None:
    verdict = judge("x", Figures(SERVED.p50 + 1.0, SERVED.p99 + 9.0), SERVED, Noise(30.0, 80.0))
    assert len(verdict.wrong) == 1
    assert "p50" in verdict.wrong[0]
    assert "p99" in verdict.unjudged[0], "the tail is not judged, and that is said"


def test_medians_that_change_with_the_scripts_work_are_convicted() -> None:
    idle = Figures(1.05, 1.3)
    assert not judge_unchanged("x", idle, Figures(1.1, 3.0), [QUIET, QUIET]).wrong
    assert judge_unchanged("x", idle, Figures(1.5, 1.6), [QUIET, QUIET]).wrong
    assert judge_unchanged("x", idle, Figures(2.0, 2.1), [Noise(9, 9), Noise(9, 9)]).wrong


def test_what_the_server_itself_took_longer_is_not_held_against_us() -> None:
    idle, burning = Figures(1.05, 1.3), Figures(2.0, 2.1)
    assert not judge_unchanged("x", idle, burning, [QUIET, QUIET], server_changed=0.93).wrong
    assert judge_unchanged("x", idle, burning, [QUIET, QUIET], server_changed=0.5).wrong
    assert judge_unchanged("x", idle, idle, [QUIET, QUIET], server_changed=0.5).wrong


def test_times_taken_where_five_milliseconds_of_work_come_between_are_convicted() -> None:
    # A tenth of the answers come while the script works, and wait for half of it on average: the median hides that, the
    # tail does not. With six tenths the median shows it too.
    chance = random.Random(1)
    for busy, convicted in ((0.1, {"p99"}), (0.6, {"p50", "p99"})):
        served = [chance.gauss(10.0, 0.02) for _ in range(500)]
        reported = [t + (chance.uniform(0, 5) if chance.random() < busy else 0) for t in served]
        verdict = judge("x", Figures.of(reported), Figures.of(served), QUIET)
        assert {line.split()[1].rstrip(":") for line in verdict.wrong} == convicted
