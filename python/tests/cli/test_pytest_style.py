"""Pytest-style scripts, under both programs, and the pytest plugin."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from servers import clean_environment, locust_command

SCRIPT = """
import pytest
from locust.clients import HttpSession

def test_front(session):
    assert isinstance(session, HttpSession)
    session.get("/front")

def test_fast(fastsession):
    assert fastsession.get("/fast").status_code == 200

@pytest.mark.xfail(strict=True)
def test_refused(session):
    session.get("/404").raise_for_status()
    session.get("/never")
"""


class Site(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(404 if self.path == "/404" else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def locust(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [locust_command(), "-f", "test_site.py", "--headless", "--only-summary", *arguments], cwd=folder,
        env=clean_environment(HOME=str(folder)), capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def rows(result: subprocess.CompletedProcess[str]) -> dict[str, tuple[int, int]]:
    """Requests and failures by name, of the final table."""
    table = result.stderr[result.stderr.rindex("Shutting down") :]
    return {
        name: (int(requests), int(failures))
        for name, requests, failures in re.findall(r"^GET +(\S+) +(\d+) +(\d+)\(", table, re.MULTILINE)
    }


def test_each_function_becomes_a_user_that_repeats_it(tmp_path: Path, site: str):
    (tmp_path / "test_site.py").write_text(SCRIPT)
    result = locust(tmp_path, "-H", site, "-u", "3", "-r", "3", "-t", "1s")
    assert '"test_fast": 1, "test_front": 1, "test_refused": 1' in result.stderr
    counted = rows(result)
    assert set(counted) == {"/front", "/fast", "/404"} and "Traceback" not in result.stderr
    assert all(requests > 1 for requests, _ in counted.values())
    assert counted["/404"][0] == counted["/404"][1] and result.returncode == 1


def test_functions_are_chosen_as_user_classes_are(tmp_path: Path, site: str):
    (tmp_path / "test_site.py").write_text(SCRIPT)
    result = locust(tmp_path, "-H", site, "-t", "1s", "test_fast")
    assert set(rows(result)) == {"/fast"} and result.returncode == 0


OWN_FIXTURE = """
import pytest, time

@pytest.fixture
def basket(user=None):
    print("set up for", type(user).__name__, flush=True)
    yield []
    print("torn down", flush=True)

def test_shopping(basket):
    time.sleep(0.1)
    basket.append(1)
    print("bought", len(basket), flush=True)
"""


def test_a_stop_is_heard_between_two_calls_and_fixtures_are_torn_down(tmp_path: Path):
    (tmp_path / "test_site.py").write_text(OWN_FIXTURE)
    result = locust(tmp_path, "-t", "1s", "--stop-timeout", "30")
    lines = result.stdout.splitlines()
    assert lines[0] == "set up for test_shopping" and lines[-1] == "torn down"
    # The call that ran at the end of the run was not cut off, and no other one began.
    assert lines[1:-1] == [f"bought {number}" for number in range(1, len(lines) - 1)] and len(lines) > 3
    assert "Not all users finished" not in result.stderr and result.returncode == 0


def test_a_function_needs_no_fixture(tmp_path: Path):
    (tmp_path / "test_site.py").write_text("def test_it():\n    print('called', flush=True)\n")
    result = locust(tmp_path, "-t", "1s", "--stop-timeout", "5")
    assert result.stdout.count("called") > 1 and result.returncode == 0


def test_an_unknown_fixture_is_named(tmp_path: Path):
    (tmp_path / "test_site.py").write_text("def test_it(nothing_of_this_name):\n    pass\n")
    result = locust(tmp_path)
    assert result.returncode == 1
    assert "Could not find fixture for parameter 'nothing_of_this_name' in test_it" in result.stderr


def test_an_exception_that_is_no_answer_ends_the_user(tmp_path: Path):
    (tmp_path / "test_site.py").write_text("def test_it():\n    raise KeyError('mine')\n")
    result = locust(tmp_path, "-t", "1s")
    assert result.stderr.count("KeyError: 'mine'") == 1


# --------------------------------------------------------------------------------------------- under pytest


def run_pytest(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_site.py", *arguments], cwd=folder,
        env=clean_environment(HOME=str(folder)), capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
    ).stdout  # fmt: skip


def test_the_same_file_is_a_test_of_pytest(tmp_path: Path, site: str):
    (tmp_path / "test_site.py").write_text(SCRIPT)
    assert "2 passed, 1 xfailed" in run_pytest(tmp_path, "-H", site)
    assert "2 passed, 1 xfailed" in run_pytest(tmp_path, "--host", site)


def test_without_a_host_urls_must_be_whole(tmp_path: Path, site: str):
    (tmp_path / "test_site.py").write_text(
        f"def test_it(session, fastsession):\n    assert session.get('{site}/').ok and fastsession.get('{site}/').ok\n"
        "def test_base(session, fastsession):\n    assert (session.base_url, fastsession.base_url) == (None, None)\n"
    )
    assert "2 passed" in run_pytest(tmp_path)


def test_another_plugin_may_have_the_option(tmp_path: Path, site: str):
    (tmp_path / "test_site.py").write_text(SCRIPT)
    (tmp_path / "earlier.py").write_text(
        "def pytest_addoption(parser):\n    parser.addoption('--host', '-H', default=None)\n"
    )
    assert "2 passed, 1 xfailed" in run_pytest(tmp_path, "-p", "earlier", "-H", site)


def test_the_plugin_alone_patches_nothing(tmp_path: Path):
    (tmp_path / "test_site.py").write_text(
        "import sys\ndef test_it():\n    assert 'locust' not in sys.modules and 'gevent' not in sys.modules\n"
    )
    assert "1 passed" in run_pytest(tmp_path)


def test_pytest_finds_the_plugin_by_its_entry_point():
    (plugin,) = [point for point in entry_points(group="pytest11") if point.name == "locust"]
    assert plugin.value == "pytest_locust.plugin"
    assert plugin.load().__name__ == "pytest_locust.plugin"
