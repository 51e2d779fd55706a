"""A file that tells of a run is there whole or not at all, whatever comes in between."""

from __future__ import annotations

import errno
import os
import resource
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from locust import _files
from servers import clean_environment, locust_command
from web_runs import SCRIPT

REPORTS = {"--html": "r.html", "--junit": "r.xml", "--summary-md": "r.md", "--json-file": "r"}
OLD = "of an earlier run\n"


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def at_most(size: int) -> Callable[[], None]:
    """To be called in a child: from then on its files cannot grow beyond that. What is written up to there is written, as on
    a disk that becomes full."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


@pytest.mark.parametrize("option", REPORTS)
def test_a_report_that_does_not_fit_leaves_the_earlier_one(tmp_path: Path, option: str):
    name = REPORTS[option]
    written = tmp_path / (f"{name}.json" if option == "--json-file" else name)
    written.write_text(OLD)
    (tmp_path / "locustfile.py").write_text(SCRIPT)
    result = subprocess.run(
        [locust_command(), "--headless", "-u", "2", "-r", "2", "-t", "1", option, name, "--exit-code-on-error", "0", "Talker"],
        cwd=tmp_path,
        env=clean_environment(HOME=str(tmp_path)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=at_most(100),
    )  # fmt: skip
    assert written.read_text() == OLD
    assert listed(tmp_path) == sorted(["locustfile.py", written.name])
    # Said once, and nothing else is lost by it.
    assert result.stderr.count("File too large") == 1, result.stderr
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert result.stderr.count("Aggregated") >= 2


def test_an_earlier_report_is_replaced_with_its_rights(tmp_path: Path):
    report = tmp_path / "report.html"
    report.write_text(OLD)
    report.chmod(0o640)
    reader = report.open()
    _files.write_whole(str(report), "né\r\n")
    assert report.read_bytes() == "né\r\n".encode() and stat.S_IMODE(report.stat().st_mode) == 0o640
    # Who has it open reads on in what was there.
    assert reader.read() == OLD
    assert listed(tmp_path) == ["report.html"]


def test_a_new_file_has_the_rights_that_any_new_file_has(tmp_path: Path):
    (tmp_path / "usual").touch()
    _files.write_whole(str(tmp_path / "ours"), "x")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode
    long = tmp_path / ("é" * 127)
    _files.write_whole(str(long), "x")
    assert long.read_text() == "x"


@pytest.mark.parametrize(
    "fault", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device"), MemoryError()]
)
def test_an_interruption_leaves_the_earlier_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: BaseException
):
    report = tmp_path / "report.html"
    report.write_text(OLD)

    def interrupted(_file: int) -> None:
        raise fault

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(type(fault)):
        _files.write_whole(str(report), "half of the new one")
    assert report.read_text() == OLD and listed(tmp_path) == ["report.html"]


def test_a_link_stays_one(tmp_path: Path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "latest.html").symlink_to("kept/today.html")
    for text in ("first", "second"):
        _files.write_whole(str(tmp_path / "latest.html"), text)
        assert (tmp_path / "latest.html").is_symlink()
        assert (tmp_path / "kept" / "today.html").read_text() == text
    assert listed(tmp_path / "kept") == ["today.html"]


def test_what_nothing_can_take_the_place_of_is_written_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A file that is mounted into a container, or in a directory in which nothing can be made."""
    report = tmp_path / "report.html"
    report.write_text(OLD * 100)

    def busy(_from: str, _to: str) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", busy)
        _files.write_whole(str(report), "new")
        assert report.read_text() == "new" and listed(tmp_path) == ["report.html"]

    def refused(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refused)
        _files.write_whole(str(report), "newer")
    assert report.read_text() == "newer" and listed(tmp_path) == ["report.html"]


def test_what_is_no_ordinary_file_is_written_to(tmp_path: Path):
    """Standard output goes on after the file that it is, whatever it is redirected to."""
    program = "import sys; from locust._files import write_whole as w; print('a', flush=True); w('/dev/stdout', 'b\\n'); print('c')"
    command = [os.path.join(os.path.dirname(locust_command()), "python"), "-c", program]
    pipe = subprocess.run(
        command, env=clean_environment(), capture_output=True, text=True, timeout=60, check=True
    )
    assert pipe.stdout == "a\nb\nc\n"
    with (tmp_path / "out").open("a") as out:
        subprocess.run(command, env=clean_environment(), stdout=out, timeout=60, check=True)
    assert "c\n" in (tmp_path / "out").read_text() and listed(tmp_path) == ["out"]
    os.mkfifo(tmp_path / "fifo")
    reading = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    _files.write_whole(str(tmp_path / "fifo"), "through")
    assert os.read(reading, 100) == b"through" and stat.S_ISFIFO((tmp_path / "fifo").stat().st_mode)
    os.close(reading)


def test_what_cannot_be_written_is_named_as_it_was_given(tmp_path: Path):
    for wrong, kind in (("no/where.html", FileNotFoundError), (".", IsADirectoryError)):
        with pytest.raises(kind) as told:
            _files.write_whole(str(tmp_path / wrong), "x")
        assert told.value.filename == str(tmp_path / wrong)
    assert listed(tmp_path) == []
