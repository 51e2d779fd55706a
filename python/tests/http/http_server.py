"""A server that keeps the bytes it was sent, for comparing what clients put on the wire.

Run as a program it prints its port and serves until its standard input ends; with a folder of certificates as its argument
the ports of `http_gates.GATES` follow on the same line. It is a process of its own so that neither gevent nor the client
under test shares anything with it. `/__log` answers with what was received since the last time,
`/__closed?count=N` when the server has hung up so many connections since then.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import select
import socket
import struct
import sys
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, unquote

import http_gates
import http_routes_odd

PATIENCE = 20.0
TEXT = "Grüße, 你好 and a line\nsecond line\r\nthird".encode()


class Exchange:
    """One request and the connection to answer it on."""

    def __init__(self, connection: socket.socket, head: bytes, body: bytes) -> None:
        self.connection = connection
        self.method, self.target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        self.path, _, query = self.target.partition("?")
        self.query = dict(parse_qsl(query, keep_blank_values=True))
        self.fields = [
            (name.strip().lower(), value.strip())
            for name, _, value in (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
            if name
        ]
        self.body = body
        self.keep = True
        self.hung_up = False

    def field(self, name: str) -> str:
        return next((value for other, value in self.fields if other == name), "")

    def raw(self, data: bytes) -> None:
        self.connection.sendall(data)

    def answer(
        self, status: str, body: bytes = b"", *fields: str, length: bool = True, version: str = "HTTP/1.1"
    ) -> None:
        head = [f"{version} {status}", *fields]
        if length and not status.startswith(("1", "204", "304")):
            head.append(f"Content-Length: {len(body)}")
        self.raw("\r\n".join([*head, "", ""]).encode("latin-1") + (b"" if self.method == "HEAD" else body))

    def chunks(self, *parts: bytes, pause: float = 0.0, end: bytes = b"0\r\n\r\n", fields: str = "") -> None:
        self.raw(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{fields}\r\n".encode())
        for part in parts:
            self.raw(b"%x\r\n%b\r\n" % (len(part), part))
            time.sleep(pause)
        self.raw(end)

    def wait_for_the_end(self) -> None:
        """Says nothing more until the client has had enough, however long that takes."""
        while self.connection.recv(65536):
            pass
        self.keep = False

    def hang_up(self, reset: bool = False) -> None:
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.keep, self.hung_up = False, True


ROUTES: dict[str, Callable[[Exchange], None]] = {}


def route(path: str) -> Callable[[Callable[[Exchange], None]], Callable[[Exchange], None]]:
    def add(serve: Callable[[Exchange], None]) -> Callable[[Exchange], None]:
        ROUTES[path] = serve
        return serve

    return add


@route("/status")
def _status(x: Exchange) -> None:
    reason = x.query.get("reason", "Whatever")
    code = x.path.split("/")[2]
    x.answer(
        f"{code} {reason}", b"" if code in ("204", "304") else b"status body", "Content-Type: text/plain"
    )


@route("/redirect")
def _redirect(x: Exchange) -> None:
    """/redirect/CODE?to=URL[&cookie=a=b]"""
    fields = [f"Location: {x.query['to'].encode().decode('latin-1')}"] if "to" in x.query else []
    fields += [f"Set-Cookie: {x.query['cookie']}"] if "cookie" in x.query else []
    code = x.path.split("/")[2]
    x.answer(f"{code} Moved", b"" if code == "304" else b"moved", *fields)


@route("/loop")
def _loop(x: Exchange) -> None:
    x.answer("302 Found", b"", f"Location: /loop?{int(x.target.partition('?')[2] or 0) + 1}")


@route("/cookies")
def _cookies(x: Exchange) -> None:
    """/cookies?set=COOKIE&set=COOKIE"""
    given = parse_qsl(x.target.partition("?")[2])
    x.answer("200 OK", b"cookies", *[f"Set-Cookie: {value}" for name, value in given if name == "set"])


@route("/gzip")
def _gzip(x: Exchange) -> None:
    x.answer(
        "200 OK",
        gzip.compress(TEXT, mtime=0),
        "Content-Encoding: gzip",
        "Content-Type: text/plain; charset=utf-8",
    )


@route("/deflate")
def _deflate(x: Exchange) -> None:
    x.answer(
        "200 OK", zlib.compress(TEXT), "Content-Encoding: deflate", "Content-Type: text/plain; charset=utf-8"
    )


@route("/raw-deflate")
def _raw_deflate(x: Exchange) -> None:
    x.answer(
        "200 OK",
        zlib.compress(TEXT)[2:-4],
        "Content-Encoding: deflate",
        "Content-Type: text/plain; charset=utf-8",
    )


@route("/br")
def _br(x: Exchange) -> None:
    # An uncompressed meta-block: no compressor is needed.
    body = bytes([0x0B, 0x02, 0x80]) + b"hello" + bytes([0x03])
    x.answer("200 OK", body, "Content-Encoding: br", "Content-Type: text/plain")


@route("/gzip-chunked")
def _gzip_chunked(x: Exchange) -> None:
    data = gzip.compress(TEXT * 20, mtime=0)
    x.chunks(data[:7], data[7:30], data[30:], fields="Content-Encoding: gzip\r\n")


@route("/bad-gzip")
def _bad_gzip(x: Exchange) -> None:
    x.answer("200 OK", b"this is no gzip", "Content-Encoding: gzip")


@route("/cut-gzip")
def _cut_gzip(x: Exchange) -> None:
    x.answer("200 OK", gzip.compress(TEXT * 9, mtime=0)[:40], "Content-Encoding: gzip")


@route("/unknown-encoding")
def _unknown_encoding(x: Exchange) -> None:
    x.answer("200 OK", b"rotated", "Content-Encoding: rot13")


@route("/typed")
def _typed(x: Exchange) -> None:
    """/typed?type=CONTENT-TYPE&hex=BODY"""
    fields = [f"Content-Type: {x.query['type']}"] if "type" in x.query else []
    x.answer("200 OK", bytes.fromhex(x.query.get("hex", "")), *fields)


@route("/echo")
def _echo(x: Exchange) -> None:
    """/echo?type=CONTENT-TYPE: the body that was sent; `encoding=gzip` packs it, `encoding=packed` says that it is."""
    fields = [f"Content-Type: {x.query['type']}"] if "type" in x.query else []
    body = x.body
    if x.query.get("encoding") == "gzip":
        fields.append("Content-Encoding: gzip")
        body = gzip.compress(body, mtime=0)
    elif x.query.get("encoding") == "packed":
        fields.append("Content-Encoding: gzip")
    x.answer("200 OK", body, *fields)


@route("/headers")
def _headers(x: Exchange) -> None:
    x.answer(
        "200 Fine",
        b"h",
        "X-Twice: one",
        "x-twice: two",
        "X-Empty:",
        "X-Latin: caf\xe9",
        "Link: </next>; rel=next",
    )


@route("/chunked")
def _chunked(x: Exchange) -> None:
    x.chunks(b"first\nse", b"cond\r\nthird", b"\n", b"last")


@route("/slow-chunks")
def _slow_chunks(x: Exchange) -> None:
    x.chunks(*[b"line %d\n" % n for n in range(5)], pause=0.03)


@route("/trailers")
def _trailers(x: Exchange) -> None:
    x.chunks(b"body", end=b"0\r\nX-Trailer: t\r\n\r\n")


@route("/no-length")
def _no_length(x: Exchange) -> None:
    x.raw(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
    x.hang_up()


@route("/http10")
def _http10(x: Exchange) -> None:
    x.answer("200 OK", b"old", version="HTTP/1.0")
    x.hang_up()


@route("/connection-close")
def _connection_close(x: Exchange) -> None:
    x.answer("200 OK", b"bye", "Connection: close")
    x.hang_up()


@route("/informational")
def _informational(x: Exchange) -> None:
    x.raw(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
    x.answer("200 OK", b"after 103")


@route("/no-reason")
def _no_reason(x: Exchange) -> None:
    x.answer("200", b"no reason")


@route("/basic")
def _basic(x: Exchange) -> None:
    if x.field("authorization"):
        x.answer("200 OK", x.field("authorization").encode())
    else:
        x.answer("401 Unauthorized", b"who?", 'WWW-Authenticate: Basic realm="r"')


@route("/digest")
def _digest(x: Exchange) -> None:
    if x.field("authorization").startswith("Digest"):
        x.answer("200 OK", b"known")
    else:
        x.answer(
            "401 Unauthorized",
            b"who?",
            'WWW-Authenticate: Digest realm="r", nonce="n0", qop="auth", algorithm=MD5',
        )


@route("/challenge")
def _challenge(x: Exchange) -> None:
    """/challenge?with=CHALLENGE"""
    if x.field("authorization").startswith("Digest"):
        x.answer("200 OK", b"known")
    else:
        x.answer("401 Unauthorized", b"who?", f"WWW-Authenticate: {x.query['with']}")


@route("/close")
def _close(x: Exchange) -> None:
    x.hang_up()


@route("/reset")
def _reset(x: Exchange) -> None:
    x.hang_up(reset=True)


@route("/cut")
def _cut(x: Exchange) -> None:
    x.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
    x.hang_up()


@route("/cut-chunk")
def _cut_chunk(x: Exchange) -> None:
    x.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n20\r\nonly")
    x.hang_up()


@route("/cut-head")
def _cut_head(x: Exchange) -> None:
    x.raw(b"HTTP/1.1 200 OK\r\nContent-")
    x.hang_up()


@route("/cut-chunked-head")
def _cut_chunked_head(x: Exchange) -> None:
    x.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n")
    x.hang_up()


@route("/bad-chunk")
def _bad_chunk(x: Exchange) -> None:
    x.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nfirst\r\n0\r\n\r\n")
    x.hang_up()


@route("/garbage")
def _garbage(x: Exchange) -> None:
    x.raw(b"complete garbage\r\n\r\n")
    x.hang_up()


@route("/slow-head")
def _slow_head(x: Exchange) -> None:
    time.sleep(0.3)
    x.answer("200 OK", b"late")


@route("/no-head")
def _no_head(x: Exchange) -> None:
    x.wait_for_the_end()


@route("/half-body")
def _half_body(x: Exchange) -> None:
    x.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf ")
    x.wait_for_the_end()


@route("/stale")
def _stale(x: Exchange) -> None:
    # Announces a connection that is kept, and closes it.
    x.answer("200 OK", b"stale")
    x.hang_up()


http_routes_odd.add(route)


def proxied(x: Exchange) -> bool:
    """Whether the request was one to a proxy, which is answered then. One to `demanding.test` needs a password."""
    tunnelled = x.method == "CONNECT"
    if not tunnelled and not x.target.startswith("http://"):
        return False
    if "demanding" in x.target and x.field("proxy-authorization") != "Basic dXM6cDpz":
        x.answer("407 Proxy Authentication Required", b"who?", 'Proxy-Authenticate: Basic realm="p"')
        x.keep = not tunnelled
    elif tunnelled:
        http_gates.tunnel(x.connection, x.target.replace("demanding.test", "127.0.0.1"))
        x.keep = False
    elif "redirected" in x.target:
        x.answer("302 Found", b"", "Location: /by-proxy")
    else:
        x.answer("200 OK", f"by proxy {x.method} {x.target}".encode("latin-1"), "Content-Type: text/plain")
    return True


def respond(x: Exchange) -> None:
    if proxied(x):
        return
    first = "/" + x.path.split("/")[1]
    serve = ROUTES.get(unquote(first))
    if serve is not None:
        serve(x)
    else:
        x.answer(
            "200 OK", f"{x.method} {x.target}".encode("latin-1"), "Content-Type: text/plain; charset=utf-8"
        )


def read_request(file: io.BufferedReader) -> tuple[bytes, bytes] | None:
    """The head without its empty line, and the body with its framing; None at the end of the connection."""
    if file.peek(1)[:1] == b"\x16":
        # A TLS handshake, which no answer could be given to.
        return None
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = file.readline()
        if not line:
            return None
        head += line
    lower = head.lower()
    body = b""
    if b" /unread " in head:
        return head[:-4], body
    if b"transfer-encoding: chunked" in lower:
        while not body.endswith(b"\r\n0\r\n\r\n") and body != b"0\r\n\r\n":
            line = file.readline()
            body += line or b"(the end)"
            if not line:
                break
    elif b"\r\ncontent-length:" in lower:
        length = int(lower.split(b"\r\ncontent-length:", 1)[1].split(b"\r\n", 1)[0])
        body = file.read(length)
    return head[:-4], body


def shown(body: bytes) -> str:
    """A body, or what tells it from others if it is long."""
    text = body.decode("latin-1")
    return text if len(body) < 8192 else f"{len(body)} bytes {text[:40]!r} {hashlib.md5(body).hexdigest()}"


class Recorder:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.log: list[tuple[int, str, str]] = []
        self.connections = self.closed = 0
        # Those whose next request is awaited.
        self.reading: set[socket.socket] = set()

    def settle(self) -> None:
        """Waits until all that has arrived is read: a client that gave up soon may be ahead of the log."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with self.lock:
                reading = list(self.reading)
            try:
                if not select.select(reading, [], [], 0)[0]:
                    return
            except (OSError, ValueError):
                pass  # One of them was closed in between.
            time.sleep(0.002)

    def wait_closed(self, count: int) -> bytes:
        """Waits until so many connections have been hung up since the last time; those that clients close are not counted."""
        end = time.monotonic() + PATIENCE
        while self.closed < count and time.monotonic() < end:
            time.sleep(0.002)
        found, self.closed = self.closed, 0
        return b"%d" % found

    def take(self) -> bytes:
        """What was received, with connections numbered from 0 in the order in which they were used."""
        self.settle()
        with self.lock:
            log, self.log = self.log, []
        numbers: dict[int, int] = {}
        taken = [(numbers.setdefault(number, len(numbers)), head, body) for number, head, body in log]
        return json.dumps(taken).encode()

    def serve(self, connection: socket.socket) -> None:
        with self.lock:
            number = self.connections
            self.connections += 1
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        file = connection.makefile("rb")
        request = None
        try:
            while (request := self.next_request(connection, file, number)) is not None:
                respond(request)
                if not request.keep:
                    break
        except (OSError, ValueError):
            pass
        finally:
            file.close()
            connection.close()
            if request is not None and request.hung_up:
                with self.lock:
                    self.closed += 1

    def next_request(
        self, connection: socket.socket, file: io.BufferedReader, number: int
    ) -> Exchange | None:
        """The next request that is not one for the recorder itself."""
        while True:
            with self.lock:
                self.reading.add(connection)
            try:
                request = read_request(file)
                exchange = request and Exchange(connection, *request)
                if exchange and not exchange.path.startswith("/__"):
                    with self.lock:
                        self.log.append((number, request[0].decode("latin-1"), shown(request[1])))
            finally:
                with self.lock:
                    self.reading.discard(connection)
            if not exchange:
                return None
            if exchange.path == "/__log":
                exchange.answer("200 OK", self.take())
            elif exchange.path == "/__closed":
                exchange.answer("200 OK", self.wait_closed(int(exchange.query["count"])))
            else:
                return exchange


def main() -> None:
    recorder = Recorder()
    ports = [http_gates.listen(recorder.serve)]
    if len(sys.argv) > 1:
        ports += http_gates.open_gates(Path(sys.argv[1]), recorder.serve)
    print(*ports, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
