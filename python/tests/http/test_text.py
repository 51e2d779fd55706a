"""`.text`: what the engine decodes is what the library decodes, and what a script has put in the library's place is asked."""

from __future__ import annotations

import locust  # noqa: F401  (patches before anything else is imported)

# isort: split
import random
from typing import Any
from urllib.parse import quote

import charset_normalizer
import pytest
import requests
from http_recording import RecordingServer
from http_sessions import opened, outcome
from requests.utils import get_encoding_from_headers

from locust import _engine
from locust._http.response import ResponseContextManager
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession

CLIENTS = pytest.mark.parametrize("client", [HttpSession, FastHttpSession])
BODIES = [
    *(b"", b"plain", b"a" * 70_000, b"\x00\x01\x7f", b"\xff\xfe", b"\xef\xbb\xbfmarked", b"\xc3\xbc", b"\xc3", b"a\x80b", b"\xed\xa0\x80"),
    *("üöä€😀".encode(codec, "replace") for codec in ("utf-8", "latin-1", "cp1252", "utf-16", "utf-32-be")),
]  # fmt: skip
TYPES = [
    *("text/html", "text/plain; charset=utf-8", "text/html; charset=UTF8", "text/html; charset=ISO-8859-1", "application/json", None),
    *("text/plain; charset=utf-16", "text/plain; charset=utf-8-sig", "text/plain; charset=none-such", "text/plain; charset=cp1252"),
    *("text/html; charset=us-ascii", "text/html; charset", "image/png", 'text/html; charset="utf-8"', "text/html; charset=windows-1252"),
]  # fmt: skip


def by_library(client: Any, body: bytes, content_type: str | None) -> Any:
    headers = {"content-type": content_type} if content_type else {}
    if client is HttpSession:
        response = requests.Response()
        response._content, response._content_consumed = body, True  # type: ignore[attr-defined]
        response.headers.update(headers)
        response.encoding = get_encoding_from_headers(response.headers)
        return response.text
    encoding = get_encoding_from_headers(headers) or charset_normalizer.detect(body)["encoding"]
    return None if encoding is None else str(body, encoding, errors="replace")


def get(client: Any, recording: RecordingServer, body: bytes, content_type: str | None) -> Any:
    target = f"/echo?type={quote(content_type)}" if content_type else "/echo"
    return opened(client, recording).post(target, data=body, headers={"Content-Type": "application/x-x"})


@CLIENTS
def test_what_is_decoded_here_is_what_the_library_decodes(client: Any, recording: RecordingServer) -> None:
    chance = random.Random(3)
    made = [
        "".join(chance.choices("ab \n" if n % 2 else "aü€", k=chance.randrange(30))).encode()
        for n in range(40)
    ]
    made += [
        bytes(chance.choices(b"ab\xc3\xbc\xe2\x82\xac\x80\x00", k=chance.randrange(9))) for _ in range(20)
    ]
    session, here, cases = opened(client, recording), 0, 0
    for body in [*BODIES, *made]:
        for content_type in TYPES:
            target = f"/echo?type={quote(content_type)}" if content_type else "/echo"
            response = session.post(target, data=body, headers={"Content-Type": "application/x-x"})
            if response.content != body:
                # What an empty body is answered with.
                body = response.content
            expected = outcome(lambda: by_library(client, body, content_type))  # noqa: B023
            response = session.post(target, data=body, headers={"Content-Type": "application/x-x"})
            assert outcome(lambda: response.text) == expected, (body, content_type)  # noqa: B023
            assert outcome(lambda: response.text) == expected, (body, content_type)  # noqa: B023
            assert response.content == body
            cases += 1
            here += _engine.decoded_text(response) is not NotImplemented
    assert here > cases * 0.3, (here, cases)


@CLIENTS
def test_usual_pages_are_decoded_here(client: Any, recording: RecordingServer) -> None:
    for content_type in ("text/html", "text/html; charset=utf-8", "text/plain; charset=iso-8859-1"):
        assert _engine.decoded_text(get(client, recording, b"a page", content_type)) == "a page"


@pytest.mark.parametrize("owner", [requests.Response, ResponseContextManager])
@pytest.mark.parametrize("name", ["text", "content"])
def test_a_replaced_step_is_asked(
    owner: Any, name: str, recording: RecordingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    response = get(HttpSession, recording, b"a page", "text/html")
    mine: Any = "mine" if name == "text" else b"mine"
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, property(lambda _self: mine))
        assert response.text == "mine"
    assert response.text == "a page"


@CLIENTS
def test_what_a_script_has_put_into_a_response_counts(client: Any, recording: RecordingServer) -> None:
    response = get(client, recording, "ü".encode(), "text/html; charset=utf-8")
    response.encoding = "latin-1"
    assert response.text == "Ã¼"
    response = get(client, recording, b"a page", "text/html")
    if client is HttpSession:
        response._content = b"mine"
    else:
        response.content = b"mine"
    assert response.text == "mine"


def test_a_subclass_of_a_response_has_its_own_text(recording: RecordingServer) -> None:
    class Own(ResponseContextManager):
        @property
        def text(self) -> str:
            return f"own {super().text}"

    response = get(HttpSession, recording, b"a page", "text/html")
    response.__class__ = Own
    assert response.text == "own a page"
