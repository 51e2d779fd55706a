"""Values that are, or are not, what an argument wants: one argument × one value × clients, as an argument and as a session's."""

from __future__ import annotations

import http.cookiejar
import io
from collections import OrderedDict, UserDict
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any

from requests.structures import CaseInsensitiveDict

SCALARS: dict[str, Any] = {
    "None": None, "True": True, "False": False, "0": 0, "5": 5, "-1": -1, "2.5": 2.5, "infinity": float("inf"), "nan": float("nan"), "text": "text",
    "empty text": "", "a space": " ", "bytes": b"bytes", "empty bytes": b"", "array": bytearray(b"array"), "an object": object, "a list": ["x"],
    "an empty list": [], "a tuple": ("x", "y"), "a pair of numbers": (1, 2), "three": (1, 2, 3), "a dict": {"a": "b"}, "an empty dict": {},
    "a set": {"x"}, "umlaut": "ü", "chinese": "你", "line end": "a\nb: c", "carriage return": "a\rb", "crlf": "a\r\nb: c", "tab": "a\tb", "nul": "a\0b",
    "leading space": " a", "trailing space": "a ", "leading tab": "\ta", "colon": "a:b", "many spaces": "a  b", "del": "a\x7fb", "emoji": "🦗",
    "surrogate": "\ud800", "bytes with line end": b"a\nb", "bytes of latin": b"\xe9", "long": "x" * 300, "complex": 1j, "folded": "a\r\n b",
}  # fmt: skip

# What makes keyword arguments of a value.
ARGUMENTS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "header value": lambda v: {"headers": {"X-V": v}},
    "one of two headers": lambda v: {"headers": {"X-V": v, "X-N": "n"}},
    "header value beside a number": lambda v: {"headers": {"X-V": v, "X-N": 5}},
    "user agent": lambda v: {"headers": {"User-Agent": v}},
    "header name": lambda v: {"headers": {v: "v"}},
    "headers": lambda v: {"headers": v},
    "params": lambda v: {"params": v},
    "param value": lambda v: {"params": {"p": v}},
    "param name": lambda v: {"params": {v: "p"}},
    "data": lambda v: {"data": v},
    "form value": lambda v: {"data": {"f": v}},
    "form name": lambda v: {"data": {v: "f"}},
    "json": lambda v: {"json": v},
    "json value": lambda v: {"json": {"j": v}},
    "auth": lambda v: {"auth": v},
    "auth user": lambda v: {"auth": (v, "p")},
    "auth password": lambda v: {"auth": ("u", v)},
    "allow_redirects": lambda v: {"allow_redirects": v},
    "stream": lambda v: {"stream": v},
    "name": lambda v: {"name": v},
    "catch_response": lambda v: {"catch_response": v},
    "context": lambda v: {"context": v},
    "files": lambda v: {"files": v},
    "file": lambda v: {"files": {"f": v}},
    "file name": lambda v: {"files": {"f": (v, b"x")}},
}
OF_REQUESTS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "timeout": lambda v: {"timeout": v},
    "cookies": lambda v: {"cookies": v},
    "cookie": lambda v: {"cookies": {"c": v}},
    "verify": lambda v: {"verify": v},
    "cert": lambda v: {"cert": v},
    "proxies": lambda v: {"proxies": v},
    "hooks": lambda v: {"hooks": v},
}
OF_THE_SESSION = {
    "http": ("headers", "params", "auth", "cookies", "verify", "cert", "proxies", "hooks", "max_redirects", "stream", "trust_env", "request_name"),
    "fast": ("auth_header", "request_name"),
}  # fmt: skip
CONTAINERS: dict[str, Callable[[], Any]] = {
    "ordered": lambda: OrderedDict([("X-B", "1"), ("X-A", "2")]),
    "case-insensitive": lambda: CaseInsensitiveDict({"X-a": "1"}),
    "user dict": lambda: UserDict({"X-a": "1"}),
    "proxy": lambda: MappingProxyType({"X-a": "1"}),
    "pairs": lambda: [("X-a", "1"), ("X-a", "2")],
    "tuple of pairs": lambda: (("X-a", "1"), ("X-b", "2")),
    "generator of pairs": lambda: (pair for pair in [("X-a", "1")]),
    "items": lambda: {"X-a": "1"}.items(),
    "lists": lambda: {"X-a": ["1", "2"]},
    "file": lambda: io.BytesIO(b"file"),
    "jar": http.cookiejar.CookieJar,
}
UNLIKE_EACH_OTHER = {
    (argument, name)
    for argument in ("auth user", "auth password", "name", "header value", "user agent")
    for name in ("file", "generator of pairs", "jar")
} | {("data", "items"), ("data", "generator of pairs")}
"""Arguments whose text has an address in it; and bodies that fail half-way, where what has been sent by then is a matter of time."""

URLS: dict[str, Any] = {
    "None": None, "a number": 5, "bytes": b"/x", "an object": object, "a list": ["/x"], "no scheme": "127.0.0.1/x", "ftp": "ftp://127.0.0.1/x",
    "no host": "http:///x", "only a scheme": "http://", "bad port": "http://127.0.0.1:port/", "large port": "http://127.0.0.1:70000/",
    "negative port": "http://127.0.0.1:-1/", "space in host": "http://a b/", "bracket": "http://[::1/", "star": "http://*/", "dot": "http://.example/",
    "upper case scheme": "HTTP://127.0.0.1:1/", "space before": " http://127.0.0.1:1/", "line end": "http://127.0.0.1:1/a\nb",
}  # fmt: skip


def cases(client: str) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    for argument, make in (ARGUMENTS | (OF_REQUESTS if client == "http" else {})).items():
        for name, value in SCALARS.items():
            if "name" in argument and isinstance(value, list | dict | set | bytearray):
                continue  # no key of a dict
            for method in ("get", "post"):
                yield f"{method}: {argument} is {name}", _given(method, make, value)
        for name, container in CONTAINERS.items():
            if (argument, name) not in UNLIKE_EACH_OTHER:
                yield f"{argument} is {name}", _made(make, container)
    for attribute in OF_THE_SESSION[client]:
        for name, value in SCALARS.items():
            yield f"session's {attribute} is {name}", _set(attribute, value)
    for name, value in SCALARS.items():
        yield f"session's header is {name}", _header(client, "X-V", value)
        if not isinstance(value, list | dict | set | bytearray):
            yield f"session's header is called {name}", _header(client, value, "v")
        if name != "surrogate":
            yield f"base_url is {name}", _set("base_url", value)
    for name, value in URLS.items():
        yield f"url is {name}", lambda s, value=value: s.get(value)
        yield f"url is {name}, with headers", lambda s, value=value: s.get(value, headers={"X-A": "1"})


def _given(method: str, make: Callable[[Any], Any], value: Any) -> Callable[[Any], Any]:
    return lambda s: _status(getattr(s, method)(s.path, **make(value)))


def _made(make: Callable[[Any], Any], container: Callable[[], Any]) -> Callable[[Any], Any]:
    return lambda s: _status(s.post(s.path, **make(container())))


def _set(attribute: str, value: Any) -> Callable[[Any], Any]:
    def call(s: Any) -> Any:
        setattr(s, attribute, value)
        return _status(s.get(s.path))

    return call


def _header(client: str, name: Any, value: Any) -> Callable[[Any], Any]:
    def call(s: Any) -> Any:
        headers = s.headers if client == "http" else s.client.default_headers
        headers[name] = value
        return _status(s.get(s.path))

    return call


def _status(response: Any) -> Any:
    error = getattr(response, "error", None)
    return response.status_code if error is None else error
