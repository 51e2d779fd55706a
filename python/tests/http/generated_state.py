"""What can change between two requests × ways of passing arguments: before, changed, and taken back."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from typing import Any

import requests

Change = Callable[[Any], Any]


def _event(s: Any) -> Any:
    class Event:
        def fire(self, **given: Any) -> None:
            s.fired.append({**given, "name": "another event"})

    return Event()


class _Visitor:
    def context(self) -> dict[str, str]:
        return {"of": "another"}


def _cookie_jar() -> Any:
    jar = requests.cookies.RequestsCookieJar()
    jar.set("own", "1")
    return jar


class _Adapter(requests.adapters.HTTPAdapter):
    def send(self, request: Any, **given: Any) -> Any:
        request.headers["X-Adapted"] = "1"
        return super().send(request, **given)


class _Policy(__import__("http.cookiejar").cookiejar.DefaultCookiePolicy):
    def return_ok(self, cookie: Any, request: Any) -> bool:
        return False


def _sign(request: Any) -> Any:
    request.headers["X-Signed"] = "1"
    return request


# How to change it, and how to take it back.
HTTP: dict[str, tuple[Change, Change]] = {
    "headers, one set": (lambda s: s.headers.__setitem__("X-S", "1"), lambda s: s.headers.pop("X-S")),
    "headers, updated": (lambda s: s.headers.update({"X-S": "1", "X-T": "2"}), lambda s: s.headers.clear()),
    "headers, one deleted": (lambda s: s.headers.__delitem__("User-Agent"), lambda s: s.headers.setdefault("User-Agent", "u")),
    "headers, another dict": (lambda s: setattr(s, "headers", {"X-S": "1"}), lambda s: setattr(s, "headers", requests.utils.default_headers())),
    "headers, merged": (lambda s: setattr(s, "headers", requests.structures.CaseInsensitiveDict({**s.headers, "X-S": "1"})), lambda s: s.headers.pop("x-s")),
    "headers, None in it": (lambda s: s.headers.__setitem__("Accept", None), lambda s: s.headers.__setitem__("Accept", "a/b")),
    "headers, None": (lambda s: setattr(s, "headers", None), lambda s: setattr(s, "headers", requests.utils.default_headers())),
    "auth, a pair": (lambda s: setattr(s, "auth", ("u", "p")), lambda s: setattr(s, "auth", None)),
    "auth, basic": (lambda s: setattr(s, "auth", requests.auth.HTTPBasicAuth("u", "p")), lambda s: setattr(s, "auth", None)),
    "auth, basic changed": (lambda s: (setattr(s, "auth", requests.auth.HTTPBasicAuth("u", "p")), s.get("/x"), setattr(s.auth, "username", "w")), lambda s: setattr(s, "auth", None)),
    "auth, a function": (lambda s: setattr(s, "auth", _sign), lambda s: setattr(s, "auth", ())),
    "auth, digest": (lambda s: setattr(s, "auth", requests.auth.HTTPDigestAuth("u", "p")), lambda s: setattr(s, "auth", None)),
    "params, set": (lambda s: setattr(s, "params", {"p": "1"}), lambda s: setattr(s, "params", {})),
    "params, filled": (lambda s: s.params.update(p="1"), lambda s: s.params.clear()),
    "params, a string": (lambda s: setattr(s, "params", "p=1"), lambda s: setattr(s, "params", None)),
    "cookies, one set": (lambda s: s.cookies.set("c", "1"), lambda s: s.cookies.clear()),
    "cookies, a dict": (lambda s: setattr(s, "cookies", {"c": "1"}), lambda s: setattr(s, "cookies", requests.cookies.RequestsCookieJar())),
    "cookies, a jar": (lambda s: setattr(s, "cookies", _cookie_jar()), lambda s: s.cookies.clear()),
    "cookies, updated": (lambda s: s.cookies.update({"c": "1", "d": "2"}), lambda s: s.cookies.pop("c")),
    "cookies, a policy": (lambda s: (s.cookies.set("c", "1"), s.cookies.set_policy(_Policy())), lambda s: s.cookies.set_policy(__import__("http.cookiejar").cookiejar.DefaultCookiePolicy())),
    "max_redirects": (lambda s: setattr(s, "max_redirects", 0), lambda s: setattr(s, "max_redirects", 30)),
    "stream": (lambda s: setattr(s, "stream", True), lambda s: setattr(s, "stream", False)),
    "verify": (lambda s: setattr(s, "verify", False), lambda s: setattr(s, "verify", True)),
    "verify, a file that is not there": (lambda s: setattr(s, "verify", "/nowhere"), lambda s: setattr(s, "verify", True)),
    "cert, a file that is not there": (lambda s: setattr(s, "cert", "/nowhere"), lambda s: setattr(s, "cert", None)),
    "trust_env": (lambda s: (os.environ.__setitem__("HTTP_PROXY", f"http://127.0.0.1:{s.port}"), setattr(s, "trust_env", True)), lambda s: (os.environ.pop("HTTP_PROXY"), setattr(s, "trust_env", False))),
    "proxies, set": (lambda s: setattr(s, "proxies", {"http": f"http://127.0.0.1:{s.port}"}), lambda s: setattr(s, "proxies", {})),
    "proxies, filled": (lambda s: s.proxies.__setitem__("http", f"http://127.0.0.1:{s.port}"), lambda s: s.proxies.clear()),
    "hooks, filled": (lambda s: s.hooks["response"].append(lambda r, **_: r.headers.__setitem__("X-Hooked", "1")), lambda s: s.hooks["response"].clear()),
    "hooks, set": (lambda s: setattr(s, "hooks", {"response": [lambda r, **_: r.headers.__setitem__("X-Hooked", "1")]}), lambda s: setattr(s, "hooks", requests.hooks.default_hooks())),
    "adapters, one mounted": (lambda s: s.mount("http://", _Adapter()), lambda s: s.mount("http://", type(s.get_adapter("https://x"))(*_none(s)))),
    "adapters, one more": (lambda s: s.mount(s.base + "/x", _Adapter()), lambda s: s.adapters.pop(s.base + "/x")),
    "adapters, one put in": (lambda s: s.adapters.__setitem__("http://", _Adapter()), lambda s: s.adapters.__setitem__("http://", requests.adapters.HTTPAdapter())),
    "adapters, one taken away": (lambda s: s.adapters.pop("http://"), lambda s: s.mount("http://", requests.adapters.HTTPAdapter())),
    "adapter's send": (lambda s: setattr(s.get_adapter("http://x"), "send", _sending(s.get_adapter("http://x"))), lambda s: delattr(s.get_adapter("http://x"), "send")),
    "adapter's add_headers": (lambda s: setattr(s.get_adapter("http://x"), "add_headers", lambda request, **_: request.headers.__setitem__("X-Added", "1")), lambda s: delattr(s.get_adapter("http://x"), "add_headers")),
    "adapter's request_url": (lambda s: setattr(s.get_adapter("http://x"), "request_url", lambda request, proxies: "/elsewhere"), lambda s: delattr(s.get_adapter("http://x"), "request_url")),
    "adapter's build_response": (lambda s: setattr(s.get_adapter("http://x"), "build_response", _building(s.get_adapter("http://x"))), lambda s: delattr(s.get_adapter("http://x"), "build_response")),
    "adapter's retries": (lambda s: setattr(s.get_adapter("http://x"), "max_retries", requests.adapters.Retry(1, status_forcelist=[404], raise_on_status=False)), lambda s: setattr(s.get_adapter("http://x"), "max_retries", requests.adapters.Retry(0, read=False))),
    "closed": (lambda s: s.close(), lambda s: None),
    "redirect_cache": (lambda s: setattr(s, "redirect_cache", {}), lambda s: delattr(s, "redirect_cache")),
    "own attribute": (lambda s: setattr(s, "mine", 1), lambda s: delattr(s, "mine")),
    "explicit_name": (lambda s: setattr(s, "explicit_name", "mine"), lambda s: None),
}  # fmt: skip
BOTH: dict[str, tuple[Change, Change]] = {
    "base_url": (lambda s: setattr(s, "base_url", s.base + "/base"), lambda s: setattr(s, "base_url", s.base)),
    "base_url, with a user": (lambda s: setattr(s, "base_url", f"http://us:pw@127.0.0.1:{s.port}"), lambda s: setattr(s, "base_url", s.base)),
    "base_url, another host": (lambda s: setattr(s, "base_url", f"http://localhost:{s.port}"), lambda s: setattr(s, "base_url", s.base)),
    "base_url, with a slash": (lambda s: setattr(s, "base_url", s.base + "/"), lambda s: setattr(s, "base_url", s.base)),
    "request_name": (lambda s: setattr(s, "request_name", "named"), lambda s: setattr(s, "request_name", None)),
    "request_event": (lambda s: (setattr(s, "event_before", s.request_event), setattr(s, "request_event", _event(s))), lambda s: setattr(s, "request_event", s.event_before)),
    "user": (lambda s: setattr(s, "user", _Visitor()), lambda s: setattr(s, "user", None)),
    "request": (lambda s: setattr(s, "request", functools.partial(_named, s.request)), lambda s: delattr(s, "request")),
}  # fmt: skip
FAST: dict[str, tuple[Change, Change]] = {
    "auth_header": (lambda s: setattr(s, "auth_header", "Token t"), lambda s: setattr(s, "auth_header", None)),
    "agent's headers, one set": (lambda s: s.client.default_headers.__setitem__("X-S", "1"), lambda s: s.client.default_headers.pop("X-S")),
    "agent's headers, updated": (lambda s: s.client.default_headers.update({"X-S": "1"}), lambda s: s.client.default_headers.__delitem__("x-s")),
    "agent's headers, others": (lambda s: setattr(s.client, "default_headers", type(s.client.default_headers)({"X-S": "1"})), lambda s: s.client.default_headers.clear()),
    "agent's max_redirects": (lambda s: setattr(s.client, "max_redirects", 0), lambda s: setattr(s.client, "max_redirects", 30)),
    "agent's max_retries": (lambda s: setattr(s.client, "max_retries", 1), lambda s: setattr(s.client, "max_retries", 0)),
    "agent's valid codes": (lambda s: setattr(s.client, "valid_response_codes", frozenset([200, 404])), lambda s: delattr(s.client, "valid_response_codes")),
    "agent's redirect codes": (lambda s: setattr(s.client, "redirect_response_codes", frozenset()), lambda s: delattr(s.client, "redirect_response_codes")),
    "agent's jar": (lambda s: setattr(s.client, "cookiejar", type(s.client.cookiejar).__mro__[-2]()), lambda s: None),
    "agent's jar, None": (lambda s: setattr(s.client, "cookiejar", None), lambda s: setattr(s.client, "cookiejar", s.cookiejar)),
    "cookiejar": (lambda s: setattr(s, "cookiejar", __import__("http.cookiejar").cookiejar.CookieJar()), lambda s: None),
    "cookies cleared": (lambda s: s.cookiejar.clear(), lambda s: None),
    "pool closed": (lambda s: s.client.clientpool.close(), lambda s: None),
}  # fmt: skip


def _none(s: Any) -> list[None]:
    return [None] if "Locust" in type(s.get_adapter("https://x")).__name__ else []


def _named(original: Any, *args: Any, **kwargs: Any) -> Any:
    return original(*args, **{**kwargs, "name": "through my request"})


def _sending(adapter: Any) -> Any:
    original = adapter.send

    def send(request: Any, **given: Any) -> Any:
        request.headers["X-Sent"] = "1"
        return original(request, **given)

    return send


def _building(adapter: Any) -> Any:
    original = adapter.build_response

    def build(request: Any, raw: Any) -> Any:
        response = original(request, raw)
        response.headers["X-Built"] = "1"
        return response

    return build


CALLS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "both": {
        "get": lambda s: s.get("/x"),
        "headers": lambda s: s.get("/x", headers={"X-A": "1", "Accept": "own"}),
        "post": lambda s: s.post("/d", data={"a": "b"}),
        "json": lambda s: s.post("/d", json={"a": 1}, headers={"X-A": "1"}),
        "params": lambda s: s.get("/x?a=b", params={"c": "d"}),
        "auth": lambda s: s.get("/basic", auth=("own", "p")),
        "redirect": lambda s: s.get("/redirect/302?to=/landed&cookie=r=1"),
        "no redirect": lambda s: s.get("/redirect/302?to=/landed", allow_redirects=False),
        "whole url": lambda s: s.get(s.base + "/whole"),
        "named": lambda s: s.get("/x", name="name"),
        "bad status": lambda s: s.get("/status/404"),
        "stream": lambda s: s.get("/x", stream=True).status_code,
        "generic": lambda s: s.request("PATCH", "/r", data=b"x"),
    },
    "http": {
        "cookies": lambda s: s.get("/x", cookies={"r": "1"}),
        "verify": lambda s: s.get("/x", verify=False),
        "hooks": lambda s: s.get("/x", hooks={"response": lambda r, **_: None}),
        "proxies": lambda s: s.get("/x", proxies={}),
        "files": lambda s: s.post("/f", files={"f": ("n", b"x")}),
        "prepared": lambda s: s.send(s.prepare_request(requests.Request("GET", s.base + "/p"))),
    },
    "fast": {"files": lambda s: s.post("/f", files={"f": ("n", b"x")})},
}


def cases(client: str) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    changes = BOTH | (HTTP if client == "http" else FAST)
    for name, (change, back) in changes.items():
        for call_name, call in (CALLS["both"] | CALLS[client]).items():
            yield f"{call_name}; {name}", functools.partial(_changed, change, back, call)


def _changed(change: Change, back: Change, call: Change, s: Any) -> Any:
    s.get("/cookies?set=kept=1")
    return [_attempt(step, s) for step in (call, change, call, back, call)]


def _attempt(step: Change, s: Any) -> Any:
    try:
        result = step(s)
    except Exception as error:
        return error
    return result if hasattr(result, "status_code") or isinstance(result, int) else None
