"""Reports of workers: whatever a listener of the script puts into them, their numbers arrive."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import pytest
from cluster_nodes import TELLING, Cluster

from locust._distributed.sendable import Sieve
from locust.rpc import Message

# Each of these loses a report: what cannot be packed, and what ends the call of the listeners.
SPOILING = """
from locust.exception import StopUser

calls = 0

# Added behind the runner's own, which has taken the numbers out of the statistics by then.
@events.init.add_listener
def behind(environment, **_):
    environment.events.report_to_master.add_listener(spoil)

def spoil(client_id, data, **_):
    global calls
    calls += 1
    data["tags"] = {"a", "b"}
    data["kept"] = {"n": calls, "gone": object(), "huge": 1 << 70}
    data["stats_total"]["mine"] = [1, {2}]
    if calls == 2:
        raise StopUser

@events.worker_report.add_listener
def look(client_id, data, **_):
    print(f"kept {sorted(data['kept'])} {sorted(data)}\\n", end="")
"""


def test_what_cannot_be_sent_is_left_out_and_every_request_is_reported(tmp_path: Path):
    with Cluster(tmp_path, TELLING + SPOILING) as cluster:
        master = cluster.master("-u", "2", "-r", "100", "-t", "3s", "--json-file", "out")
        began = time.monotonic()
        worker = cluster.worker()
        master.ends()
        worker.ends(None)
        assert time.monotonic() - began < 15, "it waited for something"
        assert worker.counted > 20
        assert cluster.rows()["/"]["num_requests"] == worker.counted
        assert (
            "kept ['n'] ['errors', 'kept', 'stats', 'stats_total', 'user_classes_count', 'user_count']"
            in (master.log)
        )
        for said in (
            "data['tags'] is a set",
            "data['kept']['gone'] is a object",
            "data['kept']['huge'] is a int",
            "data['stats_total']['mine'][] is a set",
        ):
            assert worker.log.count(said) == 1, worker.log


@pytest.mark.parametrize(
    ("data", "left"),
    [
        ({"a": 1, "b": {1}}, {"a": 1}),
        ({"a": [1, {2}, (3, object())]}, {"a": [1, [3]]}),
        ({"a": {"b": {"c": 1 << 64, "d": "\ud800", "e": None}}}, {"a": {"b": {"e": None}}}),
        ({(1, frozenset()): 1, "a": 1}, {"a": 1}),
    ],
)
def test_the_rest_of_a_report_goes_through(data: dict[str, Any], left: dict[str, Any]):
    assert Message.unserialize(Message("stats", Sieve().sift(data), "w").serialize()).data == left


def test_a_report_that_holds_itself_is_cut(caplog: pytest.LogCaptureFixture):
    data: dict[str, Any] = {"a": 1}
    data["me"] = data
    with caplog.at_level(logging.ERROR):
        sifted = Message.unserialize(Message("stats", Sieve().sift(data), "w").serialize()).data
    assert sifted["a"] == 1 and sifted["me"]["a"] == 1
    assert len(caplog.records) == 1
