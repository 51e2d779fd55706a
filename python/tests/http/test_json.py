"""`.json()`: what the engine parses is what the library parses, and what a script has put in the library's place is asked."""

from __future__ import annotations

import locust  # noqa: F401  (patches before anything else is imported)

# isort: split
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import charset_normalizer
import pytest
import requests
from http_recording import RecordingServer
from http_sessions import opened
from requests.utils import get_encoding_from_headers

import locust.contrib.fasthttp as fasthttp
from locust import _engine
from locust._http.response import ResponseContextManager
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession, FastResponse

CLIENTS = pytest.mark.parametrize("client", [HttpSession, FastHttpSession])

# --- documents

DOCUMENTS = [
    *("", " ", "0", "-0", "-0.0", "1", "-", "+1", "01", "-01", "1.", ".5", "1.5", "1e5", "1E+5", "1e-5", "1e", "1.e5", "0e0"),
    *("1e400", "-1e400", "1e-400", "4.9e-324", "2.4703282292062327208e-324", "1.7976931348623157e308", "0.1", "1.0"),
    *("2.2250738585072011e-308", "9007199254740993.0", "123456789012345678901234567890.0", "0.30000000000000004"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "1" * 19, "9" * 20),
    *("1" * 640, "1" * 4300, "1" * 4301, "-" + "1" * 4301, "1" * 4301 + ".0", "0." + "1" * 5000, "1e99999", "1e-99999"),
    *("NaN", "Infinity", "-Infinity", "-NaN", "nan", "[NaN, 1]", "null", "nul", "nullx", "true", "True", "false", "fals"),
    *("[]", "[ ]", "[1,]", "[,1]", "[1 2]", "[1", "]", "{}", "{ }", '{"a":1,}', '{"a"}', '{"a":}', "{1:2}", "{'a':1}", "{,}"),
    *('{"a": 1, "a": 2}', '{"a": 1, "b": 2, "a": 3}', '{"": 1, "\\u0000": 2}', '{"a":1}{"b":2}', "[1]x", "[1] \n\t\r ", "\x0b1"),
    *('""', '"', '"\\', '"\\u', '"\\u12', '"\\u12g4"', '"\\x41"', '"\\/\\b\\f\\n\\r\\t\\"\\\\"', '"a\tb"', '"a\nb"', '"\x00"'),
    *('"\x7f"', '"\\u0000"', '"\\ud83d\\ude00"', '"\\ud83d"', '"\\ude00"', '"\\ud83d\\ud83d"', '"\\ud83dx"', '"\\ud83d\\n"'),
    *('"\\uD83D\\uDE00"', '"\\u 123"', '"\\u+123"', '"\\u1_23"', '"ü"', '"😀"', '"\u2028"', '"\\u00fc\\u2028"', '"\ufeff"'),
    *("\ufeff1", "/* c */ 1", "1 // c", "[1]\x00", "\u00a01", "1\u00a0", "１", '"' + "x" * 300 + '"', '{"' + "k" * 99 + '": 1}'),
    *("[" * 199 + "]" * 199, "[" * 201 + "]" * 201, "[" * 100_000, '{"a":' * 250 + "1" + "}" * 250, '{"a' * 50, "[1," * 300),
]  # fmt: skip


def _documents(chance: random.Random, count: int) -> Iterator[bytes]:
    """Documents made at random, most of them whole, some damaged, some in odd encodings."""
    for _ in range(count):
        text = _value(chance, chance.randrange(5))
        encoded = text.encode("utf-8", "surrogatepass")
        kind = chance.randrange(10)
        if kind < 4:
            encoded = bytearray(encoded)
            for _ in range(chance.randrange(1, 3)):
                at = chance.randrange(len(encoded) + 1)
                damage = chance.randrange(4)
                if damage == 0:
                    encoded[at : at + 1] = b""
                elif damage == 1:
                    encoded[at:at] = bytes(
                        [chance.choice(b'"\\{}[],:-+.eE0123456789 \n\x00\x1f\x7f\x80\xc3\xff')]
                    )
                elif damage == 2:
                    encoded[at : at + 1] = bytes([chance.randrange(256)])
                else:
                    del encoded[at:]
            encoded = bytes(encoded)
        elif kind == 4:
            codec = chance.choice(
                [
                    "utf-8-sig",
                    "utf-16",
                    "utf-16-le",
                    "utf-16-be",
                    "utf-32",
                    "utf-32-le",
                    "utf-32-be",
                    "cp1252",
                ]
            )
            encoded = text.encode(codec, "replace")
        yield encoded


def _value(chance: random.Random, depth: int) -> str:
    def space() -> str:
        return chance.choice(["", "", "", " ", "\n", "\t", "\r\n  "])

    if depth and chance.random() < 0.7:
        children = [_value(chance, depth - 1) for _ in range(chance.randrange(5))]
        if chance.random() < 0.5:
            return f"[{space()}{f'{space()},{space()}'.join(children)}{space()}]"
        pairs = [f"{_string(chance)}{space()}:{space()}{child}" for child in children]
        return f"{{{space()}{f'{space()},{space()}'.join(pairs)}{space()}}}"
    leaf = chance.randrange(6)
    if leaf < 2:
        return _string(chance)
    if leaf == 2:
        return chance.choice(
            ["null", "true", "false", "true", "NaN", "-Infinity"][: 4 + (chance.random() < 0.1) * 2]
        )
    if leaf == 3:
        return str(chance.randrange(-(10 ** chance.randrange(1, 25)), 10 ** chance.randrange(1, 25)))
    if leaf == 4:
        return repr(chance.uniform(-1, 1) * 10 ** chance.randrange(-30, 30))
    digits = "".join(chance.choices("0123456789", k=chance.randrange(1, 30)))
    return f"{chance.choice(['', '-'])}{chance.randrange(10)}.{digits}{chance.choice(['e', 'E'])}{chance.choice(['', '+', '-'])}{chance.randrange(330)}"


def _string(chance: random.Random) -> str:
    pieces = [
        *("a", "id", "name", "ü", "€", "😀", "\u2028", "\x7f", "/", " ", "0", "{", "[", ":", ","),
        *("\\n", '\\"', "\\\\", "\\/", "\\u0041", "\\u00fc", "\\u20AC", "\\ud83d\\ude00", "\\u0000"),
    ]
    if chance.random() < 0.05:
        pieces += ["\\ud800", "\\udc00", "\ud800", "\\u12", "\n"]
    return '"' + "".join(chance.choices(pieces, k=chance.choice([0, 1, 1, 2, 3, 5, 20]))) + '"'


TYPES = [
    *("application/json",) * 4,
    *("application/json; charset=utf-8", "application/json; charset=UTF8", "application/problem+json", "text/plain", None),
    *("text/html; charset=latin-1", "text/html; charset=iso-8859-15", "application/json; charset=windows-1252"),
    *("application/json; charset=utf-16", "application/json; charset=utf-8-sig", "application/json; charset=none-such"),
    *("application/json; charset=us-ascii", "application/json; charset", "text/json; charset=shift_jis", "application/json, text/plain"),
]  # fmt: skip


# --- the same, by the library


def outcome(parse: Callable[[], Any]) -> Any:
    """What a parser did: its value to the last bit, or its error with all that it says."""
    try:
        value = parse()
    except Exception as error:
        place = [getattr(error, name, None) for name in ("msg", "doc", "pos", "lineno", "colno")]
        return type(error), str(error), place, isinstance(error, requests.JSONDecodeError)
    # The text of a float says all its bits; that of a dict its order.
    return _described(value)


def _described(value: Any) -> Any:
    # Without recursion: documents are deep.
    parts, rest = [], [value]
    while rest:
        one = rest.pop()
        parts.append(type(one))
        if isinstance(one, dict):
            parts.append(list(one))
            rest += one.values()
        elif isinstance(one, list):
            parts.append(len(one))
            rest += one
        else:
            parts.append(one if isinstance(one, int) else repr(one))
    return parts


def by_requests(body: bytes, content_type: str | None) -> Any:
    response = requests.Response()
    response.status_code = 200
    response._content, response._content_consumed = body, True  # type: ignore[attr-defined]
    headers = {"content-type": content_type} if content_type else {}
    response.headers.update(headers)
    response.encoding = get_encoding_from_headers(response.headers)
    return response.json()


def by_locust(body: bytes, content_type: str | None) -> Any:
    """As `FastResponse.text` and `json` of Locust."""
    headers = {"content-type": content_type} if content_type else {}
    encoding = get_encoding_from_headers(headers) or charset_normalizer.detect(body)["encoding"]
    return json.loads(None if encoding is None else str(body, encoding, errors="replace"))  # type: ignore[arg-type]


@CLIENTS
def test_what_is_parsed_here_is_what_the_library_parses(client: Any, recording: RecordingServer) -> None:
    chance = random.Random(20261129)
    session = opened(client, recording)
    documents = [document.encode("utf-8", "surrogatepass") for document in DOCUMENTS]
    cases = [(document, content_type) for document in documents for content_type in (TYPES[0], None)]
    cases += [(document, chance.choice(TYPES)) for document in _documents(chance, 1500)]
    by_library = by_requests if client is HttpSession else by_locust
    here = 0
    for body, content_type in cases:
        target = f"/echo?type={quote(content_type)}" if content_type else "/echo"
        response = session.post(target, data=body, headers={"Content-Type": "application/octet-stream"})
        expected = outcome(lambda: by_library(body, content_type))  # noqa: B023
        assert outcome(response.json) == expected, (body, content_type)
        # Twice, and what it leaves behind.
        assert outcome(response.json) == expected, (body, content_type)
        assert response.content == (body or response.content), (body, content_type)
        here += _engine.parsed_json(response) is not NotImplemented
    # What the test is about: most of them are not left to the library.
    assert here > len(cases) * 0.3, (here, len(cases))


@CLIENTS
def test_documents_that_come_again_are_new_each_time(client: Any, recording: RecordingServer) -> None:
    """A document that came before is copied; what a script does to one shows in no other."""
    chance = random.Random(20261130)
    session = opened(client, recording)
    known = [document.encode("utf-8", "surrogatepass") for document in DOCUMENTS if len(document) < 2000]
    known += list(_documents(chance, 60))
    by_library = by_requests if client is HttpSession else by_locust
    for _ in range(1500):
        # Few at a time: they come again soon, and some only when they are forgotten.
        body = chance.choice(known[: chance.choice((4, 20, len(known)))])
        response = session.post(f"/echo?type={quote(TYPES[0])}", data=body)
        expected = outcome(lambda: by_library(body, TYPES[0]))  # noqa: B023
        assert outcome(response.json) == expected, body
        try:
            one, other = response.json(), response.json()
        except ValueError:
            continue
        assert not (_containers(one) & _containers(other)), body
        _spoil(one, chance)
        assert outcome(response.json) == expected, body


def _containers(value: Any) -> set[int]:
    """Who the lists and dicts of a value are."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return set() if inner is None else {id(value)}.union(*map(_containers, inner))


def _spoil(value: Any, chance: random.Random) -> None:
    """Changes all of a value that can be changed."""
    if isinstance(value, dict):
        for inner in value.values():
            _spoil(inner, chance)
        value[chance.choice(["a", *value])] = "spoilt"
    elif isinstance(value, list):
        for inner in value:
            _spoil(inner, chance)
        value[: chance.randrange(2)] = ["spoilt"]


# --- what scripts do

BODY = b'{"a": [1.5, "\xc3\xbc"], "b": 2}'
VALUE = {"a": [1.5, "ü"], "b": 2}
JSON = "/echo?type=application/json"


def get(client: Any, recording: RecordingServer, target: str = JSON, body: bytes = BODY, **given: Any) -> Any:
    return opened(client, recording).post(target, data=body, **given)


def is_here(response: Any) -> bool:
    return _engine.parsed_json(response) is not NotImplemented


@CLIENTS
def test_usual_responses_are_parsed_here(client: Any, recording: RecordingServer) -> None:
    for response in (
        get(client, recording),
        get(client, recording, "/echo?type=application/json; charset=utf-8"),
        get(client, recording, "/echo?type=text/html", b'{"b": 2}'),
        get(client, recording, JSON + "&encoding=gzip"),
        get(client, recording, catch_response=True),
    ):
        assert is_here(response)
        # Whatever was looked at before.
        assert response.text and response.content and response.headers
        assert is_here(response) and response.json()["b"] == 2
        if response._catch_response:
            with response:
                assert is_here(response)


@CLIENTS
@pytest.mark.parametrize(
    ("owner", "name", "value"),
    [
        (json, "loads", lambda _text, **_given: "mine"),
        (json, "_default_decoder", type("Mine", (), {"decode": lambda _self, _text: "mine"})()),
        (json.JSONDecoder, "decode", lambda _self, _text: "mine"),
        (json.JSONDecoder, "raw_decode", lambda _self, text, idx=0: ("mine", len(text))),
        (json._default_decoder, "scan_once", lambda text, _idx: ("mine", len(text))),  # type: ignore[attr-defined]
    ],
    ids=["loads", "default_decoder", "decode", "raw_decode", "scan_once"],
)
def test_a_replaced_part_of_the_module_json_is_asked(
    client: Any,
    owner: Any,
    name: str,
    value: Any,
    recording: RecordingServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    response = get(client, recording)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, value)
        assert response.json() == "mine"
    assert response.json() == VALUE


class Mine:
    """In the place of a module."""

    JSONDecodeError = json.JSONDecodeError

    @staticmethod
    def loads(_text: str, **_given: Any) -> Any:
        return "mine"


@pytest.mark.parametrize(
    ("client", "owner", "name", "value"),
    [
        (HttpSession, requests.models, "complexjson", Mine),
        (HttpSession, requests.Response, "json", lambda _self: "mine"),
        (HttpSession, ResponseContextManager, "json", lambda _self: "mine"),
        (HttpSession, requests.Response, "text", '"mine"'),
        (HttpSession, ResponseContextManager, "text", '"mine"'),
        (HttpSession, requests.Response, "content", b'"mine"'),
        (HttpSession, ResponseContextManager, "content", property(lambda _self: b'"mine"')),
        (FastHttpSession, fasthttp, "json", Mine),
        (FastHttpSession, FastResponse, "json", lambda _self: "mine"),
    ],
    ids=lambda value: getattr(value, "__name__", "") if isinstance(value, type) else str(value)[:12],
)
def test_a_replaced_step_is_asked(
    client: Any,
    owner: Any,
    name: str,
    value: Any,
    recording: RecordingServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    response = get(client, recording)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, value)
        assert response.json() == "mine"
    assert response.json() == VALUE


def test_requests_guess_about_the_encoding_is_asked_if_replaced(
    recording: RecordingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    response = get(HttpSession, recording, "/echo?type=application/octet-stream")
    assert is_here(response) and response.json() == VALUE
    monkeypatch.setattr(requests.models, "guess_json_utf", lambda _data: "latin-1")
    assert response.json() == {"a": [1.5, "Ã¼"], "b": 2}


def test_a_response_of_requests_with_what_a_script_has_put_into_it(recording: RecordingServer) -> None:
    response = get(HttpSession, recording)
    response._content = b"[1]"
    assert response.json() == [1]
    response = get(HttpSession, recording)
    response.encoding = "latin-1"
    assert response.json() == {"a": [1.5, "Ã¼"], "b": 2}
    response.encoding = None
    assert response.json() == VALUE
    response.json = lambda: "mine"
    assert response.json() == "mine"
    response = get(HttpSession, recording)
    response.__class__ = type("Own", (ResponseContextManager,), {"text": '"mine"', "encoding": "own"})
    assert response.json() == "mine"
    response = get(HttpSession, recording)
    assert response.json(parse_float=Decimal, object_pairs_hook=list) == [
        ("a", [Decimal("1.5"), "ü"]),
        ("b", 2),
    ]
    with pytest.raises(TypeError):
        response.json(nonsense=1)
    with pytest.raises(TypeError):
        response.json(None)


def test_a_fast_response_with_what_a_script_has_put_into_it(recording: RecordingServer) -> None:
    response = get(FastHttpSession, recording)
    response.text = "[1]"
    assert response.json() == [1]
    response = get(FastHttpSession, recording)
    response.content = b"[2]"
    assert response.json() == [2]
    response = get(FastHttpSession, recording)
    response.encoding = "latin-1"
    assert response.json() == {"a": [1.5, "Ã¼"], "b": 2}
    response = get(FastHttpSession, recording)
    response.headers["content-type"] = "text/html; charset=latin-1"
    assert response.json() == {"a": [1.5, "Ã¼"], "b": 2} and response.encoding == "latin-1"
    response = get(FastHttpSession, recording)
    response.__class__ = type("Own", (FastResponse,), {"text": '"mine"'})
    assert response.json() == "mine"
    response = get(FastHttpSession, recording)
    assert response.encoding is None
    assert response.json() == VALUE and response.encoding == "utf-8" and response.text == BODY.decode()
    with pytest.raises(TypeError):
        response.json(parse_float=Decimal)


@CLIENTS
def test_a_streamed_body_is_parsed_once_it_is_read(client: Any, recording: RecordingServer) -> None:
    response = get(client, recording, stream=True)
    assert not is_here(response)
    assert response.json() == VALUE and response.json() == VALUE


@CLIENTS
def test_where_there_is_no_body_the_library_says_so(client: Any, recording: RecordingServer) -> None:
    session = opened(client, recording)
    for target in ("/bad-gzip", "http://127.0.0.1:1/"):
        with pytest.raises(requests.JSONDecodeError if client is HttpSession else TypeError):
            session.get(target).json()


@pytest.mark.parametrize(
    "before",
    [
        "import json; real = json.loads; "
        "json.loads = lambda text, **given: 'theirs' if text == '[]' else real(text, **given)",
        "import sys, types, json; simple = sys.modules['simplejson'] = types.ModuleType('simplejson'); "
        "simple.loads = lambda text, **_: 'theirs'; simple.JSONDecodeError = ValueError; simple.dumps = json.dumps; "
        "import requests.compat; assert requests.compat.has_simplejson",
    ],
    ids=["json", "simplejson"],
)
def test_a_parser_that_was_there_first_is_asked(before: str, recording: RecordingServer) -> None:
    script = f"""
{before}
import sys
import requests
import locust
from locust.clients import HttpSession
from locust.event import EventHook
session = HttpSession(sys.argv[1], EventHook(), None)
session.trust_env = False
print(session.get("/typed?type=application/json&hex=5b5d").json())
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, recording.url],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "theirs\n", done.stderr
