"""Hosts and certificates that only Python's TLS comes to terms with; what each request comes to is compared in http_cases_tls.py."""

from __future__ import annotations

import locust  # noqa: F401  (patches before anything else is imported)

# isort: split
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import http_gates
import pytest

from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.event import EventHook


def answer(connection: socket.socket) -> None:
    with connection:
        file = connection.makefile("rb")
        while file.readline():
            while file.readline() not in (b"\r\n", b""):
                pass
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    http_gates.write_certificates(folder)
    return folder


@pytest.fixture
def gates(folder: Path) -> Iterator[dict[str, str]]:
    ports = http_gates.open_gates(folder, answer)
    yield {gate: f"https://127.0.0.1:{port}" for gate, port in zip(http_gates.GATES, ports, strict=True)}


def http(url: str) -> tuple[HttpSession, list[dict[str, Any]]]:
    seen: list[dict[str, Any]] = []
    event = EventHook()
    event.add_listener(lambda **meta: seen.append(meta))
    session = HttpSession(url, event, None)
    session.trust_env = False
    return session, seen


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "locust.clients"]


@pytest.mark.parametrize("fast", [False, True])
def test_a_host_that_only_python_can_speak_to_is_left_to_it_with_one_word(
    fast: bool, gates: dict[str, str], folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    url = gates["old ciphers"]
    for _ in range(3):
        session: Any = FastHttpSession(url, EventHook(), None) if fast else http(url)[0]
        given = {} if fast else {"verify": str(folder / "ca.pem")}
        for _ in range(2):
            response = session.get("/x", **given)
            assert (response.status_code, response.error) == (200, None)
    (word,) = warnings(caplog)
    assert word.startswith(f"{url} cannot be spoken to by this program's own TLS (alert 40), but by Python's")
    # Certificates are looked at as before.
    assert fast or http(url)[0].get("/x").status_code == 0


def test_a_certificate_that_only_python_can_use_is_used_by_it_with_one_word(
    gates: dict[str, str], folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    session, seen = http(gates["client certificate"])
    session.verify, session.cert = False, (str(folder / "old-client.crt"), str(folder / "old-client.key"))
    assert [session.get("/x").status_code for _ in range(3)] == [200, 200, 200]
    assert all(meta["exception"] is None and meta["response_time"] > 0 for meta in seen)
    (word,) = warnings(caplog)
    assert "client certificate cannot be used" in word and "sent by Python" in word


def test_openssl_is_asked_once_for_its_words(gates: dict[str, str], folder: Path) -> None:
    session, _ = http(gates["self-signed"])
    texts = {str(session.get("/x", verify=str(folder / "ca.pem")).error) for _ in range(4)}
    (text,) = texts
    assert "certificate verify failed: self-signed certificate (_ssl.c:" in text


def test_a_refusal_after_the_handshake_is_told_without_a_line_of_openssls_source(
    gates: dict[str, str],
) -> None:
    text = str(http(gates["client certificate"])[0].get("/x", verify=False).error)
    assert "alert certificate required" in text and "_ssl.c" not in text
