"""`--report-upload`: what a store of objects gets at the end of a run, and what is said when it does not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from servers import free_port, run_locust

SCRIPT = "from locust import User\nclass Idle(User):\n    tasks = [lambda user: None]\n"
RUN = ("--headless", "-u", "1", "-t", "1", "--only-summary")
SIGNED = "X-Signature=as-good-as-a-password"


class Store:
    """Answers PUT with these statuses, the last one again and again, and keeps what came."""

    def __init__(self) -> None:
        store = self
        self.statuses = [200]
        self.came: list[tuple[str, str | None, bytes]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                store.came.append((self.path, self.headers["Content-Type"], body))
                self.send_response(store.statuses.pop(0) if len(store.statuses) > 1 else store.statuses[0])
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/bucket/report.html?{SIGNED}"


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store()
    thread = threading.Thread(target=store.server.serve_forever)
    thread.start()
    yield store
    store.server.shutdown()
    thread.join()
    store.server.server_close()


def test_the_report_arrives_also_after_a_fault_that_passes(store: Store, tmp_path: Path):
    store.statuses = [503, 200]
    run = run_locust(*RUN, folder=tmp_path, locustfile=SCRIPT, LOCUST_REPORT_UPLOAD=store.url)
    assert run.returncode == 0, run.stderr
    assert len(store.came) == 2 and store.came[0] == store.came[1]
    path, kind, body = store.came[0]
    assert path == f"/bucket/report.html?{SIGNED}" and kind.startswith("text/html")
    assert body.startswith(b"<!doctype html>") and SIGNED.encode() not in body
    assert "503" in run.stderr and "The report is at http://127.0.0.1" in run.stderr
    assert SIGNED not in run.stderr + run.stdout


def test_a_report_that_nobody_takes_is_a_failure_and_the_files_are_there(store: Store, tmp_path: Path):
    store.statuses = [403]
    files = ("--html", "r.html", "--junit", "r.xml", "--summary-md", "r.md")
    nobody = f"http://127.0.0.1:{free_port()}/x?{SIGNED}"
    for url, words, tries in ((store.url, "403", 1), (nobody, "ConnectionError", 0)):
        store.came.clear()
        run = run_locust(*RUN, *files, "--report-upload", url, folder=tmp_path, locustfile=SCRIPT)
        assert (
            run.returncode == 1
            and "Could not write the report to --report-upload: http://127.0.0.1" in run.stderr
        )
        assert words in run.stderr and SIGNED not in run.stderr and "Traceback" not in run.stderr
        assert len(store.came) == tries and "Aggregated" in run.stderr
        for name in ("r.html", "r.xml", "r.md"):
            assert SIGNED not in (tmp_path / name).read_text()
            (tmp_path / name).unlink()


@pytest.mark.parametrize("url", ["bucket/report.html", "s3://bucket/report.html", "http://", "http://a:b/"])
def test_an_address_that_is_none_is_told_before_the_run(url: str, tmp_path: Path):
    run = run_locust(*RUN, "--report-upload", url, folder=tmp_path, locustfile=SCRIPT)
    assert (
        run.returncode == 1
        and "--report-upload wants an address" in run.stderr
        and "Aggregated" not in run.stderr
    )
