"""The CSV files of a run."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import logging
import os
import time
from typing import TYPE_CHECKING, Any

import gevent
from gevent.socket import wait_read

from . import _engine

# The settings are read there at each use, so that scripts can change them.
from . import stats as settings
from ._files import write_whole
from ._internals import Telling

if TYPE_CHECKING:
    from .env import Environment
    from .stats import CSVWriter

logger = logging.getLogger("locust.stats")


class StatsCSV(metaclass=Telling):
    """Writes statistics to any CSV writer."""

    not_called = ("_percentile_fields",)

    def _percentile_fields(self, stats_entry: Any, use_current: bool = False) -> list[Any]:
        if not stats_entry.num_requests:
            return self.percentiles_na
        find = stats_entry.get_response_time_percentile
        if use_current and stats_entry.use_response_times_cache:
            find = stats_entry.get_current_response_time_percentile
        return [int(find(percentile) or 0) for percentile in self.percentiles_to_report]

    def __init__(self, environment: Environment, percentiles_to_report: list[float]) -> None:
        self.environment = environment
        self.percentiles_to_report = percentiles_to_report
        self.percentiles_na = ["N/A"] * len(percentiles_to_report)
        self.requests_csv_columns = _engine.csv_columns("requests", percentiles_to_report)
        self.failures_columns = _engine.csv_columns("failures", [])
        self.exceptions_columns = _engine.csv_columns("exceptions", [])

    def requests_csv(self, csv_writer: CSVWriter) -> None:
        """Header and a row for each entry and the total."""
        csv_writer.writerow(self.requests_csv_columns)
        self._requests_data_rows(csv_writer)

    def _requests_data_rows(self, csv_writer: CSVWriter) -> None:
        for row in _engine.requests_rows(self.environment.stats, self.percentiles_to_report):
            csv_writer.writerow(row)

    def failures_csv(self, csv_writer: CSVWriter) -> None:
        """Header and a row for each error."""
        csv_writer.writerow(self.failures_columns)
        self._failures_data_rows(csv_writer)

    def _failures_data_rows(self, csv_writer: CSVWriter) -> None:
        for row in _engine.failures_rows(self.environment.stats):
            csv_writer.writerow(row)

    def exceptions_csv(self, csv_writer: CSVWriter) -> None:
        """Header and a row for each exception that tasks raised."""
        csv_writer.writerow(self.exceptions_columns)
        self._exceptions_data_rows(csv_writer)

    def _exceptions_data_rows(self, csv_writer: CSVWriter) -> None:
        if self.environment.runner is None:
            return
        for exc in self.environment.runner.exceptions.values():
            csv_writer.writerow([exc["count"], exc["msg"], exc["traceback"], ", ".join(exc["nodes"])])

    def close_files(self) -> None:
        """Nothing to close here."""


class _CSVFile:
    """One of the files: what scripts hold of it, and the error of the disk that it met last. An error is logged once and does
    not end the run."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.error: OSError | None = None
        self.logged = False
        open(path, "w").close()
        # Ours are written natively. What a script appends goes to the end; a message may hold bytes that were no text.
        self.handle = open(path, "a", encoding="utf-8", errors="replace", newline="")
        self.writer = csv.writer(self.handle)

    def failed(self, code: int, words: str) -> None:
        words = os.strerror(code) if code else words
        self.error = OSError(code, words, self.path)
        if not self.logged:
            self.logged = True
            logger.error(f"Could not write to {self.path}: {words}")

    def flush(self) -> None:
        try:
            if not self.handle.closed:
                self.handle.flush()
        except OSError as error:
            self.failed(error.errno or 0, str(error))

    def close(self) -> None:
        self.flush()
        with contextlib.suppress(OSError):
            self.handle.close()


class StatsCSVFileWriter(StatsCSV):
    """Writes statistics to CSV files: started as a greenlet, it goes on until killed.

    ``close_files`` writes what was measured since, so that the files hold the last request.
    """

    def __init__(
        self,
        environment: Environment,
        percentiles_to_report: list[float],
        base_filepath: str,
        full_history: bool = False,
    ) -> None:
        super().__init__(environment, percentiles_to_report)
        self.base_filepath = base_filepath
        self.full_history = full_history
        self.stats_history_csv_columns = _engine.csv_columns("history", percentiles_to_report)
        #: Requests and failures in the last row of the history.
        self._history_mark: tuple[int, int] | None = None
        self._native: Any = None

        self._requests = _CSVFile(f"{base_filepath}_stats.csv")
        self._history = _CSVFile(self.stats_history_file_name())
        self._failures = _CSVFile(f"{base_filepath}_failures.csv")
        self._exceptions = _CSVFile(f"{base_filepath}_exceptions.csv")
        self._files = (self._requests, self._history, self._failures, self._exceptions)
        for name, file in zip(
            ("requests", "stats_history", "failures", "exceptions"), self._files, strict=True
        ):
            setattr(self, f"{name}_csv_filehandle", file.handle)
            setattr(self, f"{name}_csv_writer", file.writer)

    def __call__(self) -> None:
        self.stats_writer()

    def stats_writer(self) -> None:
        """Writes all files, again and again."""
        last_flush = 0.0
        while True:
            now = time.time()
            self._write_all(now)
            self._wait()
            if now - last_flush > settings.CSV_STATS_FLUSH_INTERVAL_SEC:
                self.requests_flush()
                self.stats_history_flush()
                self.failures_flush()
                self.exceptions_flush()
                last_flush = now
            gevent.sleep(settings.CSV_STATS_INTERVAL_SEC)

    def _write_all(self, now: float, history: bool = True) -> None:
        """Has all files written, by a thread of its own: neither the many names nor the disk hold the users up."""
        stats = self.environment.stats
        if history:
            self._history_mark = (stats.num_requests, stats.num_failures)
        exceptions = io.StringIO()
        self._exceptions_data_rows(csv.writer(exceptions))
        self._engine().write(
            stats,
            self.percentiles_to_report,
            users=self._user_count(),
            full_history=self.full_history,
            history=history,
            exceptions=exceptions.getvalue().encode("utf-8", "replace"),
            now=now,
        )

    def _engine(self) -> Any:
        if self._native is None:
            columns = (
                self.requests_csv_columns,
                self.stats_history_csv_columns,
                self.failures_columns,
                self.exceptions_columns,
            )
            self._native = _engine.CsvFiles([file.path for file in self._files], list(map(_header, columns)))
        return self._native

    def _wait(self) -> None:
        """Waits for what was begun, as greenlets wait."""
        wait_read(self._native.descriptor)
        self._tell_failures()

    def _tell_failures(self) -> None:
        for index, code, words in self._native.take_failures():
            self._files[index].failed(code, words)

    def _user_count(self) -> int:
        runner = self.environment.runner
        return runner.user_count if runner is not None else 0

    def _stats_history_data_rows(self, csv_writer: CSVWriter, now: float) -> None:
        """Rows of the history at this moment: the total, with ``full_history`` every entry too."""
        stats = self.environment.stats
        rows = _engine.history_rows(
            stats, self.percentiles_to_report, self._user_count(), self.full_history, now
        )
        for row in rows:
            csv_writer.writerow(row)

    def requests_flush(self) -> None:
        self._requests.flush()

    def stats_history_flush(self) -> None:
        if self._native is not None:
            self._native.flush()
            self._wait()
        self._history.flush()

    def failures_flush(self) -> None:
        self._failures.flush()

    def exceptions_flush(self) -> None:
        self._exceptions.flush()

    def close_files(self) -> None:
        """Writes what was measured since the last time and the exact percentiles, and closes all files.

        The history gets a row only if something was measured since its last one. Raises OSError, after everything
        else was tried, if a file could not be written.
        """
        if self._requests.handle.closed:
            return
        stats = self.environment.stats
        changed = (stats.num_requests, stats.num_failures) != (self._history_mark or (0, 0))
        if self._native is not None:
            # What the greenlet began before it was ended.
            self._native.wait()
            self._tell_failures()
        for file in self._files:
            file.error = None
        self._write_all(time.time(), history=changed)
        self._native.flush()
        self._native.wait()
        self._tell_failures()
        for file in self._files:
            file.close()
        try:
            write_whole(self.exact_percentiles_file_name(), _engine.exact_csv(stats))
            if (measured := _engine.measures_csv(stats)) is not None:
                write_whole(self.metrics_file_name(), measured)
            if (latencies := _latencies(self.environment)) is not None:
                write_whole(self.latencies_file_name(), latencies)
        finally:
            for file in self._files:
                if file.error is not None:
                    raise file.error

    def exact_percentiles_file_name(self) -> str:
        """The file of percentiles not rounded to buckets. (Not in Locust.)"""
        return f"{self.base_filepath}_percentiles.csv"

    def metrics_file_name(self) -> str:
        """The file of checks and metrics, if there are any. (Not in Locust.)"""
        return f"{self.base_filepath}_metrics.csv"

    def latencies_file_name(self) -> str:
        """The file of both latencies of an open run. (Not in Locust.)"""
        return f"{self.base_filepath}_latencies.csv"

    def stats_history_file_name(self) -> str:
        return f"{self.base_filepath}_stats_history.csv"


def _latencies(environment: Environment) -> str | None:
    """The file of both latencies; None: there is only one."""
    run = getattr(environment.runner, "_open", None)
    return None if run is None else _engine.latencies_csv(json.dumps({"arrivals": run.totals() or None}))


def _header(columns: list[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(columns)
    return line.getvalue().encode("utf-8", "replace")
