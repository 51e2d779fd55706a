"""What a master keeps is bounded, whoever its workers are and whatever they send."""

from __future__ import annotations

import pytest
from runner_wire import Wire, report

import locust
from locust._distributed import bounds
from locust.runners import MasterRunner


def test_the_exceptions_table_is_bounded_and_nothing_goes_uncounted(
    wire: Wire, master: MasterRunner, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(bounds, "MOST_EXCEPTIONS", 5)
    monkeypatch.setattr(bounds, "MOST_EXCEPTION_TEXT", 1_000)
    monkeypatch.setattr(bounds, "MOST_NODES", 3)
    for number in range(5):
        wire.arrives("client_ready", locust.__version__, f"host_{number}")
    for number in range(20):
        wire.arrives("exception", {"msg": "no", "traceback": f"line {number % 10}"}, f"host_{number % 5}")
    counts = {row["traceback"]: row["count"] for row in master.exceptions.values()}
    assert counts == {**{f"line {number}": 2 for number in range(5)}, "": 10}
    others = master.exceptions[hash("")]
    assert others["msg"] == "(other exceptions)" and len(others["nodes"]) == 3
    assert caplog.text.count("More different exceptions than the table holds") == 1
    # Neither does a text that is too long make a row of its own.
    master.exceptions = {}
    wire.arrives("exception", {"msg": "long", "traceback": "x" * 2_000}, "host_0")
    wire.arrives("exception", {"msg": "short", "traceback": "y"}, "host_0")
    assert [(row["msg"], row["count"]) for row in master.exceptions.values()] == [
        ("(other exceptions)", 1),
        ("short", 1),
    ]


def test_the_text_of_an_error_is_bounded(wire: Wire, master: MasterRunner):
    wire.arrives("client_ready", locust.__version__)
    sent = report(2)
    [row] = sent["errors"].values()
    row["error"] = "é" * 100_000
    wire.arrives("stats", sent)
    [error] = master.stats.errors.values()
    assert error.error == "é" * (32 << 10)
    wire.arrives("stats", {**sent, "errors": {"k" * 200_000: row}})
    assert len(master.stats.errors) == 1 and master.stats.total.num_requests == 2


def test_workers_without_end_are_not_accepted(
    wire: Wire, master: MasterRunner, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(bounds, "MOST_WORKERS", 2)
    for name in ("host_1", "host_2", "host_3", "host_4", "host_2"):
        wire.arrives("client_ready", locust.__version__, name)
    assert list(master.clients) == list(master.worker_indexes) == ["host_1", "host_2"]
    assert caplog.text.count("More than 2 different workers have connected") == 1


def test_logs_of_workers_are_bounded(wire: Wire, master: MasterRunner, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounds, "MOST_LOGS", 2)
    for name in ("host_1", "host_2", "host_3"):
        wire.arrives("client_ready", locust.__version__, name)
    wire.arrives("logs", {"logs": ["x" * 20_000] * 400}, "host_1")
    wire.arrives("logs", {"logs": ["one"]}, "host_2")
    logs = master.environment.worker_logs
    assert {len(line) for line in logs["host_1"]} == {10_000} and len(logs["host_1"]) == 26
    # There is room for the third when one of the two has gone.
    wire.arrives("logs", {"logs": ["one"]}, "host_3")
    assert list(logs) == ["host_1", "host_2"]
    wire.arrives("quit", None, "host_1")
    wire.arrives("logs", {"logs": ["one"]}, "host_3")
    wire.arrives("logs", {"logs": ["one", "two"]}, "host_2")
    assert logs == {"host_2": ["one", "two"], "host_3": ["one"]}
