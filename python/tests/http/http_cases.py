"""Calls that scripts make of an HTTP client: what both clients understand, and requests' and geventhttpclient's own.

Each call gets a client with `port` and `base` of the server and `make`, which makes another client.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import requests

Calls = dict[str, Callable[[Any], Any]]
BOTH: Calls = {}
"""Calls that both clients understand."""
HTTP: Calls = {}
"""Calls in requests' interface only."""
FAST: Calls = {}
"""Calls in geventhttpclient's interface only."""

ODD_PATHS = {
    "space": "/a b", "encoded space": "/a%20b", "unicode": "/é/你好", "unicode query": "/p?q=é&x=你",
    "percent": "/100%", "bad escape": "/%zz", "lower escape": "/%c3%a9%7e", "unreserved escape": "/%41%7E%2D",
    "encoded slash": "/a%2Fb", "double slash": "//double/x", "dots": "/a/./b/../c", "leading dots": "/../x",
    "empty": "", "query only": "?x=1", "empty query": "/p?", "fragment": "/p#frag", "query and fragment": "/p?a=1#f?b",
    "semicolon": "/p;v=1;w?a=1", "brackets": "/p[0]?a[]=1&b[x]=2", "quotes": "/p'\"?a='\"", "braces": "/p{}|\\^`<>",
    "plus": "/a+b?c=d+e", "ampersands": "/p?a&b=&=c&&", "second question": "/p?a=?b?", "at": "/@user:x", "colon": "/a:b",
    "star": "/*!()$,", "tab": "/a\tb", "newline": "/a\nb", "leading space": "/p?x= y ", "long": "/" + "l" * 3000,
    "equals": "/p?a==b", "hash encoded": "/p%23x", "tilde": "/~user", "nul escape": "/%00",
}  # fmt: skip
FORMS: dict[str, Any] = {
    "text": "plain täxt", "empty text": "", "bytes": b"\x00\xff raw", "empty bytes": b"", "dict": {"a": "1", "b": "ü ö"},
    "empty dict": {}, "numbers": {"n": 1, "f": 2.5},
}  # fmt: skip
JSONS: dict[str, Any] = {
    "dict": {"a": [1, None, True], "ü": "é"}, "list": [1, 2], "empty dict": {}, "empty list": [], "zero": 0, "text": "t",
    "false": False, "none": None,
}  # fmt: skip
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"]


def attempt(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:
        return error


def both(name: str) -> Callable[[Callable[[Any], Any]], None]:
    return lambda call: BOTH.__setitem__(name, call)


def http(name: str) -> Callable[[Callable[[Any], Any]], None]:
    return lambda call: HTTP.__setitem__(name, call)


def fast(name: str) -> Callable[[Callable[[Any], Any]], None]:
    return lambda call: FAST.__setitem__(name, call)


def fill() -> None:
    """The calls that come in families."""
    for method in METHODS:
        verb = method.lower()
        BOTH[f"verb {method}"] = lambda s, verb=verb: getattr(s, verb)("/verb")
        BOTH[f"request {method}"] = lambda s, method=method: s.request(method, "/request")
        for code in (301, 302, 303, 307, 308):
            target = f"/redirect/{code}?to=/landed"
            BOTH[f"redirect {code} {method}"] = lambda s, m=method, t=target: s.request(m, t)
            if method in ("POST", "PUT", "DELETE"):
                BOTH[f"redirect {code} {method} with body"] = lambda s, m=method, t=target: s.request(
                    m, t, data="body", headers={"X-Own": "1", "Content-Type": "text/x"}
                )
        BOTH[f"no redirect {method}"] = lambda s, m=method: s.request(
            m, "/redirect/302?to=/landed", allow_redirects=False
        )
    HTTP["request lower case"] = lambda s: s.request("get", "/request")
    FAST["request lower case"] = lambda s: s.request("get", "/request")
    BOTH["request own method"] = lambda s: s.request("PURGE", "/request")
    HTTP["request own method in lower case"] = lambda s: s.request("pUrge", "/request")
    for name, path in ODD_PATHS.items():
        BOTH[f"path {name}"] = lambda s, path=path: s.get(path)
    for name, data in FORMS.items():
        BOTH[f"data {name}"] = lambda s, data=data: s.post("/data", data=data)
        BOTH[f"data {name} typed"] = lambda s, data=data: s.put(
            "/data", data=data, headers={"Content-Type": "x/y"}
        )
    for name, value in JSONS.items():
        BOTH[f"json {name}"] = lambda s, value=value: s.post("/json", json=value)
    BOTH["json and data"] = lambda s: s.post("/json", data={"a": "b"}, json={"c": "d"})
    BOTH["json typed"] = lambda s: s.post("/json", json={}, headers={"Content-Type": "application/x+json"})
    BOTH["json by get"] = lambda s: s.request("GET", "/json", json={"a": 1})
    BOTH["data by get"] = lambda s: s.request("GET", "/data", data="g")
    BOTH["data by delete"] = lambda s: s.delete("/data", data={"a": "b"})
    for path in (
        "/status/200", "/status/201", "/status/204", "/status/206", "/status/226", "/status/299", "/status/300",
        "/status/304", "/status/305", "/status/400", "/status/401", "/status/404", "/status/429", "/status/500",
        "/status/503", "/status/599", "/status/600", "/status/999", "/gzip", "/deflate", "/raw-deflate", "/br",
        "/gzip-chunked", "/bad-gzip", "/cut-gzip", "/headers", "/chunked", "/trailers", "/no-length", "/http10",
        "/connection-close", "/informational", "/no-reason", "/close", "/reset", "/cut", "/cut-chunk", "/cut-head",
        "/bad-chunk", "/garbage", "/loop", "/typed?type=text/html&hex=e9",
        "/typed?type=text/html;%20charset=utf-8&hex=c3a9", "/typed?type=text/plain;charset=latin-1&hex=e9",
        "/typed?hex=c3a9c3bcc3b6", "/typed?type=application/json&hex=7b2261223a22c3a9227d", "/typed?type=image/png&hex=ff00",
        "/typed?type=text/plain;charset=nonsense&hex=41", "/redirect/302", "/redirect/304?to=/x", "/redirect/300?to=/x",
        "/redirect/302?to=", "/redirect/302?to=relative", "/redirect/302?to=?q=1", "/redirect/302?to=%23frag",
        "/redirect/302?to=/a%20b%20%C3%A9", "/redirect/302?to=//127.0.0.1:1/x", "/redirect/302?to=ftp://x/y",
        "/identity", "/odd-length?is=abc", "/odd-length?is=-1", "/odd-length?is=%2B3", "/odd-length?is=",
        "/cut-encoded?as=gzip&by=12", "/cut-encoded?as=gzip&by=4", "/cut-encoded?as=deflate&by=6",
        "/redirect/302?to=http://", "/redirect/302?to=/redirect/307?to=/end", "/redirect/301?to=/status/404",
    ):  # fmt: skip
        BOTH[f"get {path}"] = lambda s, path=path: s.get(path)
    FAST["get /unknown-encoding"] = lambda s: s.get("/unknown-encoding")
    HTTP["get /unknown-encoding"] = lambda s: s.get("/unknown-encoding")
    for name, params in {
        "dict": {"a": "1", "b": "x y"}, "list": [("a", "1"), ("a", "2")], "lists": {"a": ["1", "2"]}, "unicode": {"ü": "é"},
        "none": {"a": None, "b": "1"}, "empty": {}, "numbers": {"n": 3}, "bytes": {b"k": b"v"}, "string": "a=b&c",
    }.items():  # fmt: skip
        BOTH[f"params {name}"] = lambda s, params=params: s.get("/params", params=params)
        BOTH[f"params {name} to a query"] = lambda s, params=params: s.get("/params?x=1#f", params=params)
    HTTP["params bytes text"] = lambda s: s.get("/params", params=b"a=b")


fill()


# --- headers


@both("headers own")
def _(s: Any) -> Any:
    return s.get("/h", headers={"X-A": "1", "user-agent": "mine", "Accept": "x/y"})


@both("headers unicode")
def _(s: Any) -> Any:
    return s.get("/h", headers={"X-A": "café"})


@both("headers host")
def _(s: Any) -> Any:
    return s.get("/h", headers={"Host": "example.test"})


@both("headers accept-encoding")
def _(s: Any) -> Any:
    return s.get("/h", headers={"Accept-Encoding": "identity"})


@both("headers connection")
def _(s: Any) -> Any:
    return [s.get("/h", headers={"Connection": "close"}), s.get("/h")]


@both("headers content-length")
def _(s: Any) -> Any:
    return s.post("/h", data=b"abc", headers={"Content-Length": "3"})


@both("headers number")
def _(s: Any) -> Any:
    return s.get("/h", headers={"X-A": 1})


@both("headers newline")
def _(s: Any) -> Any:
    return s.get("/h", headers={"X-A": "a\nb: c"})


@both("headers bad name")
def _(s: Any) -> Any:
    return s.get("/h", headers={"X A": "a"})


@both("headers empty value")
def _(s: Any) -> Any:
    return s.get("/h", headers={"X-A": ""})


@both("headers spaces")
def _(s: Any) -> Any:
    return s.get("/h", headers={"X-A": "a  b "})


@http("headers none removes")
def _(s: Any) -> Any:
    s.headers["X-S"] = "1"
    return [s.get("/h", headers={"User-Agent": None, "X-S": None, "accept": None}), s.get("/h")]


@http("headers leading space")
def _(s: Any) -> Any:
    return s.get("/h", headers={"X-A": " a"})


@http("headers bytes")
def _(s: Any) -> Any:
    return s.get("/h", headers={"X-A": b"bytes"})


@http("headers of the session")
def _(s: Any) -> Any:
    first = s.get("/h")
    s.headers["X-S"] = "1"
    s.headers.update({"Accept": "a/b"})
    second = s.get("/h", headers={"x-s": "2"})
    del s.headers["User-Agent"]
    third = s.get("/h")
    s.headers = {"only": "this"}
    return [first, second, third, s.get("/h"), s.post("/h", data="x")]


@http("headers pairs")
def _(s: Any) -> Any:
    return s.get("/h", headers=[("X-A", "1")])


# --- bodies


@http("data pairs")
def _(s: Any) -> Any:
    return s.post("/d", data=[("a", "1"), ("a", "2")])


@http("data lists")
def _(s: Any) -> Any:
    return s.post("/d", data={"a": ["1", "2"], "b": None, "c": b"x"})


@both("data file")
def _(s: Any) -> Any:
    return s.post("/d", data=io.BytesIO(b"from a file"))


@both("data generator")
def _(s: Any) -> Any:
    return s.post("/d", data=(part for part in [b"one", b"two"]))


@http("data bytearray")
def _(s: Any) -> Any:
    return s.post("/d", data=bytearray(b"array"))


@http("data text file")
def _(s: Any) -> Any:
    return s.post("/d", data=io.StringIO("täxt"))


@http("data file in the middle")
def _(s: Any) -> Any:
    file = io.BytesIO(b"from a file")
    file.read(5)
    return s.post("/d", data=file)


@http("data generator redirected")
def _(s: Any) -> Any:
    return s.post("/redirect/307?to=/landed", data=iter([b"one", b"two"]))


@http("data file redirected")
def _(s: Any) -> Any:
    return s.post("/redirect/307?to=/landed", data=io.BytesIO(b"from a file"))


@http("json not encodable")
def _(s: Any) -> Any:
    return s.post("/d", json={1, 2})


@http("json not a number")
def _(s: Any) -> Any:
    return s.post("/d", json=float("nan"))


@both("files")
def _(s: Any) -> Any:
    return s.post("/f", files={"f": ("name.txt", b"content", "text/plain")}, data={"a": "b"})


@both("files of a name")
def _(s: Any) -> Any:
    return s.post("/f", files=[("f", ("ü.bin", io.BytesIO(b"content")))])


@http("files plain")
def _(s: Any) -> Any:
    return s.post("/f", files={"f": io.StringIO("content"), "g": "text"})


# --- authentication


@both("auth pair")
def _(s: Any) -> Any:
    return s.get("/basic", auth=("user", "pä:ss"))


@both("auth bytes")
def _(s: Any) -> Any:
    return s.get("/basic", auth=(b"user", b"pass"))


@both("auth none")
def _(s: Any) -> Any:
    return s.get("/basic")


@both("auth and redirect")
def _(s: Any) -> Any:
    return s.get("/redirect/302?to=/basic", auth=("u", "p"))


@both("auth and redirect to another host")
def _(s: Any) -> Any:
    return s.get(f"/redirect/302?to=http://localhost:{s.port}/basic", auth=("u", "p"))


@both("auth header and redirect to another host")
def _(s: Any) -> Any:
    return s.get(
        f"/redirect/302?to=http://localhost:{s.port}/basic", headers={"Authorization": "own", "X-K": "1"}
    )


@both("auth in the URL")
def _(s: Any) -> Any:
    return s.get(f"http://us%65r:pa%20ss@127.0.0.1:{s.port}/basic")


@http("auth of the session")
def _(s: Any) -> Any:
    s.auth = ("session", "secret")
    return [
        s.get("/basic"),
        s.get("/basic", auth=("own", "p")),
        s.get("/basic", headers={"Authorization": "x"}),
    ]


@http("auth digest")
def _(s: Any) -> Any:
    s.auth = requests.auth.HTTPDigestAuth("user", "pass")
    return [s.get("/digest"), s.get("/digest")]


@http("auth callable")
def _(s: Any) -> Any:
    def sign(request: Any) -> Any:
        request.headers["X-Signed"] = request.method + request.path_url
        return request

    return s.post("/signed?a", data="x", auth=sign)


# --- cookies


@both("cookies kept")
def _(s: Any) -> Any:
    return [s.get("/cookies?set=a=1&set=b=2;%20Path=/sub&set=c=%223%22"), s.get("/x"), s.get("/sub/y")]


@both("cookies replaced and expired")
def _(s: Any) -> Any:
    return [
        s.get("/cookies?set=a=1&set=b=1"),
        s.get("/cookies?set=a=2&set=b=;%20Max-Age=0"),
        s.get("/x"),
        s.get("/cookies?set=a=3;%20expires=Thu,%2001%20Jan%201970%2000:00:00%20GMT"),
        s.get("/x"),
    ]


@both("cookies over a redirect")
def _(s: Any) -> Any:
    return [s.get("/redirect/302?to=/landed&cookie=a=1"), s.get("/x")]


@both("cookies of another host")
def _(s: Any) -> Any:
    other = f"http://localhost:{s.port}"
    return [s.get("/cookies?set=a=1"), s.get(f"{other}/cookies?set=b=2"), s.get("/x"), s.get(f"{other}/x")]


@both("cookies over a redirect to another host")
def _(s: Any) -> Any:
    s.get("/cookies?set=a=1")
    return [s.get(f"/redirect/302?cookie=b=2&to=http://localhost:{s.port}/landed"), s.get("/x")]


@both("cookies secure and odd")
def _(s: Any) -> Any:
    return [
        s.get(
            "/cookies?set=s=1;%20Secure&set=h=2;%20HttpOnly&set=d=3;%20Domain=127.0.0.1&set=e=4;%20Domain=evil.test"
            "&set=novalue&set==noname&set=sp%20ace=5&set=q=a%20b;%20Path=/x%20y&set=v=1;%20Version=1;%20Comment=c"
        ),
        s.get("/x"),
    ]


@both("cookie header of the caller")
def _(s: Any) -> Any:
    return [
        s.get("/x", headers={"Cookie": "own=1"}),
        s.get("/redirect/302?to=/landed", headers={"Cookie": "own=1"}),
    ]


@both("cookie header of the caller with a jar")
def _(s: Any) -> Any:
    s.get("/cookies?set=a=1")
    return [
        s.get("/x", headers={"Cookie": "own=1"}),
        s.get("/redirect/302?to=/landed&cookie=b=2", headers={"Cookie": "own=1"}),
    ]


@both("cookie header of the caller to another host")
def _(s: Any) -> Any:
    return s.get(f"/redirect/302?to=http://localhost:{s.port}/landed", headers={"Cookie": "own=1"})


@http("cookies of a request")
def _(s: Any) -> Any:
    return [
        s.get("/x", cookies={"r": "1"}),
        s.get("/x"),
        s.get("/redirect/302?to=/landed", cookies={"r": "1"}),
    ]


@http("cookies of a request with a jar")
def _(s: Any) -> Any:
    s.get("/cookies?set=a=1")
    return [
        s.get("/x", cookies={"r": "1", "a": "mine"}),
        s.get("/redirect/302?to=/landed&cookie=b=2", cookies={"r": "1"}),
        s.get(f"/redirect/302?to=http://localhost:{s.port}/landed", cookies={"r": "1"}),
        s.get("/x"),
    ]


@http("cookies set by the script")
def _(s: Any) -> Any:
    s.cookies["k"] = "v"
    s.cookies.set("d", "w", domain="127.0.0.1", path="/only")
    s.cookies.update({"u": "1"})
    seen = [s.get("/x"), s.get("/only/x")]
    del s.cookies["k"]
    seen.append(s.get("/x"))
    s.cookies.clear()
    return [*seen, s.get("/x")]


@http("cookies of a jar")
def _(s: Any) -> Any:
    jar = requests.cookies.RequestsCookieJar()
    jar.set("j", "1")
    s.cookies = jar
    return [
        s.get("/cookies?set=k=2"),
        s.get("/x"),
        s.get("/x", cookies=requests.cookies.cookiejar_from_dict({"q": "3"})),
    ]


@fast("cookies cleared")
def _(s: Any) -> Any:
    s.get("/cookies?set=k=2")
    s.cookiejar.clear()
    return s.get("/x")
