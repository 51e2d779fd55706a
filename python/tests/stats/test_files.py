"""Tables, CSV files and JSON as they are written during a run."""

from __future__ import annotations

import csv
import errno
import logging
from types import SimpleNamespace

import pytest

import locust.stats
from locust.stats import PERCENTILES_TO_REPORT, RequestStats, StatsCSVFileWriter, stats_history


@pytest.fixture
def environment():
    stats = RequestStats()
    return SimpleNamespace(
        stats=stats, runner=SimpleNamespace(stats=stats, user_count=3, exceptions={}, state="running")
    )


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_files_hold_the_last_request(environment, run_for, tmp_path):
    stats = environment.stats
    writer = StatsCSVFileWriter(environment, PERCENTILES_TO_REPORT, str(tmp_path / "run"))
    stats.log_request("GET", "/", 10, 5)
    run_for(writer, rounds=1)
    stats.log_request("GET", "/last", 30, 5)
    stats.log_error("GET", "/last", "boom")
    environment.runner.exceptions[1] = {"count": 2, "msg": "oh", "traceback": "tb\n", "nodes": {"local"}}
    writer.close_files()
    assert [row["Name"] for row in rows(tmp_path / "run_stats.csv")] == ["/", "/last", "Aggregated"]
    history = rows(tmp_path / "run_stats_history.csv")
    assert [row["Total Request Count"] for row in history] == ["1", "2"]
    assert history[-1]["User Count"] == "3"
    assert [row["Error"] for row in rows(tmp_path / "run_failures.csv")] == ["boom"]
    [exception] = rows(tmp_path / "run_exceptions.csv")
    assert exception == {"Count": "2", "Message": "oh", "Traceback": "tb\n", "Nodes": "local"}
    # Three significant digits: the largest value that is counted together with 10.000.
    exact = rows(tmp_path / "run_percentiles.csv")
    assert [(row["Name"], row["50%"]) for row in exact] == [
        ("/", "10.000"),
        ("/last", "30.000"),
        ("Aggregated", "10.007"),
    ]


def test_closing_adds_no_row_to_the_history_when_nothing_happened(environment, run_for, tmp_path):
    writer = StatsCSVFileWriter(environment, PERCENTILES_TO_REPORT, str(tmp_path / "run"), full_history=True)
    environment.stats.log_request("GET", "/", 10, 5)
    run_for(writer, rounds=2)
    writer.close_files()
    writer.close_files()
    history = rows(tmp_path / "run_stats_history.csv")
    assert [row["Name"] for row in history] == ["/", "Aggregated"] * 2


def test_a_writer_that_never_ran_still_writes(environment, tmp_path):
    writer = StatsCSVFileWriter(environment, PERCENTILES_TO_REPORT, str(tmp_path / "run"))
    environment.stats.log_request("GET", "/", 10, 5)
    writer.close_files()
    assert len(rows(tmp_path / "run_stats.csv")) == 2
    assert len(rows(tmp_path / "run_stats_history.csv")) == 1


def test_a_table_that_shrinks_leaves_no_old_rows(environment, run_for, tmp_path):
    writer = StatsCSVFileWriter(environment, PERCENTILES_TO_REPORT, str(tmp_path / "run"))
    for i in range(50):
        environment.stats.log_request("GET", f"/{i}", 10, 5)
    run_for(writer, rounds=1)
    environment.stats.clear_all()
    writer.close_files()
    assert [row["Name"] for row in rows(tmp_path / "run_stats.csv")] == ["Aggregated"]


def test_a_full_disk_is_reported_once_and_the_run_goes_on(environment, run_for, tmp_path, caplog):
    (tmp_path / "run_stats.csv").symlink_to("/dev/full")
    writer = StatsCSVFileWriter(environment, PERCENTILES_TO_REPORT, str(tmp_path / "run"))
    environment.stats.log_request("GET", "/", 10, 5)
    with caplog.at_level(logging.ERROR):
        run_for(writer, rounds=3)
        with pytest.raises(OSError, match="No space left") as caught:
            writer.close_files()
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 1
    assert messages[0].startswith(f"Could not write to {tmp_path / 'run'}_stats.csv: ")
    assert "No space left" in messages[0]
    assert caught.value.filename == str(tmp_path / "run_stats.csv")
    assert len(rows(tmp_path / "run_stats_history.csv")) >= 2


def test_a_file_that_cannot_be_opened_is_an_error_at_once(environment, tmp_path):
    with pytest.raises(OSError) as caught:
        StatsCSVFileWriter(environment, PERCENTILES_TO_REPORT, str(tmp_path / "missing" / "run"))
    assert caught.value.errno == errno.ENOENT
    assert str(tmp_path / "missing" / "run_stats.csv") in str(caught.value)


def test_json_that_cannot_be_written_is_an_error(environment, tmp_path):
    with pytest.raises(FileNotFoundError):
        locust.stats.save_stats_json(environment.stats, str(tmp_path / "missing" / "out"))


def test_the_printer_prints_again_and_again(environment, monkeypatch, caplog, run_for):
    monkeypatch.setattr(locust.stats, "CONSOLE_STATS_INTERVAL_SEC", 7)
    with caplog.at_level(logging.INFO, logger="locust.stats_logger"):
        run_for(locust.stats.stats_printer(environment.stats), rounds=3)
    assert run_for.pauses == [7, 7, 7]
    lines = [record.getMessage() for record in caplog.records]
    assert sum(line.startswith("Type") for line in lines) == 3
    assert len(lines) == 3 * 5


def test_reports_go_to_the_console_logger(environment, caplog):
    stats = environment.stats
    stats.log_request("GET", "/", 10, 5)
    with caplog.at_level(logging.INFO, logger="locust.stats_logger"):
        locust.stats.print_error_report(stats)
        assert caplog.records == []
        stats.log_error("GET", "/", "x")
        locust.stats.print_stats(stats, current=False)
        locust.stats.print_percentile_stats(stats)
        locust.stats.print_error_report(stats)
        locust.stats.print_exact_percentiles(stats)
    assert {record.name for record in caplog.records} == {"locust.stats_logger"}
    assert len(caplog.records) == 6 + 7 + 6 + 5


def test_history_starts_with_the_run(environment, monkeypatch, run_for, clock):
    environment.runner.state = "ready"
    monkeypatch.setattr(locust.stats, "HISTORY_STATS_INTERVAL_SEC", 5)

    def begin(after):
        if after == 3:
            assert environment.stats.history == []
            environment.runner.state = "spawning"
            environment.stats.log_request("GET", "/", 10, 5)

    # Three rounds before the run, and eleven seconds of it.
    run_for(stats_history, environment.runner, rounds=14, between=begin)
    history = environment.stats.history
    assert len(history) == 3
    keys = "response_time_percentile_0.5 response_time_percentile_0.95 current_rps current_fail_per_sec"
    keys += " total_avg_response_time user_count time"
    assert list(history[0]) == keys.split()
    assert history[0]["user_count"] == [history[0]["time"], 3]
    assert run_for.pauses == [1] * 14


def test_no_history_without_a_cache(environment):
    environment.runner.stats = RequestStats(use_response_times_cache=False)
    stats_history(environment.runner)
    assert environment.runner.stats.history == []


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PERCENTILES_TO_CHART", [0.1] * 7, "maximum of 6"),
        ("PERCENTILES_TO_CHART", [1.2], "stats.PERCENTILES_TO_CHART parameter need to be float"),
        ("PERCENTILES_TO_STATISTICS", ["x"], "stats.PERCENTILES_TO_STATISTICS parameter need to be float"),
    ],
)
def test_percentiles_that_cannot_be_shown_end_the_program(name, value, message, monkeypatch, capsys):
    locust.stats.validate_stats_configuration()
    monkeypatch.setattr(locust.stats, name, value)
    with pytest.raises(SystemExit) as caught:
        locust.stats.validate_stats_configuration()
    assert caught.value.code == 1
    assert message in capsys.readouterr().err
