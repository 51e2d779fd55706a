"""What requests and http.cookiejar do with cookies and their dates; http_vectors.py writes it down."""

from __future__ import annotations

import random
from email.message import Message
from http.cookiejar import CookieJar, http2time

import requests
from requests.cookies import MockRequest, RequestsCookieJar, get_cookie_header

COOKIE_URLS = [
    "http://example.com/",
    "http://example.com/a/b/c?x=/y",
    "http://www.example.com/a/",
    "https://www.example.com/a/b",
    "http://a.b.example.com/",
    "http://other.org/a",
    "http://localhost/",
    "http://localhost:8089/a/b",
    "http://127.0.0.1:5000/",
    "http://127.0.0.1/a",
    "http://10.127.0.0.1/",
    "http://[::1]:8080/a",
    "http://app/x/y",
    "http://u:p@example.com/a",
    "http://EXAMPLE.com/A%2fb/ä",
    "https://example.com:8443/a%2Fb/",
]

COOKIE_STARTS = [
    "a=1",
    "b=2",
    "a=3",
    "c",
    "d=",
    "=x",
    "",
    'e="q"',
    'e="q\\"r"',
    "f=a=b",
    " g = h ",
    "h=x,y",
    "i=\xe9\xff",
    "$j=1",
    "k=a b",
    'l="',
    "m\t=\tn",
]

COOKIE_ATTRIBUTES = [
    "Path=/",
    "path=/a",
    "Path=/a/",
    "Path=a",
    "Path=",
    "Path",
    "PATH=/a/b; Path=/c",
    "Path=/a%2fb",
    "Path=/A b\u00e4",
    "Domain=example.com",
    "domain=.example.com",
    "Domain=EXAMPLE.com",
    "Domain=com",
    "Domain=.com",
    "Domain=",
    "Domain",
    "Domain=www.example.com",
    "Domain=other.org",
    "Domain=localhost",
    "Domain=.localhost",
    "Domain=localhost.local",
    "Domain=.local",
    "Domain=127.0.0.1",
    "Domain=0.0.1",
    "Domain=[::1]",
    "Domain=app",
    "Domain=b.example.com",
    "Domain=..example.com",
    "Secure",
    "secure=",
    "Secure=0",
    "HttpOnly",
    "httponly=x",
    "SameSite=Lax",
    "Discard",
    "discard=",
    "Max-Age=100",
    "max-age=0",
    "Max-Age=-5",
    "Max-Age=x",
    'Max-Age="5"',
    "Max-Age= +7 ",
    "Max-Age=1_0",
    "Max-Age=1.5",
    "Max-Age=",
    "Max-Age=99999999999",
    "Max-Age=3; Max-Age=9",
    "Max-Age=9; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    "Expires=Thu, 01 Jan 1970 00:00:01 GMT",
    "expires=Wed, 09 Feb 2994 22:23:32 GMT",
    "Expires=Wed, 09-Feb-30 22:23:32 GMT",
    "Expires=0",
    "Expires",
    'Expires="Wed, 09 Feb 2044 22:23:32 GMT"',
    "Expires=nonsense; Expires=Wed, 09 Feb 2044 22:23:32 GMT",
    "Version=0",
    "Version=1",
    'Version="1"',
    "Version=2",
    "Version=x",
    "version",
    "Comment=c",
    "CommentURL=u",
    "Port=80",
    'Port="80,8089"',
    "Port=80, 8089",
    "Port",
    "Port=x",
    "=y",
    "",
    "Foo=bar",
    "Foo",
    "foo=baz; Foo=qux",
]

REGULAR = [
    "Path=/",
    "Path=/a",
    "Secure",
    "HttpOnly",
    "Max-Age=100",
    "Domain=example.com",
    "Domain=.example.com",
]


def cookie_cases(rng: random.Random) -> list[dict[str, object]]:
    cases = []
    singles = [(url, f"a=1; {attribute}") for attribute in COOKIE_ATTRIBUTES for url in COOKIE_URLS[1:9:2]]
    singles += [(COOKIE_URLS[1], start) for start in COOKIE_STARTS] + [(url, "a=1") for url in COOKIE_URLS]
    for url, field in singles:
        cases.append([(url, field)])
    for _ in range(250):
        steps = []
        for _ in range(rng.randint(2, 6)):
            pool = REGULAR if rng.random() < 0.7 else COOKIE_ATTRIBUTES
            attributes = [rng.choice(pool) for _ in range(rng.randint(0, 3))]
            steps.append(
                (rng.choice(COOKIE_URLS[:9]), "; ".join([rng.choice(COOKIE_STARTS[:5]), *attributes]))
            )
        cases.append(steps)
    return [run_cookies(steps, rng) for steps in cases]


def run_cookies(steps: list[tuple[str, str]], rng: random.Random) -> dict[str, object]:
    jar = RequestsCookieJar()
    for url, field in steps:
        message = Message()
        message["Set-Cookie"] = field
        request = requests.Request("GET", url).prepare()
        response = type("Response", (), {"info": lambda _self, message=message: message})()
        CookieJar.extract_cookies(jar, response, MockRequest(request))
    cookies = [
        [
            c.name,
            c.value,
            c.domain,
            c.path,
            c.expires,
            bool(c.secure),
            bool(c.discard),
            c.port,
            sorted(c._rest),
        ]
        for c in jar
    ]
    sent = {}
    for url in sorted({*[url for url, _ in steps], *rng.sample(COOKIE_URLS, 5)}):
        sent[url] = get_cookie_header(jar, requests.Request("GET", url).prepare())
    return {"steps": steps, "cookies": cookies, "sent": sent}


DATES = """
Wed, 09 Feb 1994 22:23:32 GMT
Tuesday, 08-Feb-94 14:15:29 GMT
Tuesday, 08-Feb-1994 14:15:29 GMT
09 Feb 1994 22:23:32 GMT
08-Feb-94 14:15:29 GMT
08-Feb-1994
Wed, 09 Feb 2044 22:23:32
Wed 09 Feb 2044 22:23
wed,09/feb/2044:22:23:32 +0100
Wednesday 9 2 2044 1:02:03 -0930
29 Feb 2024 00:00:00 GMT
31 Feb 2024 24:00:61 GMT
32 Jan 2024
0 Jan 2024
1 Jan 1970 00:00:00 GMT
1 Jan 1969 00:00:00 GMT
1 Jan 9999
1 Jan 10000
1 Jan 75
1 Jan 76
1 Jan 77
1 Jan 00
1 Jan 999
1 Foo 2030
1 13 2030
1 0 2030
1 Jan 2030 EST
1 Jan 2030 PM
1 Jan 2030 10:00 PM
1 Jan 2030 10:00:00 UTC
1 Jan 2030 10:00:00 z
1 Jan 2030 10:00:00 UT (x)
1 Jan 2030 10:00:00 GMT (a b)
1 Jan 2030 10:00:00 +1
1 Jan 2030 10:00:00 +100
1 Jan 2030 10:00:00 01:00
1 Jan 2030 10:0:0
1 Jan 2030 25:00:00
1 Jan 2030 10:60:00
1 Jan 2030 10:00:00GMT
1 Jan 2030 10:00:0
1-Jan/2030 10:00
 Wed, 09 Feb 2044 22:23:32 GMT
Wed, 09 Feb 2044 22:23:32 GMT 
Wed, 09 Feb 2044 22:23:32 GMTX
Thursdayxyz, 1 Jan 2030
2030-01-01
2030-01-01T10:00:00Z
Jan 1 2030
1
nonsense
""".strip("\n").split("\n")


def date_cases() -> list[dict[str, object]]:
    cases: list[dict[str, object]] = []
    for text in [*DATES, ""]:
        seconds = http2time(text)
        cases.append({"text": text, "time": None if seconds is None else int(seconds)})
    return cases
