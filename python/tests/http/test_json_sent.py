"""`json=`: what the engine encodes is what the library encodes, and what a script has put in the library's place is asked."""

from __future__ import annotations

import locust  # noqa: F401  (patches before anything else is imported)

# isort: split
import enum
import json
import random
from collections import OrderedDict
from typing import Any

import pytest
import requests
from http_recording import RecordingServer
from http_sessions import opened, outcome

import locust.contrib.fasthttp as fasthttp
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession

CLIENTS = pytest.mark.parametrize("client", [HttpSession, FastHttpSession])


class Number(enum.IntEnum):
    ONE = 1


class Text(str):
    def __str__(self) -> str:
        return "mine"


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)
DEEP: Any = 1
for _ in range(80):
    DEEP = [DEEP]

VALUES: list[Any] = [
    *(0, -1, 1, 2**31, -(2**31), 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**30, True, False, [None]),
    *(0.0, -0.0, 1.0, 1.5, 1e16, 1e15, 1e-5, 1e-4, 123456789.123, 5e-324, 1.7976931348623157e308, 1e22, 1e23, 0.1 + 0.2),
    *(float("nan"), float("inf"), [float("-inf")], {"a": float("nan")}),
    *("", "a", 'a "quoted" \\ / \b\f\n\r\t', "\x00\x1f\x7f\x80\x9f", "üöä€😀\u2028\ufeff\uffff", "\ud800", "\udc00x", "a\ud83d"),
    *([], {}, (), [[]], [{}], ([1], (2,)), {"a": {"b": [1, {"c": None}]}}, DEEP, CIRCLE),
    *({"b": 1, "a": 2}, {"": 0, "ü": 1, "\n": 2}, {1: 2}, {None: 1}, {True: 1}, {1.5: 1}, {(1,): 1}, {"a": 1, 2: 3}),
    *(Number.ONE, [Number.ONE], {"a": Number.ONE}, Text("a"), {Text("a"): Text("b")}, OrderedDict(b=1, a=2)),
    *({1, 2}, b"bytes", object(), [object()], {"a": {1}}, range(3), type, ...),
]  # fmt: skip


def _values(chance: random.Random, depth: int) -> Any:
    kind = chance.randrange(8 if depth else 6)
    if kind == 0:
        return chance.choice([None, True, False])
    if kind == 1:
        return chance.randrange(-(10 ** chance.randrange(1, 21)), 10 ** chance.randrange(1, 21))
    if kind == 2:
        return chance.uniform(-1, 1) * 10 ** chance.randrange(-25, 25)
    if kind < 6:
        return "".join(chance.choices('ab" \\/\n\x00\x7fü€😀', k=chance.randrange(8)))
    children = [_values(chance, depth - 1) for _ in range(chance.randrange(5))]
    if kind == 6:
        return chance.choice([list, tuple])(children)
    return {str(_values(chance, 0)): child for child in children}


def by_library(client: Any, value: Any) -> Any:
    if client is HttpSession:
        return requests.Request("POST", "http://127.0.0.1/", json=value).prepare().body
    return json.dumps(value).encode()


def by_us(session: Any, value: Any) -> Any:
    response = session.post("/echo", json=value)
    if response.error is not None:
        raise response.error
    sent = response.request.body if isinstance(session, HttpSession) else response.request.payload
    assert (sent.encode() if isinstance(sent, str) else sent) == response.content
    assert response.request.headers["content-type"] == "application/json"
    return response.content


@CLIENTS
def test_what_is_encoded_here_is_what_the_library_encodes(client: Any, recording: RecordingServer) -> None:
    session, chance = opened(client, recording), random.Random(7)
    for value in [*VALUES, *(_values(chance, 4) for _ in range(500))]:
        # None is no body.
        if value is not None:
            expected = outcome(lambda: by_library(client, value))  # noqa: B023
            assert outcome(lambda: by_us(session, value)) == expected, value  # noqa: B023


def encodes(*_given: Any, **_named: Any) -> str:
    return '"mine"'


class Mine:
    """In the place of a module."""

    dumps = staticmethod(encodes)


class Bytes:
    """The same, as faster modules do it."""

    dumps = staticmethod(lambda _value, **_named: b'"mine"')


def iterates(*_given: Any, **_named: Any) -> list[str]:
    return ['"mine"']


BOTH: list[tuple[Any, str, Any]] = [
    (json, "dumps", encodes),
    (json.JSONEncoder, "encode", encodes),
    (json.JSONEncoder, "iterencode", iterates),
    (json.encoder, "c_make_encoder", lambda *_given: iterates),
]
HTTP: list[tuple[Any, str, Any]] = [
    (requests.models, "complexjson", Mine),
    (requests.models, "complexjson", Bytes),
    (json, "JSONEncoder", type("Mine", (json.JSONEncoder,), {"encode": encodes})),
]
FAST: list[tuple[Any, str, Any]] = [
    (fasthttp, "unshadowed_json", Mine),
    (json, "_default_encoder", type("Mine", (), {"encode": encodes})()),
    (json._default_encoder, "encode", encodes),  # type: ignore[attr-defined]
]


@pytest.mark.parametrize(
    ("client", "owner", "name", "value"),
    [(HttpSession, *one) for one in BOTH + HTTP] + [(FastHttpSession, *one) for one in BOTH + FAST],
    ids=lambda value: getattr(value, "__name__", str(value)[:12]),
)
def test_a_replaced_encoder_is_asked(
    client: Any,
    owner: Any,
    name: str,
    value: Any,
    recording: RecordingServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = opened(client, recording)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, value)
        if owner is json.encoder:
            # Not asked for a text alone.
            assert session.post("/echo", json=["a"]).content == b'"mine"'
        else:
            assert session.post("/echo", json="a").content in (b'"mine"', b'"a"')
            assert session.post("/echo", json={"a": 1}).content == b'"mine"'
    assert session.post("/echo", json={"a": 1}).content == b'{"a": 1}'


@pytest.mark.parametrize("option", ["sort_keys", "indent", "ensure_ascii", "item_separator"])
def test_options_of_the_default_encoder_count_for_the_fast_client(
    option: str, recording: RecordingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, value = opened(FastHttpSession, recording), {"b": "ü", "a": 1}
    changed: Any = {"sort_keys": True, "indent": 1, "ensure_ascii": False, "item_separator": ";"}[option]
    monkeypatch.setattr(json._default_encoder, option, changed)  # type: ignore[attr-defined]
    assert session.post("/echo", json=value).content == json.dumps(value).encode()
    assert json.dumps(value) != '{"b": "\\u00fc", "a": 1}'


def test_what_an_own_default_makes_of_odd_types_is_sent(
    recording: RecordingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json.JSONEncoder, "default", lambda _self, value: f"<{type(value).__name__}>")
    for client in (HttpSession, FastHttpSession):
        assert opened(client, recording).post("/echo", json={"a": {1}}).content == b'{"a": "<set>"}'
