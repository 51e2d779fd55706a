"""What of the libraries below a client a script can replace, and what it cannot."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
from typing import Any

import pytest
import requests
import urllib3.connectionpool
from http_recording import RecordingServer
from requests.adapters import HTTPAdapter
from urllib3 import PoolManager

from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.event import EventHook


def refuse(*_arguments: Any, **_keywords: Any) -> Any:
    raise AssertionError("asked")


def test_a_replaced_send_of_requests_sees_what_clients_send(
    recording: RecordingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    original = requests.Session.send

    def send(self: Any, request: Any, **keywords: Any) -> Any:
        seen.append(request.url)
        return original(self, request, **keywords)

    monkeypatch.setattr(requests.Session, "send", send)
    assert HttpSession(recording.url, EventHook(), None).get("/x").status_code == 200
    assert seen == [recording.url + "/x"]


def test_a_session_that_has_sent_notices_it_when_something_of_it_changes(
    recording: RecordingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    original = requests.Session.send
    before = HttpSession(recording.url, EventHook(), None)
    before.trust_env = False
    assert before.get("/before").status_code == 200

    def send(self: Any, request: Any, **keywords: Any) -> Any:
        seen.append(request.path_url)
        return original(self, request, **keywords)

    monkeypatch.setattr(requests.Session, "send", send)
    before.get("/unseen")
    HttpSession(recording.url, EventHook(), None).get("/new")
    before.headers["X-A"] = "1"
    before.get("/changed")
    assert seen == ["/new", "/changed"]
    # Of our own class it is noticed at once.
    after = HttpSession(recording.url, EventHook(), None)
    monkeypatch.setattr(requests.Session, "send", original)
    after.trust_env = False
    after.get("/first")
    monkeypatch.setattr(HttpSession, "send", send)
    after.get("/at-once")
    assert seen[2:] == ["/at-once"]


def test_so_does_one_replaced_before_we_were_imported(recording: RecordingServer) -> None:
    script = """
import functools, requests, sys
original = requests.Session.send

@functools.wraps(original)
def send(self, request, **keywords):
    print("SENT", request.url)
    return original(self, request, **keywords)

requests.Session.send = send
from locust.clients import HttpSession
from locust.event import EventHook
assert HttpSession(sys.argv[1], EventHook(), None).get("/x").status_code == 200
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, recording.url],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout == f"SENT {recording.url}/x\n", done.stderr


def test_what_is_below_does_not_log(recording: RecordingServer, caplog: pytest.LogCaptureFixture) -> None:
    session = HttpSession(recording.url, EventHook(), None)
    with caplog.at_level("DEBUG"):
        session.get("/x")
        assert not [record for record in caplog.records if record.name.startswith("urllib3")]
        session.mount("http://", HTTPAdapter())
        session.get("/x")
    assert [record for record in caplog.records if record.name.startswith("urllib3")]


def test_an_adapter_that_a_script_mounts_sends(recording: RecordingServer) -> None:
    class Refusing(HTTPAdapter):
        def send(self, *_arguments: Any, **_keywords: Any) -> Any:
            raise requests.ConnectionError("mine")

    session = HttpSession(recording.url, EventHook(), None)
    session.mount("http://", Refusing())
    assert str(session.get("/x").error) == "mine"


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (HTTPAdapter, "send"),
        (urllib3.connectionpool.HTTPConnectionPool, "urlopen"),
        (http.client.HTTPConnection, "request"),
        (socket, "getaddrinfo"),
        (socket, "create_connection"),
        (socket.socket, "connect"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
@pytest.mark.parametrize("client", [HttpSession, FastHttpSession])
def test_what_is_below_is_not_asked(
    client: Any, owner: Any, name: str, recording: RecordingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, name, refuse)
    assert client(recording.url, EventHook(), None).get("/x").status_code == 200


def test_a_pool_manager_shares_connections_and_its_other_settings_stay_its_own(
    recording: RecordingServer,
) -> None:
    shared = PoolManager(source_address=("192.0.2.1", 0))  # an address that this machine has not
    sessions = [HttpSession(recording.url, EventHook(), None, pool_manager=shared) for _ in range(2)]
    assert [session.get("/x").status_code for session in sessions] == [200, 200]
