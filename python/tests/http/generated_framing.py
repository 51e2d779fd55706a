"""Every header that a script may give × every kind of body × methods × where the header is given."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

HEADERS: dict[str, dict[Any, Any]] = {
    "no header": {},
    "length right": {"Content-Length": "3"}, "length short": {"Content-Length": "2"}, "length long": {"Content-Length": "40"},
    "length 0": {"Content-Length": "0"}, "length in lower case": {"content-length": "2"}, "length empty": {"Content-Length": ""},
    "length no number": {"Content-Length": "abc"}, "length negative": {"Content-Length": "-1"},
    "length in bytes": {"Content-Length": b"2"}, "length twice": {"Content-Length": "2", "content-length": "4"},
    "length None": {"Content-Length": None},
    "chunked": {"Transfer-Encoding": "chunked"}, "chunked in odd case": {"transfer-ENCODING": "Chunked"},
    "identity": {"Transfer-Encoding": "identity"}, "gzip, chunked": {"Transfer-Encoding": "gzip, chunked"},
    "chunked and length": {"Transfer-Encoding": "chunked", "Content-Length": "2"}, "chunked None": {"Transfer-Encoding": None},
    "type": {"Content-Type": "x/y"}, "type in lower case": {"content-type": "x/y"}, "type empty": {"Content-Type": ""},
    "type None": {"Content-Type": None}, "type of a form": {"Content-Type": "application/x-www-form-urlencoded"},
    "type of files": {"Content-Type": "multipart/form-data"},
    "host": {"Host": "example.test"}, "host in lower case": {"host": "example.test:81"}, "host empty": {"Host": ""}, "host None": {"Host": None},
    "close": {"Connection": "close"}, "keep-alive": {"Connection": "keep-alive"}, "connection empty": {"Connection": ""},
    "upgrade": {"Connection": "Upgrade", "Upgrade": "websocket"}, "connection None": {"Connection": None},
    "expect": {"Expect": "100-continue"}, "encoding of the body": {"Content-Encoding": "gzip"},
    "accepts nothing": {"Accept-Encoding": ""}, "accepts": {"Accept-Encoding": "zstd"}, "accepts None": {"Accept-Encoding": None},
    "cookie": {"Cookie": "a=b"}, "authorization": {"Authorization": "x y"}, "agent": {"User-Agent": ""}, "agent None": {"User-Agent": None},
    "accept None": {"Accept": None}, "te": {"TE": "trailers", "Trailer": "X-T"}, "range": {"Range": "bytes=0-1"},
    "twice": {"X-Own": "1", "x-own": "2"}, "md5": {"Content-MD5": "Q2hlY2s="}, "pseudo": {":path": "/other"},
}  # fmt: skip


def _file() -> Any:
    file = io.BytesIO(b"from a file")
    file.read(5)
    return file


# Made anew for each call, as most can be sent once.
BODIES: dict[str, Callable[[], dict[str, Any]]] = {
    "nothing": dict, "None": lambda: {"data": None}, "empty bytes": lambda: {"data": b""}, "empty text": lambda: {"data": ""},
    "bytes": lambda: {"data": b"abc"}, "text": lambda: {"data": "täx"}, "a form": lambda: {"data": {"a": "1", "b": "ü"}},
    "an empty form": lambda: {"data": {}}, "pairs": lambda: {"data": [("a", "1"), ("a", "2")]},
    "json": lambda: {"json": {"a": 1}}, "empty json": lambda: {"json": {}}, "json and data": lambda: {"json": [1], "data": b"abc"},
    "a generator": lambda: {"data": (part for part in (b"one", b"two"))}, "nothing generated": lambda: {"data": iter(())},
    "a file": lambda: {"data": io.BytesIO(b"abc")}, "a file in the middle": lambda: {"data": _file()},
    "an empty file": lambda: {"data": io.BytesIO()}, "a text file": lambda: {"data": io.StringIO("abc")},
    "a list of bytes": lambda: {"data": [b"x", b"y"]}, "an array": lambda: {"data": bytearray(b"abc")},
    "files": lambda: {"files": {"f": ("n", b"abc")}}, "files and a form": lambda: {"files": {"f": ("n", b"abc")}, "data": {"k": "v"}},
}  # fmt: skip

METHODS = ("POST", "GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


def cases(client: str) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    for header, fields in HEADERS.items():
        for body, make in BODIES.items():
            for method in METHODS:
                yield f"{method} {body}, {header}", _given(method, make, fields)
            yield f"POST {body}, {header} of the session", _of_the_session(client, make, fields)


def _given(method: str, make: Callable[[], Any], fields: dict[Any, Any]) -> Callable[[Any], Any]:
    return lambda s: s.request(method, s.path, headers=dict(fields), **make()).status_code


def _of_the_session(client: str, make: Callable[[], Any], fields: dict[Any, Any]) -> Callable[[Any], Any]:
    def call(s: Any) -> Any:
        if client == "http":
            s.headers.update(fields)
        else:
            for name, value in fields.items():
                s.client.default_headers[name] = value
        return s.post(s.path, **make()).status_code

    return call
