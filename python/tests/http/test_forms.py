"""`data=` with a dict: what the engine encodes is what the library encodes, and what a script has put in the library's place is asked."""

from __future__ import annotations

import locust  # noqa: F401  (patches before anything else is imported)

# isort: split
import random
import urllib.parse
from typing import Any

import pytest
import requests
from http_recording import RecordingServer
from http_sessions import opened, outcome

from locust._http import arguments
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession

CLIENTS = pytest.mark.parametrize("client", [HttpSession, FastHttpSession])


class Text(str):
    def __str__(self) -> str:
        return "mine"


class Number(int):
    def __str__(self) -> str:
        return "mine"


FORMS: list[dict[Any, Any]] = [
    *({"a": value} for value in ("", "b c", "ü€😀", "a&b=c;d+e%20", "~-._/?:@!$'()*,[]\x00\n\x7f\x80", "x" * 500)),
    *({"a": value} for value in (0, -7, 2**63, -(2**63) - 1, 10**30, True, False, None, 1.5, 1e16, -0.0, float("nan"), float("inf"))),
    *({"a": value} for value in (b"", b"a b\xff&", bytearray(b"x"), Text("a"), Number(3), object, ..., {"x": 1}, {1}, range(2))),
    *({"a": value} for value in ([], [1], ["a b", None, 2, b"\xfe"], (1, "x"), [[1]], [Text("a")], ["a", [1]], iter([1, 2]))),
    *({key: "v"} for key in ("", "ü b", b"k\xff", 1, None, True, 1.5, ("a", "b"), Text("k"))),
    *({}, {"a": 1, "b": 2, "c": ""}, {"a": None, "b": None}, {"b": [None]}, {"a": "\ud800"}, {"\udfff": 1}),
]  # fmt: skip


def _forms(chance: random.Random, count: int) -> list[dict[Any, Any]]:
    def value(depth: int) -> Any:
        kind = chance.randrange(8 if depth else 6)
        if kind < 3:
            return "".join(chance.choices("ab &=+%;ü€😀\n~", k=chance.randrange(6)))
        if kind == 3:
            return chance.choice([None, True, False, b"a b", b"\xff", 1.25, 1e-7])
        if kind < 6:
            return chance.randrange(-(10 ** chance.randrange(1, 21)), 10 ** chance.randrange(1, 21))
        return chance.choice([list, tuple])([value(0) for _ in range(chance.randrange(4))])

    return [{str(value(0)): value(1) for _ in range(chance.randrange(5))} for _ in range(count)]


def as_bytes(body: str | bytes | None) -> bytes:
    return body.encode() if isinstance(body, str) else body or b""


def by_library(client: Any, form: Any) -> bytes:
    if client is HttpSession:
        return as_bytes(requests.Request("POST", "http://127.0.0.1/", data=form).prepare().body)
    return urllib.parse.urlencode(form).encode()


def by_us(session: Any, form: Any) -> bytes:
    response = session.post("/echo", data=form)
    if response.error is not None:
        raise response.error
    if form:
        kind = response.request.headers.get("content-type", "application/x-www-form-urlencoded")
        assert kind.startswith("application/x-www-form-urlencoded")
    return response.content


@CLIENTS
def test_what_is_encoded_here_is_what_the_library_encodes(client: Any, recording: RecordingServer) -> None:
    session = opened(client, recording)
    for form in [*FORMS, *_forms(random.Random(11), 400)]:
        if any(hasattr(value, "__next__") for value in form.values()):
            # Can be read once.
            continue
        expected = outcome(lambda: by_library(client, form))  # noqa: B023
        if expected == b"":
            # Left to the libraries, which send nothing in ways of their own.
            continue
        assert outcome(lambda: by_us(session, form)) == expected, form  # noqa: B023


def mine(*_given: Any, **_named: Any) -> str:
    return "a=mine"


@pytest.mark.parametrize(
    ("client", "owner", "name", "value", "sent"),
    [
        (HttpSession, requests.models.RequestEncodingMixin, "_encode_params", staticmethod(mine), b"a=mine"),
        (HttpSession, requests.models, "urlencode", mine, b"a=mine"),
        (HttpSession, requests.models, "to_key_val_list", lambda _data: [("b", "c")], b"b=c"),
        (FastHttpSession, arguments, "urlencode", mine, b"a=mine"),
        (HttpSession, urllib.parse, "quote", lambda *_given, **_named: "q", b"q=q"),
        (FastHttpSession, urllib.parse, "quote", lambda *_given, **_named: "q", b"q=q"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)[:16]),
)
def test_a_replaced_step_is_asked(
    client: Any,
    owner: Any,
    name: str,
    value: Any,
    sent: bytes,
    recording: RecordingServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = opened(client, recording)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, value)
        assert session.post("/echo", data={"a": "b"}).content == sent
    assert session.post("/echo", data={"a": "b"}).content == b"a=b"
