"""The files that tell of a finished run: the HTML report, JUnit XML and the summary in Markdown."""

from __future__ import annotations

import json
import logging
import os
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .. import _engine
from .._files import write_whole
from .._web import recording
from ..html import MISSING_PAGE, REPORT, get_html_report, process_html_filename
from . import arrivals, thresholds, upload

if TYPE_CHECKING:
    from ..env import Environment
    from .run import Run

logger = logging.getLogger("locust.main")

_OPTIONS = ("html_file", "junit_file", "summary_md_file")
_OF_THE_WHOLE_RUN = {
    "html_file": "--html",
    "json": "--json",
    "json_file": "--json-file",
    "junit_file": "--junit",
    "report_upload": "--report-upload",
    "summary_md_file": "--summary-md",
}


def check_paths(options: Namespace) -> None:
    """Makes the directories of the files and checks that they can be written, now rather than after the run. Raises
    `OSError`."""
    for path in _paths(options):
        if not (path == options.html_file and "{" in path):
            check_writable(path)
    if options.json_file:
        check_writable(f"{options.json_file}.json")
    upload.check(options)
    if (options.html_file or options.report_upload) and _engine.web_asset(REPORT) is None:
        raise FileNotFoundError(MISSING_PAGE)


def tell_a_worker(options: Namespace) -> None:
    """Says which of the files that a worker is asked for are its master's: they tell of the whole run."""
    asked = [flag for name, flag in _OF_THE_WHOLE_RUN.items() if getattr(options, name)]
    if asked:
        logger.info(f"{', '.join(asked)}: only the master of a distributed run writes this, not its workers")


def check_writable(path: str) -> None:
    """Makes the directory of the file and checks that the file can be written. Raises `OSError`."""
    directory = os.path.dirname(path) or "."
    os.makedirs(directory, exist_ok=True)
    if os.path.isdir(path):
        raise IsADirectoryError(21, "Is a directory", path)
    if not os.access(path if os.path.exists(path) else directory, os.W_OK):
        raise PermissionError(13, "Permission denied", path)


def html(environment: Environment) -> str:
    """The report as one page."""
    return get_html_report(environment, show_download_link=False)


def write_html(environment: Environment, options: Namespace) -> None:
    """`--html`: writes the report, with its placeholders filled from the options as they are now. Raises `OSError`."""
    process_html_filename(options)
    logger.debug(f"Writing html report to file: {options.html_file}")
    _write(options.html_file, html(environment))


def write_junit(run: Run, code: int) -> None:
    """`--junit`: writes the result for a CI system. `code` is the exit code. Raises `OSError`."""
    _write(run.options.junit_file, _engine.junit_report(run.environment.stats, _facts(run, code)))


def write_summary(run: Run, code: int) -> None:
    """`--summary-md`: writes the summary. `code` is the exit code. Raises `OSError`."""
    _write(run.options.summary_md_file, _engine.markdown_report(run.environment.stats, _facts(run, code)))


def _facts(run: Run, code: int) -> str:
    """What both say about the run besides its numbers, as JSON for `crates/report`."""
    recorder = run.environment._recorder
    of_run = recorder.recording if recorder is not None else recording.Recording(run.environment)
    return json.dumps(
        {
            "info": json.loads(of_run.info()),
            "exceptions": json.loads(of_run.exceptions()),
            "exit_code": code,
            "thresholds": run.thresholds,
            "verdict": run.verdict,
            "fail_on_invalid": bool(run.options.fail_on_invalid),
            "lenient": thresholds.is_lenient(run.options, run.thresholds),
            "arrivals": arrivals.totals(run.runner),
        }
    )


def _paths(options: Namespace) -> Iterator[str]:
    return (path for name in _OPTIONS if (path := getattr(options, name)))


def _write(path: str, text: str) -> None:
    if directory := os.path.dirname(path):
        os.makedirs(directory, exist_ok=True)
    write_whole(path, text)
