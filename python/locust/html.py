"""The report of a run as one HTML page that needs nothing from elsewhere: `--html`, and the web interface's download.

The page is a part of the native module. What it shows is a JSON text in it: the run's numbers as the native recorder
kept them, and beside them those arguments that Locust's report has, by their names there.
"""

from __future__ import annotations

import os
import re
from argparse import Namespace
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import gevent

from . import _engine, stats
from ._internals import module_attributes
from ._web import recording
from ._web.wire import as_json
from .stats_views import EntriesDict
from .util.date import format_duration, format_utc_timestamp

if TYPE_CHECKING:
    from .env import Environment

PERCENTILES_FOR_HTML_REPORT = [0.50, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0]

# A build of pages put here wins over the one in the native module; there need not be one.
DEFAULT_BUILD_PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "webui", "dist")

REPORT = "report.html"
MISSING_PAGE = "this build has no report page: build it with Node.js installed (see CONTRIBUTING.md)"
_MARKER = re.compile(r"\{\{\s*report_args\s*\|\s*tojson\s*\}\}")
# Rows that are made, and characters that are looked at, before somebody else has their turn.
ROWS = 20
SLICE = 65_536
_IN_HTML = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "'": "\\u0027"}


def process_html_filename(options: Namespace) -> None:
    """Puts users, spawn rate and run time in place of `{u}`, `{r}` and `{t}` in `options.html_file`."""
    values = {"{u}": options.num_users, "{r}": options.spawn_rate, "{t}": options.run_time}
    for placeholder, value in values.items():
        if value is not None:
            text = str(int(value)) if float(value).is_integer() else str(value)
            options.html_file = options.html_file.replace(placeholder, text)


def render_template_from(file: str, build_path: str = DEFAULT_BUILD_PATH, **kwargs: Any) -> str:
    """The page `file` out of `build_path`, or the built-in one, as a Jinja template with these values."""
    # Here, since a run without a web interface need not load Jinja.
    from ._web import templates

    return templates.render(file, build_path, **kwargs)


def get_html_report(environment: Environment, show_download_link: bool = True, theme: str = "") -> str:
    """The report of the present or last run. `theme` is "dark" or "light"; else the reader's own."""
    return _page(environment, show_download_link, theme, _here)


def get_html_report_aside(environment: Environment, show_download_link: bool = True, theme: str = "") -> str:
    """The same while users run: what takes long is done on another thread, and between the rest they have their turn."""
    return _page(environment, show_download_link, theme, _aside)


def _here(function: Callable[..., Any], *args: Any) -> Any:
    return function(*args)


def _aside(function: Callable[..., Any], *args: Any) -> Any:
    return gevent.get_hub().threadpool.apply(function, args)


def _page(environment: Environment, show_download_link: bool, theme: str, run: Callable[..., Any]) -> str:
    page = _engine.web_asset(REPORT)
    if page is None:
        raise FileNotFoundError(MISSING_PAGE)
    return run(_filled, page.decode(), _args_json(environment, show_download_link, theme, run))


def _filled(page: str, args: list[str]) -> str:
    before, after = _MARKER.split(page, maxsplit=1)
    return "".join([before, *map(_for_html, args), after])


def _args_json(
    environment: Environment, show_download_link: bool, theme: str, run: Callable[..., Any]
) -> list[str]:
    """What the report shows, one JSON object in pieces. `run` calls what takes long.

    What the native side wrote is put in as it is: reading ten thousand names only to write them again would keep the users
    waiting for longer than some of them wait for an answer.
    """
    theme = theme if theme in ("dark", "light") else ""
    download = (
        "stats/report?download=1" + (f"&theme={theme}" if theme else "") if show_download_link else None
    )
    if run is not _here and isinstance(entries := environment.stats.entries, EntriesDict):
        entries.catch_up(gevent.sleep)
    recorder, of_run = _recorder(environment)
    told = of_run.status(), of_run.info(), of_run.exceptions()
    recorded: str = run(recorder, *told, theme or None, download)
    pieces = list(_members(_locusts_args(environment, show_download_link), pauses=run is not _here))
    # A JSON object of the native side without its brace: of two members of one name the later counts, and that is its.
    cut = (recorded[start : start + SLICE] for start in range(1, len(recorded), SLICE))
    return ["{", *pieces, *cut]


def _members(args: dict[str, Any], pauses: bool) -> Iterator[str]:
    """The members of a JSON object, each with a comma behind it. Of the rows that are made only when asked for (iterators) some at
    a time; with `pauses` others have their turn between them."""
    for name, value in args.items():
        yield as_json(name) + ": "
        if isinstance(value, Iterator):
            yield "["
            comma = ""
            while rows := list(islice(value, ROWS)):
                yield comma + as_json(rows)[1:-1]
                comma = ", "
                if pauses:
                    gevent.sleep(0)
            yield "]"
        else:
            yield as_json(value)
        yield ", "


def _recorder(environment: Environment) -> tuple[Any, recording.Recording]:
    """What gives the numbers of the report, and what tells of the run: the recording of this environment, or, if nobody
    records it, what the statistics hold."""
    recorder = environment._recorder
    if recorder is not None:
        return recorder.native.report_args, recorder.recording

    def from_statistics(*args: Any) -> str:
        return _engine.report_args(environment.stats, *args)

    return from_statistics, recording.Recording(environment)


def _locusts_args(environment: Environment, show_download_link: bool) -> dict[str, Any]:
    runner = environment.runner
    numbers = runner.stats
    ended = numbers.last_request_timestamp or numbers.start_time
    end_time = format_utc_timestamp(ended)
    if numbers.history and numbers.history[-1]["time"] < end_time:
        stats.update_stats_history(runner, end_time)
    # One by one: the first look at ten thousand of them takes its time.
    keys = sorted(numbers.entries)

    def entries() -> Iterator[stats.StatsEntry]:
        # None, if the statistics were cleared meanwhile.
        yield from filter(None, map(numbers.entries.get, keys))
        yield numbers.total

    return {
        "is_report": True,
        "requests_statistics": (entry.to_dict() for entry in entries()),
        "failures_statistics": (error.to_dict() for error in stats.sort_stats(numbers.errors)),
        "exceptions_statistics": [recording.exception_row(row) for row in runner.exceptions.values()],
        "response_time_statistics": (
            {
                "name": entry.name,
                "method": entry.method or "",
                **{str(p): entry.get_response_time_percentile(p) for p in PERCENTILES_FOR_HTML_REPORT},
            }
            for entry in entries()
        ),
        "start_time": format_utc_timestamp(numbers.start_time),
        "end_time": end_time,
        "duration": format_duration(numbers.start_time, ended),
        "host": str(recording.shown_host(environment)),
        "history": iter(list(numbers.history)),
        "show_download_link": show_download_link,
        "locustfile": str(environment.locustfile),
        "tasks": recording.task_ratios(environment),
        "percentiles_to_chart": stats.PERCENTILES_TO_CHART,
        "profile": str(environment.profile) if environment.profile else None,
    }


def _for_html(text: str) -> str:
    """JSON that nothing in an HTML page can take for markup."""
    for char, escape in _IN_HTML.items():
        text = text.replace(char, escape)
    return text


__getattr__ = module_attributes(__name__)
