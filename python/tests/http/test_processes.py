"""What only whole processes show of the clients: how often hosts are looked up, and that an upload without end ends with its user."""

from __future__ import annotations

import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from http_comparing import oracle

from servers import clean_environment, locust_command

SIDES = ("ours", "real")


def command(side: str) -> str:
    if side == "ours":
        return locust_command()
    python = oracle()
    if python is None:
        pytest.skip("no Locust to compare with")
    return str(python.with_name("locust"))


def run(side: str, folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [command(side), "--headless", "--only-summary", *arguments],
        cwd=folder,
        env=clean_environment(HOME=str(folder), **environment),
        capture_output=True,
        text=True,
        timeout=100,
    )


class Server:
    """Listens at all addresses of this machine; a thread a connection."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("0.0.0.0", 0), backlog=128)
        self.port = self.socket.getsockname()[1]
        # Of each upload: how much came, and when it ended.
        self.uploads: list[tuple[int, float]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            head = b""
            while b"\r\n\r\n" not in head and (part := connection.recv(65536)):
                head += part
            if not head.startswith(b"POST /endless"):
                # Where it arrived; the next request needs a connection of its own.
                here = connection.getsockname()[0].encode()
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\n" + here
                )
                return
            came = len(head)
            try:
                while part := connection.recv(1 << 20):
                    came += len(part)
            except OSError:
                pass
            self.uploads.append((came, time.time()))


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.socket.close()


LOOKING_UP = """
import gevent
from locust import FastHttpUser, HttpUser, task

def together(user):
    ours = [user.client.get("/").text for _ in range(5)]
    spawned = [gevent.spawn(user.client.get, "/") for _ in range(4)]
    gevent.joinall(spawned, timeout=30)
    ours += sorted(one.value.text for one in spawned)
    print("TRACE", type(user).__name__, *ours, flush=True)
    user.environment.runner.quit()

class Plain(HttpUser):
    @task
    def t(self):
        together(self)

class Fast(FastHttpUser):
    @task
    def t(self):
        together(self)
"""


def test_hosts_are_looked_up_for_each_connection_where_that_is_asked_for(
    tmp_path: Path, server: Server
) -> None:
    shim = tmp_path / "shim.so"
    source = Path(__file__).with_name("resolver_shim.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", shim, source, "-ldl"], check=True, timeout=60)
    (tmp_path / "locustfile.py").write_text(LOOKING_UP)

    def looked_up(case: tuple[str, str, bool, bool]) -> tuple[list[str], int]:
        side, user, option, variable = case
        lookups = tmp_path / "-".join(map(str, case))
        ended = run(
            side,
            tmp_path,
            *("-u", "1", "-t", "60s", "-H", f"http://shop.test:{server.port}", user),
            *(["--dns-ttl", "0"] if option else []),
            LD_PRELOAD=str(shim),
            LOOKUPS=str(lookups),
            **({"LOCUST_DNS_TTL": "0"} if variable else {}),
        )
        (line,) = re.findall(r"^TRACE \w+ (.*)$", ended.stdout, re.M) or [ended.stderr]
        assert ended.returncode == 0, ended.stderr
        return line.split(), lookups.stat().st_size

    cases = [
        (side, user, option, variable)
        for user in ("Plain", "Fast")
        for side, option, variable in (("real", False, False), ("ours", True, False), ("ours", False, True), ("ours", False, False))
    ]  # fmt: skip
    with ThreadPoolExecutor(4) as threads:
        found = dict(zip(cases, threads.map(looked_up, cases), strict=True))
    for user in ("Plain", "Fast"):
        addresses, lookups = found["real", user, False, False]
        assert lookups == 9 and addresses[:5] == [
            "127.0.0.1",
            "127.0.0.2",
            "127.0.0.1",
            "127.0.0.2",
            "127.0.0.1",
        ]
        assert found["ours", user, True, False] == found["ours", user, False, True] == (addresses, lookups)
        assert found["ours", user, False, False] == (["127.0.0.1"] * 9, 1)


ENDLESS = """
import itertools, time
import gevent
from locust import FastHttpUser, HttpUser, events, task

class Reader:
    def __init__(self, sized):
        self.sized = sized

    def read(self, size=-1):
        gevent.sleep(0.001)
        return b"x" * 1000

class Sized(Reader):
    def __len__(self):
        return 1 << 50

def pieces():
    while True:
        gevent.sleep(0.001)
        yield b"x" * 1000

class Generator(HttpUser):
    @task
    def t(self):
        self.client.post("/endless", data=pieces())

class WithoutLength(HttpUser):
    @task
    def t(self):
        self.client.post("/endless", data=Reader(False))

class WithLength(HttpUser):
    @task
    def t(self):
        self.client.post("/endless", data=Sized(True))

class Fast(FastHttpUser):
    @task
    def t(self):
        self.client.post("/endless", data=Reader(False), headers={"Content-Length": str(1 << 50)})

class NeverYields(HttpUser):
    @task
    def t(self):
        self.client.post("/endless", data=itertools.repeat(b"x" * 1000))

@events.init.add_listener
def _(environment, **_):
    def steer():
        gevent.sleep(1.5)
        environment.runner.stop()
        print("STOPPED", environment.runner.user_count, flush=True)
        gevent.sleep(1.5)
        print("GOES ON", time.time(), flush=True)
        environment.runner.quit()
    gevent.spawn(steer)
"""


@pytest.mark.parametrize("side", SIDES)
def test_an_upload_without_end_ends_with_its_user(side: str, tmp_path: Path, server: Server) -> None:
    (tmp_path / "locustfile.py").write_text(ENDLESS)
    users = ["Generator", "WithoutLength", "WithLength", "Fast"]
    if side == "ours":
        # With Locust nothing else gets a turn any more.
        users.append("NeverYields")
    ended = run(
        side, tmp_path, "-u", str(len(users)), "-r", "9", "-H", f"http://127.0.0.1:{server.port}", *users
    )
    assert "STOPPED 0" in ended.stdout, ended.stderr
    (goes_on,) = re.findall(r"GOES ON (.*)", ended.stdout)
    assert len(server.uploads) == len(users), server.uploads
    assert all(came > 1000 and moment < float(goes_on) for came, moment in server.uploads), (
        server.uploads,
        goes_on,
    )
    # Nobody has measured a request that had no end.
    assert ended.returncode == 0, ended.stderr
