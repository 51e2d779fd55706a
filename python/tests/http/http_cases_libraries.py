"""Calls in the interface of one library only: requests', then geventhttpclient's."""

from __future__ import annotations

import io
from typing import Any

import requests
from http_cases import attempt, both, fast, http

# --- the rest of requests' interface


@http("hooks")
def _(s: Any) -> Any:
    def mark(response: Any, **_: Any) -> None:
        response.headers["X-Hooked"] = str(response.status_code)

    own = s.get("/redirect/302?to=/landed", hooks={"response": mark})
    s.hooks["response"].append(mark)
    return [own, s.get("/x")]


@http("hooks that replace")
def _(s: Any) -> Any:
    def other(response: Any, **_: Any) -> Any:
        made = requests.Response()
        made.status_code, made._content, made.url, made.request = 299, b"made", response.url, response.request
        return made

    return s.get("/x", hooks={"response": other})


@http("params of the session")
def _(s: Any) -> Any:
    s.params = {"key": "1"}
    return [s.get("/x"), s.get("/x?a=b", params={"c": "d", "key": None})]


@http("max redirects")
def _(s: Any) -> Any:
    s.max_redirects = 2
    return [attempt(lambda: s.get("/loop")), s.get("/redirect/302?to=/redirect/302?to=/end")]


@http("mounted adapter")
def _(s: Any) -> Any:
    class Fake(requests.adapters.BaseAdapter):
        def send(self, request: Any, **_: Any) -> Any:
            made = requests.Response()
            made.status_code, made._content, made.request, made.url = 200, b"fake", request, request.url
            return made

        def close(self) -> None:
            pass

    s.mount(s.base + "/fake", Fake())
    return [s.get("/fake/x"), s.get("/real")]


@http("mounted plain adapter")
def _(s: Any) -> Any:
    s.mount("http://", requests.adapters.HTTPAdapter(max_retries=1))
    return [s.get("/x"), attempt(lambda: s.get("/close"))]


@http("prepared by the script")
def _(s: Any) -> Any:
    prepared = s.prepare_request(requests.Request("POST", s.base + "/prepared?q", data={"a": "b"}))
    prepared.headers["X-P"] = "1"
    return s.send(prepared)


@http("stream of lines")
def _(s: Any) -> Any:
    response = s.get("/chunked", stream=True)
    return [list(response.iter_lines()), response, s.get("/x")]


@http("stream of chunks")
def _(s: Any) -> Any:
    response = s.get("/gzip-chunked", stream=True)
    return [b"".join(response.iter_content(10)), response]


@http("stream as it comes")
def _(s: Any) -> Any:
    response = s.get("/slow-chunks", stream=True)
    return [list(response.iter_lines(decode_unicode=True)), response]


@http("stream raw")
def _(s: Any) -> Any:
    response = s.get("/gzip", stream=True)
    return [response.raw.read(10), response.raw.read(), response.raw.read()]


@http("stream raw decoded")
def _(s: Any) -> Any:
    return s.get("/gzip", stream=True).raw.read(decode_content=True)


@http("stream content")
def _(s: Any) -> Any:
    response = s.get("/gzip", stream=True)
    return [response.content, response.text, response]


@http("stream cut")
def _(s: Any) -> Any:
    return attempt(lambda: s.get("/cut", stream=True).content)


@http("stream cut chunk")
def _(s: Any) -> Any:
    return attempt(lambda: list(s.get("/cut-chunk", stream=True).iter_content(100)))


@http("stream slow body")
def _(s: Any) -> Any:
    return attempt(lambda: s.get("/half-body", stream=True, timeout=0.3).content)


@http("stream bad gzip")
def _(s: Any) -> Any:
    return attempt(lambda: s.get("/bad-gzip", stream=True).content)


@http("stream closed")
def _(s: Any) -> Any:
    with s.get("/half-body", stream=True, **s.caught) as response:
        pass
    response.close()
    return [attempt(lambda: response.content), s.get("/x")]


@http("stream redirected")
def _(s: Any) -> Any:
    response = s.get("/redirect/302?to=/chunked", stream=True)
    return [response.history[0].content, response.content, response]


@http("stream of the session")
def _(s: Any) -> Any:
    s.stream = True
    response = s.get("/chunked")
    return [response._content_consumed, response.text]


@http("content twice")
def _(s: Any) -> Any:
    response = s.get("/chunked")
    return [list(response.iter_content(4)), list(response.iter_lines()), list(response), response.raw.read()]


@http("next of a redirect")
def _(s: Any) -> Any:
    response = s.get("/redirect/302?to=/landed", allow_redirects=False)
    return [response.is_redirect, response.is_permanent_redirect, response.next.url, response.next.method]


@http("links and the like")
def _(s: Any) -> Any:
    response = s.get("/headers")
    return [
        response.links,
        response.apparent_encoding,
        response.ok,
        response.is_redirect,
        bool(response),
        repr(response),
    ]


@http("json of a response")
def _(s: Any) -> Any:
    good = s.get("/typed?type=application/json&hex=7b2261223a22c3a9227d")
    bad = s.get("/typed?hex=7b")
    return [good.json(), attempt(bad.json), attempt(s.get("/status/204").json)]


@http("raise for status")
def _(s: Any) -> Any:
    return [
        attempt(s.get(f"/status/{code}?reason=R%20s").raise_for_status) for code in (200, 302, 404, 503, 600)
    ]


@http("pickled")
def _(s: Any) -> Any:
    import copy
    import pickle

    s.cookies["a"] = "1"
    s.headers["X-S"] = "1"
    jar = pickle.loads(pickle.dumps(s.cookies))
    return [
        jar.get_dict(),
        copy.copy(s.cookies).get_dict(),
        dict(s.cookies),
        s.cookies.get("a"),
        len(s.cookies),
    ]


@http("timeout")
def _(s: Any) -> Any:
    return [
        *[
            attempt(lambda value=value: s.get("/no-head", timeout=value))
            for value in (0.2, (9, 0.2), (9, 0.25))
        ],
        *[
            attempt(lambda value=value: s.get("/slow-head", timeout=value))
            for value in ((None, 30), (30, None))
        ],
    ]


@http("timeout in the body")
def _(s: Any) -> Any:
    return s.get("/half-body", timeout=0.2)


@http("timeout of nonsense")
def _(s: Any) -> Any:
    return [attempt(lambda v=v: s.get("/x", timeout=v)) for v in ((1, 2, 3), "1", 0, -1, True)]


@both("connect refused")
def _(s: Any) -> Any:
    return s.get("http://127.0.0.1:1/refused?x=1")


@both("no such host")
def _(s: Any) -> Any:
    return s.get("http://no-such-host.invalid/x")


@both("redirect to nobody")
def _(s: Any) -> Any:
    return s.get("/redirect/302?to=http://127.0.0.1:1/refused")


@both("tls to plain")
def _(s: Any) -> Any:
    return s.get(f"https://127.0.0.1:{s.port}/x")


@http("invalid URLs")
def _(s: Any) -> Any:
    urls = [
        "http://",
        "http://[::1",
        "http://a:b/",
        "http://.x/",
        "http://*x/",
        "http://x:99999/",
        "http:///x",
        "HTTP://127.0.0.1:1/",
    ]
    return [attempt(lambda url=url: s.get(url)) for url in urls]


@fast("invalid URLs")
def _(s: Any) -> Any:
    return [
        attempt(lambda url=url: s.get(url))
        for url in ("http://", "http://[::1", "http://a:b/", "http:///x", "http://x:99999/")
    ]


@both("absolute URLs")
def _(s: Any) -> Any:
    port = s.port
    return [
        s.get(url)
        for url in (
            f"http://127.0.0.1:{port}/a",
            f"HTTP://127.0.0.1:{port}/b",
            f"http://LOCALHOST:{port}",
            f"http://127.0.0.1:{port}?q",
        )
    ]


@http("stale connection")
def _(s: Any) -> Any:
    s.log.get(f"{s.base}/__closed?count=0")
    seen = []
    for _ in range(3):
        seen.append(s.get("/stale"))
        s.log.get(f"{s.base}/__closed?count=1")
    return [*seen, s.post("/x", data="p")]


@both("connection reused")
def _(s: Any) -> Any:
    return [
        s.get("/x"),
        s.post("/y", data="1"),
        s.head("/z"),
        s.get("/status/404"),
        s.get("/status/204"),
        s.get("/chunked"),
        s.get("/w"),
    ]


@http("session closed")
def _(s: Any) -> Any:
    first = s.get("/x")
    s.close()
    return [first, s.get("/y")]


@http("positional arguments")
def _(s: Any) -> Any:
    return [s.post("/p", "data"), s.post("/p", None, {"j": 1}), s.put("/p", "data"), s.patch("/p", "data")]


@http("unknown argument")
def _(s: Any) -> Any:
    return attempt(lambda: s.get("/x", nonsense=1))


@http("requests' own arguments")
def _(s: Any) -> Any:
    return s.get(
        "/x",
        proxies={},
        verify=True,
        cert=None,
        stream=False,
        timeout=None,
        files=None,
        cookies=None,
        hooks=None,
    )


# --- geventhttpclient's interface


@fast("default headers")
def _(s: Any) -> Any:
    return s.make(headers={"X-D": "1", "User-Agent": "ua"}).get("/h", headers={"x-d": "2"})


@fast("credentials of the base")
def _(s: Any) -> Any:
    client = s.make(base=f"http://us%65r:pass@127.0.0.1:{s.port}")
    return [
        client.get("/basic"),
        client.get("/basic", auth=("own", "p")),
        client.get("/basic", headers={"Authorization": "x"}),
    ]


@fast("stream content")
def _(s: Any) -> Any:
    return [s.get("/gzip", stream=True), s.get("/chunked", stream=True)]


@fast("stream in parts")
def _(s: Any) -> Any:
    # Where the parts end is a matter of time.
    return "".join(s.get("/chunked", stream=True).iter_content(4))


@fast("stream not decoded")
def _(s: Any) -> Any:
    return b"".join(s.get("/chunked", stream=True).iter_content(decode_content=False))


@fast("iter lines")
def _(s: Any) -> Any:
    return [
        list(s.iter_lines("/chunked")),
        list(s.iter_lines("/slow-chunks")),
        attempt(lambda: list(s.iter_lines("/status/404"))),
    ]


@fast("max redirects of a call")
def _(s: Any) -> Any:
    return [s.get("/loop", max_redirects=2), s.get("/redirect/302?to=/landed", max_redirects=1)]


@fast("max redirects of the session")
def _(s: Any) -> Any:
    return s.make(max_redirects=2).get("/loop")


@fast("retries")
def _(s: Any) -> Any:
    return [
        s.make(max_retries=1).get("/close"),
        s.get("/close", max_retries=1),
        s.post("/close", data="x", max_retries=1),
    ]


@fast("timeout")
def _(s: Any) -> Any:
    client = s.make(network_timeout=0.2)
    return [client.get("/no-head"), client.get("/half-body")]


@fast("json of a response")
def _(s: Any) -> Any:
    good = s.get("/typed?type=application/json&hex=7b2261223a22c3a9227d")
    return [good.json(), attempt(s.get("/typed?hex=7b").json), attempt(s.get("http://127.0.0.1:1/").json)]


@fast("raise for status")
def _(s: Any) -> Any:
    return [attempt(s.get(f"/status/{code}").raise_for_status) for code in (200, 302, 404, 600)]


@fast("read of a response")
def _(s: Any) -> Any:
    response = s.get("/chunked", stream=True)
    return [response.read(5), response.read(), response.read()]


@fast("debug stream")
def _(s: Any) -> Any:
    out = io.StringIO()
    response = s.get("/x", debug_stream=out)
    return [response, "REQUEST" in out.getvalue()]
