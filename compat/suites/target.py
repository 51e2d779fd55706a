"""The site that other people's scripts are run against: on loopback, and with the paths that they ask for.

Examples and plugins name hosts of the wide world, or Locust's own web interface. They get this server's address
instead, so it answers what those would, as far as the scripts look. `python target.py` prints its URL and serves until
standard input ends.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlsplit

PAGE = """<html><head><title>Locust</title><link href="style.css" rel="stylesheet"></head><body>
<script src="script.js"></script><img src="image.png">
<div class="toctree-wrapper"><a class="internal" href="/chapter/1">one</a> <a class="internal" href="/chapter/2">two</a></div>
<a class="internal" href="/chapter/1#part">part</a></body></html>"""
FORM = '<form method="post" action="/sign-in"><input name="authenticity_token" type="hidden" value="a-token"></form>'
OPENAI = {
    "id": "resp_1",
    "object": "response",
    "created_at": 0,
    "model": "a-model",
    "output": [],
    "parallel_tool_calls": False,
    "tool_choice": "auto",
    "tools": [],
    "usage": {
        "input_tokens": 1,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 42,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 43,
    },
}
MISSING = ("/does_not_exist", "/error", "/favicon.ico")


class Handler(BaseHTTPRequestHandler):
    """Answers by path; what has no answer of its own gets the page."""

    protocol_version = "HTTP/1.1"
    # Header and body in one packet, or Nagle and delayed acknowledgements make every answer 40 ms late.
    wbufsize = -1

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if parts.path in MISSING:
            self.answer("missing", "text/plain", HTTPStatus.NOT_FOUND)
        elif parts.path == "/slow":
            time.sleep(0.2)
            self.answer("slow", "text/plain")
        elif parts.path == "/sign-in":
            self.sign_in(body)
        elif parts.path == "/response-headers":
            self.answer("{}", "application/json", headers=dict(parse_qsl(parts.query)))
        elif (found := self.as_json(parts.path, parts.query, body)) is not None:
            self.answer(json.dumps(found), "application/json")
        else:
            self.answer(PAGE, "text/html; charset=utf-8")

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_HEAD = do_GET

    def as_json(self, path: str, query: str, body: bytes) -> object | None:
        sent = body.decode(errors="replace")
        try:
            data = json.loads(body) if body else {}
        except ValueError:
            data = sent
        fields = data if isinstance(data, dict) else {}
        if path in ("/post", "/get", "/put"):
            url = f"http://{self.headers.get('Host')}{self.path}"
            arguments = {key: values[0] for key, values in parse_qs(query, keep_blank_values=True).items()}
            if path == "/get":
                arguments |= {key: value for key, value in fields.items()}
            return {
                "args": arguments,
                "data": data,
                "json": fields or None,
                "url": url,
                "headers": dict(self.headers),
            }
        if path == "/authenticate":
            return {"message": f"Welcome {fields.get('username')}!"}
        if path == "/checkout/confirm":
            return {"orderId": 42}
        if path == "/v1/responses":
            return OPENAI
        if path == "/stats/requests":
            return {"stats": [], "errors": []}
        return None

    def sign_in(self, body: bytes) -> None:
        if self.command == "GET":
            self.answer(FORM, "text/html")
        else:
            self.answer("", "text/plain", HTTPStatus.FOUND, {"Location": "/welcome"})

    def answer(
        self, text: str, kind: str, status: HTTPStatus = HTTPStatus.OK, headers: dict[str, str] | None = None
    ) -> None:
        raw = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(raw)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)
        self.wfile.flush()


class Server(ThreadingHTTPServer):
    """A thread per connection; says nothing about clients that go away."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        pass


class Target:
    """The server in a thread of this process, as a context manager."""

    def __init__(self) -> None:
        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> Target:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


if __name__ == "__main__":
    with Target() as target:
        print(target.url, flush=True)
        sys.stdin.read()
