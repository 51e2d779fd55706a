"""Calls around the session itself: prepared requests, redirects by hand, adapters, hooks, jars, credentials, proxies."""

from __future__ import annotations

import io
from http import cookiejar
from typing import Any

import requests
from http_cases import attempt, http
from http_cases_network import environment, kind, proxy

# --- prepared requests and redirects by the script's own means


@http("send with options of its own")
def _(s: Any) -> Any:
    s.get("/first")

    def prepared(path: str, **given: Any) -> Any:
        return s.prepare_request(requests.Request("GET", s.base + path, **given))

    marks: list[str] = []
    return [
        s.send(prepared("/redirect/302?to=/landed"), allow_redirects=False),
        s.send(prepared("/redirect/302?to=/landed&cookie=a=1")),
        s.send(prepared("/no-cookie-of-before"), timeout=(30, 30), cert=None),
        kind(lambda: s.send(prepared("/no-head"), timeout=0.15)),
        s.send(prepared("/a"), proxies={"http": proxy(s)}),
        s.send(prepared("/h", hooks={"response": lambda r, **_: marks.append(r.url[-2:])})).status_code,
        marks,
        kind(lambda: s.send("/text")),
        kind(lambda: s.send(requests.Request("GET", s.base))),
    ]


@http("what a prepared request is made of")
def _(s: Any) -> Any:
    # Locust's session knows how to prepare only after its first request.
    s.get("/first")
    s.auth, s.params, s.headers["X-S"] = ("u", "p"), {"s": "1"}, "s"
    s.cookies.set("c", "1")
    made = s.prepare_request(
        requests.Request("patch", s.base + "/p?own=2", json=[1], cookies={"d": "2"}, headers={"x-s": None})
    )
    made.prepare_url(s.base + "/other path", {"q": ["1", "2"]})
    made.prepare_body({"f": "1"}, None)
    made.register_hook("response", lambda r, **_: None)
    return [made.method, made.url, sorted(made.headers.items()), made.body, made.path_url, repr(made)]


@http("redirects resolved by the script")
def _(s: Any) -> Any:
    first = s.get("/redirect/302?to=/redirect/307?to=/end", allow_redirects=False)
    steps = list(s.resolve_redirects(first, first.request))
    lazily = next(s.resolve_redirects(first, first.request, yield_requests=True))
    return [[step.url, step.status_code] for step in steps], lazily.url, lazily.method


@http("redirects up, down and aside")
def _(s: Any) -> Any:
    return [
        s.get("/deep/er/../redirect/302?to=../up").url,
        s.get("/redirect/302?to=./404").url,
        s.get("/redirect/302?to=?only=query").url,
        s.head("/redirect/303?to=/landed", allow_redirects=True).request.method,
        s.post("/redirect/302?to=/landed", json={"a": 1}).request.headers.get("Content-Type"),
        s.get(f"/redirect/302?to=HTTP://LOCALHOST:{s.port}/Upper").url,
        kind(lambda: s.get("/redirect/302?to=http://%zz/")),
        kind(lambda: s.get("/redirect/302?to=mailto:a@b.test")),
    ]


@http("steps of a redirect that are the script's own")
def _(s: Any) -> Any:
    s.should_strip_auth = lambda old, new: False
    seen = [s.get(f"/redirect/302?to=http://localhost:{s.port}/basic", auth=("u", "p"))]
    s.get_redirect_target = lambda response: None
    return [*seen, s.get("/redirect/302?to=/landed").status_code]


# --- the session's own life


@http("session as a context")
def _(s: Any) -> Any:
    with s as inside:
        first = inside.get("/in")
    return [inside is s, first, s.get("/after")]


@http("settings of a session of every kind")
def _(s: Any) -> Any:
    s.params = [("a", "1"), ("a", "2")]
    s.headers = requests.structures.CaseInsensitiveDict({"X-One": "1"})
    first = s.get("/x", params=[("b", "3")])
    s.params = {}
    s.auth = requests.auth.HTTPBasicAuth("x", "y")
    s.proxies = {"http": proxy(s)}
    second = s.get("http://host.test/by")
    s.proxies.clear()
    s.trust_env, s.max_redirects = False, 1
    return [first, second, kind(lambda: s.get("/redirect/302?to=/redirect/302?to=/end")), s.verify, s.cert]


# --- adapters


@http("the longest prefix wins")
def _(s: Any) -> Any:
    closed: list[str] = []

    class Named(requests.adapters.BaseAdapter):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def send(self, request: Any, **given: Any) -> Any:
            made = requests.Response()
            made.status_code, made.request, made.url = 200, request, request.url
            made._content = (
                f"{self.name} {sorted(given)} {given.get('timeout')} {given.get('stream')}".encode()
            )
            return made

        def close(self) -> None:
            closed.append(self.name)

    s.mount(s.base + "/a", Named("short"))
    s.mount(s.base + "/a/b", Named("long"))
    s.mount("odd://", Named("odd"))
    found = [
        s.get("/a/x").text,
        s.get("/a/b/c", timeout=(1, 2), stream=False).text,
        s.get("/c").text,
        s.send(requests.Request("GET", "odd://thing/x").prepare()).text,
        [prefix.replace(str(s.port), "PORT") for prefix in s.adapters],
        kind(lambda: s.get_adapter("nothing://x")),
    ]
    s.close()
    return [*found, sorted(closed)]


@http("adapters with pools of their own size")
def _(s: Any) -> Any:
    s.mount("http://", requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=1, pool_block=True))
    first = [s.get("/x"), s.post("/y", data="z"), s.get("/chunked")]

    class Marking(requests.adapters.HTTPAdapter):
        def add_headers(self, request: Any, **_: Any) -> None:
            request.headers["X-Added"] = "1"

        def build_response(self, request: Any, answer: Any) -> Any:
            made = super().build_response(request, answer)
            made.headers["X-Built"] = "1"
            return made

    s.mount("http://", Marking())
    return [*first, s.get("/z")]


# --- hooks


@http("hooks of every shape")
def _(s: Any) -> Any:
    seen: list[Any] = []

    def again(response: Any, **_: Any) -> None:
        if not response.url.endswith("/inner"):
            seen.append(s.make().get("/inner").text)

    def reading(response: Any, **_: Any) -> None:
        seen.append(response.text)

    found = [
        s.get("/x", hooks={"response": again}).text,
        s.get("/chunked", stream=True, hooks={"response": [reading, reading]}).text,
        s.get("/x", hooks={"response": []}).status_code,
        s.get("/x", hooks={}).status_code,
        s.get("/status/404", hooks={"response": reading}).status_code,
        kind(lambda: s.get("/x", hooks={"nonsense": reading})),
        kind(lambda: s.get("/x", hooks={"response": 5})),
    ]
    s.hooks = {"response": reading}
    return [*found, s.get("/y").status_code, seen]


# --- jars


@http("jars with a policy")
def _(s: Any) -> Any:
    s.cookies.set_policy(cookiejar.DefaultCookiePolicy(blocked_domains=["127.0.0.1"]))
    s.get("/cookies?set=a=1")
    blocked = s.get("/x")
    s.cookies.set_policy(cookiejar.DefaultCookiePolicy())
    s.get("/cookies?set=b=2")
    return [blocked, s.get("/x"), dict(s.cookies)]


@http("a jar that came with a policy")
def _(s: Any) -> Any:
    jar = requests.cookies.RequestsCookieJar(cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    jar.set("a", "1", domain="127.0.0.1", path="/")
    s.cookies = jar
    s.get("/cookies?set=b=2")
    refused = [s.get("/x"), dict(s.cookies)]
    s.cookies = requests.cookies.RequestsCookieJar()
    s.get("/cookies?set=c=3")
    return [*refused, s.get("/x"), dict(s.cookies)]


@http("jars of every kind")
def _(s: Any) -> Any:
    plain = cookiejar.CookieJar()
    plain.set_cookie(requests.cookies.create_cookie("p", "1"))
    own = s.get("/x", cookies=plain)
    s.cookies = plain
    kept = [s.get("/cookies?set=q=2"), s.get("/x"), len(plain)]
    s.cookies = requests.cookies.cookiejar_from_dict({"d": "3", "e": "ü"})
    return [own, *kept, attempt(lambda: s.get("/x")), sorted(s.cookies.keys())]


@http("cookies looked up and taken away")
def _(s: Any) -> Any:
    s.get("/cookies?set=a=1&set=a=2;%20Path=/deep&set=t=3;%20Max-Age=1000")
    jar = s.cookies
    found = [
        attempt(lambda: jar["a"]),
        jar.get("a", path="/deep"),
        jar.get("none", "default"),
        "t" in jar,
        jar.list_domains(),
        sorted(jar.list_paths()),
        jar.multiple_domains(),
        sorted(jar.items()),
    ]
    jar.clear_session_cookies()
    left = sorted(jar.keys())
    jar.set("t", None)
    jar.set_cookie(requests.cookies.create_cookie("made", "4", path="/only", rest={"HttpOnly": None}))
    s.get("/only/here")
    requests.cookies.remove_cookie_by_name(jar, "made")
    return [*found, left, s.get("/only/here"), jar.copy().get_dict()]


@http("cookies that are not plain")
def _(s: Any) -> Any:
    s.get(
        "/cookies?set=long="
        + "v" * 3000
        + "&set=quoted=%22a%5C%22b%22&set=eq=a=b=c&set=colon=a:b,c&set=empty="
    )
    s.cookies.set("space", "a b;c")
    s.cookies.set("quote", '"x"')
    return s.get("/x")


@http("cookies that a redirect takes away")
def _(s: Any) -> Any:
    s.get("/cookies?set=a=1")
    gone = s.get("/redirect/302?to=/landed&cookie=a=;%20Max-Age=0")
    return [gone, s.get("/x"), gone.cookies.get_dict(), gone.history[0].cookies.get_dict()]


# --- credentials


@http("digest of every kind")
def _(s: Any) -> Any:
    def tried(challenge: str, **given: Any) -> Any:
        auth = requests.auth.HTTPDigestAuth("us er", "pä:ss")
        answers = [s.request(given.pop("method", "GET"), f"/challenge?with={challenge}", auth=auth, **given)]
        answers.append(s.get(f"/challenge?with={challenge}", auth=auth))
        return [
            [
                one.status_code,
                [hop.status_code for hop in one.history],
                one.request.headers.get("Authorization"),
            ]
            for one in answers
        ]

    base = 'Digest%20realm="r",%20nonce="n",%20'
    return [
        tried(base + 'qop="auth",%20algorithm=SHA-256'),
        tried(base + 'qop="auth,auth-int",%20opaque="o"', method="POST", data=io.BytesIO(b"body")),
        tried(base + "algorithm=MD5-sess"),
        tried(base + 'qop="auth-int"'),
        tried("Basic%20realm=x"),
        tried(base + 'algorithm=SHA-512,%20qop="auth"', method="PUT", data="text"),
    ]


@http("credentials that go with the origin")
def _(s: Any) -> Any:
    s.auth = ("session", "one")
    elsewhere = f"http://localhost:{s.port}/basic"
    return [
        s.get(f"http://in:url@127.0.0.1:{s.port}/basic", auth=("own", "p")),
        s.get(f"http://in:url@127.0.0.1:{s.port}/basic"),
        s.get(f"/redirect/307?to={elsewhere}"),
        s.get(f"http://only-user@127.0.0.1:{s.port}/basic"),
        s.get(f"http://a%40b:c%3Ad%25@127.0.0.1:{s.port}/basic"),
        s.get("/basic", auth=requests.auth.HTTPBasicAuth("u", None)),
    ]


# --- the environment


@http("proxies of the environment by every name")
def _(s: Any) -> Any:
    s.trust_env = True
    seen = []
    with environment(all_proxy=proxy(s)):
        seen.append(s.get("http://host.test/all"))
    with environment(http_proxy=proxy(s), NO_PROXY="127.0.0.0/8,.inner.test,host.test:81"):
        seen += [
            s.get("/cidr"),
            s.get("http://host.test/outside"),
            kind(lambda: s.get("http://a.inner.test:1/")),
        ]
    with environment(http_proxy=proxy(s), no_proxy="*"):
        seen.append(s.get("/star"))
    with environment(http_proxy=""):
        seen.append(s.get("/empty"))
    own = s.make()
    own.proxies = {"http://host.test": proxy(s), "all": "http://127.0.0.1:1"}
    return [*seen, own.get("http://host.test/own")]
