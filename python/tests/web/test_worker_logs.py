"""The page's log of a distributed run: what workers send, each line once."""

from __future__ import annotations

import logging

import pytest

from locust._web.worker_logs import level_of, new_lines


@pytest.mark.parametrize(
    ("before", "after", "new"),
    [
        ([], ["a", "b"], ["a", "b"]),
        (["a"], ["a", "b"], ["b"]),
        (["a", "b"], ["a", "b"], []),
        (["a", "b", "c"], ["c", "d"], ["d"]),
        (["a", "b"], ["x", "y"], ["x", "y"]),
        (["a", "a"], ["a", "a", "a"], ["a"]),
        (["a", "b"], [], []),
    ],
)
def test_only_what_follows_is_new(before, after, new):
    assert new_lines(before, after) == new


def test_a_line_names_its_level():
    assert level_of("[2026-11-23 11:44:16,822] vm/WARNING/locust.main: careful") == logging.WARNING
    assert level_of("[2026-11-23 11:44:16,822] vm/ERROR/locust: no\n/DEBUG/") == logging.ERROR
    assert level_of("printed by somebody\n/ERROR/") == logging.INFO
