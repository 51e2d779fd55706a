"""Answers that are odd, cut or wrong × ways of asking for them: what comes out, how it is counted, and whether the next request goes well."""

from __future__ import annotations

import base64
import functools
import gzip
import zlib
from collections.abc import Callable, Iterator
from typing import Any

OK = b"HTTP/1.1 200 OK"
GZIP = gzip.compress(b"hello " * 50, mtime=0)
HELLO = b"5\r\nhello\r\n0\r\n\r\n"


def answer(*fields: bytes, body: bytes = b"abc", line: bytes = OK) -> bytes:
    return b"\r\n".join((line, *fields, b"", body))


def chunked(body: bytes, *fields: bytes) -> bytes:
    return answer(*fields, b"Transfer-Encoding: chunked", body=body)


def encoded(coding: bytes, body: bytes) -> bytes:
    return answer(b"Content-Encoding: " + coding, b"Content-Length: %d" % len(body), body=body)


def deflated(data: bytes, raw: bool = False) -> bytes:
    packer = zlib.compressobj(wbits=-15 if raw else 15)
    return packer.compress(data) + packer.flush()


THREE = b"Content-Length: 3"
LENGTHS = {
    "twice the same": (THREE, THREE), "twice, another": (THREE, b"Content-Length: 2"), "a list of the same": (b"Content-Length: 3, 3",),
    "a list of others": (b"Content-Length: 3, 4",), "with spaces": (b"Content-Length:   3",), "with zeros": (b"Content-Length: 0003",),
    "hexadecimal": (b"Content-Length: 0x3",), "a fraction": (b"Content-Length: 3.0",), "negative": (b"Content-Length: -3",),
    "with a plus": (b"Content-Length: +3",), "no number": (b"Content-Length: abc",), "empty": (b"Content-Length:",),
    "too large": (b"Content-Length: 10",), "too small": (b"Content-Length: 2",), "huge": (b"Content-Length: 99999999999999999999999",),
    "none": (), "none, and closing": (b"Connection: close",), "right, and closing": (THREE, b"Connection: close"),
}  # fmt: skip
CODINGS = {
    "in capitals": (b"Transfer-Encoding: CHUNKED",), "twice": (b"Transfer-Encoding: chunked",) * 2, "after identity": (b"Transfer-Encoding: identity, chunked",),
    "before identity": (b"Transfer-Encoding: chunked, identity",), "with a parameter": (b"Transfer-Encoding: chunked;q=1",),
    "beside a length": (THREE, b"Transfer-Encoding: chunked"), "unknown": (b"Transfer-Encoding: other",), "empty": (b"Transfer-Encoding:",),
}  # fmt: skip
LINES = {
    "HTTP/1.0": b"HTTP/1.0 200 OK", "HTTP/1.2": b"HTTP/1.2 200 OK", "HTTP/2.0": b"HTTP/2.0 200 OK", "HTTP/2": b"HTTP/2 200", "no reason": b"HTTP/1.1 200",
    "no reason but a space": b"HTTP/1.1 200 ", "Latin-1": b"HTTP/1.1 404 Gr\xfc\xdfe", "UTF-8": "HTTP/1.1 404 Grüße".encode(), "99": b"HTTP/1.1 99 X", "600": b"HTTP/1.1 600 X",
    "999": b"HTTP/1.1 999 X", "1000": b"HTTP/1.1 1000 X", "000": b"HTTP/1.1 000 X", "+20": b"HTTP/1.1 +20 X", "tabs": b"HTTP/1.1\t200\tOK", "ICY": b"ICY 200 OK",
    "204": b"HTTP/1.1 204 No", "205": b"HTTP/1.1 205 Reset", "304": b"HTTP/1.1 304 Same", "lower case": b"http/1.1 200 ok",
}  # fmt: skip
FIELDS = {
    "folded": b"X-A: one\r\n  two", "folded at once": b" X-A: one", "no colon": b"Nonsense", "space before the colon": b"X-A : one", "no name": b": one",
    "no value": b"X-A:", "NUL": b"X-A: a\0b", "Latin-1": b"X-A: \xe4", "UTF-8": "X-A: ä".encode(), "three of one name": b"X-A: 1\r\nx-a: 2\r\nX-A: 3",
    "two cookies": b"Set-Cookie: a=1\r\nSet-Cookie: b=2; Path=/", "98": b"\r\n".join(b"X-%d: %d" % (at, at) for at in range(98)),
    "101": b"\r\n".join(b"X-%d: %d" % (at, at) for at in range(101)), "60,000 long": b"X-A: " + b"y" * 60_000,
}  # fmt: skip
CHUNKS = {
    "an extension": b"5;a=b\r\nhello\r\n0;c\r\n\r\n", "spaces": b"5  \r\nhello\r\n0\r\n\r\n", "a space before": b" 5\r\nhello\r\n0\r\n\r\n",
    "a plus": b"+5\r\nhello\r\n0\r\n\r\n", "0x": b"0x5\r\nhello\r\n0\r\n\r\n", "capitals": b"A\r\nhellohello\r\n0\r\n\r\n",
    "zeros": b"0005\r\nhello\r\n000\r\n\r\n", "line feeds": b"5\nhello\n0\n\n", "a trailer": b"5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n", "no end": b"5\r\nhello\r\n",
    "cut": b"5\r\nhel", "cut in a size": b"5\r\nhello\r\n5", "a wrong end": b"5\r\nhelloXX0\r\n\r\n", "half an end": b"5\r\nhello\r\n0\r\n",
    "no size": b"\r\nhello\r\n0\r\n\r\n", "a huge size": b"ffffffffffffffffff\r\nhello\r\n0\r\n\r\n", "nothing": b"0\r\n\r\n",
}  # fmt: skip
CONTENT_CODINGS = {
    "gzip": GZIP, "x-gzip": GZIP, "GZIP": GZIP, "gzip, gzip": gzip.compress(GZIP, mtime=0), "identity": b"abc", "deflate": deflated(b"hello " * 50), "gzip, identity": GZIP,
    "identity, gzip": GZIP, "unknown, gzip": GZIP, "unknown": b"abc", "": b"abc", ",gzip": GZIP, "gzip;q=1": GZIP, "br": b"\x0b\x02\x80hello\x03", "zstd": b"abc",
}  # fmt: skip
PACKED = {
    "whole": GZIP, "then garbage": GZIP + b"garbage", "then zeros": GZIP + bytes(20), "twice": GZIP * 2, "twice, cut": GZIP + GZIP[:-5], "cut": GZIP[:-5], "cut early": GZIP[:12],
    "nothing": b"", "a byte": b"\x1f", "no gzip": b"abc", "a wrong sum": GZIP[:-8] + b"xxxx" + GZIP[-4:], "a wrong length": GZIP[:-4] + b"xxxx",
}  # fmt: skip


def answers() -> Iterator[tuple[str, bytes]]:
    yield from ((f"length {name}", answer(*fields)) for name, fields in LENGTHS.items())
    yield from ((f"coding {name}", answer(*fields, body=HELLO)) for name, fields in CODINGS.items())
    yield "coding unknown beside a length", answer(b"Transfer-Encoding: other", THREE)
    yield from ((f"line {name}", answer(THREE, line=line)) for name, line in LINES.items())
    yield from ((f"fields {name}", answer(field, THREE)) for name, field in FIELDS.items())
    yield from ((f"chunks {name}", chunked(body)) for name, body in CHUNKS.items())
    yield from ((f"encoded {name}", encoded(name.encode(), body)) for name, body in CONTENT_CODINGS.items())
    yield "encoded deflate, raw", encoded(b"deflate", deflated(b"hello " * 50, raw=True))
    for name, body in PACKED.items():
        yield f"gzip {name}", encoded(b"gzip", body)
        whole = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
        yield f"gzip {name}, in chunks", chunked(whole + b"0\r\n\r\n", b"Content-Encoding: gzip")
    yield "interim 100", b"HTTP/1.1 100 Continue\r\n\r\n" + answer(THREE)
    yield "interim 103", b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + answer(THREE)
    yield "interim 101", b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"
    yield "bytes line feeds only", b"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc"
    yield "bytes carriage returns only", b"HTTP/1.1 200 OK\rContent-Length: 3\r\rabc"
    yield "bytes an empty line first", b"\r\n" + answer(THREE)
    yield "bytes none", b""
    yield "bytes garbage", b"\x00\x01\x02\xff\n"
    yield "bytes of TLS", b"\x15\x03\x03\x00\x02\x02\x32"
    yield "bytes half a line", b"HTTP/1.1 2"
    yield "bytes a line", OK + b"\r\n"
    yield "bytes half a head", OK + b"\r\nContent-"
    yield "bytes no status", b"HTTP/1.1\r\n\r\n"


def cases(client: str) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    for name, data in answers():
        yield name, functools.partial(_asked, "GET", _query(data))
        yield f"{name}, streamed", functools.partial(_streamed, _query(data))
        head, end, _ = data.partition(b"\r\n\r\n")
        if not name.startswith("interim"):
            yield f"{name}, HEAD", functools.partial(_asked, "HEAD", _query(head + end))


def _query(data: bytes) -> str:
    return "?answer=" + base64.urlsafe_b64encode(data).decode()


def _asked(method: str, query: str, s: Any) -> Any:
    return [_shown(s.request(method, s.path + query, name="odd")), s.get(s.path, name="after").status_code]


def _streamed(query: str, s: Any) -> Any:
    response = s.get(s.path + query, name="odd", stream=True)
    if not response.status_code:
        return _shown(response)
    return [
        response.status_code,
        b"".join(p if isinstance(p, bytes) else p.encode() for p in response.iter_content(7)),
    ]


def _shown(response: Any) -> Any:
    try:
        content = response.content
    except Exception as error:
        content = type(error).__name__
    error = getattr(response, "error", None)
    fields = sorted((name.lower(), value) for name, value in (response.headers or {}).items())
    return [
        response.status_code,
        content,
        fields[:5],
        None if error is None else repr(error),
    ]
