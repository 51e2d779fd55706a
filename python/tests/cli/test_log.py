"""Format and destination of the log."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from pathlib import Path

import gevent
import pytest

from locust import log
from servers import clean_environment

SPEAK = """
import logging, sys, locust.log
locust.log.setup_logging({level!r}, {file!r})
logging.info("from the script")
logging.getLogger("locust.main").warning("from the program")
logging.getLogger("locust.stats_logger").info("a table")
logging.getLogger("x").debug("too quiet")
import json; print(json.dumps(locust.log.get_logs()))
"""
LINE = r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\] [^/. ]+/"


def speak(folder: Path, level: str = "info", file: str | None = None) -> tuple[list[str], list[str]]:
    """What goes to stderr, and what is kept in memory."""
    result = subprocess.run(
        [sys.executable, "-c", SPEAK.format(level=level, file=file)],
        cwd=folder, env=clean_environment(), capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return result.stderr.splitlines(), json.loads(result.stdout)


def test_lines_have_time_host_level_and_logger_and_tables_have_nothing(tmp_path: Path):
    shown, kept = speak(tmp_path)
    assert re.fullmatch(LINE + "INFO/root: from the script", shown[0])
    assert re.fullmatch(LINE + "WARNING/locust.main: from the program", shown[1])
    assert shown[2:] == ["a table"]
    assert [line.rpartition(": ")[2] for line in kept] == ["from the script", "from the program", "a table"]


def test_tables_are_shown_whatever_the_level(tmp_path: Path):
    shown, _ = speak(tmp_path, level="CRITICAL")
    assert shown == ["a table"]


def test_a_log_file_takes_all_but_the_tables_and_its_directory_is_made(tmp_path: Path):
    shown, kept = speak(tmp_path, file="new/dir/out.log")
    assert shown == ["a table"] and len(kept) == 3
    written = (tmp_path / "new/dir/out.log").read_text().splitlines()
    assert [re.sub(LINE, "", line) for line in written] == [
        "INFO/root: from the script",
        "WARNING/locust.main: from the program",
    ]


def test_a_log_file_that_cannot_be_written_is_an_os_error(tmp_path: Path):
    with pytest.raises(OSError):
        log.setup_logging("INFO", str(tmp_path))


def test_only_the_last_lines_are_kept():
    reader = log.LogReader()
    for number in range(log.LOG_LINES_KEPT + 5):
        reader.handle(logging.makeLogRecord({"msg": str(number)}))
    assert len(reader.logs) == log.LOG_LINES_KEPT and reader.logs[0] == "5"


@pytest.mark.parametrize(
    ("raised", "level", "text"),
    [
        (ValueError("boom"), logging.CRITICAL, "Unhandled exception in greenlet: "),
        (SystemExit(42), logging.INFO, "sys.exit(42) called"),
    ],
)
def test_what_ends_a_greenlet_is_logged_and_remembered(
    raised: BaseException,
    level: int,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    monkeypatch.setattr(log, "unhandled_greenlet_exception", False)

    class Ended:
        exc_info = (type(raised), raised, None)

    with caplog.at_level(logging.DEBUG):
        log.greenlet_exception_logger(logging.getLogger("some"))(Ended())
    assert caplog.records[0].levelno == level and caplog.records[0].message.startswith(text)
    assert log.unhandled_greenlet_exception


def test_the_logger_is_fit_for_a_real_greenlet(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(log, "unhandled_greenlet_exception", False)
    greenlet = gevent.spawn(lambda: {}["missing"])
    greenlet.link_exception(log.greenlet_exception_logger(logging.getLogger("some")))
    greenlet.join()
    gevent.sleep(0.01)
    assert log.unhandled_greenlet_exception and caplog.records[0].exc_info[0] is KeyError
