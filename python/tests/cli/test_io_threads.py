"""`--io-threads`: how many threads send the requests of users."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import locust_command, own_cluster

SCRIPT = """
from locust import FastHttpUser, HttpUser, constant, task

class Fast(FastHttpUser):
    wait_time = constant(0.01)

    @task
    def get(self):
        self.client.get("/", name="get")

class Slow(HttpUser):
    wait_time = constant(0.01)

    @task
    def post(self):
        assert self.client.post("/", json={"a": 1}, name="post").status_code
"""
SERVER = """
import http.server, socketserver

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_POST = do_GET

    def log_message(self, *args):
        pass

class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    process = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    process.kill()
    process.wait(timeout=10)
    process.stdout.close()


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("io-threads") / "locustfile.py"
    path.write_text(SCRIPT)
    return path


def busy_threads(pid: int) -> list[str]:
    """The I/O threads of a process that have been on a processor."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        name = (task / "comm").read_text().strip()
        if name.startswith("gregaria-io") and int((task / "schedstat").read_text().split()[2]) > 5:
            found.append(name)
    return sorted(found)


def wait_for_busy(pid: int, wanted: int) -> list[str]:
    """The I/O threads, once there are as many as wanted; or what there is after a while."""
    deadline = time.monotonic() + 20
    while len(found := busy_threads(pid)) < wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def expected_of_itself() -> int:
    """What `auto` is here: one less than the cores that this process may use, from 1 to 3."""
    cores = len(os.sched_getaffinity(0))
    limit = Path("/sys/fs/cgroup/cpu.max")
    if limit.exists():
        quota, period = limit.read_text().split()
        if quota != "max":
            cores = min(cores, max(1, int(quota) // int(period)))
    return min(max(cores - 1, 1), 3)


@pytest.mark.parametrize(
    "given, wanted",
    [(["--io-threads", "3"], 3), ([], 1), (["--io-threads", "auto"], expected_of_itself())],
)
def test_so_many_threads_send_the_requests(
    host: str, script: Path, given: list[str], wanted: int, tmp_path: Path
) -> None:
    command = [locust_command(), "-f", str(script), "-H", host, "--headless", "-u", "8", "-r", "100"]
    run = subprocess.Popen(
        [*command, *given, "--only-summary", "--json-file", str(tmp_path / "result")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        found = wait_for_busy(run.pid, wanted)
        # Both names are to have answers, on a busy machine, too.
        time.sleep(1)
    finally:
        run.terminate()
        output, _ = run.communicate(timeout=30)
    assert found == [f"gregaria-io-{n}" for n in range(wanted)], output
    # The table, which is followed by that of percentiles.
    lines = [
        line.split() for line in output.splitlines() if line.startswith(("GET", "POST")) and "%)" in line
    ]
    counted = {words[1]: (int(words[2]) > 0, words[3]) for words in lines}
    assert counted == {"get": (True, "0(0.00%)"), "post": (True, "0(0.00%)")}, output


def test_processes_have_one_each_unless_more_are_asked_for(host: str, script: Path) -> None:
    for given, wanted in (("--io-threads", "auto"), 1), (("--io-threads", "2"), 2):
        command = [locust_command(), "-f", str(script), "-H", host, "--headless", "-u", "8", "-r", "100"]
        run = subprocess.Popen(
            [*command, "--processes", "2", *own_cluster(), "--only-summary", *given],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            children: list[int] = []
            deadline = time.monotonic() + 20
            while len(children) < 2 and time.monotonic() < deadline:
                text = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text()
                children = [int(pid) for pid in text.split()]
                time.sleep(0.05)
            found = [wait_for_busy(child, wanted) for child in children]
        finally:
            run.terminate()
            run.wait(timeout=30)
        assert [len(threads) for threads in found] == [wanted, wanted], given


@pytest.mark.parametrize("value", ["0", "17", "-1", "many", "1.5", ""])
def test_anything_else_is_refused_by_name(value: str, script: Path) -> None:
    done = subprocess.run(
        [locust_command(), "-f", str(script), "--headless", f"--io-threads={value}"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "--io-threads: must be a whole number from 1 to 16, or auto" in done.stderr
