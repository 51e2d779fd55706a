"""The files that tell of a distributed run: its master writes them, with what all workers did."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

from servers import clean_environment, free_port, locust_command, own_cluster, run_locust
from web_runs import SCRIPT, embedded

FILES = ("--html", "r.html", "--json-file", "r", "--junit", "r.xml", "--summary-md", "r.md")
WRITTEN = {"r.html", "r.json", "r.xml", "r.md"}


def files_of(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file() and path.suffix != ".py"}


def assert_complete(folder: Path, log: str) -> None:
    """All of them are there, each with the requests that the table of the master shows."""
    shown = int(re.findall(r"Aggregated +(\d+) +\d+\(", log)[-1])
    assert shown > 1
    assert sum(entry["num_requests"] for entry in json.loads((folder / "r.json").read_text())) == shown
    report = embedded((folder / "r.html").read_text(), "reportArgs")
    assert report["requests_statistics"][-1]["num_requests"] == report["run"]["summary"]["requests"] == shown
    cases = [case.get("name") for case in ElementTree.parse(folder / "r.xml").getroot().iter("testcase")]
    assert {"TALK talk", "TALK note"} <= set(cases)
    assert f"**{shown:,}** requests" in (folder / "r.md").read_text()


def test_a_worker_writes_none_of_them_and_says_so(tmp_path: Path):
    port = str(free_port())
    folders = {name: tmp_path / name for name in ("master", "worker")}
    for folder in folders.values():
        folder.mkdir()
        (folder / "locustfile.py").write_text(SCRIPT)
    command = [
        locust_command(),
        "--worker",
        "--master-host",
        "127.0.0.1",
        "--master-port",
        port,
        *FILES,
        "--json",
    ]
    worker = subprocess.Popen(
        command, cwd=folders["worker"], env=clean_environment(HOME=str(tmp_path)),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        master = run_locust(
            "--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--headless",
            "--expect-workers", "1", "-u", "2", "-r", "2", "-t", "2", *FILES, "Talker",
            folder=folders["master"], timeout=120,
        )  # fmt: skip
        out, log = worker.communicate(timeout=60)
    finally:
        worker.kill()
    assert master.returncode == 1, master.stderr
    assert_complete(folders["master"], master.stderr)
    assert files_of(folders["worker"]) == set() and out == "" and worker.returncode == 0
    told = (
        "--html, --json, --json-file, --junit, --summary-md: only the master of a distributed run writes this"
    )
    assert log.count(told) == 1, log
    assert "only the master" not in master.stderr


def test_processes_of_one_machine_write_them_once(tmp_path: Path):
    result = run_locust(
        "--processes", "2", *own_cluster(), "--headless", "-u", "4", "-r", "4", "-t", "2", *FILES, "Talker",
        folder=tmp_path, locustfile=SCRIPT, timeout=120,
    )  # fmt: skip
    assert result.returncode == 1, result.stderr
    assert_complete(tmp_path, result.stderr)
    assert files_of(tmp_path) == WRITTEN
    assert "only the master" not in result.stderr
