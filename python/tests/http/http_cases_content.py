"""Calls about what is sent and what comes back: streams, bodies, encodings and JSON of all shapes, pickles, the fast client."""

from __future__ import annotations

import io
import json
import pickle
import re
import shutil
import tempfile
from collections import OrderedDict
from typing import Any

import requests
from http_cases import attempt, fast, http
from http_cases_network import kind

# --- streams


@http("streams read through the file below")
def _(s: Any) -> Any:
    def raw(path: str, **given: Any) -> Any:
        return s.make().get(path, stream=True, **given).raw

    copied, decoded, wrapped = io.BytesIO(), io.BytesIO(), raw("/chunked")
    shutil.copyfileobj(raw("/gzip"), copied)
    source = raw("/gzip")
    source.decode_content = True
    shutil.copyfileobj(source, decoded)
    lines = list(raw("/chunked"))
    buffer = bytearray(8)
    into = raw("/chunked")
    return [
        copied.getvalue()[:2],
        decoded.getvalue(),
        [b"".join(lines)],
        into.readinto(buffer),
        bytes(buffer),
        wrapped.readable(),
        wrapped.read(0),
        b"".join(iter(lambda: wrapped.read(4), b"")),
        wrapped.closed,
        raw("/gzip-chunked").read(decode_content=True)[:20],
        raw("/headers").headers.get("X-Twice"),
        io.TextIOWrapper(io.BufferedReader(raw("/no-length"))).read(),
    ]


@http("streams begun and taken up again")
def _(s: Any) -> Any:
    def begun(path: str) -> Any:
        response = s.make().get(path, stream=True)
        next(response.iter_content(3))
        return response

    plain = "/typed?hex=6162630a6465660a67"
    half = s.make().get("/chunked", stream=True)
    parts = half.iter_content(5)
    return [
        attempt(lambda: begun(plain).content),
        attempt(lambda: begun(plain).text),
        attempt(lambda: list(begun(plain).iter_content(3))),
        attempt(lambda: begun(plain).json()),
        b"".join([next(parts), next(parts), *parts]),
        half.is_redirect,
        attempt(lambda: half.content),
        list(s.make().get("/typed?hex=", stream=True).iter_lines()),
    ]


@http("a chunked stream taken up again")
def _(s: Any) -> Any:
    response = s.make().get("/chunked", stream=True)
    next(response.iter_content(3))
    return response.content


@http("a stream's with-block")
def _(s: Any) -> Any:
    with s.get("/chunked", stream=True, **s.caught) as response:
        whole = b"".join(response.iter_content(100))
    with s.get("/typed?hex=616263", **s.caught) as other:
        text = other.text
    return [whole, text, response.raw.closed, s.get("/x")]


# --- bodies


@http("bodies of odd objects")
def _(s: Any) -> Any:
    class Sized:
        def __init__(self) -> None:
            self.parts = [b"ab", b"cd"]

        def __len__(self) -> int:
            return 4

        def __iter__(self) -> Any:
            return iter(self.parts)

    class Reading(io.RawIOBase):
        def __init__(self) -> None:
            self.left = [b"one", b"two"]

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            part = self.left.pop(0) if self.left else b""
            buffer[: len(part)] = part
            return len(part)

    class Named:
        def __str__(self) -> str:
            return "as text"

    with tempfile.TemporaryFile() as file:
        file.write(b"on disk")
        file.seek(3)
        from_disk = s.post("/d", data=file)
    return [
        from_disk,
        s.post("/d", data=Sized()),
        s.post("/d", data=io.BytesIO()),
        s.post("/d", data=Reading()),
        s.post("/d", data=memoryview(b"view")),
        s.post("/d", data=(("a", "1"), ("b", "2"))),
        s.post("/d", data=OrderedDict([("z", "1"), ("a", [1, None, b"x"])])),
        s.post("/d", data={"o": Named()}),
        kind(lambda: s.post("/d", data=5)),
        kind(lambda: s.post("/d", data=object())),
    ]


@http("bodies whose length the script gives")
def _(s: Any) -> Any:
    return [
        s.post("/d", headers={"Content-Length": "0"}),
        s.post("/d", data="", headers={"Content-Type": "a/b"}),
        s.post("/d", data=b"12345", headers={"Content-Length": "5", "Expect": "nothing"}),
    ]


@http("json of every kind")
def _(s: Any) -> Any:
    return [
        s.post("/d", json={1: 2, None: True, "f": 1.5, "s": "\ud83d\ude00", "n": {"a": (1, 2)}}),
        s.post("/d", json=""),
        s.post("/d", json=[]),
        attempt(lambda: s.post("/d", json={"when": object()})),
        attempt(lambda: s.post("/d", json=float("inf"))),
        s.post("/d", json="text", headers={"content-type": "own/type"}),
    ]


@http("params of odd values")
def _(s: Any) -> Any:
    return [
        s.get("/p", params={"a": [], "b": [None, "1"], "c": True, "d": "ü/ &?=#+%"}).url,
        s.get("/p?x=%20", params="raw=%zz&é").url,
        s.get("/p", params=[("k", "1"), ("k", None), ("l", ["2", "3"])]).url,
        s.get("/p#frag", params={"a": "1"}).url,
        kind(lambda: s.get("/p", params=5)),
        kind(lambda: s.get("/p", params=[1, 2])),
    ]


# --- what a response says


@http("texts in every encoding")
def _(s: Any) -> Any:
    def of(kind_of: str, body: str) -> Any:
        r = s.get(f"/typed?type={kind_of}&hex={body}")
        return [r.encoding, r.text]

    changed = s.get("/typed?type=text/plain&hex=c3a9")
    before, changed.encoding = changed.text, "utf-8"
    unknown = s.get("/typed?type=text/plain&hex=c3a9")
    unknown.encoding = "no-such-encoding"
    return [
        of("text/html;%20charset=%22utf-8%22", "c3a9"),
        of("text/html;%20charset='utf-8'", "c3a9"),
        of("TEXT/HTML;%20CHARSET=UTF-8", "c3a9"),
        of("text/html;charset", "e9"),
        of("text/html;%20x=y;%20charset=utf-16", "fffe4100"),
        of("application/xml", "c3a9"),
        of("application/json", "fffe7b007d00"),
        of("", "c3a9"),
        before, changed.text, unknown.text,
        s.get("/typed?hex=").apparent_encoding,
    ]  # fmt: skip


@http("json that is read in every way")
def _(s: Any) -> Any:
    def body(text: bytes, **given: Any) -> Any:
        return attempt(lambda: s.get(f"/typed?type=application/json&hex={text.hex()}").json(**given))

    failed = body(b'{"a": nope}')
    return [
        body(b'{"a": 1.5}', parse_float=str),
        body("\ufeff{}".encode("utf-8")),
        body('{"a": "ü"}'.encode("utf-16")),
        body('{"a": "ü"}'.encode("utf-32-le")),
        body(b"NaN", parse_constant=str),
        body(b""),
        body(b"[1,]"),
        failed,
        [isinstance(failed, one) for one in (ValueError, json.JSONDecodeError, requests.JSONDecodeError)],
        [failed.doc, failed.pos, failed.lineno, failed.colno],
    ]


@http("responses put away and taken out again")
def _(s: Any) -> Any:
    kept = []
    for path in ("/typed?type=text/plain&hex=61", "/status/404", "/redirect/302?to=/landed", "/gzip"):
        again = pickle.loads(pickle.dumps(s.get(path)))
        kept.append(
            [
                again.status_code, again.reason, again.text, again.url, again.encoding, len(again.history), again.ok,
                again.request.url, attempt(again.raise_for_status), again.headers.get("content-type"),
                isinstance(again, requests.Response),
            ]
        )  # fmt: skip
    return kept


@http("sessions put away and taken out again")
def _(s: Any) -> Any:
    s.headers["X-S"], s.auth, s.max_redirects, s.stream = "1", ("u", "p"), 3, False
    s.cookies.set("c", "1")
    again = pickle.loads(pickle.dumps(requests.Session.__getstate__(s)))
    return [
        sorted(again),
        dict(again["headers"]),
        again["cookies"].get_dict(),
        again["auth"],
        again["max_redirects"],
    ]


@http("errors in a body that know their request")
def _(s: Any) -> Any:
    outcomes = [attempt(lambda path=path: s.get(path)) for path in ("/cut", "/bad-gzip")]
    errors = [one if isinstance(one, Exception) else one.error for one in outcomes]
    return [[type(error).__name__, error.request and error.request.url] for error in errors]


@http("errors that know their request")
def _(s: Any) -> Any:
    def of(call: Any) -> Any:
        outcome = attempt(call)
        error = outcome if isinstance(outcome, Exception) else outcome.error
        request = getattr(error, "request", None)
        return [
            type(error).__name__,
            request and [request.method, request.url],
            getattr(error, "response", None) is None,
        ]

    return [
        of(lambda: s.post("/close", data="x")),
        of(lambda: s.get("http://127.0.0.1:1/x")),
        of(lambda: s.get("/no-head", timeout=0.15)),
        of(lambda: s.get("/redirect/302?to=http://127.0.0.1:1/y")),
    ]


# --- the fast client


@fast("rest of every shape")
def _(s: Any) -> Any:
    from locust.contrib.fasthttp import FastHttpUser
    from locust.env import Environment

    fired: list[Any] = []
    kind_of = type("Visitor", (FastHttpUser,), {"host": s.base, "abstract": False})
    surroundings = Environment(user_classes=[kind_of])
    surroundings.events.request.add_listener(
        lambda request_type, name, exception, response_length, **_: fired.append(
            [
                request_type,
                name,
                re.sub(r" at .*\. Response", " at PLACES. Response", repr(exception)),
                response_length,
            ]
        )
    )
    user = kind_of(surroundings)
    seen: list[Any] = []
    good, bad = (
        "/typed?type=application/json&hex=7b2261223a20317d",
        "/typed?type=application/json&hex=7b226122",
    )

    def tried(method: str, path: str, verdict: Any = None, **given: Any) -> None:
        try:
            with user.rest(method, path, **given) as response:
                seen.append([response.js, response.status_code, getattr(response, "error", None) is None])
                if verdict is not None:
                    verdict(response)
        except Exception as error:
            seen.append(repr(error))

    tried("GET", good)
    tried("GET", bad)
    tried("POST", good, json={"a": 1}, headers={"X-R": "1"}, name="named")
    tried("GET", "/status/404")
    tried("GET", "/status/204")
    tried("GET", good, lambda r: r.failure("no"))
    tried("GET", good, lambda r: seen.append(r.js["b"]))
    tried("GET", "/status/500", lambda r: r.success())
    tried("GET", good, lambda r: exec("assert False, 'mine'"))
    tried("PUT", "http://127.0.0.1:1/x", data="d")
    return [seen, fired]


@fast("requests of the fast client with every argument")
def _(s: Any) -> Any:
    return [
        s.get("/redirect/302?to=/landed", allow_redirects=False),
        s.get("/p", params={"a": ["1", "2"], "b": "ü"}),
        s.make().get("/p?x=1", params=[("a", "1"), ("a", "2")]),
        s.request("GET", "/h", headers={"X-A": "1"}, name="n", context={}),
        s.post("/d", data=b"bytes", headers={"Content-Type": "x/y"}),
        s.post("/d", json=None, data={"a": "b"}),
        s.patch("/d", json={"a": None}),
        s.options("/o"),
        s.head("/h"),
        s.delete("/d", json={"k": 1}),
        s.get("/status/404").error,
        attempt(lambda: s.make().get("/x", nonsense=1)),
    ]


@fast("responses of the fast client read in every way")
def _(s: Any) -> Any:
    def of(path: str, **given: Any) -> Any:
        r = s.get(path, **given)
        return [
            r.status_code, attempt(lambda: r.text), attempt(lambda: r.content), r.encoding, attempt(lambda: r.json()),
            getattr(r, "ok", None), r.url, attempt(r.raise_for_status),
        ]  # fmt: skip

    return [
        of("/typed?type=text/html;%20charset=%22utf-8%22&hex=c3a9"),
        of("/typed?type=text/plain&hex=e9"),
        of("/typed?type=application/json;charset=utf-16&hex=fffe7b007d00"),
        of("/typed?type=text/plain;charset=nonsense&hex=41"),
        of("/status/404"),
        of("/status/204"),
        of("/gzip", stream=True),
        of("/chunked", stream=True),
    ]


@fast("contexts of the fast client")
def _(s: Any) -> Any:
    with s.get("/x", catch_response=True) as good:
        good.failure("text")
    with s.get("/status/404", catch_response=True) as bad:
        said = [bad.error, attempt(bad.raise_for_status)]
        bad.success()
        said += [bad.error, attempt(bad.raise_for_status)]
    with s.get("/x", catch_response=True, name="own") as timed:
        timed.request_meta["name"] += "!"
    with s.get("http://127.0.0.1:1/x", catch_response=True) as refused:
        seen = [
            refused.status_code,
            refused.content,
            refused.text,
            refused.headers,
            type(refused.error).__name__,
        ]
    with s.rename_request("inside"):
        s.get("/y")
    return [good.status_code, getattr(good, "error", None), bad.status_code, said, timed.text, seen]


@fast("clients of the fast session made in every way")
def _(s: Any) -> Any:
    patient = s.make(network_timeout=0.15, connection_timeout=30, headers={"X-M": "1"})
    slow = patient.get("/no-head")
    return [
        [type(slow).__name__, slow.status_code, type(slow.error).__name__],
        s.make(base=s.base + "/below/").get("x"),
        s.make(base=s.base + "/below").get("/x"),
        s.make(insecure=False, concurrency=2).get("/x"),
        kind(lambda: s.make(base="no scheme").get("/x")),
    ]
