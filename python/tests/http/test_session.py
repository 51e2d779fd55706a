"""Sessions as scripts use them: settings, cookies, streams, several greenlets, TLS."""

from __future__ import annotations

import locust  # noqa: F401  (patches before anything else is imported)

# isort: split
import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import pytest
import requests
from gevent.pool import Pool
from http_recording import RecordingServer

from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.event import EventHook
from servers import TestkitServer


def http(url: str) -> HttpSession:
    session = HttpSession(url, EventHook(), None)
    session.trust_env = False
    return session


def fast(url: str, **options: Any) -> FastHttpSession:
    return FastHttpSession(url, EventHook(), None, **{"concurrency": 10, "max_retries": 0, **options})


BOTH = pytest.mark.parametrize("make", [http, fast])


@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [
        ("params", {"k": "1"}, "GET /x?k=1 "),
        ("headers", {"X-Own": "1"}, "X-Own: 1"),
        ("auth", ("u", "p"), "Authorization: Basic dTpw"),
        ("cookies", requests.cookies.cookiejar_from_dict({"a": "1"}), "Cookie: a=1"),
    ],
)
def test_what_is_set_before_anything_is_read_counts(
    name: str, value: Any, sent: str, recording: RecordingServer
) -> None:
    session = http(recording.url)
    setattr(session, name, value)
    session.get("/x")
    ((_, head, _),) = recording.received()
    assert sent in head


def test_what_is_set_later_counts_for_the_next_request(recording: RecordingServer) -> None:
    session = http(recording.url)
    session.get("/x")
    session.headers["X-Own"] = "1"
    session.params["k"] = "1"
    session.get("/x")
    session.headers.pop("X-Own")
    session.params.clear()
    session.get("/x")
    first, second, third = (head for _, head, _ in recording.received())
    assert first == third
    assert "X-Own: 1" in second and "/x?k=1" in second


def test_reading_the_jar_late_does_not_lose_its_cookies(recording: RecordingServer) -> None:
    session = http(recording.url)
    session.get("/cookies?set=a=1")
    assert session.cookies.get_dict() == {"a": "1"}
    session.cookies.set("b", "2")
    session.get("/x")
    assert "Cookie: a=1; b=2" in recording.received()[-1][1]


@BOTH
def test_the_callers_cookie_header_goes_first_and_not_along_a_redirect(
    make: Callable[..., Any], recording: RecordingServer
) -> None:
    session = make(recording.url)
    session.get("/cookies?set=a=1;%20Path=/")
    response = session.get("/redirect/302?to=/landed", headers={"Cookie": "own=1"})
    _, first, second = (head for _, head, _ in recording.received())
    cookies = [
        [line for line in head.split("\r\n") if line.lower().startswith("cookie:")]
        for head in (first, second)
    ]
    if make is http:
        assert cookies == [["Cookie: own=1"], ["Cookie: a=1"]]
        assert response.history[0].request.headers["Cookie"] == "own=1"
    else:
        assert any("own=1" in line for line in cookies[0])
        assert cookies[1] == ["Cookie: a=1"]


def test_cookies_of_a_request_are_not_kept(recording: RecordingServer) -> None:
    session = http(recording.url)
    session.get("/x", cookies={"once": "1"})
    session.get("/y")
    first, second = (head for _, head, _ in recording.received())
    assert "Cookie: once=1" in first
    assert "Cookie" not in second


@BOTH
def test_greenlets_share_a_session(make: Callable[..., Any], recording: RecordingServer) -> None:
    session = make(recording.url)
    pool = Pool(10)
    answers = pool.map(lambda number: session.get(f"/n/{number}").text, range(100))
    assert answers == [f"GET /n/{number}" for number in range(100)]
    connections = {number for number, *_ in recording.received()}
    assert 1 <= len(connections) <= 10


@BOTH
def test_a_greenlet_that_is_killed_leaves_the_session_usable(
    make: Callable[..., Any], recording: RecordingServer
) -> None:
    session = make(recording.url)
    waiting = gevent.spawn(session.get, "/no-head")
    recording.wait_for(1)
    waiting.kill()
    assert session.get("/after").text == "GET /after"


@BOTH
def test_a_timeout_of_gevent_ends_a_request(make: Callable[..., Any], recording: RecordingServer) -> None:
    session = make(recording.url)
    with gevent.Timeout(0.1, False):
        session.get("/no-head")
    assert session.get("/after").text == "GET /after"


def test_a_stream_that_is_read_gives_its_connection_back(recording: RecordingServer) -> None:
    session = http(recording.url)
    for _ in range(3):
        with session.get("/chunked", stream=True, catch_response=True) as response:
            assert b"".join(response.iter_content(3)) == b"first\nsecond\r\nthird\nlast"
    assert {number for number, *_ in recording.received()} == {0}


@pytest.mark.parametrize("end", ["close", "drop"])
@BOTH
def test_streams_given_up_do_not_use_up_the_connections(
    make: Callable[..., Any], end: str, recording: RecordingServer
) -> None:
    session = make(recording.url)
    for _ in range(15):
        response = session.get("/half-body", stream=True)
        if end == "close":
            (response.close if make is http else response.release)()
        del response
        gc.collect()
    with gevent.Timeout(30):
        assert session.get("/after").text == "GET /after"


def test_a_closed_session_opens_anew(recording: RecordingServer) -> None:
    session = http(recording.url)
    session.get("/x")
    session.close()
    gevent.sleep(0.05)
    session.get("/y")
    assert [number for number, *_ in recording.received()] == [0, 1]


def test_dropping_the_connections_of_a_fast_session(recording: RecordingServer) -> None:
    session = fast(recording.url)
    session.get("/x")
    session.client.clientpool.close()
    gevent.sleep(0.05)
    session.get("/y")
    assert [number for number, *_ in recording.received()] == [0, 1]


def test_an_adapter_may_be_used_in_another_session(recording: RecordingServer) -> None:
    from locust.clients import LocustHttpAdapter

    plain = requests.Session()
    plain.trust_env = False
    plain.mount("http://", LocustHttpAdapter(pool_manager=None))
    assert plain.get(f"{recording.url}/x").text == "GET /x"


# --- TLS


def test_certificates_are_checked_as_asked(misbehave_tls: tuple[TestkitServer, Path]) -> None:
    server, authority = misbehave_tls
    session = http(server.url)
    refused = session.get("/ok")
    assert isinstance(refused.error, requests.exceptions.SSLError)
    assert "CERTIFICATE_VERIFY_FAILED" in str(refused.error)
    assert session.get("/ok", verify=False).text == "ok"
    assert session.get("/ok", verify=str(authority)).text == "ok"
    assert session.get("/ok").status_code == 0


@pytest.mark.parametrize("how", ["off", "authority"])
def test_a_session_keeps_how_certificates_are_checked(
    how: str, misbehave_tls: tuple[TestkitServer, Path]
) -> None:
    server, authority = misbehave_tls
    session = http(server.url)
    session.verify = False if how == "off" else str(authority)
    assert session.get("/ok").text == "ok"
    assert session.get("/ok", verify=True).status_code == 0 or how == "authority"


def test_a_fast_session_checks_certificates_if_it_is_told_to(
    misbehave_tls: tuple[TestkitServer, Path],
) -> None:
    server, authority = misbehave_tls
    assert fast(server.url).get("/ok").text == "ok"
    assert fast(server.url, insecure=False).get("/ok").status_code == 0

    def context() -> Any:
        return gevent.ssl.create_default_context(cafile=str(authority))

    own = fast(server.url, ssl_context_factory=context, insecure=False)
    assert own.get("/ok").text == "ok"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"verify": "/no/such/bundle.pem"}, "Could not find a suitable TLS CA certificate bundle"),
        ({"cert": "/no/such/cert.pem"}, "Could not find the TLS certificate file"),
        ({"cert": ("/no/such/cert.pem", "/no/such/key.pem")}, "Could not find the TLS certificate file"),
    ],
)
def test_a_missing_file_is_named(
    given: dict[str, Any], said: str, misbehave_tls: tuple[TestkitServer, Path]
) -> None:
    with pytest.raises(OSError, match=said):
        http(misbehave_tls[0].url).get("/ok", **given)


@pytest.mark.parametrize("path", ["/no-length", "/chunked", "/gzip"])
def test_a_body_asked_for_in_one_piece_comes_to_its_end(path: str, recording: RecordingServer) -> None:
    session = http(recording.url)
    whole = session.get(path).content
    with gevent.Timeout(30):
        assert b"".join(session.get(path, stream=True).iter_content(None)) == whole
        assert list(session.get(path).raw.stream(None)) == []
