from __future__ import annotations

import time

import pytest


class Clock:
    """Stands for `time.time`; `now` is what it says."""

    now = 1_700_000_000.25

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock
