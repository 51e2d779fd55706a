"""Steps of a request × ways in which a script takes one over × when: every call of the step is seen, and what it changes counts."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

STEPS = {
    "http": (
        "_send_request_safe_mode", "_build_url", "request", "send", "prepare_request", "get_adapter", "merge_environment_settings",
        "resolve_redirects", "get_redirect_target", "rebuild_auth", "should_strip_auth", "rebuild_method", "get", "post",
    ),
    "fast": ("_send_request_safe_mode", "_build_url", "request", "get", "post"),
}  # fmt: skip
AGENT_STEPS = ("urlopen", "_urlopen", "_verify_status", "_make_request", "_handle_error")
RESPONSE_STEPS = ("_report_request", "__enter__", "__exit__", "raise_for_status", "success", "failure")
ON_RESPONSES: dict[str, Callable[[Any, Any], None]] = {
    "status_code": lambda r, s: setattr(r, "status_code", 503),
    "url": lambda r, s: setattr(r, "url", "http://elsewhere.test/"),
    "error": lambda r, s: setattr(r, "error", ValueError("mine")),
    "_content": lambda r, s: setattr(r, "_content", b"mine"),
    "request_meta": lambda r, s: r.request_meta.update(name="mine", response_time=5.0),
    "another request_meta": lambda r, s: setattr(r, "request_meta", {**r.request_meta, "name": "another"}),
    "_request_event": lambda r, s: setattr(r, "_request_event", _Event(s)),
    "_manual_result True": lambda r, s: setattr(r, "_manual_result", True),
    "_manual_result an error": lambda r, s: setattr(r, "_manual_result", ValueError("mine")),
    "_report_request": lambda r, s: setattr(r, "_report_request", lambda *a: None),
    "_report_request, called": lambda r, s: r._report_request(),
    "raise_for_status": lambda r, s: setattr(r, "raise_for_status", lambda: None),
    "_entered False, then success": lambda r, s: (setattr(r, "_entered", False), r.success()),
    "_catch_response": lambda r, s: setattr(r, "_catch_response", False),
}


class _Event:
    """Stands for the request event."""

    def __init__(self, session: Any) -> None:
        self.fired = session.fired

    def fire(self, **given: Any) -> None:
        self.fired.append({**given, "name": "by another event"})


def cases(client: str) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    for step in STEPS[client]:
        for way, take in WAYS.items():
            run = (
                functools.partial(_object_ways, client, step, take)
                if take
                else functools.partial(_class_ways, step, way)
            )
            yield f"{step}, {way}", run
    for step in RESPONSE_STEPS:
        for way in ("on the object", "on the class", "on the class after a request", "by a class of its own"):
            yield f"response's {step}, {way}", functools.partial(_response, client, step, way)
    for name, change in ON_RESPONSES.items():
        for path in ("/x", "/status/404"):
            for verdict in ("", "success", "failure"):
                yield (
                    f"response's {name} is set, {path} {verdict}",
                    functools.partial(_set, change, path, verdict),
                )
    yield "called by hand", functools.partial(_by_hand, client)
    if client == "fast":
        for step in AGENT_STEPS:
            for way in (
                "on the object",
                "on the object after a request",
                "on the class",
                "on the class after a request",
            ):
                yield f"agent's {step}, {way}", functools.partial(_agent, step, way)
        for name in ("valid_response_codes", "redirect_response_codes"):
            for way in ("on the object", "on the class", "on the class after a request"):
                yield f"agent's {name}, {way}", functools.partial(_codes, name, way)


def _of(cls: type, like: Any, client: str) -> Any:
    """Another session of a class of ours."""
    if client == "http":
        session = cls(like.base, like.request_event, None)
        session.trust_env = False
        return session
    return cls(like.base, like.request_event, None, max_redirects=30, max_retries=0)


class _Told:
    """What a step was called with."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def wrap(self, step: Callable[..., Any], name: str, bound: bool = False) -> Callable[..., Any]:
        @functools.wraps(step)
        def mine(*args: Any, **kwargs: Any) -> Any:
            shown = args if bound else args[1:]
            self.calls.append([name, [str(a)[:60] for a in shown if isinstance(a, str)], sorted(kwargs)])
            if name == "_send_request_safe_mode":
                kwargs["headers"] = {**(kwargs.get("headers") or {}), "X-Signed": "s"}
            if name == "_build_url":
                return step(*args, **kwargs) + ("&" if "?" in str(args[-1]) else "?") + "built=1"
            return step(*args, **kwargs)

        return mine


def _requests(s: Any) -> Any:
    return [
        s.get("/x"), s.post("/d", data="b"), s.get("/redirect/302?to=/landed"), s.get("/status/404", name="n"), s.request("PUT", "/r", json={}),
        s.get("/h", headers={"X-A": "1"}),
    ]  # fmt: skip


def _subclass(s: Any, client: str, step: str, told: _Told) -> Any:
    base = type(s)
    return _of(type("Own", (base,), {step: told.wrap(getattr(base, step), step)}), s, client)


def _mixin(s: Any, client: str, step: str, told: _Told) -> Any:
    base = type(s)
    mixin = type("Mixin", (), {step: told.wrap(getattr(base, step), step)})
    return _of(type("Own", (mixin, base), {}), s, client)


def _on_object(s: Any, client: str, step: str, told: _Told) -> Any:
    setattr(s, step, told.wrap(getattr(s, step), step, bound=True))
    return s


def _on_object_after(s: Any, client: str, step: str, told: _Told) -> Any:
    s.get("/before")
    return _on_object(s, client, step, told)


def _on_object_for_a_while(s: Any, client: str, step: str, told: _Told) -> Any:
    with mock.patch.object(s, step, told.wrap(getattr(s, step), step, bound=True)):
        s.get("/within")
    return s


def _on_subclass_after(s: Any, client: str, step: str, told: _Told) -> Any:
    base = type(s)
    cls = type("Own", (base,), {})
    session = _of(cls, s, client)
    session.get("/before")
    setattr(cls, step, told.wrap(getattr(base, step), step))
    return session


WAYS: dict[str, Any] = {
    "by a subclass": _subclass,
    "by a mixin": _mixin,
    "on the object": _on_object,
    "on the object after a request": _on_object_after,
    "on the object for a while": _on_object_for_a_while,
    "on a subclass after a request": _on_subclass_after,
    "on the class": None,
    "on the class after a request": None,
    "on the class for a while": None,
}


def _class_ways(step: str, way: str, s: Any) -> Any:
    told, cls = _Told(), type(s)
    if way == "on the class after a request":
        s.get("/before")
    with mock.patch.object(cls, step, told.wrap(getattr(cls, step), step)):
        seen = [s.get("/within")] if way == "on the class for a while" else _requests(s)
    return [seen, s.get("/after"), told.calls]


def _object_ways(client: str, step: str, take: Any, s: Any) -> Any:
    told = _Told()
    session = take(s, client, step, told)
    return [_requests(session), told.calls]


def _verdicts(s: Any) -> Any:
    with s.get("/x", catch_response=True) as r:
        r.success()
    with s.get("/x", catch_response=True) as r:
        r.failure("no")
    with s.get("/status/404", catch_response=True):
        pass
    return [s.get("/x").status_code, s.get("/status/404").status_code]


def _module(client: str) -> Any:
    import locust.clients
    import locust.contrib.fasthttp

    return locust.clients if client == "http" else locust.contrib.fasthttp


def _response(client: str, step: str, way: str, s: Any) -> Any:
    told, module = _Told(), _module(client)
    cls = module.ResponseContextManager
    if way == "on the object":
        with s.get("/x", catch_response=True) as r:
            setattr(r, step, told.wrap(getattr(r, step), step, bound=True))
            r.success()
        with s.get("/status/404", catch_response=True) as r:
            setattr(r, step, told.wrap(getattr(r, step), step, bound=True))
        return told.calls
    if way == "by a class of its own":
        own = type("ResponseContextManager", (cls,), {step: told.wrap(getattr(cls, step), step)})
        with mock.patch.object(module, "ResponseContextManager", own):
            return [_verdicts(s), told.calls]
    if way == "on the class after a request":
        s.get("/before")
    with mock.patch.object(cls, step, told.wrap(getattr(cls, step), step)):
        return [_verdicts(s), told.calls]


def _set(change: Callable[[Any, Any], None], path: str, verdict: str, s: Any) -> Any:
    with s.get(path, catch_response=True) as r:
        change(r, s)
        if verdict:
            getattr(r, verdict)(*(["no"] if verdict == "failure" else []))
    return r.status_code


def _by_hand(client: str, s: Any) -> Any:
    s.get("/first")
    if client == "http":
        response = s._send_request_safe_mode("GET", s.base + "/hand", headers={"X-A": "1"})
    else:
        response = s._send_request_safe_mode("GET", s.base + "/hand", payload=None, headers={"X-A": "1"})
    refused = s._send_request_safe_mode("GET", "http://127.0.0.1:1/")
    return [response, response.status_code, type(refused.error).__name__, refused.status_code]


def _agent(step: str, way: str, s: Any) -> Any:
    told, agent = _Told(), s.client
    if way.endswith("after a request"):
        s.get("/before")
    if "object" in way:
        setattr(agent, step, told.wrap(getattr(agent, step), step, bound=True))
        return [_requests(s), [call[0] for call in told.calls]]
    cls = type(agent)
    with mock.patch.object(cls, step, told.wrap(getattr(cls, step), step)):
        return [_requests(s), [call[0] for call in told.calls]]


def _codes(name: str, way: str, s: Any) -> Any:
    codes = frozenset([200, 404]) if name.startswith("valid") else frozenset([301])
    if way.endswith("after a request"):
        s.get("/before")
    if "object" in way:
        setattr(s.client, name, codes)
        return _requests(s)
    with mock.patch.object(type(s.client), name, codes):
        return _requests(s)
