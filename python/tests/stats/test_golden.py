"""The statistics through their Python names, compared with what the original Locust made of the same samples."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

import locust.stats
from locust.stats import PERCENTILES_TO_REPORT, RequestStats, StatsCSV

GOLDEN = Path(__file__).parents[3] / "compat" / "golden" / "stats"
SCENARIOS = ["blog", "whole_numbers", "boundaries", "silence"]


def golden(scenario: str, what: str) -> str:
    return (GOLDEN / f"{scenario}.{what}").read_bytes().decode()


def play(scenario: str, clock, stats: RequestStats | None = None) -> RequestStats:
    data = json.loads(golden(scenario, "scenario.json"))
    clock.now = data["start"]
    stats = stats or RequestStats()
    for event in data["events"]:
        clock.now = data["start"] + event[0]
        if event[1] == "request":
            stats.log_request(*event[2:])
        elif event[1] == "error":
            stats.log_error(*event[2:])
    clock.now = data["start"] + data["end"]
    return stats


@pytest.fixture(params=SCENARIOS)
def scenario(request) -> str:
    return request.param


@pytest.fixture(autouse=True)
def wide_tables(monkeypatch):
    monkeypatch.setattr(locust.stats, "STATS_NAME_WIDTH", 80)


def test_tables(scenario, clock):
    stats = play(scenario, clock)

    def text(lines):
        return "".join(f"{line}\n" for line in lines)

    assert text(locust.stats.get_stats_summary(stats, current=True)) == golden(scenario, "current.txt")
    assert text(locust.stats.get_stats_summary(stats, current=False)) == golden(scenario, "total.txt")
    assert text(locust.stats.get_percentile_stats_summary(stats)) == golden(scenario, "percentiles.txt")
    assert text(locust.stats.get_error_report_summary(stats)) == golden(scenario, "errors.txt")


def test_numbers(scenario, clock):
    stats = play(scenario, clock)
    expected = json.loads(golden(scenario, "numbers.json"))
    entries = [entry.to_dict() for entry in [*locust.stats.sort_stats(stats.entries), stats.total]]
    # As JSON, so that 1 and 1.0 differ.
    assert json.dumps(entries) == json.dumps(expected["entries"])
    current = {str(p): stats.total.get_current_response_time_percentile(p) for p in PERCENTILES_TO_REPORT}
    assert current == expected["current_percentiles"]
    assert json.dumps(stats.total.serialize()) == json.dumps(expected["total"])
    assert json.dumps(stats.serialize_errors()) == json.dumps(expected["errors"])


def test_csv_for_any_writer(scenario, clock):
    stats = play(scenario, clock)
    writer = StatsCSV(SimpleNamespace(stats=stats, runner=None), PERCENTILES_TO_REPORT)
    requests, failures = io.StringIO(), io.StringIO()
    writer.requests_csv(csv.writer(requests))
    writer.failures_csv(csv.writer(failures))
    assert requests.getvalue() == golden(scenario, "stats.csv")
    assert failures.getvalue() == golden(scenario, "failures.csv")


def test_json_does_not_empty_the_tables(scenario, clock, tmp_path, capsys):
    stats = play(scenario, clock)
    before = stats.num_requests
    for _ in range(2):
        locust.stats.save_stats_json(stats, str(tmp_path / "out"))
        assert (tmp_path / "out.json").read_text() == golden(scenario, "stats.json")
        locust.stats.print_stats_json(stats)
        assert capsys.readouterr().out == golden(scenario, "stats.json") + "\n"
    assert stats.peek_stats() == [
        {**entry, **_int_keys(entry)} for entry in json.loads(golden(scenario, "stats.json"))
    ]
    assert stats.num_requests == before
    # The method for the cluster's messages does empty them, as in Locust.
    assert len(stats.serialize_stats()) == len(json.loads(golden(scenario, "stats.json")))
    assert all(entry.num_requests == 0 for entry in stats.entries.values())


def _int_keys(entry: dict) -> dict:
    fields = ("response_times", "num_reqs_per_sec", "num_fail_per_sec")
    return {field: {int(key): count for key, count in entry[field].items()} for field in fields}


def test_buckets():
    for response_time, bucket in json.loads((GOLDEN / "buckets.json").read_text()):
        assert locust.stats.bucket_response_time(response_time) == bucket, response_time


def _int_keyed(data: dict) -> dict:
    """msgpack keeps whole numbers as keys, JSON does not."""
    return {int(key) if key.isdigit() else key: value for key, value in data.items()}


def test_a_workers_reports_add_up_to_the_same(clock):
    """Samples counted by two workers and reported now and then give what one process would have counted."""
    data = json.loads(golden("whole_numbers", "scenario.json"))
    clock.now = data["start"]
    master, workers = RequestStats(), [RequestStats(use_response_times_cache=False) for _ in range(2)]

    hooks = {name: [] for name in ("report_to_master", "worker_report")}
    events = SimpleNamespace(**{name: SimpleNamespace(add_listener=hooks[name].append) for name in hooks})
    for each in (*workers, master):
        locust.stats.setup_distributed_stats_event_listeners(events, each)
    *worker_listeners, _ = hooks["report_to_master"]
    receive = hooks["worker_report"][-1]

    def report():
        for listener in worker_listeners:
            wire: dict = {}
            listener(client_id="worker", data=wire)
            assert list(wire) == ["stats", "stats_total", "errors"]
            receive(client_id="worker", data=json.loads(json.dumps(wire), object_hook=_int_keyed))

    for index, event in enumerate(data["events"]):
        clock.now = data["start"] + event[0]
        worker = workers[index % 2]
        if event[1] == "request":
            worker.log_request(*event[2:])
        elif event[1] == "error":
            worker.log_error(*event[2:])
        if index % 10 == 9:
            report()
    report()
    clock.now = data["start"] + data["end"]
    expected = play("whole_numbers", clock)
    for key, entry in expected.entries.items():
        theirs, ours = entry.serialize(), master.entries[key].serialize()
        del theirs["start_time"], ours["start_time"]
        assert ours == theirs
    assert master.serialize_errors() == expected.serialize_errors()
