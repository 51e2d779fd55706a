"""Streamed answers, read in every way: what comes out, and when.

    python http_streams.py serve
    python http_streams.py read http|fast PORT PAUSE   (numbers of cases on standard input, JSON)

The server writes an answer in groups, one each PAUSE seconds counted from a moment that it tells in the head; the reader notes of each
piece that it gets in which pause it came. Both make the cases of each number alone, so they need not talk about them.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import socket
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

TEXT = [
    b"data: one\n",
    b"\n",
    b"data: two, which is a longer line than the first\r\n",
    b"half of a",
    b" line\nand more\n",
]
LONG = [b"x" * 700 + b"\n", b"abc", b"0123456789" * 150, b"\n", "Grüße, 你好".encode()]

SCHEDULES: dict[str, list[bytes]] = {
    "lines": TEXT,
    "lumps": LONG,
    "at once": [b"".join(TEXT)],
    "one long": [b"y" * 9000, b"", b"z" * 600],
    "tiny": [b"a", b"b\n", b"c", b"\n\n"],
}
FRAMINGS = (
    "length",
    "chunked",
    "split chunks",
    "many chunks",
    "close",
    "endless chunks",
    "cut length",
    "cut chunks",
)
ENCODINGS = ("identity", "gzip", "deflate", "lazy gzip", "br")


def compressed(parts: list[bytes], encoding: str) -> list[bytes]:
    """The parts in an encoding, each flushed (a lazy one comes out at its end)."""
    if encoding == "identity":
        return parts
    if encoding == "br":
        import brotli

        packer: Any = brotli.Compressor(quality=3)
        out = [packer.process(part) + packer.flush() for part in parts]
        return [*out, packer.finish()]
    packer = zlib.compressobj(6, zlib.DEFLATED, 15 if encoding == "deflate" else 31)
    lazy = encoding == "lazy gzip"
    out = [packer.compress(part) + (b"" if lazy else packer.flush(zlib.Z_SYNC_FLUSH)) for part in parts]
    return [*out, packer.flush()]


def chunk(data: bytes) -> bytes:
    return b"%x;ext=1\r\n%b\r\n" % (len(data), data) if data else b""


def groups(framing: str, encoding: str, schedule: str) -> tuple[list[str], list[bytes], bool]:
    """Fields of the head, what is written in each pause, and whether the connection is closed then."""
    parts = compressed(SCHEDULES[schedule], encoding)
    fields = [] if encoding == "identity" else [f"Content-Encoding: {encoding.removeprefix('lazy ')}"]
    if "length" in framing:
        fields.append(f"Content-Length: {sum(map(len, parts)) + (50 if framing == 'cut length' else 0)}")
        return fields, parts, framing == "cut length"
    if framing == "close":
        return [*fields, "Connection: close"], parts, True
    fields.append("Transfer-Encoding: chunked")
    if framing == "split chunks":
        whole = [chunk(part) for part in parts]
        halves = [(part[: len(part) // 2], part[len(part) // 2 :]) for part in whole]
        parts = [before + first for (_, before), (first, _) in itertools.pairwise([(b"", b""), *halves])]
        parts.append(halves[-1][1])
    elif framing == "many chunks":
        parts = [chunk(part[: len(part) // 3]) + chunk(part[len(part) // 3 :]) for part in parts]
    else:
        parts = [chunk(part) for part in parts]
    if framing == "cut chunks":
        return fields, [*parts, b"20\r\nonly this"], True
    if framing != "endless chunks":
        parts = [*parts[:-1], parts[-1] + b"0\r\nX-Trailer: t\r\n\r\n"]
    return fields, parts, False


def until_empty(read: Callable[[], Any]) -> Iterator[Any]:
    while piece := read():
        yield piece


def into(raw: Any, size: int) -> Iterator[bytes]:
    buffer = bytearray(size)
    while count := raw.readinto(buffer):
        yield bytes(buffer[:count])


HTTP: dict[str, Callable[[Any], Iterator[Any]]] = {
    "iter_lines": lambda r: r.iter_lines(),
    "iter_lines 1": lambda r: r.iter_lines(chunk_size=1),
    "iter_lines delimiter": lambda r: r.iter_lines(delimiter=b"\n"),
    "iter_lines unicode": lambda r: r.iter_lines(decode_unicode=True),
    "iter_content None": lambda r: r.iter_content(None),
    "iter_content 1": lambda r: r.iter_content(1),
    "iter_content 512": lambda r: r.iter_content(512),
    "iter_content unicode": lambda r: r.iter_content(10, decode_unicode=True),
    "iter": iter,
    "content": lambda r: iter([r.content]),
    "text": lambda r: iter([r.text]),
    "raw": lambda r: iter(r.raw),
    "raw.read": lambda r: until_empty(r.raw.read),
    "raw.read 7": lambda r: until_empty(lambda: r.raw.read(7)),
    "raw.read decoded": lambda r: until_empty(lambda: r.raw.read(20, decode_content=True)),
    "raw.read1": lambda r: until_empty(r.raw.read1),
    "raw.read1 5": lambda r: until_empty(lambda: r.raw.read1(5)),
    "raw.read1 decoded": lambda r: until_empty(lambda: r.raw.read1(decode_content=True)),
    "raw.readinto": lambda r: into(r.raw, 16),
    "raw.readline": lambda r: until_empty(r.raw.readline),
    "raw.stream": lambda r: r.raw.stream(),
    "raw.stream None": lambda r: r.raw.stream(None),
    "raw.stream decoded": lambda r: r.raw.stream(5, decode_content=True),
    "raw.read_chunked": lambda r: r.raw.read_chunked(),
    "raw.read_chunked 4": lambda r: r.raw.read_chunked(4, decode_content=True),
    "raw.data": lambda r: iter([r.raw.data]),
    "raw.drain_conn": lambda r: iter([repr(r.raw.drain_conn())]),
    "raw after content": lambda r: iter([r.content, r.raw.read(), repr(r.raw.closed)]),
    "content after a line": lambda r: itertools.chain(
        itertools.islice(r.iter_lines(1), 1), iter([r.content])
    ),
}

FAST: dict[str, Callable[[Any], Iterator[Any]]] = {
    "iter_content": lambda r: r.iter_content(),
    "iter_content 10": lambda r: r.iter_content(10, decode_content=False),
    "read": lambda r: until_empty(r.read),
    "read 7": lambda r: until_empty(lambda: r.read(7)),
    "stream.read 50": lambda r: until_empty(lambda: r.stream.read(50)),
    "stream.readline": lambda r: until_empty(lambda: r.stream.readline(b"\n")),
    "readline": lambda r: until_empty(r.readline),
    "stream": lambda r: iter(r.stream),
    "content": lambda r: iter([r.content]),
    "text": lambda r: iter([r.text]),
}
EARLIER = ("iter_content",)
"""Ways of the fast client in which ours hands out what has come, where Locust waits for whole parts."""

WAYS = {"http": HTTP, "fast": FAST}
SHAPES = list(itertools.product(FRAMINGS, ENCODINGS, SCHEDULES))


def cases(client: str) -> list[tuple[str, tuple[str, str, str]]]:
    """All cases of a client: ways of reading, and what is read: a part of those there could be, always the same."""
    every = itertools.product(WAYS[client], SHAPES)
    share = 3 if client == "http" else 2
    return [case for case in every if number(case) % 10 < share]


def number(case: Any) -> int:
    return int.from_bytes(hashlib.sha256(repr(case).encode()).digest()[:4], "big")


def serve() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    print(listener.getsockname()[1], flush=True)

    def answer(connection: socket.socket) -> None:
        with connection:
            file = connection.makefile("rb")
            while line := file.readline():
                _, shape, pause = line.split()[1].decode().rsplit("/", 2)
                while file.readline() not in (b"\r\n", b""):
                    pass
                fields, parts, close = groups(*SHAPES[int(shape)])
                start = time.monotonic()
                head = [
                    "HTTP/1.1 200 OK",
                    f"X-Start: {start!r}",
                    "Content-Type: text/plain; charset=utf-8",
                    *fields,
                ]
                pending = "\r\n".join([*head, "", ""]).encode()
                for stage, part in enumerate(parts):
                    time.sleep(max(0.0, start + stage * float(pause) - time.monotonic()))
                    if data := pending + part:
                        connection.sendall(data)
                    pending = b""
                if close:
                    return

    def safely(connection: socket.socket) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            answer(connection)
        except (OSError, ValueError):
            pass

    def accept() -> None:
        while True:
            threading.Thread(target=safely, args=listener.accept()[:1], daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()


def read(client: str, port: int, pause: float, wanted: list[int]) -> None:
    import locust  # noqa: F401  (patches before anything else is imported)

    # isort: split
    import gevent.pool

    from locust.clients import HttpSession
    from locust.contrib.fasthttp import FastHttpSession
    from locust.event import EventHook

    every = cases(client)
    host = f"http://127.0.0.1:{port}"

    def clean(text: str) -> str:
        return re.sub(r"0x[0-9a-f]{6,}", "0xADDRESS", text.replace(str(port), "PORT"))

    def follow(index: int) -> tuple[int, list[Any]]:
        way, shape = every[index]
        session: Any
        if client == "http":
            session = HttpSession(host, EventHook(), None)
            session.trust_env = False
        else:
            session = FastHttpSession(host, EventHook(), None)
        response = session.get(f"/{SHAPES.index(shape)}/{pause}", stream=True, name="x")
        start = float(response.headers["X-Start"])
        seen: list[Any] = []

        def stage() -> int:
            return int((time.monotonic() - start) / pause)

        limit = start + (len(groups(*shape)[1]) + 0.5) * pause - time.monotonic()
        gave_up = gevent.Timeout(max(limit, pause / 2))
        try:
            with gave_up:
                for piece in WAYS[client][way](response):
                    seen.append([stage(), piece.decode("latin-1") if isinstance(piece, bytes) else piece])
                seen.append([stage(), "the end"])
        except gevent.Timeout:
            seen.append(["waiting"])
        except Exception as error:
            seen.append([stage(), type(error).__name__, clean(str(error))])
        return index, seen

    pool = gevent.pool.Pool(40)
    json.dump(dict(pool.imap_unordered(follow, wanted)), sys.stdout)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve()
    else:
        read(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), json.load(sys.stdin))
