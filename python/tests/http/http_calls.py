"""Makes the calls of http_cases.py, and says what scripts and the server see of each.

    python http_calls.py requests|http|fast [NAME...]

with the folder of `http_gates.write_certificates` in HTTP_CASES_CERTIFICATES, prints, as JSON, what happens when plain requests, an `HttpSession` or a `FastHttpSession` (whichever Locust's the running
Python has) makes each call: the bytes that arrived, the response, cookies and exceptions, and the request event.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

if sys.argv[1] != "requests":
    import locust  # noqa: F401  (patches before anything else is imported)

import http_cases_content  # noqa: F401  (adds its calls)
import http_cases_libraries  # noqa: F401  (adds its calls)
import http_cases_network  # (adds its calls, too)
import http_cases_odd  # noqa: F401  (adds its calls)
import http_cases_sessions  # noqa: F401  (adds its calls)
import http_cases_tls  # noqa: F401  (adds its calls)
import http_cases_uploads  # noqa: F401  (adds its calls)
import requests
from http_cases import BOTH, FAST, HTTP, attempt
from http_gates import GATES


def text_of(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


class Seen:
    """Turns what a call returned into JSON that is the same for each run."""

    def __init__(self, client: str, port: int, gates: dict[str, int]) -> None:
        self.client, self.ports = (
            client,
            {port: "PORT", **{port: name.upper() for name, port in gates.items()}},
        )

    def clean(self, text: str) -> str:
        for port, name in self.ports.items():
            text = text.replace(f":{port}", f":{name}").replace(f"port={port}", f"port={name}")
            text = text.replace(f"as '{port}", f"as '{name}").replace(f"as \\'{port}", f"as \\'{name}")
        text = re.sub(r"0x[0-9a-f]{6,}", "0xADDRESS", text)
        text = re.sub(r" \(_ssl\.c:\d+\)", "", text)
        text = re.sub(r"(timeout=\d\.\d\d)\d{5,}", r"\1", text)
        text = re.sub(r"\b(?:[0-9a-f]{32}|[0-9a-f]{64}|[0-9a-f]{128})\b", "BOUNDARY", text)
        return re.sub(r'cnonce="[0-9a-f]*"', 'cnonce="C"', text)

    def head(self, head: str) -> list[str]:
        lines = self.clean(head).split("\r\n")
        if lines[0].startswith("CONNECT "):
            # http.client has changed its mind about these.
            lines[0] = lines[0].replace("HTTP/1.0", "HTTP/1.1")
            lines = [line for line in lines if not line.lower().startswith("host:")]
        return lines

    def value(self, value: Any) -> Any:
        if isinstance(value, BaseException):
            return self.error(value)
        if isinstance(value, str):
            return self.clean(value)
        if isinstance(value, bytes):
            return {"bytes": self.clean(value.decode("latin-1"))}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {str(self.value(key)): self.value(item) for key, item in value.items()}
        if value is None or isinstance(value, bool | int | float):
            return value
        if hasattr(value, "status_code"):
            error = getattr(value, "error", None)
            if error is not None and self.client == "requests-like":
                return self.error(error)
            return self.fast_response(value) if self.client == "fast" else self.response(value)
        return f"a {type(value).__name__}"

    def error(self, error: BaseException) -> dict[str, Any]:
        chain = []
        inner: BaseException | None = error
        while inner is not None and len(chain) < 6:
            chain.append(f"{type(inner).__name__}: {self.clean(str(inner))}")
            inner = inner.__context__
        return {"raised": type(error).__name__, "repr": self.clean(repr(error)), "chain": chain}

    def request(self, request: Any) -> Any:
        if request is None:
            return None
        return {
            "method": request.method,
            "url": self.value(request.url),
            "headers": sorted(
                ([name, self.value(value)] for name, value in (request.headers or {}).items()), key=str
            ),
            "body": self.value(request.body),
        }

    def response(self, response: Any) -> dict[str, Any]:
        error = getattr(response, "error", None)
        if error is not None:
            return self.error(error)
        return {
            "status": [response.status_code, response.reason],
            "url": self.value(response.url),
            "headers": [[name, self.value(value)] for name, value in response.headers.items()],
            "content": self.value(attempt(lambda: response.content)),
            "text": self.value(attempt(lambda: response.text)),
            "encoding": response.encoding,
            "cookies": cookies_of(response.cookies),
            "request": self.request(response.request),
            "elapsed": type(response.elapsed).__name__,
            "history": [
                [hop.status_code, self.value(hop.url), text_of(hop.content), self.request(hop.request)]
                for hop in response.history
            ],
        }

    def fast_response(self, response: Any) -> dict[str, Any]:
        headers = response.headers
        return {
            "type": type(response).__name__,
            "status": response.status_code,
            "url": self.value(response.url),
            "headers": None
            if headers is None
            else [[name, self.value(value)] for name, value in headers.items()],
            "content": self.value(attempt(lambda: response.content)),
            "text": self.value(attempt(lambda: response.text)),
            "encoding": response.encoding,
            "error": self.value(getattr(response, "error", None)),
            "request": self.request(response.request),
            "elapsed": type(getattr(response, "elapsed", None)).__name__,
            "history": [
                [hop.status_code, self.value(dict(hop.headers))] for hop in getattr(response, "history", [])
            ],
        }


def cookies_of(jar: Any) -> list[Any]:
    found = [
        [
            cookie.domain, cookie.path, cookie.name, cookie.value, cookie.secure, cookie.expires is not None,
            cookie.discard, cookie.domain_specified, cookie.path_specified, sorted(cookie._rest),
        ]
        for cookie in jar
    ]  # fmt: skip
    return sorted(found, key=str)


def plain_session(base: str) -> Any:
    class Plain(requests.Session):
        def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> Any:
            whole = re.match("https?://", url, re.IGNORECASE)
            return super().request(method, url if whole else base + url, *args, **kwargs)

    session = Plain()
    session.trust_env = False
    return session


log = requests.Session()
log.trust_env = False


class Maker:
    """Makes a client of the kind under test."""

    def __init__(self, client: str, base: str, gates: dict[str, int], fired: list[dict[str, Any]]) -> None:
        self.client, self.base, self.gates, self.fired = client, base, gates, fired

    def __call__(self, base: str | None = None, user: Any = None, **options: Any) -> Any:
        base = base or self.base
        if self.client == "requests":
            session = plain_session(base)
        else:
            from locust.event import EventHook

            event = EventHook()
            event.add_listener(lambda **given: self.fired.append(given))
            if self.client == "http":
                from locust.clients import HttpSession

                session = HttpSession(base, event, user, **options)
                session.trust_env = False
            else:
                from locust.contrib.fasthttp import FastHttpSession

                # As a FastHttpUser has it.
                session = FastHttpSession(
                    base, event, user, **{"max_redirects": 30, "max_retries": 0, **options}
                )
        session.log = log
        session.port = int(base.rpartition(":")[2].partition("/")[0]) if ":" in base else 0
        session.base, session.make, session.gates = base, self, self.gates
        session.caught = {} if self.client == "requests" else {"catch_response": True}
        return session


def event_of(seen: Seen, fired: dict[str, Any]) -> dict[str, Any]:
    shown = {
        key: seen.value(value)
        for key, value in fired.items()
        if key not in ("response", "response_time", "start_time")
    }
    shown["kinds"] = [type(fired["response_time"]).__name__, type(fired["start_time"]).__name__]
    shown["keys"] = sorted(fired)
    return shown


def run(client: str, names: list[str]) -> Iterator[tuple[str, Any]]:
    server = subprocess.Popen(
        [
            sys.executable,
            str(Path(__file__).with_name("http_server.py")),
            str(http_cases_network.CERTIFICATES),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin is not None and server.stdout is not None
    port, *others = map(int, server.stdout.readline().split())
    gates = dict(zip(GATES, others, strict=True))
    seen = Seen(client, port, gates)
    calls = BOTH | (FAST if client == "fast" else HTTP)
    for name, call in calls.items():
        if names and name not in names:
            continue
        fired: list[dict[str, Any]] = []
        session = Maker(client, f"http://127.0.0.1:{port}", gates, fired)()
        try:
            result = seen.value(call(session))
        except Exception as error:
            result = seen.error(error)
        jar = session.cookiejar if client == "fast" else session.cookies
        wire = log.get(f"http://127.0.0.1:{port}/__log").json()
        yield (
            name,
            {
                "result": result,
                "cookies": cookies_of(jar),
                "wire": [[number, *seen.head(head), seen.clean(body)] for number, head, body in wire],
                "events": [event_of(seen, one) for one in fired],
            },
        )
    server.stdin.close()
    server.wait()


if __name__ == "__main__":
    print(json.dumps(dict(run(sys.argv[1], sys.argv[2:])), indent=1, ensure_ascii=False, sort_keys=True))
