"""What scripts and plugins do with `locust.stats`."""

from __future__ import annotations

import copy
import gc
import json
import logging
import weakref

import pytest

import locust.stats
from locust import _engine
from locust.exception import CatchResponseError
from locust.stats import CachedResponseTimes, RequestStats, StatsEntry, StatsError


@pytest.fixture
def stats(clock) -> RequestStats:
    return RequestStats()


def test_entries_make_themselves(stats):
    entry = stats.entries[("/a", "GET")]
    assert entry.num_requests == 0
    assert stats.entries[("/a", "GET")] is entry
    assert stats.get("/a", "GET") is entry
    assert ("/b", "GET") not in stats.entries
    assert stats.entries.get(("/b", "GET")) is None
    stats.log_request("GET", "/b", 5, 10)
    assert list(stats.entries) == [("/a", "GET"), ("/b", "GET")]
    assert stats.entries[("/b", "GET")].num_requests == 1
    assert (len(stats.entries), isinstance(stats.entries, dict)) == (2, True)
    assert sorted(stats.entries) == sorted(dict(stats.entries)) == sorted(stats.entries.copy())


def test_entries_can_be_put_in_and_taken_out(stats, clock):
    stats.log_request("GET", "/a", 5, 10)
    old = stats.entries[("/a", "GET")]
    mine = StatsEntry(stats, "/a", "GET", use_response_times_cache=True)
    mine.log(100, 1)
    stats.entries[("/a", "GET")] = mine
    stats.log_request("GET", "/a", 200, 10)
    assert (mine.num_requests, mine.total_response_time, old.num_requests) == (2, 300, 1)
    del stats.entries[("/a", "GET")]
    assert mine.num_requests == 2
    stats.log_request("GET", "/a", 7, 10)
    assert stats.entries[("/a", "GET")].num_requests == 1
    assert mine.num_requests == 2
    assert stats.entries.pop(("/a", "GET")).max_response_time == 7
    assert stats.entries == {}
    with pytest.raises(KeyError):
        stats.entries.popitem()


def test_what_was_cleared_keeps_its_numbers_where_it_is_still_held(stats):
    stats.log_request("GET", "/a", 5, 10)
    stats.log_error("GET", "/a", "boom")
    entry, total, errors = stats.entries[("/a", "GET")], stats.total, stats.errors
    [error] = errors.values()
    stats.clear_all()
    assert (entry.num_requests, total.num_requests, error.occurrences) == (1, 1, 1)
    assert (stats.entries, stats.errors, stats.history, stats.total.num_requests) == ({}, {}, [], 0)
    assert stats.total is not total
    stats.log_request("GET", "/a", 5, 10)
    assert (entry.num_requests, stats.entries[("/a", "GET")].num_requests) == (1, 1)


def test_reset_keeps_the_entries(stats, clock):
    stats.log_request("GET", "/a", 5, 10)
    entry = stats.entries[("/a", "GET")]
    stats.history.append({})
    clock.now += 5
    stats.reset_all()
    assert stats.entries[("/a", "GET")] is entry
    assert (entry.num_requests, entry.start_time, stats.start_time, stats.history) == (
        0,
        clock.now,
        clock.now,
        [],
    )
    stats.log_request("GET", "/a", 5, 10)
    assert entry.num_requests == 1


def test_fields_can_be_written(stats, clock):
    entry = stats.entries[("/a", "GET")]
    entry.num_requests = 300
    entry.num_failures = 30
    assert entry.fail_ratio == 0.1
    entry.response_times = {i: 2 for i in range(100)}
    entry.response_times[1] = 202
    entry.response_times[5] += 3
    assert (entry.response_times[1], entry.response_times[5], entry.response_times[1000]) == (202, 5, 0)
    entry.num_reqs_per_sec[int(clock.now)] = 4
    entry.num_fail_per_sec.update({1: 2})
    assert (entry.num_reqs_per_sec, entry.num_fail_per_sec) == ({int(clock.now): 4}, {1: 2})
    assert json.loads(json.dumps(entry.num_fail_per_sec)) == {"1": 2}
    assert copy.deepcopy(entry.response_times) == entry.response_times
    entry.min_response_time, entry.max_response_time, entry.total_response_time = 1, 99.5, 1000
    assert (entry.min_response_time, entry.max_response_time, entry.total_response_time) == (1, 99.5, 1000)
    entry.min_response_time = None
    assert entry.min_response_time is None
    stats.total.last_request_timestamp = clock.now + 4
    stats.total.start_time = clock.now
    assert entry.current_rps == 2


def test_response_times_are_copies_to_be_read_again(stats):
    stats.log_request("GET", "/a", 10, 1)
    entry = stats.entries[("/a", "GET")]
    before = entry.response_times
    stats.log_request("GET", "/a", 20, 1)
    assert (before, entry.response_times) == ({10: 1}, {10: 1, 20: 1})
    before[30] = 2
    assert entry.response_times[30] == 2


def test_current_percentiles_from_a_cache_made_by_hand(stats, clock):
    entry = StatsEntry(stats, "/", "GET", use_response_times_cache=True)
    now = int(clock.now)
    entry.response_times_cache[now - 10] = CachedResponseTimes({i: 1 for i in range(100)}, num_requests=200)
    entry.response_times_cache[now - 10].response_times[1] = 201
    entry.response_times = {i: 2 for i in range(100)}
    entry.response_times[1] = 202
    entry.num_requests = 300
    assert entry.get_current_response_time_percentile(0.95) == 95
    entry.response_times_cache = {}
    assert entry.get_current_response_time_percentile(0.95) is None
    with pytest.raises(ValueError, match="use_response_times_cache"):
        StatsEntry(stats, "/", "GET").get_current_response_time_percentile(0.95)


def test_the_cache_is_pruned(stats, clock):
    entry = StatsEntry(stats, "/", "GET", use_response_times_cache=True)
    now = int(clock.now)
    for age in reversed(range(2, 30)):
        entry.response_times_cache[now - age] = CachedResponseTimes(response_times={}, num_requests=0)
    assert len(entry.response_times_cache) == 29
    entry.log(17, 1337)
    entry.last_request_timestamp -= 1
    entry.log(1, 1)
    assert len(entry.response_times_cache) == 20
    newest = entry.response_times_cache.popitem(last=True)
    assert newest == (now - 1, CachedResponseTimes({17: 1}, 1, 0))


def test_the_window_can_be_changed(stats, clock, monkeypatch):
    monkeypatch.setattr(locust.stats, "CURRENT_RESPONSE_TIME_PERCENTILE_WINDOW", 2)
    for second in range(30):
        clock.now += 1
        stats.log_request("GET", "/", 10 if second > 15 else 5000, 0)
    assert len(stats.total.response_times_cache) == 12
    assert stats.total.get_current_response_time_percentile(0.99) == 10


def test_the_bucket_function_can_be_replaced(stats, monkeypatch):
    monkeypatch.setattr(locust.stats, "bucket_response_time", lambda ms: int(ms) // 7 * 7)
    stats.log_request("GET", "/", 147.9, 0)
    stats.log_request("GET", "/", 20, 0)
    assert stats.total.response_times == {147: 1, 14: 1}
    monkeypatch.undo()
    stats.log_request("GET", "/", 147.9, 0)
    assert stats.total.response_times == {147: 1, 14: 1, 150: 1}


def test_a_bucket_function_that_raises_counts_nothing(stats, monkeypatch):
    def broken(ms):
        raise ZeroDivisionError

    monkeypatch.setattr(locust.stats, "bucket_response_time", broken)
    with pytest.raises(ZeroDivisionError):
        stats.log_request("GET", "/", 1, 0)
    assert stats.num_requests == 0


def test_percentile_settings_are_read_each_time(stats, monkeypatch):
    stats.log_request("GET", "/", 150, 0)
    monkeypatch.setattr(locust.stats, "PERCENTILES_TO_REPORT", [0.5, 0.9])
    monkeypatch.setattr(locust.stats, "PERCENTILES_TO_STATISTICS", [0.7])
    entry = stats.entries[("/", "GET")]
    assert entry.percentile().split() == ["GET", "/", "150", "150", "1"]
    assert "response_time_percentile_0.7" in entry.to_dict()
    monkeypatch.setattr(locust.stats, "STATS_NAME_WIDTH", 10)
    assert locust.stats.get_stats_summary(stats)[1].startswith("--------|------|")
    with pytest.raises(ValueError, match="Can't calculate percentile"):
        StatsEntry(stats, "", "").percentile()


class TestErrors:
    def test_are_grouped_by_text(self, stats, clock):
        first = Exception("Exception!")
        stats.log_error("GET", "/", first)
        clock.now += 1
        stats.log_error("GET", "/", Exception("Exception!"))
        stats.log_error("GET", "/", Exception("Another"))
        stats.log_error("GET", "/other", Exception("Exception!"))
        assert len(stats.errors) == 3
        error = stats.errors[StatsError.create_key("GET", "/", first)]
        assert (error.occurrences, error.first_seen, error.last_seen) == (2, clock.now - 1, clock.now)
        assert error.error is first
        assert (stats.total.num_failures, stats.entries[("/", "GET")].num_failures) == (4, 3)

    def test_memory_addresses_are_masked(self, stats):
        class Dummy:
            pass

        for _ in range(3):
            stats.log_error("GET", "/", Exception(f"caused by {Dummy()!r}"))
        assert len(stats.errors) == 1
        [error] = stats.errors.values()
        assert "object at 0x....>" in StatsError.parse_error(error.error)
        assert error.serialize()["error"] == StatsError.parse_error(error.error)

    def test_known_keys(self):
        key = StatsError.create_key("GET", "/missing?id=[id]", "CatchResponseError('Got wrong response')")
        assert key.startswith("14eb8fe3a19b")
        assert StatsError.create_key("GET", "/", "oops") != StatsError.create_key(
            "GET", "/", Exception("oops")
        )

    def test_names_for_the_console(self):
        assert StatsError("GET", "/", CatchResponseError("Got wrong")).to_name() == "GET /: Got wrong"
        assert StatsError("GET", "/", "CatchResponseError('Got wrong')").to_name() == "GET /: 'Got wrong'"
        assert StatsError("GET", "/", ValueError(3)).to_name() == "GET /: ValueError(3)"
        assert StatsError("GET", "/", "plain").to_name() == "GET /: plain"

    def test_the_table_can_be_changed(self, stats):
        stats.log_error("GET", "/", "a")
        stats.errors = {}
        assert stats.errors == {}
        error = StatsError("GET", "/", "b", 5, 1.0, 2.0)
        stats.errors["any key"] = error
        assert list(stats.errors.items()) == [("any key", error)]
        stats.log_error("GET", "/", "b")
        assert (error.occurrences, len(stats.errors)) == (6, 1)
        error.occurrences += 4
        assert stats.serialize_errors()["any key"]["occurrences"] == 10
        assert stats.errors.pop("any key") is error
        assert len(stats.errors) == 0
        assert StatsError.unserialize(error.serialize()).to_dict() == error.to_dict()

    def test_an_error_whose_repr_fails_is_the_callers_problem(self, stats):
        class Bad:
            def __repr__(self):
                raise RuntimeError("no repr")

        with pytest.raises(RuntimeError, match="no repr"):
            stats.log_error("GET", "/", Bad())
        assert len(stats.errors) == 0


class TestListener:
    def test_counts_requests_and_failures(self, stats):
        listener = _engine.StatsListener(stats)
        event = {
            "request_type": "GET",
            "name": "/",
            "response_time": 12.5,
            "response_length": 7,
            "context": {},
        }
        listener(**event)
        listener(**event, exception=None, response=None)
        listener(**event, exception=Exception("x"))
        listener(**event, exception="some text")
        listener(**{**event, "response_time": None}, exception="")
        assert (stats.total.num_requests, stats.total.num_none_requests, stats.total.num_failures) == (
            5,
            1,
            2,
        )
        assert (stats.total.total_content_length, stats.total.avg_response_time) == (35, 12.5)

    @pytest.mark.parametrize("missing", ["request_type", "name", "response_time", "response_length"])
    def test_a_missing_argument_is_a_type_error(self, stats, missing):
        event = {"request_type": "GET", "name": "/", "response_time": 1, "response_length": 7}
        del event[missing]
        with pytest.raises(TypeError, match=missing):
            _engine.StatsListener(stats)(**event)
        assert stats.num_requests == 0

    @pytest.mark.parametrize("wrong", [{"response_time": "fast"}, {"response_length": None}])
    def test_a_wrong_argument_is_a_type_error_and_counts_nothing(self, stats, wrong):
        event = {"request_type": "GET", "name": "/", "response_time": 1, "response_length": 7, **wrong}
        with pytest.raises(TypeError):
            _engine.StatsListener(stats)(**event)
        assert (stats.num_requests, len(stats.entries)) == (0, 0)

    def test_a_response_time_that_is_no_number(self, stats):
        with pytest.raises(ValueError, match="nan"):
            stats.log_request("GET", "/", float("nan"), 1)

    def test_can_be_given_other_statistics(self, stats):
        listener = _engine.StatsListener(stats)
        other = RequestStats()
        listener.stats = other
        listener(request_type="GET", name="/", response_time=1, response_length=7)
        assert (stats.num_requests, other.num_requests) == (0, 1)
        assert listener.stats is other


def test_names_past_the_limit_share_an_entry_and_warn_once(stats, caplog):
    stats.max_names = 3
    with caplog.at_level(logging.WARNING):
        for i in range(10):
            stats.log_request("GET", f"/{i}", 1, 1)
            stats.log_error("GET", f"/{i}", "x")
    assert len(stats.entries) == 4
    overflow = stats.entries[("(other names)", "")]
    assert (overflow.num_requests, overflow.num_failures, stats.total.num_requests) == (7, 7, 10)
    assert stats.entries[("/9", "GET")] is overflow
    [record] = caplog.records
    assert (record.name, record.levelname) == ("locust.stats", "WARNING")
    assert "More than 3 different request names" in record.getMessage()


def test_current_rates_of_the_first_seconds_are_not_zero(stats, clock):
    for _ in range(10):
        clock.now += 0.1
        stats.log_request("GET", "/", 1, 1)
    assert stats.total.current_rps == pytest.approx(10)
    clock.now += 1
    stats.log_error("GET", "/", "x")
    stats.log_request("GET", "/", 1, 1)
    assert stats.total.current_rps == pytest.approx(5.5)
    assert stats.total.current_fail_per_sec == pytest.approx(0.5)


def test_true_percentiles(stats):
    for i in range(1, 1001):
        stats.log_request("GET", "/", i / 100, 1)
    p50, p99, most = stats.total.exact_percentiles([0.5, 0.99, 1.0])
    assert (p50, p99, most) == (pytest.approx(5.0, rel=1e-3), pytest.approx(9.9, rel=1e-3), 10.0)
    assert stats.total.get_response_time_percentile(0.5) == 5
    lines = locust.stats.get_exact_percentiles_summary(stats)
    assert lines[0] == "Response time percentiles (exact, ms)"
    assert len(lines) == 4
    stats.total.response_times = {1: 1000}
    assert stats.total.exact_percentiles([0.5]) is None


def test_whole_statistics_can_be_merged(stats):
    other = RequestStats()
    for each in (stats, other):
        each.log_request("GET", "/", 20, 1)
        each.log_error("GET", "/", "x")
    stats.merge(other)
    stats.merge(stats)
    assert (stats.num_requests, stats.entries[("/", "GET")].num_requests) == (2, 2)
    [error] = stats.errors.values()
    assert error.occurrences == 2


def test_statistics_are_garbage_collected():
    class Marker(RequestStats):
        pass

    stats = Marker()
    stats.log_request("GET", "/", 20, 1)
    stats.log_error("GET", "/", ValueError(stats))
    assert len(stats.entries) == len(stats.errors) == 1
    alive = weakref.ref(stats)
    del stats
    gc.collect()
    assert alive() is None


def test_subclasses_and_odd_names():
    class Mine(StatsEntry):
        def __init__(self, stats, name):
            super().__init__(stats, name, "X")

    stats = RequestStats()
    mine = Mine(stats, "n")
    mine.log(None, 0)
    assert (mine.method, mine.name, mine.stats is stats) == ("X", "n", True)
    stats.log_request("GET", 404, 1, 1)
    stats.log_request("GET", "lone \ud800 surrogate", 1, 1)
    assert len(stats.entries) == 2


def test_every_public_name_is_there():
    names = """STATS_NAME_WIDTH STATS_AUTORESIZE STATS_TYPE_WIDTH CONSOLE_STATS_INTERVAL_SEC HISTORY_STATS_INTERVAL_SEC
    CSV_STATS_INTERVAL_SEC CSV_STATS_FLUSH_INTERVAL_SEC CURRENT_RESPONSE_TIME_PERCENTILE_WINDOW CachedResponseTimes
    PERCENTILES_TO_REPORT PERCENTILES_TO_STATISTICS PERCENTILES_TO_CHART bucket_response_time console_logger logger
    CSVWriter StatsBaseDict StatsEntryDict StatsErrorDict StatsHolder S resize_handler RequestStatsAdditionError
    get_readable_percentiles calculate_response_time_percentile diff_response_time_dicts EntriesDict RequestStats
    StatsEntry StatsError avg setup_distributed_stats_event_listeners print_stats print_stats_json save_stats_json
    get_stats_summary print_percentile_stats get_percentile_stats_summary print_error_report get_error_report_summary
    stats_printer sort_stats update_stats_history stats_history StatsCSV StatsCSVFileWriter
    validate_stats_configuration"""
    missing = [name for name in names.split() if not hasattr(locust.stats, name)]
    assert missing == []
