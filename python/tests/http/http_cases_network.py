"""Calls over TLS, with client certificates, through proxies, with what the environment says, and with timeouts of all forms.

`CERTIFICATES` is the folder that `http_gates.write_certificates` filled; `s.gates` has the ports of `http_gates.GATES`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import requests
from http_cases import attempt, both, fast, http
from urllib3.util import Timeout

CERTIFICATES = Path(os.environ.get("HTTP_CASES_CERTIFICATES", "."))
AUTHORITY = str(CERTIFICATES / "ca.pem")


def at(s: Any, gate: str, path: str = "/x") -> str:
    return f"https://127.0.0.1:{s.gates[gate]}{path}"


def proxy(s: Any, gate: str = "proxy", credentials: str = "", scheme: str = "http") -> str:
    return f"{scheme}://{credentials}127.0.0.1:{s.gates[gate]}"


def kind(call: Callable[[], Any]) -> Any:
    """What a call fails with, without the text, which is the TLS library's; else its status."""
    outcome = attempt(call)
    error = outcome if isinstance(outcome, Exception) else getattr(outcome, "error", None)
    return type(error).__name__ if error is not None else outcome.status_code


@contextlib.contextmanager
def environment(**values: str) -> Iterator[None]:
    before = dict(os.environ)
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC"):
            del os.environ[name]
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


# --- TLS


@http("tls verified by a file")
def _(s: Any) -> Any:
    return [s.get(at(s, "tls"), verify=AUTHORITY), s.post(at(s, "tls"), data="x", verify=AUTHORITY)]


@http("tls verified by the session")
def _(s: Any) -> Any:
    s.verify = AUTHORITY
    return [s.get(at(s, "tls")), s.get(at(s, "tls", "/redirect/302?to=/landed"))]


@http("tls verified by a path object")
def _(s: Any) -> Any:
    return s.get(at(s, "tls"), verify=Path(AUTHORITY))


@http("tls not verified")
def _(s: Any) -> Any:
    first = s.get(at(s, "tls"), verify=False)
    s.verify = False
    return [first, s.get(at(s, "other name"))]


@http("tls that is not to be trusted")
def _(s: Any) -> Any:
    stranger = str(CERTIFICATES / "stranger.pem")
    return [
        kind(lambda: s.get(at(s, "tls"))),
        kind(lambda: s.get(at(s, "tls"), verify=stranger)),
        kind(lambda: s.get(at(s, "other name"), verify=AUTHORITY)),
        kind(lambda: s.get(at(s, "tls"), verify=AUTHORITY)),
        # A connection that was made without a look at the certificate is not used for those who look.
        kind(lambda: s.get(at(s, "tls"), verify=False)),
        kind(lambda: s.get(at(s, "tls"), verify=stranger)),
    ]


@http("redirects between plain and tls")
def _(s: Any) -> Any:
    s.verify = AUTHORITY
    s.auth = ("u", "p")
    there = f"/redirect/302?to={at(s, 'tls', '/basic')}"
    back = at(s, "tls", f"/redirect/302?to=http://127.0.0.1:{s.port}/basic")
    return [s.get(there), s.get(back), s.get(there, headers={"Authorization": "own"})]


@http("secure cookies")
def _(s: Any) -> Any:
    s.verify = AUTHORITY
    s.get(at(s, "tls", "/cookies?set=s=1;%20Secure&set=p=2"))
    return [s.get(at(s, "tls")), s.get("/x")]


@http("client certificate")
def _(s: Any) -> Any:
    gate = at(s, "client certificate")
    pair = (str(CERTIFICATES / "client.crt"), str(CERTIFICATES / "client.key"))
    first = s.get(gate, verify=AUTHORITY, cert=str(CERTIFICATES / "client.pem"))
    second = s.get(gate, verify=AUTHORITY, cert=pair)
    s.cert, s.verify = pair, AUTHORITY
    return [first, second, s.get(gate), s.get(at(s, "tls")), s.get("/plain")]


@http("client certificate that is not enough")
def _(s: Any) -> Any:
    s.verify = AUTHORITY
    gate = at(s, "client certificate")
    unknown = (str(CERTIFICATES / "unknown-client.crt"), str(CERTIFICATES / "unknown-client.key"))
    return [
        # The refusal comes after the handshake of TLS 1.3, when it can be met in several places.
        kind(lambda: s.get(gate)) in ("SSLError", "ConnectionError"),
        kind(lambda: s.get(gate, cert=unknown)) in ("SSLError", "ConnectionError"),
    ]


@http("certificate files that cannot be used")
def _(s: Any) -> Any:
    gate = at(s, "client certificate")
    key = str(CERTIFICATES / "client.key")
    return [
        attempt(lambda: s.get(gate, verify="/no/such/bundle")),
        attempt(lambda: s.get(gate, verify=AUTHORITY, cert="/no/such/file")),
        attempt(lambda: s.get(gate, verify=AUTHORITY, cert=(AUTHORITY, "/no/such/key"))),
        isinstance(attempt(lambda: s.get(gate, verify=key)), OSError),
        isinstance(attempt(lambda: s.get(gate, verify=AUTHORITY, cert=key)), OSError),
        s.get("/plain", verify="/no/such/bundle", cert="/no/such/file"),
    ]


@fast("tls")
def _(s: Any) -> Any:
    careful = s.make(insecure=False)
    return [
        s.get(at(s, "tls")),
        s.get(at(s, "other name")),
        kind(lambda: careful.get(at(s, "tls"))),
        s.get(at(s, "tls", "/redirect/302?to=/landed")),
    ]


@both("tls to nobody")
def _(s: Any) -> Any:
    return s.get("https://127.0.0.1:1/refused")


# --- proxies


@http("proxy")
def _(s: Any) -> Any:
    proxies = {"http": proxy(s)}
    return [
        s.get("/a?b=c", proxies=proxies),
        s.post("http://host.test/d", data="x", proxies=proxies),
        s.get("http://host.test:81/e", proxies={"http://host.test": proxy(s), "http": "http://127.0.0.1:1"}),
        s.get("http://host.test/f", proxies={"all": proxy(s)}),
        s.get("/direct", proxies={"https": proxy(s)}),
        s.get("http://host.test/g", proxies={"http": proxy(s).removeprefix("http://")}),
    ]


@http("proxy of the session")
def _(s: Any) -> Any:
    s.proxies = {"http": proxy(s)}
    first = [s.get("http://host.test/a"), s.get("http://host.test/redirected")]
    s.proxies.clear()
    return [*first, s.get("/direct")]


@http("proxy with a password")
def _(s: Any) -> Any:
    knowing, unknowing = {"http": proxy(s, credentials="us:p%3As@")}, {"http": proxy(s)}
    return [
        s.get("http://demanding.test/a", proxies=knowing),
        s.get("http://demanding.test/b", proxies=unknowing),
        s.get(
            "http://demanding.test/c", proxies=unknowing, headers={"Proxy-Authorization": "Basic dXM6cDpz"}
        ),
    ]


@http("tunnel")
def _(s: Any) -> Any:
    proxies = {"https": proxy(s)}
    return [
        s.get(at(s, "tls"), proxies=proxies, verify=AUTHORITY),
        s.post(at(s, "tls"), data="x", proxies=proxies, verify=AUTHORITY),
        kind(lambda: s.get(at(s, "tls"), proxies=proxies)),
    ]


@http("tunnel with a password")
def _(s: Any) -> Any:
    url = f"https://demanding.test:{s.gates['tls']}/x"
    knowing, unknowing = {"https": proxy(s, credentials="us:p%3As@")}, {"https": proxy(s)}
    return [
        s.get(url, proxies=knowing, verify=AUTHORITY),
        attempt(lambda: s.get(url, proxies=unknowing, verify=AUTHORITY)),
        attempt(lambda: s.get("https://127.0.0.1:1/", proxies=unknowing)),
    ]


@http("proxy that is not there")
def _(s: Any) -> Any:
    gone = {"http": "http://127.0.0.1:1", "https": "http://127.0.0.1:1"}
    unknown = {"http": "http://no-such-host.invalid:80"}
    return [
        attempt(lambda: s.get("http://host.test/", proxies=gone)),
        attempt(lambda: s.get("https://host.test/", proxies=gone)),
        attempt(lambda: s.get("http://host.test/", proxies=unknown)),
        kind(lambda: s.get("http://host.test/", proxies={"http": proxy(s, "closing proxy")})),
        kind(lambda: s.get("https://host.test/", proxies={"https": proxy(s, "closing proxy")})),
    ]


@http("proxy that is none")
def _(s: Any) -> Any:
    return [
        attempt(lambda p=p: s.get("http://host.test/", proxies={"http": p}))
        for p in ("http:/bad:1", "http://:1", "socks5://127.0.0.1:1", "ftp://127.0.0.1:1")
    ]


@http("proxy over tls")
def _(s: Any) -> Any:
    proxies = {"http": proxy(s, "tls proxy", scheme="https"), "https": proxy(s, "tls proxy", scheme="https")}
    return [
        s.get("http://host.test/a", proxies=proxies, verify=AUTHORITY),
        s.get(at(s, "tls"), proxies=proxies, verify=AUTHORITY),
        kind(lambda: s.get("http://host.test/a", proxies=proxies)),
    ]


@fast("proxy")
def _(s: Any) -> Any:
    client = s.make(proxy_host="127.0.0.1", proxy_port=s.gates["proxy"])
    return [client.get("/a?b=c"), client.post("/d", data="x"), client.get(at(s, "tls"))]


@fast("proxy that is not there")
def _(s: Any) -> Any:
    return s.make(proxy_host="127.0.0.1", proxy_port=1).get("/a")


# --- the environment


@http("environment not asked")
def _(s: Any) -> Any:
    with environment(http_proxy=proxy(s), REQUESTS_CA_BUNDLE=AUTHORITY):
        return [s.get("/direct"), kind(lambda: s.get(at(s, "tls")))]


@http("proxy of the environment")
def _(s: Any) -> Any:
    s.trust_env = True
    with environment(http_proxy=proxy(s), https_proxy=proxy(s), no_proxy="other.test,127.0.0.1"):
        return [
            s.get("http://host.test/a"),
            s.get("/direct"),
            s.get("http://third.test/b"),
            s.get("http://fourth.test/c", proxies={"http": proxy(s, credentials="a:b@")}),
        ]


@http("authority of the environment")
def _(s: Any) -> Any:
    s.trust_env = True
    seen = []
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        with environment(**{name: AUTHORITY}):
            seen += [s.get(at(s, "tls")), s.get(at(s, "tls"), verify=False)]
            seen.append(kind(lambda: s.get(at(s, "other name"))))
    with environment():
        seen.append(kind(lambda: s.get(at(s, "tls"))))
    with environment(REQUESTS_CA_BUNDLE="/no/such/bundle"):
        seen.append(attempt(lambda: s.get(at(s, "tls"))))
    return seen


@http("netrc of the environment")
def _(s: Any) -> Any:
    netrc = CERTIFICATES / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password secret\n")
    s.trust_env = True
    with environment(NETRC=str(netrc)):
        seen = [s.get("/basic"), s.get("/basic", auth=("own", "p"))]
        s.trust_env = False
        return [*seen, s.get("/basic")]


# --- timeouts


@http("timeouts of every form")
def _(s: Any) -> Any:
    short = [0.15, (None, 0.15), (9, 0.15), Timeout(read=0.15), Timeout(connect=9, read=0.15)]
    fine = [
        None,
        (None, None),
        30,
        (30, 30),
        Timeout(30),
        Timeout(connect=30),
        Timeout(total=30),
        (9.5, None),
    ]
    return [
        *[attempt(lambda value=value: s.get("/no-head", timeout=value)) for value in short],
        *[kind(lambda value=value: s.get("/x", timeout=value)) for value in fine],
        kind(lambda: s.get("/no-head", timeout=Timeout(total=0.15))),
    ]


@http("timeouts of odd forms")
def _(s: Any) -> Any:
    values: list[Any] = [
        [1, 2],
        {"connect": 1},
        (1,),
        (),
        "2.5",
        ("1", "2"),
        (0, 1),
        (1, -1),
        object,
        b"1",
    ]
    return [kind(lambda value=value: s.get("/x", timeout=value)) for value in values]


# --- what requests leaves of a chain of redirects that is too long


@http("the last of too many redirects")
def _(s: Any) -> Any:
    s.max_redirects = 2
    outcome = attempt(lambda: s.get("/loop"))
    error = outcome if isinstance(outcome, requests.TooManyRedirects) else outcome.error
    return [
        error.response.url,
        error.request.url,
        [hop.url for hop in error.response.history],
        error.response.status_code,
    ]


@http("lengths that contradict each other")
def _(s: Any) -> Any:
    return [kind(lambda: s.get("/two-lengths")), kind(lambda: s.get("/cut-chunked-head"))]
