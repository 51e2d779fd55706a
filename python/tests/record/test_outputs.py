"""What scripts assign to public modules while a run goes on acts at once, wherever the work is done; and long tables and many names
do not hold users up."""

from __future__ import annotations

import csv
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest

from locust import User, constant, runners, stats, task
from locust.env import Environment
from locust.stats import PERCENTILES_TO_REPORT, StatsCSVFileWriter


class Idle(User):
    wait_time = constant(60)

    @task
    def nothing(self) -> None:
        pass


@pytest.fixture
def runner() -> Iterator[Any]:
    environment = Environment(user_classes=[Idle])
    runner = environment.create_local_runner()
    yield runner
    with gevent.Timeout(30):
        runner.quit()


def until(condition: Any) -> None:
    with gevent.Timeout(60):
        while not condition():
            gevent.sleep(0.01)


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_intervals_of_the_csv_files_follow_their_settings(runner, tmp_path, monkeypatch):
    monkeypatch.setattr(stats, "CSV_STATS_INTERVAL_SEC", 0.05)
    monkeypatch.setattr(stats, "CSV_STATS_FLUSH_INTERVAL_SEC", 3600)
    writer = StatsCSVFileWriter(runner.environment, PERCENTILES_TO_REPORT, str(tmp_path / "run"))
    history, requests = tmp_path / "run_stats_history.csv", tmp_path / "run_stats.csv"
    greenlet = gevent.spawn(writer.stats_writer)
    # Flushed once at the beginning, and then not for an hour.
    until(lambda: rows(history))
    runner.stats.log_request("GET", "/", 10, 5)
    until(lambda: len(rows(requests)) == 2)
    assert len(rows(history)) == 1
    stats.CSV_STATS_FLUSH_INTERVAL_SEC = 0
    until(lambda: len(rows(history)) >= 5)
    stats.CSV_STATS_INTERVAL_SEC = 3600
    gevent.sleep(0.2)
    known = len(rows(history))
    gevent.sleep(0.3)
    assert len(rows(history)) == known
    greenlet.kill()
    runner.stats.log_request("GET", "/last", 10, 5)
    writer.close_files()
    assert [row["Name"] for row in rows(requests)] == ["/", "/last", "Aggregated"]
    assert len(rows(history)) == known + 1


def test_what_a_script_appends_to_the_history_stands_between_our_rows(runner, tmp_path):
    writer = StatsCSVFileWriter(runner.environment, PERCENTILES_TO_REPORT, str(tmp_path / "run"))
    greenlet = gevent.spawn(writer.stats_writer)
    until(lambda: rows(tmp_path / "run_stats_history.csv"))
    writer.stats_history_csv_writer.writerow(["mine"])
    writer.stats_history_flush()
    greenlet.kill()
    runner.stats.log_request("GET", "/", 10, 5)
    writer.close_files()
    first = [row["Timestamp"] for row in rows(tmp_path / "run_stats_history.csv")]
    assert first.index("mine") in range(1, len(first) - 1)


def test_the_console_follows_its_settings(runner, monkeypatch, caplog):
    monkeypatch.setattr(stats, "CONSOLE_STATS_INTERVAL_SEC", 0.05)
    for i in range(100):
        runner.stats.log_request("GET", f"/{i}", 10, 5)

    def tables() -> int:
        return sum(record.getMessage().startswith("Type") for record in caplog.records)

    with caplog.at_level(logging.INFO, logger="locust.stats_logger"):
        greenlet = gevent.spawn(stats.stats_printer(runner.stats))
        until(lambda: tables() >= 3)
        stats.STATS_NAME_WIDTH = width = 33
        until(lambda: any(f"Aggregated{' ' * (width - 4 - 10)}" in r.getMessage() for r in caplog.records))
        replaced: list[Any] = []
        monkeypatch.setattr(stats, "print_stats", lambda numbers, current=True: replaced.append(numbers))
        until(lambda: replaced)
        stats.CONSOLE_STATS_INTERVAL_SEC = 3600
        gevent.sleep(0.2)
        known = len(replaced)
        gevent.sleep(0.2)
        greenlet.kill()
    assert len(replaced) == known


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    # So that what tests assign themselves is put back.
    for name in ("STATS_NAME_WIDTH", "HISTORY_STATS_INTERVAL_SEC", "PERCENTILES_TO_CHART"):
        monkeypatch.setattr(stats, name, getattr(stats, name))
    for name in ("CPU_MONITOR_INTERVAL",):
        monkeypatch.setattr(runners, name, getattr(runners, name))


def test_the_history_of_the_charts_follows_its_settings(runner):
    stats.HISTORY_STATS_INTERVAL_SEC = 0.05
    runner.state = "running"
    greenlet = gevent.spawn(stats.stats_history, runner)
    until(lambda: len(runner.stats.history) >= 3)
    stats.PERCENTILES_TO_CHART = [0.75]
    until(lambda: "response_time_percentile_0.75" in runner.stats.history[-1])
    greenlet.kill()
    # Nobody else records this environment, so its report has the seconds, too.
    assert runner.environment._recorder.native.running
    runner.environment._recorder.stop()


def test_a_long_table_is_printed_whole_and_bit_by_bit(runner, caplog):
    names = 3_000
    for i in range(names):
        runner.stats.log_request("GET", f"/{i:05}", 10, 5)
    expected = stats.get_stats_summary(runner.stats)
    turns, longest, over = 0, 0.0, False

    def count_turns() -> None:
        nonlocal turns, longest
        used = time.thread_time()
        while not over:
            gevent.sleep(0)
            now = time.thread_time()
            turns, longest, used = turns + 1, max(longest, now - used), now

    with caplog.at_level(logging.INFO, logger="locust.stats_logger"):
        others = gevent.spawn(count_turns)
        greenlet = gevent.spawn(stats.stats_printer(runner.stats))
        until(lambda: len(caplog.records) > len(expected))
        over = True
        greenlet.kill()
        others.join()
    printed = [record.getMessage() for record in caplog.records]
    assert printed == [*expected, ""]
    # Far more often than the once of a table that is printed at one go.
    assert turns > 10, (turns, longest)
