"""Calls that few scripts make: odd hosts, redirects by hand, every form of files, bodies, hooks, streams and cookies."""

from __future__ import annotations

import pickle
from collections import UserDict
from types import MappingProxyType
from typing import Any

import requests
from http_cases import attempt, both, fast, http
from http_cases_network import kind

# --- URLs, redirects and bodies


@both("hosts in odd forms")
def _(s: Any) -> Any:
    port = s.port
    return [
        kind(lambda url=url: s.get(url))
        for url in (
            f"http://bücher.invalid:{port}/", f"http://xn--bcher-kva.invalid:{port}/", f"http://[::1]:{port}/v6", f"http://127.1:{port}/short",
            f"http://127.0.0.1:{port}/a#b#c", f"http://user@127.0.0.1:{port}/u", f"http://LocalHost:{port}/?", f"http://localhost.:{port}/dot",
        )
    ]  # fmt: skip


@http("hosts that cannot be")
def _(s: Any) -> Any:
    urls = (
        "http://exa mple.invalid/", "http://[::g]/",
        "http://127.0.0.1:0x50/", "http://127.0.0.1:-1/", "http://u:p@/x", "http:/one-slash", "http:x", "mailto:a@b.c", "ws://x/y", "://x", " http://x.invalid/",
    )  # fmt: skip
    return [kind(lambda url=url: s.get(url)) for url in urls]


@http("hosts that no name server takes")
def _(s: Any) -> Any:
    return [
        kind(lambda url=url: s.get(url)) for url in ("http://" + "a" * 64 + ".invalid/", "http://a..invalid/")
    ]


@http("redirects with fragments and credentials")
def _(s: Any) -> Any:
    there = f"http://us:pw@127.0.0.1:{s.port}/basic"
    return [
        s.get("/redirect/302?to=/landed#kept"),
        s.get("/redirect/302?to=/landed%23own#lost"),
        s.get(f"/redirect/302?to={there}"),
        s.get("/redirect/301?to=/redirect/308?to=/landed", params={"a": "b"}),
        s.post("/redirect/307?to=/landed", files={"f": ("n", b"c")}).request.method,
        s.post("/redirect/308?to=/landed", json={"a": 1}),
        s.put("/redirect/303?to=/landed", data={"a": "1"}),
    ]


@http("redirects not followed, then by hand")
def _(s: Any) -> Any:
    first = s.post("/redirect/303?to=/landed&cookie=a=1", data="x", allow_redirects=False)
    second = s.send(first.next, allow_redirects=False)
    return [first, second, s.get("/redirect/308?to=/x", allow_redirects=False).is_permanent_redirect]


@http("files in every form")
def _(s: Any) -> Any:
    def parts(files: Any, **more: Any) -> Any:
        return s.post("/f", files=files, **more).request.headers["Content-Length"]

    return [
        parts({"f": b"bytes"}),
        parts({"f": ("name", b"x")}),
        parts({"f": ("name", b"x", "a/b")}),
        parts({"f": ("name", b"x", "a/b", {"X-Part": "1"})}),
        parts({"f": (None, "no name")}),
        parts([("f", ("a", b"1")), ("f", ("b", b"2"))], data=[("k", "1"), ("k", "2")]),
        parts({"f": ('ä"\\n.txt', b"x")}, data={"ü": "é", "n": 1, "none": None}),
        kind(lambda: s.post("/f", files={"f": None})),
        kind(lambda: s.post("/f", files={"f": b"x"}, data="text")),
        s.post("/f", files={}, data={"a": "b"}),
    ]


@http("bodies from generators")
def _(s: Any) -> Any:
    def failing() -> Any:
        yield b"one"
        raise ValueError("mine")

    return [
        s.post("/d", data=iter(())),
        s.post("/d", data=(part for part in (b"a", b"", b"b"))),
        s.post("/d", data=(part for part in ("t", "ü"))),
        s.put("/d", data=[b"x", b"y"]),
        kind(lambda: s.post("/d", data=failing())),
        s.get("/x"),
    ]


@http("hooks in their order")
def _(s: Any) -> Any:
    order: list[str] = []
    s.hooks["response"] = [lambda r, **_: order.append(f"session {r.status_code}")]
    s.get(
        "/redirect/302?to=/landed", hooks={"response": [lambda r, **_: order.append(f"own {r.status_code}")]}
    )
    s.get("/x", hooks={"response": lambda r, **given: order.append(str(sorted(given)))})
    # Whether the connection is kept after this is the client's affair.
    return [order, kind(lambda: s.get("/x", hooks={"response": lambda r, **_: 1 / 0}))]


@http("prepared in every form")
def _(s: Any) -> Any:
    s.headers["X-S"] = "1"
    s.cookies["c"] = "2"
    # Locust's session knows how to send only after its first request.
    first = s.get("/first")
    request = requests.Request(
        "post", s.base + "/p", params={"a": "ü"}, json={"b": 1}, headers={"X-R": None, "X-Q": "q"}
    )
    mine = s.prepare_request(request)
    bare = requests.Request("GET", s.base + "/bare").prepare()
    return [
        first,
        s.send(mine),
        s.send(mine.copy()),
        s.send(bare),
        mine.body,
        s.send(bare, stream=True).raw.read(),
    ]


@http("auth of every kind")
def _(s: Any) -> Any:
    class Token(requests.auth.AuthBase):
        def __call__(self, request: Any) -> Any:
            request.headers["Authorization"] = "Token t"
            request.body = b"changed" if request.body else request.body
            return request

    return [
        s.get("/basic", auth=requests.auth.HTTPBasicAuth("u", "")),
        s.get("/basic", auth=requests.auth.HTTPProxyAuth("u", "p")),
        s.post("/basic", auth=Token(), data="before").content,
        s.post("/digest", auth=requests.auth.HTTPDigestAuth("u", "p"), data="body"),
        kind(lambda: s.get("/basic", auth=("only",))),
        kind(lambda: s.get("/basic", auth="text")),
        kind(lambda: s.get("/basic", auth=(1, 2))),
    ]


@http("cookies by domain and path")
def _(s: Any) -> Any:
    jar = requests.cookies.RequestsCookieJar()
    jar.set("here", "1", domain="127.0.0.1", path="/a")
    jar.set("there", "1", domain="elsewhere.test", path="/")
    jar.set("old", "1", expires=1)
    jar.set("safe", "1", secure=True)
    s.cookies.update(jar)
    found = [s.get("/a/b"), s.get("/ab"), s.get("/a"), s.get("/c")]
    s.get("/cookies?set=p=1;%20Path=/deep&set=m=1;%20Max-Age=100&set=x=1;%20Max-Age=nonsense")
    return [
        *found,
        s.get("/deep/er"),
        s.get("/deeper"),
        sorted(s.cookies.keys()),
        s.cookies.get_dict(path="/deep"),
    ]


@http("streams in every form")
def _(s: Any) -> Any:
    def streamed(path: str) -> Any:
        # When a connection is free again after a stream is a matter of chance: each has its own.
        return s.make().get(path, stream=True)

    whole = [
        list(streamed("/typed?hex=610a620d0a0a63").iter_lines(chunk_size=3, delimiter=b"\n")),
        list(streamed("/typed?hex=610a620d0a0a63").iter_lines(chunk_size=1, decode_unicode=True)),
        list(
            streamed("/typed?type=text/plain;charset=latin-1&hex=e9e8").iter_content(1, decode_unicode=True)
        ),
        list(streamed("/status/204").iter_content(5)),
        list(s.make().head("/chunked", stream=True).iter_lines()),
        b"".join(streamed("/gzip").raw.stream(7, decode_content=False))[:4],
        list(streamed("/no-length").iter_content(None)),
    ]
    raw = streamed("/chunked").raw
    return [*whole, raw.read(3), raw.tell(), kind(lambda: streamed("/chunked").iter_content("x"))]


@http("errors in the middle of a stream")
def _(s: Any) -> Any:
    def after(path: str) -> Any:
        own = s.make()
        list(own.get(path, stream=True).iter_content(4))
        return own.get("/x")

    paths = ("/cut", "/cut-chunk", "/bad-chunk", "/cut-gzip", "/bad-gzip")
    return [kind(lambda path=path: after(path)) for path in paths]


@http("what a response has")
def _(s: Any) -> Any:
    r = s.get("/headers")
    twice = r.headers["X-TWICE"]
    s.get("/status/204")
    return [
        twice, r.headers.get("nothing"), "x-latin" in r.headers, r.headers["X-Latin"], r.links, r.is_redirect, r.next, r.raw.version, r.raw.status,
        r.raw.reason, r.raw.headers.getlist("x-twice"), r.connection is not None, r.elapsed.total_seconds() > 0, r.history,
        s.get("/typed?hex=fffe4100").apparent_encoding, s.get("/typed?type=text/html&hex=c3a9").text, r.raw.closed, r.raw.isclosed(),
    ]  # fmt: skip


@http("pickled responses and sessions")
def _(s: Any) -> Any:
    r = s.get("/redirect/302?to=/typed?hex=c3a9&cookie=a=1")
    again = pickle.loads(pickle.dumps(requests.Response.__getstate__(r)))
    return [sorted(again), again["status_code"], again["_content"], again["url"], len(again["history"])]


# --- arguments of the wrong kind


@both("urls that are no text")
def _(s: Any) -> Any:
    return [attempt(lambda url=url: s.get(url)) for url in (None, 5, b"/x", ["/x"])]


@http("methods that cannot be")
def _(s: Any) -> Any:
    methods = ("BAD METHOD", "GE\r\nT", "GÜT", "A:B", None, 5)
    return [attempt(lambda method=method: s.request(method, "/x")) for method in methods]


@fast("methods that cannot be, with the fast client")
def _(s: Any) -> Any:
    return [
        kind(lambda method=method: s.request(method, "/x"))
        for method in ("BAD METHOD", "GE\r\nT", "GÜT", "A:B")
    ]


@both("contexts of every form")
def _(s: Any) -> Any:
    """Any mapping goes with the request, and comes out on top of the user's."""

    class Visitor:
        def context(self) -> Any:
            return MappingProxyType({"of": "user", "both": "user"})

    own = s.make(user=Visitor())
    given = {"both": "request", "own": 1}
    return [
        own.get("/x", **({"context": form(given)} if s.caught else {})).status_code
        for form in (dict, UserDict, MappingProxyType)
    ]


# --- the fast client


@fast("headers of a response")
def _(s: Any) -> Any:
    headers = s.get("/headers").headers
    return [
        headers["x-twice"], headers.get("nothing"), "X-LATIN" in headers, headers["X-Latin"], sorted(name.lower() for name in headers), len(headers),
    ]  # fmt: skip


@fast("files in every form, with the fast client")
def _(s: Any) -> Any:
    return [
        s.post("/f", files={"f": ("n", b"x", "a/b")}, data={"k": "v"}).status_code,
        s.post("/f", files=[("f", ("a", b"1")), ("f", ("b", b"2"))]).status_code,
        kind(lambda: s.post("/d", json=object())),
    ]


@fast("lists in a form")
def _(s: Any) -> Any:
    return s.post("/d", data={"a": ["1", "2"]})


@fast("auth in odd forms")
def _(s: Any) -> Any:
    return [kind(lambda auth=auth: s.get("/basic", auth=auth)) for auth in (("u", ""), ("ü", "é"), None)]
