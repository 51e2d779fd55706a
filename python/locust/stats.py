"""Statistics of a run, and how they are shown.

Counting, percentiles and layouts are native (``locust._engine``). This module keeps the names that scripts
and plugins use and the settings they change: every constant is read again each time it is needed.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, TypeVar

import gevent

from . import _engine
from ._console import LongTable
from ._counting import _ENTRY_STEPS, _TABLE_STEPS, Counting, LogByEntries, LogByParts
from ._files import write_whole
from ._percentiles import _is_valid_percentile, problem_with  # noqa: F401
from .stats_csv import StatsCSV, StatsCSVFileWriter  # noqa: F401
from .stats_views import (
    CachedResponseTimes,
    EntriesDict,
    ErrorsDict,
    ResponseTimesCache,
    counts_property,
)
from .util.date import format_utc_timestamp
from .util.rounding import proper_round

if TYPE_CHECKING:
    from .event import Events
    from .runners import Runner

console_logger = logging.getLogger("locust.stats_logger")
logger = logging.getLogger(__name__)


def _terminal_name_width() -> int:
    return max(min(os.get_terminal_size()[0] - 80, 80), 0)


#: Width of the column of names in tables. Smaller terminals get a smaller one.
try:
    STATS_NAME_WIDTH = _terminal_name_width()
except OSError:  # not a terminal
    STATS_NAME_WIDTH = 80

#: Whether the tables follow the terminal when its size changes.
STATS_AUTORESIZE = True

#: Width of the column of methods in tables.
STATS_TYPE_WIDTH = 8

#: Seconds between two tables on the console.
CONSOLE_STATS_INTERVAL_SEC = 2

#: Seconds between two samples for the report's charts.
HISTORY_STATS_INTERVAL_SEC = 5

#: Seconds between two writes of the CSV files, and between two flushes to disk.
CSV_STATS_INTERVAL_SEC = 1
CSV_STATS_FLUSH_INTERVAL_SEC = 5

#: How far back the current percentiles look, in seconds.
CURRENT_RESPONSE_TIME_PERCENTILE_WINDOW = 10

PERCENTILES_TO_REPORT = [0.50, 0.66, 0.75, 0.80, 0.90, 0.95, 0.98, 0.99, 0.999, 0.9999, 1.0]
PERCENTILES_TO_STATISTICS = [0.95, 0.99]
PERCENTILES_TO_CHART = [0.5, 0.95]

#: Rounds a response time to the bucket it is counted in. May be replaced (by assigning to this name).
bucket_response_time = _engine.bucket_response_time


class _StatsModule(type(sys)):
    """Tells the native code when a script replaces what it must know at every request."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "bucket_response_time":
            _engine.set_bucket_function(None if value is _engine.bucket_response_time else value)
        elif name == "CURRENT_RESPONSE_TIME_PERCENTILE_WINDOW":
            _engine.set_percentile_window(value)


sys.modules[__name__].__class__ = _StatsModule


class CSVWriter(Protocol):
    def writerow(self, columns: Iterable[str | int | float], /) -> Any: ...


class StatsBaseDict(TypedDict):
    name: str
    method: str


class StatsEntryDict(StatsBaseDict):
    last_request_timestamp: float | None
    start_time: float
    num_requests: int
    num_none_requests: int
    num_failures: int
    total_response_time: int
    max_response_time: int
    min_response_time: int | None
    total_content_length: int
    response_times: dict[int, int]
    num_reqs_per_sec: dict[int, int]
    num_fail_per_sec: dict[int, int]


class StatsErrorDict(StatsBaseDict):
    error: str
    occurrences: int
    first_seen: float | None
    last_seen: float | None


class StatsHolder(Protocol):
    name: str
    method: str


S = TypeVar("S", bound=StatsHolder)


def resize_handler(signum: int, frame: Any) -> None:
    global STATS_NAME_WIDTH
    if STATS_AUTORESIZE:
        try:
            STATS_NAME_WIDTH = _terminal_name_width()
        except OSError:  # not a terminal
            pass


try:
    signal.signal(signal.SIGWINCH, resize_handler)
except (AttributeError, ValueError):
    pass  # Windows has no such signal; threads other than the main one may not ask for it


class RequestStatsAdditionError(Exception):
    pass


def get_readable_percentiles(percentile_list: list[float]) -> list[str]:
    """Labels of percentiles given as fractions: 0.5 is ``50%``."""
    return _engine.readable_percentiles(percentile_list)


def calculate_response_time_percentile(
    response_times: dict[int, int], num_requests: int, percent: float
) -> int:
    """The bucket that the fraction ``percent`` of ``num_requests`` did not exceed; 0 if there is none."""
    rank = int(num_requests * percent)
    remaining = num_requests
    for bucket, count in sorted(response_times.items(), reverse=True):
        remaining -= count
        if remaining <= rank:
            return bucket
    return 0


def diff_response_time_dicts(latest: dict[int, int], old: dict[int, int]) -> dict[int, int]:
    """What was added to the counts since ``old``, without zeros."""
    return {bucket: diff for bucket, count in latest.items() if (diff := count - old.get(bucket, 0))}


def avg(values: list[float | int]) -> float:
    return sum(values, 0.0) / max(len(values), 1)


class StatsEntry(Counting, LogByParts, _engine.StatsEntry):
    """The statistics of one method and name.

    Dicts it gives (``response_times`` and the like) are read when the attribute is; for later samples read again.
    """

    counting = _ENTRY_STEPS

    def __init__(self, stats, name, method, use_response_times_cache=False, *, handle=None) -> None:
        """:param stats: the statistics it belongs to: rates refer to their start and end
        :param use_response_times_cache: keep what current percentiles need
        :param handle: for internal use
        """
        self._init(stats, name, method, use_response_times_cache, handle)

    response_times = counts_property("response_times", "{rounded response time in ms: requests}")
    num_reqs_per_sec = counts_property("num_reqs_per_sec", "{unix second: requests}")
    num_fail_per_sec = counts_property("num_fail_per_sec", "{unix second: failures}")

    @property
    def response_times_cache(self) -> ResponseTimesCache | None:
        """{unix second: CachedResponseTimes} of the last seconds; None if not kept."""
        items = self._cache()
        return None if items is None else ResponseTimesCache(items, self._set_cache)

    @response_times_cache.setter
    def response_times_cache(self, cache: dict[int, CachedResponseTimes] | None) -> None:
        self._set_cache(None if cache is None else [(second, *entry) for second, entry in cache.items()])

    @classmethod
    def unserialize(cls, data: StatsEntryDict, stats: RequestStats | None = None) -> StatsEntry:
        """An entry with the numbers of :meth:`serialize`."""
        entry = cls(stats, data["name"], data["method"])
        for key, value in data.items():
            if key in _NUMBERS:
                setattr(entry, key, value)
        return entry

    def get_stripped_report(self) -> StatsEntryDict:
        """The numbers so far; the entry starts again from zero."""
        report = self.serialize()
        self.reset()
        return report

    def to_string(self, current: bool = True) -> str:
        """The entry's row in the main table, with current rates or those of the whole run."""
        return _engine.stats_line(self, current, STATS_TYPE_WIDTH, STATS_NAME_WIDTH)

    def __str__(self) -> str:
        return self.to_string(current=True)

    def percentile(self) -> str:
        """The entry's row in the table of percentiles."""
        if not self.num_requests:
            raise ValueError("Can't calculate percentile on url with no successful requests")
        return _engine.percentile_line(self, PERCENTILES_TO_REPORT, STATS_TYPE_WIDTH, STATS_NAME_WIDTH)

    def to_dict(self, escape_string_values: bool = False) -> dict[str, Any]:
        """What the web pages and the report show."""
        return {
            "method": self.method,
            "name": self.name,
            "num_requests": self.num_requests,
            "num_failures": self.num_failures,
            "min_response_time": 0
            if self.min_response_time is None
            else proper_round(self.min_response_time),
            "max_response_time": proper_round(self.max_response_time),
            "current_rps": self.current_rps,
            "current_fail_per_sec": self.current_fail_per_sec,
            "avg_response_time": self.avg_response_time,
            "median_response_time": self.median_response_time,
            "total_rps": self.total_rps,
            "total_fail_per_sec": self.total_fail_per_sec,
            **{
                f"response_time_percentile_{percentile}": self.get_response_time_percentile(percentile)
                for percentile in PERCENTILES_TO_STATISTICS
            },
            "avg_content_length": self.avg_content_length,
        }


_NUMBERS = StatsEntryDict.__annotations__.keys() - {"name", "method"}

StatsError = _engine.StatsError


class RequestStats(Counting, LogByEntries, _engine.RequestStats):
    """All statistics of an environment: a user finds them in ``self.environment.stats``."""

    counting = _TABLE_STEPS
    # Where requests are counted during a warm-up.
    _apart: RequestStats | None = None
    # Called when they have gone back to zero.
    _on_reset: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, use_response_times_cache: bool = True) -> None:
        """:param use_response_times_cache: keep what current percentiles need (a worker does not)"""
        self._init(use_response_times_cache)
        self.history: list[dict] = []
        self._fresh()

    def _handle(self, name: str, method: str) -> StatsEntry:
        return StatsEntry(self, name, method, handle="entry")

    def _fresh(self) -> None:
        self._entries = EntriesDict(self)
        self._errors_dict = ErrorsDict(self)
        self._total = StatsEntry(self, "Aggregated", "", handle="total")

    @property
    def entries(self) -> dict[tuple[str, str], StatsEntry]:
        """{(name, method): StatsEntry}"""
        return self._entries

    @entries.setter
    def entries(self, entries: dict[tuple[str, str], StatsEntry]) -> None:
        new = dict(entries)
        self._entries._detach_all()
        self._clear_entries()
        self._entries = EntriesDict(self)
        self._entries.update(new)

    @property
    def errors(self) -> dict[str, StatsError]:
        """{key: StatsError}"""
        return self._errors_dict

    @errors.setter
    def errors(self, errors: dict[str, _engine.StatsError]) -> None:
        new = dict(errors)
        self._clear_errors()
        self._errors_dict = ErrorsDict(self)
        self._errors_dict.update(new)

    @property
    def total(self) -> StatsEntry:
        """The aggregate of all entries."""
        return self._total

    @total.setter
    def total(self, total: StatsEntry) -> None:
        if total is not self._total:
            self._total._detach()
            self._adopt_total(total)
            self._total = total

    def get(self, name: str, method: str) -> StatsEntry:
        """The entry of a name and method; made if there is none."""
        return self.entries[(name, method)]

    def reset_all(self) -> None:
        """Sets all entries to zero and forgets the errors."""
        self._reset_all()
        self._errors_dict = ErrorsDict(self)
        self.history = []
        self._on_reset()

    def clear_all(self) -> None:
        """Forgets all entries and errors."""
        self._entries._detach_all()
        self._total._detach()
        self._clear_all()
        self.history = []
        self._fresh()
        self._on_reset()

    def serialize_stats(self) -> list[StatsEntryDict]:
        """The numbers of all used entries; they start again from zero. (:meth:`peek_stats` leaves them.)"""
        return [
            entry.get_stripped_report()
            for entry in self.entries.values()
            if entry.num_requests > 0 or entry.num_failures > 0
        ]

    def take_report(self) -> dict[str, Any]:
        """Everything since the last time, for the master; it starts again from zero. (Not in Locust.)"""
        report = _engine.take_report(self)
        self._errors_dict = ErrorsDict(self)
        return report

    def merge_report(self, report: dict[str, Any]) -> None:
        """Adds a worker's report. `ValueError` if it has not the form of one; nothing was added then. (Not in Locust.)"""
        _engine.merge_report(self, report, getattr(report, "placing", None))

    def put_report_back(self, report: dict[str, Any], seconds: bytes | None = None) -> None:
        """Adds a report again that was taken out and could not be sent. (Not in Locust.)"""
        _engine.put_report_back(self, report, seconds)

    def serialize_errors(self) -> dict[str, StatsErrorDict]:
        return {key: error.serialize() for key, error in self.errors.items()}


def setup_distributed_stats_event_listeners(events: Events, stats: RequestStats) -> None:
    """Puts the statistics into a worker's reports, and takes them from those that the master receives."""

    def on_report_to_master(client_id: str, data: dict[str, Any]) -> None:
        data.update(stats.take_report())

    def on_worker_report(client_id: str, data: dict[str, Any]) -> None:
        try:
            (stats if stats._apart is None else stats._apart).merge_report(data)
        except ValueError as e:
            logger.error(f"Ignored the numbers of worker {client_id}: {e}")

    events.report_to_master.add_listener(on_report_to_master)
    events.worker_report.add_listener(on_worker_report)


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        console_logger.info(line)


def get_stats_summary(stats: RequestStats, current: bool = True) -> list[str]:
    """The lines of the main table, with current rates or those of the whole run."""
    return _engine.stats_lines(stats, current, STATS_TYPE_WIDTH, STATS_NAME_WIDTH)


def print_stats(stats: RequestStats, current: bool = True) -> None:
    _print_lines([*get_stats_summary(stats, current), ""])


def get_percentile_stats_summary(stats: RequestStats) -> list[str]:
    """The lines of the table of percentiles."""
    return _engine.percentile_lines(stats, PERCENTILES_TO_REPORT, STATS_TYPE_WIDTH, STATS_NAME_WIDTH)


def print_percentile_stats(stats: RequestStats) -> None:
    _print_lines([*get_percentile_stats_summary(stats), ""])


def get_error_report_summary(stats: RequestStats) -> list[str]:
    """The lines of the report of errors."""
    return _engine.error_lines(stats, STATS_TYPE_WIDTH, STATS_NAME_WIDTH)


def print_error_report(stats: RequestStats) -> None:
    if stats.errors:
        _print_lines(get_error_report_summary(stats))


def get_exact_percentiles_summary(stats: RequestStats) -> list[str]:
    """The lines of a table of percentiles that are not rounded to buckets. (Not in Locust.)"""
    return _engine.exact_lines(stats, STATS_TYPE_WIDTH, STATS_NAME_WIDTH)


def print_exact_percentiles(stats: RequestStats) -> None:
    """Prints :func:`get_exact_percentiles_summary`. (Not in Locust.)"""
    _print_lines([*get_exact_percentiles_summary(stats), ""])


def print_stats_json(stats: RequestStats) -> None:
    """Prints the used entries as JSON. They keep their numbers."""
    print(_engine.stats_json(stats))


def save_stats_json(stats: RequestStats, filename: str) -> None:
    """Writes the used entries as JSON to ``filename`` with ``.json`` added. They keep their numbers."""
    write_whole(f"{filename}.json", _engine.stats_json(stats))


def stats_printer(stats: RequestStats) -> Callable[[], None]:
    """A function that prints the table again and again."""

    def print_forever() -> None:
        table = LongTable(stats, console_logger)
        while True:
            if table.is_short() or (print_stats, get_stats_summary, _print_lines) != _HOW_IT_PRINTS:
                print_stats(stats)
            else:
                table.print(STATS_TYPE_WIDTH, STATS_NAME_WIDTH)
            gevent.sleep(CONSOLE_STATS_INTERVAL_SEC)

    return print_forever


_HOW_IT_PRINTS = (print_stats, get_stats_summary, _print_lines)  # unless a script replaces one


def sort_stats(stats: dict[Any, S]) -> list[S]:
    """The values by order of their keys."""
    return [value for _, value in sorted(stats.items(), key=lambda item: item[0])]


def update_stats_history(runner: Runner, timestamp: str | None = None) -> None:
    """Adds a sample for the report's charts."""
    stats = runner.stats
    timestamp = timestamp or format_utc_timestamp(time.time())
    total = stats.total
    sample: dict[str, Any] = {
        f"response_time_percentile_{percentile}": [
            timestamp,
            total.get_current_response_time_percentile(percentile) or 0,
        ]
        for percentile in PERCENTILES_TO_CHART
    }
    sample["current_rps"] = [timestamp, total.current_rps or 0]
    sample["current_fail_per_sec"] = [timestamp, total.current_fail_per_sec or 0]
    sample["total_avg_response_time"] = [timestamp, proper_round(total.avg_response_time, digits=2)]
    sample["user_count"] = [timestamp, runner.user_count or 0]
    sample["time"] = timestamp
    stats.history.append(sample)


def stats_history(runner: Runner) -> None:
    """Keeps the course of the run for the report's charts: samples every few seconds, and natively each second."""
    from ._recorder import record_for_report

    record_for_report(runner)
    next_sample = 0.0
    while runner.stats.total.use_response_times_cache:
        if runner.state not in ("ready", "stopped"):
            now = time.monotonic()
            if now >= next_sample:
                # The first one as soon as the test runs, so that short runs have a chart too.
                next_sample = now + HISTORY_STATS_INTERVAL_SEC - 0.05
                update_stats_history(runner)
        else:
            next_sample = 0.0
        gevent.sleep(min(1, HISTORY_STATS_INTERVAL_SEC))


def validate_stats_configuration() -> None:
    """Ends the program if a script set percentiles that cannot be shown."""
    if problem := problem_with(PERCENTILES_TO_CHART, PERCENTILES_TO_STATISTICS):
        sys.stderr.write(problem)
        sys.exit(1)
