"""Sessions where a script reaches for the library behind them: adapters, pools, replaced steps, copies; and what goes unjudged."""

from __future__ import annotations

import locust

# isort: split
import copy
import gc
import logging
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
import requests
from gevent.server import StreamServer
from http_recording import RecordingServer
from urllib3 import PoolManager

import locust._http.verdict
from locust.clients import HttpSession, LocustHttpAdapter
from locust.contrib.fasthttp import FastHttpSession
from locust.event import EventHook
from locust.exception import CatchResponseError

REFUSED = "http://127.0.0.1:1/"


def http(url: str) -> HttpSession:
    session = HttpSession(url, EventHook(), None)
    session.trust_env = False
    return session


def fast(url: str) -> FastHttpSession:
    return FastHttpSession(url, EventHook(), None, max_retries=0)


BOTH = pytest.mark.parametrize("make", [http, fast])


# --- steps of a request that are no longer requests' own


def add_mark(prepared: Any) -> None:
    prepared.headers["X-Marked"] = "yes"


def marking(send: Callable[..., Any]) -> Callable[..., Any]:
    def marked(self: Any, request: Any, **given: Any) -> Any:
        add_mark(request)
        return send(self, request, **given)

    return marked


@pytest.mark.parametrize("where", ["instance", "subclass", "requests"])
def test_a_send_that_is_not_requests_own_is_used(
    where: str, recording: RecordingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = requests.Session.send
    if where == "requests":
        # As tracing libraries do.
        monkeypatch.setattr(requests.Session, "send", marking(original))
    kind = type("Own", (HttpSession,), {"send": marking(original)} if where == "subclass" else {})
    session = kind(recording.url, EventHook(), None)
    session.trust_env = False
    if where == "instance":
        session.get("/before")
        session.send = lambda request, **given: marking(original)(session, request, **given)
    session.get("/x")
    session.post("/y", data="z")
    received = recording.received()
    assert ["X-Marked: yes" in head for _, head, _ in received[-2:]] == [True, True]
    if where == "instance":
        assert "X-Marked" not in received[0][1]
        del session.send
        session.get("/after")
        assert "X-Marked" not in recording.received()[0][1]


def test_a_session_that_prepares_in_its_own_way_does(recording: RecordingServer) -> None:
    class Signing(HttpSession):
        def prepare_request(self, request: Any) -> Any:
            prepared = super().prepare_request(request)
            add_mark(prepared)
            return prepared

    session = Signing(recording.url, EventHook(), None)
    session.trust_env = False
    assert session.get("/x").request.headers["X-Marked"] == "yes"
    assert "X-Marked: yes" in recording.received()[0][1]


# --- adapters


def test_an_adapter_with_retries_retries(recording: RecordingServer) -> None:
    session = http(recording.url)
    session.mount("http://", LocustHttpAdapter(max_retries=2))
    assert isinstance(session.get("/close").error, requests.ConnectionError)
    assert len(recording.received()) == 3
    session.mount("http://", LocustHttpAdapter())
    session.get("/close")
    assert len(recording.received()) == 1


@pytest.fixture
def peers() -> Iterator[tuple[str, list[str]]]:
    """A server that notes the addresses it is asked from."""
    seen: list[str] = []

    def serve(connection: Any, address: Any) -> None:
        seen.append(address[0])
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        connection.close()

    server = StreamServer(("127.0.0.1", 0), serve)
    server.start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.stop()


@pytest.mark.parametrize("base", [requests.adapters.HTTPAdapter, LocustHttpAdapter])
def test_an_adapter_may_choose_the_address_to_send_from(base: Any, peers: tuple[str, list[str]]) -> None:
    class From(base):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs, source_address=("127.0.0.2", 0))

    url, seen = peers
    session = http(url)
    assert session.get("/").text == "ok"
    session.mount("http://", From())
    assert session.get("/").text == "ok"
    assert seen == ["127.0.0.1", "127.0.0.2"]


def test_an_adapters_pools_are_there_and_drop_the_connections(recording: RecordingServer) -> None:
    session = http(recording.url)
    session.get("/a")
    session.get_adapter(recording.url).poolmanager.clear()
    gevent.sleep(0.05)
    session.get("/b")
    assert [number for number, *_ in recording.received()] == [0, 1]
    assert isinstance(session.get_adapter("https://x").poolmanager, PoolManager)


def test_a_pool_manager_of_the_script_is_the_adapters() -> None:
    manager = PoolManager()
    session = HttpSession("http://x", EventHook(), None, pool_manager=manager)
    assert session.get_adapter("http://x").poolmanager is manager


def test_socks_asks_for_its_package_as_in_requests(
    recording: RecordingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = http(recording.url)

    def missing(*_: Any, **__: Any) -> Any:
        raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")

    monkeypatch.setattr(requests.adapters, "SOCKSProxyManager", missing)
    with pytest.raises(requests.exceptions.InvalidSchema, match="Missing dependencies for SOCKS"):
        session.get("/x", proxies={"http": "socks5://127.0.0.1:1"})


# --- copies


@pytest.mark.parametrize("how", [copy.copy, lambda session: pickle.loads(pickle.dumps(session))])
def test_a_copy_of_a_session_sends_with_its_settings(
    how: Callable[[Any], Any], recording: RecordingServer
) -> None:
    session = http(recording.url)
    session.headers["X-Own"] = "1"
    session.cookies.set("c", "2")
    made = how(session)
    assert made.get(recording.url + "/x").text == "GET /x"
    assert made.send(requests.Request("GET", recording.url + "/y").prepare()).text == "GET /y"
    (_, first, _), (_, second, _) = recording.received()
    assert "X-Own: 1" in first and "Cookie: c=2" in first
    assert "X-Own" not in second


# --- responses that nobody judges


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    locust._http.verdict._warned.clear()
    caplog.set_level(logging.WARNING, "locust.clients")

    def seen() -> list[str]:
        gc.collect()
        return [record.getMessage() for record in caplog.records if record.name == "locust.clients"]

    yield seen
    locust._http.verdict._warned.clear()


@BOTH
@pytest.mark.parametrize("data", [None, "iterator"])
def test_a_caught_response_that_no_block_uses_is_warned_about_once(
    make: Callable[..., Any], data: str | None, recording: RecordingServer, warnings: Callable[[], list[str]]
) -> None:
    session = make(recording.url)
    for _ in range(3):
        session.post("/x", data=iter([b"y"]) if data else None, catch_response=True, name="lost")
    assert warnings() == [
        "POST lost was requested with catch_response=True, but its response was not used in a with-block: "
        "the request is missing in the statistics."
    ]


@BOTH
@pytest.mark.parametrize("data", [None, "iterator"])
def test_responses_that_are_used_as_they_should_are_not_warned_about(
    make: Callable[..., Any], data: str | None, recording: RecordingServer, warnings: Callable[[], list[str]]
) -> None:
    session = make(recording.url)

    def post(path: str, **given: Any) -> Any:
        return session.post(path, data=iter([b"y"]) if data else None, **given)

    post("/x")
    post(REFUSED)
    with post("/x", catch_response=True) as response:
        response.failure("no")
    with post(REFUSED, catch_response=True):
        pass
    with pytest.raises(ValueError), post("/x", catch_response=True):
        raise ValueError
    kept = post("/x", catch_response=True)
    del response
    assert warnings() == []
    del kept
    assert len(warnings()) == 1


def test_a_request_that_cannot_be_made_is_not_warned_about(
    recording: RecordingServer, warnings: Callable[[], list[str]]
) -> None:
    session = http("")
    with pytest.raises(requests.exceptions.MissingSchema):
        session.get("no/such/scheme", catch_response=True)
    session.base_url = recording.url
    with pytest.raises(requests.exceptions.InvalidSchema):
        session.get("/redirect/302?to=ftp://x/y", catch_response=True)
    assert warnings() == []


def test_many_lost_requests_do_not_fill_the_log(
    recording: RecordingServer, warnings: Callable[[], list[str]]
) -> None:
    session = fast(recording.url)
    for number in range(60):
        session.get(f"/{number}", catch_response=True)
    assert len(warnings()) == locust._http.verdict._MAX_WARNINGS


def test_a_warning_while_an_exception_is_under_way_leaves_it_alone(
    recording: RecordingServer, warnings: Callable[[], list[str]]
) -> None:
    session = http(recording.url)

    def ask() -> None:
        response = session.get("/x", catch_response=True)
        raise KeyError(response.status_code)

    with pytest.raises(KeyError, match="200") as raised:
        ask()
    del raised
    assert len(warnings()) == 1


# --- ok


@BOTH
def test_ok_says_no_where_there_is_no_good_answer_and_never_raises(
    make: Callable[..., Any], recording: RecordingServer
) -> None:
    session = make(recording.url)
    for path, good in (("/x", True), ("/status/404", False), ("/status/500", False), (REFUSED, False)):
        assert session.get(path).ok is good
    refused = session.get(REFUSED)
    assert bool(refused) is (make is fast), "only requests' responses have a truth value of their own"
    with pytest.raises(OSError):
        refused.raise_for_status()


def test_ok_follows_the_verdict_of_the_block(recording: RecordingServer) -> None:
    session = http(recording.url)
    with session.get("/x", catch_response=True) as response:
        response.failure("no")
        assert (response.ok, bool(response)) == (False, False)
        with pytest.raises(CatchResponseError):
            response.raise_for_status()
    with session.get("/status/404", catch_response=True) as response:
        response.success()
        assert response.ok


# --- names


@BOTH
def test_renaming_ends_with_its_block_and_the_method_is_reported_as_given(
    make: Callable[..., Any], recording: RecordingServer
) -> None:
    seen: list[tuple[str, str]] = []
    session = make(recording.url + "/base")
    session.request_event.add_listener(lambda request_type, name, **_: seen.append((request_type, name)))
    session.request_name = "before"
    with session.rename_request("inside"):
        session.get("/x")
        session.get("/x", name="own")
    session.request("get", "/y")
    assert seen == [("GET", "inside"), ("GET", "own"), ("get", "/y" if make is fast else "/base/y")]
    session.get("z")
    assert recording.received()[-1][1].startswith("GET /basez ")
