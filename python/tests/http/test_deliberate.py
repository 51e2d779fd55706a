"""What the clients do otherwise than Locust's on purpose; compat/differences.toml names these tests."""

from __future__ import annotations

import locust  # noqa: F401  (patches before anything else is imported)

# isort: split
import gzip
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import http_gates
import pytest
import requests
from http_recording import RecordingServer

from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.event import EventHook

LENGTH = 1000
GOOD_GZIP = gzip.compress(b"x" * LENGTH, mtime=0)
# The marks at both ends are right, so that only unpacking can tell.
BROKEN_GZIP = GOOD_GZIP[:12] + bytes([GOOD_GZIP[12] ^ 0xFF]) + GOOD_GZIP[13:]


class Bodies(BaseHTTPRequestHandler):
    """Answers with a gzip body; with a broken one under /broken."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = BROKEN_GZIP if self.path == "/broken" else GOOD_GZIP
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def bodies() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bodies)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def http(url: str, listener: Callable[..., None] | None = None) -> HttpSession:
    session = HttpSession(url, heard(listener), None)
    session.trust_env = False
    return session


def fast(url: str, listener: Callable[..., None] | None = None, **options: Any) -> FastHttpSession:
    return FastHttpSession(url, heard(listener), None, **options)


def heard(listener: Callable[..., None] | None) -> EventHook:
    event = EventHook()
    if listener is not None:
        event.add_listener(listener)
    return event


BOTH = pytest.mark.parametrize("make", [http, fast])


@BOTH
def test_a_gzip_body_counts_by_its_trailer_and_is_unpacked_for_who_reads_it(
    make: Callable[..., Any], bodies: str
) -> None:
    seen: list[tuple[int, Any]] = []
    client = make(bodies, lambda response_length, exception, **_: seen.append((response_length, exception)))
    assert client.get("/good").content == b"x" * LENGTH
    broken = client.get("/broken")
    # Nobody has read it when it is counted.
    assert seen == [(LENGTH, None), (LENGTH, None)]
    with pytest.raises(requests.exceptions.ContentDecodingError if make is http else zlib.error):
        _ = broken.content


@BOTH
def test_a_body_that_is_no_gzip_at_all_fails_the_request(
    make: Callable[..., Any], recording: RecordingServer
) -> None:
    seen: list[Any] = []
    make(recording.url, lambda exception, **_: seen.append(exception)).get("/bad-gzip")
    (exception,) = seen
    assert exception is not None


@pytest.mark.parametrize("path", ["/cut", "/bad-gzip"])
def test_an_error_in_a_body_knows_its_request(path: str, recording: RecordingServer) -> None:
    error = http(recording.url).get(path).error
    assert error is not None and error.request.url == recording.url + path


def test_timeouts_of_the_fast_client_are_grouped_by_name(recording: RecordingServer) -> None:
    texts: list[str] = []
    client = fast(recording.url, lambda exception, **_: texts.append(str(exception)), network_timeout=0.1)
    for number in range(2):
        client.get(f"/no-head?{number}", name="slow")
    assert "slow" in texts[0] and "/no-head" not in texts[0]
    assert texts[0] == texts[1]


@BOTH
def test_a_head_that_ends_early_is_an_error(make: Callable[..., Any], recording: RecordingServer) -> None:
    seen: list[Any] = []
    response = make(recording.url, lambda exception, **_: seen.append(exception)).get("/cut-head")
    assert response.status_code == 0 and seen[0] is not None


def test_a_header_name_with_a_space_is_not_sent(recording: RecordingServer) -> None:
    seen: list[Any] = []
    http(recording.url, lambda exception, **_: seen.append(exception)).get("/h", headers={"X A": "a"})
    assert isinstance(seen[0], requests.exceptions.InvalidHeader)
    assert recording.received() == []


def test_a_request_without_a_method_is_not_sent(recording: RecordingServer) -> None:
    with pytest.raises(ValueError, match="Method cannot be empty"):
        http(recording.url).request("", "/x")
    assert recording.received() == []


def test_a_host_that_no_name_server_takes_is_a_failure(recording: RecordingServer) -> None:
    seen: list[Any] = []
    client = http(recording.url, lambda exception, **_: seen.append(exception))
    assert [client.get(f"http://{host}/").status_code for host in ("a..invalid", "a" * 64 + ".invalid")] == [
        0,
        0,
    ]
    assert [type(one) for one in seen] == [socket.gaierror] * 2


def test_the_fast_client_does_not_retry_unless_it_is_asked_to(recording: RecordingServer) -> None:
    assert fast(recording.url).get("/close").status_code == 0
    assert len(recording.received()) == 1
    assert fast(recording.url, max_retries=2).get("/close").status_code == 0
    assert len(recording.received()) > 1


def test_the_fast_client_hands_unknown_encodings_through_and_sends_double_slashes(
    recording: RecordingServer,
) -> None:
    client = fast(recording.url)
    assert client.get("/unknown-encoding").content == b"rotated"
    assert client.get("//double/x").status_code == 200
    assert [head.split(" ")[1] for _, head, _ in recording.received()][1] == "//double/x"


def test_a_proxy_over_tls_is_spoken_to_by_urllib3(tmp_path: Path, recording: RecordingServer) -> None:
    http_gates.write_certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    asked: list[bytes] = []

    def serve(connection: Any) -> None:
        with context.wrap_socket(connection, server_side=True) as proxy:
            asked.append(proxy.recv(65536).split(b"\r\n")[0])
            proxy.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")

    port = http_gates.listen(serve)
    response = http("http://host.test").get(
        "/a", proxies={"http": f"https://127.0.0.1:{port}"}, verify=str(tmp_path / "ca.pem")
    )
    assert response.content == b"ok" and asked == [b"GET http://host.test/a HTTP/1.1"]
