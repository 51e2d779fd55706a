"""How many connections there are at a time: as many as a script asks for, unless it limits them; then the wait is its request's time."""

from __future__ import annotations

import locust  # noqa: F401  (patches before anything else is imported)

# isort: split
import socket
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
import requests
from gevent.event import Event
from gevent.server import StreamServer
from urllib3 import PoolManager

from locust import _engine
from locust.clients import HttpSession, LocustHttpAdapter
from locust.contrib.fasthttp import FastHttpSession
from locust.event import EventHook

HOLD = 0.15


class Counting(StreamServer):
    """Answers each request after HOLD seconds, under /together when `expected` are there; counts how many are at a time."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), self.serve)
        self.now = self.most = self.expected = 0
        self.all_there = Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def serve(self, connection: socket.socket, _address: Any) -> None:
        file = connection.makefile("rb")
        while line := file.readline():
            while file.readline() not in (b"\r\n", b""):
                pass
            self.now += 1
            self.most = max(self.most, self.now)
            if b"/together" in line:
                if self.now >= self.expected:
                    self.all_there.set()
                self.all_there.wait(20)
            elif b"/endless" in line:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000000\r\n\r\nbegun")
            else:
                gevent.sleep(HOLD)
            if b"/endless" not in line:
                self.now -= 1
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@pytest.fixture
def server() -> Iterator[Counting]:
    server = Counting()
    server.start()
    yield server
    server.stop()


def http(url: str, **options: Any) -> tuple[HttpSession, list[dict[str, Any]]]:
    seen, event = heard()
    session = HttpSession(url, event, None, **options)
    session.trust_env = False
    return session, seen


def fast(url: str, **options: Any) -> tuple[FastHttpSession, list[dict[str, Any]]]:
    seen, event = heard()
    return FastHttpSession(url, event, None, **options), seen


def heard() -> tuple[list[dict[str, Any]], EventHook]:
    seen: list[dict[str, Any]] = []
    event = EventHook()
    event.add_listener(lambda **meta: seen.append(meta))
    return seen, event


def at_once(count: int, call: Callable[..., Any], *arguments: Any, **options: Any) -> list[Any]:
    greenlets = [gevent.spawn(call, *arguments, **options) for _ in range(count)]
    gevent.joinall(greenlets, timeout=30)
    return [greenlet.value for greenlet in greenlets]


def test_as_many_requests_are_under_way_as_are_made(server: Counting) -> None:
    session, seen = http(server.url)
    server.expected = 60
    at_once(60, session.get, "/together")
    assert server.most == 60
    assert [meta["exception"] for meta in seen] == [None] * 60


@pytest.mark.parametrize("pools", [PoolManager(), PoolManager(maxsize=3), PoolManager(maxsize=100)])
def test_a_pool_that_users_share_holds_nobody_up(server: Counting, pools: PoolManager) -> None:
    server.expected = 40
    sessions = [http(server.url, pool_manager=pools)[0] for _ in range(40)]
    for greenlet in [gevent.spawn(session.get, "/together") for session in sessions]:
        greenlet.join(30)
    assert server.most == 40


def test_streams_that_nobody_reads_stop_nobody(server: Counting) -> None:
    session, _ = http(server.url)
    kept = [session.get("/endless", stream=True, timeout=5) for _ in range(14)]
    assert [response.status_code for response in kept] == [200] * 14
    assert session.get("/after", timeout=5).ok


@pytest.mark.parametrize(
    "limited",
    [
        lambda url: http(url, pool_manager=PoolManager(maxsize=2, block=True)),
        lambda url: fast(url, concurrency=2),
    ],
    ids=["urllib3's pool", "concurrency"],
)
def test_the_wait_for_a_place_is_part_of_the_time_and_a_phase(server: Counting, limited: Any) -> None:
    session, seen = limited(server.url)
    responses = at_once(8, session.get, "/held")
    assert server.most == 2
    times = sorted(meta["response_time"] / 1000 for meta in seen)
    # Two go at once, two wait for one turn, two for two, two for three.
    assert all(time >= HOLD * (1 + index // 2) - 0.005 for index, time in enumerate(times)), times
    queued = sorted(response.phases["queue"] for response in responses)
    assert queued[1] < HOLD / 2 and queued[-1] >= HOLD * 3 - 0.005, queued


def test_the_wait_for_a_place_is_under_the_timeout(server: Counting) -> None:
    session, seen = http(server.url, pool_manager=PoolManager(maxsize=1, block=True))
    stuck = session.get("/endless", stream=True)
    error = session.get("/held", timeout=0.1).error
    assert isinstance(error, requests.exceptions.ConnectTimeout)
    assert "Pool reached maximum size and no more connections are allowed." in str(error)
    assert seen[-1]["response_time"] >= 100
    stuck.close()
    assert session.get("/held", timeout=5).ok

    session, seen = fast(server.url, concurrency=1, connection_timeout=0.1)
    stuck = session.get("/endless", stream=True)
    assert session.get("/held").status_code == 0
    assert seen[-1]["response_time"] >= 100
    stuck.release()
    assert session.get("/held").ok


def test_an_adapter_that_blocks_is_urllib3s(server: Counting) -> None:
    session, seen = http(server.url)
    session.mount("http://", LocustHttpAdapter(None, pool_maxsize=2, pool_block=True))
    at_once(6, session.get, "/held")
    assert server.most == 2
    assert max(meta["response_time"] for meta in seen) >= 3 * HOLD * 1000 - 5


@pytest.mark.parametrize("make", [http, fast])
def test_a_body_beyond_the_limit_fails_its_request_and_names_the_option(server: Counting, make: Any) -> None:
    _engine.limit_clients(max_body=1)
    try:
        session, seen = make(server.url)
        own = {"X-Settings": "of their own"}
        if isinstance(session, HttpSession):
            session.headers.update(own)
        else:
            session = FastHttpSession(server.url, session.request_event, None, headers=own)
        session.get("/held")
        assert "larger than 1 bytes" in str(seen[0]["exception"])
        assert "--max-body-size" in str(seen[0]["exception"])
        # A stream has no limit.
        assert session.get("/held", stream=True).content == b"ok"
    finally:
        _engine.limit_clients(max_body=1 << 30)
