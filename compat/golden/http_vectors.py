"""Record what requests, http.cookiejar and geventhttpclient do with odd URLs, redirects, cookies and dates.

Cookies and dates are in http_cookie_vectors.py, beside this file.

Run it with a Python that has Locust 2.47 installed:

    python compat/golden/http_vectors.py crates/http/tests/golden

Nothing touches the network: connections are replaced by an object that keeps what is written to it.
"""

from __future__ import annotations

import io
import json
import random
import sys
import time
from pathlib import Path

import requests
import urllib3.connection
from geventhttpclient.url import URL as FastURL
from http_cookie_vectors import cookie_cases, date_cases

NOW = 1_795_400_000  # 2026-11-23, so that years of two digits have one meaning


class Wire:
    """A socket that answers every request with the next of some responses."""

    def __init__(self, responses: list[bytes]) -> None:
        self.responses = responses
        self.sent = b""

    def sendall(self, data: bytes) -> None:
        self.sent += bytes(data)

    def makefile(self, *_args: object, **_kwargs: object) -> io.BytesIO:
        return io.BytesIO(self.responses.pop(0))

    def settimeout(self, _timeout: object) -> None:
        pass

    def close(self) -> None:
        pass


def exchange(url: str, responses: list[bytes]) -> tuple[list[str], list[bytes]]:
    """The URLs requests went through, and the requests it wrote."""
    wires: list[Wire] = []

    def connect(self: urllib3.connection.HTTPConnection) -> None:
        self.sock = Wire(responses)  # type: ignore[assignment]
        self.is_verified = True
        wires.append(self.sock)  # type: ignore[arg-type]

    urllib3.connection.HTTPConnection.connect = connect  # type: ignore[method-assign]
    urllib3.connection.HTTPSConnection.connect = connect  # type: ignore[method-assign]
    with requests.Session() as session:
        session.trust_env = False
        response = session.get(url)
    return [r.url for r in [*response.history, response]], [wire.sent for wire in wires]


def request_line(sent: bytes) -> dict[str, str]:
    lines = sent.decode("latin-1").split("\r\n")
    host = next(line for line in lines if line.lower().startswith("host:"))
    return {"target": lines[0].split(" ", 1)[1].rsplit(" ", 1)[0], "host": host.split(": ", 1)[1]}


ANSWER = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

URLS = """
http://h
http://h/
http://H.Example.COM/Path
HTTP://h/
HtTpS://h/x
http://h:80/
http://h:8080/
http://h:0/
http://h:00080/
http://h:65535/
http://h:65536/
http://h:99999/
http://h:123456/
http://h:/
http://h:x/
http://h:-1/
https://h:443/
https://h:80/
http://h:443/
http://h?q
http://h#f
http://h?#
http://h/?
http://h/a?b?c
http://h/a#b#c
http://h/a?b#c?d
http://h/a b
http://h/a%20b
http://h/a%2fb%2F
http://h/%7Euser/%41
http://h/100%
http://h/100%25
http://h/%zz
http://h/%2
http://h/%e4%f6?%e4=%zz
http://h/%C3%A4 ä
http://h/ä?ö=ü#ß
http://h/\U0001f600
http://h/a+b?c+d
http://h/a?b=c&d=e;f
http://h/a?b=[1]&c={x}|y^z`\\"<>
http://h/[a]{b}|c^d`e\\f"g<h>
http://h/!$&'()*+,;=:@-._~
http://h/a;b;c
http://h/a;
http://h/a;?x
http://h/./a
http://h/a/./b
http://h/a/../b
http://h/../../b
http://h/a/..
http://h/a/.
http://h/..
http://h/a//b
http://h//a
http://h//
http://h//../a
http://h/a/%2e%2e/b
http://h/.a
http://h/...
http://u:p@h/
http://u@h/
http://:p@h/
http://u:@h/
http://@h/
http://u:p:q@h/
http://u%40x:p%3a@h/
http://u@v@h/
http://ü:ß@h/
http://[::1]/
http://[::1]:8080/
http://[2001:DB8::A]/
http://[::ffff:1.2.3.4]/
http://[::1
http://::1/
http://[::1]x/
http://[1.2.3.4]/
http://[fe80::1%25eth0]/
http://[fe80::1%eth0]/
http://127.0.0.1/
http://127.1/
http://0x7f.1/
http://1.2.3.4.5/
http://bücher.example/
http://BÜCHER.example/x
http://faß.de/
http://straße.de:81/ä
http://日本語.jp/
http://xn--bcher-kva.example/
http://\u03b1.\u03b2/
http://\U0001f600.com/
http://☃.net/
http://\uff41.com/
http://a。b/
http://a_b/
http://-a-.com/
http://a..b/
http://.a/
http://a./
http://*.a/
http://a b/
http://a%20b/
http://%41/
http://%zz/
http://a\tb/
http://a\\b/
http://a/b\\c
http://a"b/
http://
http:///x
http:/x
http:x
http:
https://
h/x
h
/x
//h/x
?x
#x

ftp://h/
mailto:x
httpx://h/
http+unix://h/
localhost:80/x
 http://h/x
http://h/x 
\thttp://h/x
http://h/a\tb
http://h/a\rb
http://h/a\nb
http://h/\x01\x7f
http://h/\xa0\x85
http://h/a?x=http://y/z
http://h/a?x=%26&y=%c3%a9&z=é
http://h/a?%
http://h/a#%41 b
http://h/a?'q'
http://h/~a
http://h/%7e%2D%5F
""".strip("\n").split("\n")

LOCATIONS = """
/x
x
./x
../x
../../../x
.
..
./
../
?q
#f
;p
x;p
x;
/x;?q
/a/../b
/a/./b/.
//other/x
//other
///x
////x
http://other/x
HTTP://Other/X
http://other
http://other?q
https://h/x
https://other:443/x
http://h:81/x
http:x
http:/x
/x y
/ä
/%C3%A4
/%e4
/%zz
/100%
/x#f
/x#
/x?
/x?a b
/[x]
/a\\b
\\x
http://bücher.example/
http://u:p@other/x
ftp://h/x
mailto:a
javascript:x
 /x
/x\ty
x//y
/x//y
/..//x
http://[::1]/x
http://[::1/x
http://h:x/
http://h:99999/
http://exa mple/
""".strip("\n").split("\n")

BASES = [
    "http://h/",
    "http://h/a/b",
    "http://h/a/b/?q#frag",
    "https://u:p@h:8443/a/b;p?q",
    "http://h/a/../b//c",
]

FAST_URLS = [url for url in URLS if url.lower().startswith(("http://", "https://"))]


def prepared(url: str) -> dict[str, object]:
    try:
        urls, sent = exchange(url, [ANSWER])
    except (requests.RequestException, UnicodeError) as error:
        return {"url": url, "error": type(error).__name__}
    parts = requests.utils.urlparse(urls[0])
    return {
        "url": url,
        "prepared": urls[0],
        **request_line(sent[0]),
        "hostname": parts.hostname,
        "port": parts.port,
    }


def redirected(base: str, location: str) -> dict[str, object]:
    field = location.encode("utf-8", "surrogateescape")
    answer = (
        b"HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\nLocation: " + field + b"\r\n\r\n"
    )
    case = {"base": base, "location": location}
    try:
        urls, sent = exchange(base, [answer, ANSWER])
    except (requests.RequestException, ValueError) as error:
        return {**case, "error": type(error).__name__}
    return (
        {**case, "prepared": urls[-1], **request_line(sent[-1])} if len(sent) > 1 else {**case, "stop": True}
    )


def on_wire(url: FastURL) -> str:
    """The target in the request line; the client adds a slash in front of an empty path."""
    target = url.quoted_uri
    return target if target.startswith("/") else "/" + target


def fast(url: str) -> dict[str, object]:
    try:
        parsed = FastURL(url)
        result = {"text": str(parsed), "target": on_wire(parsed), "host": parsed.host, "port": parsed.port}
    except ValueError:
        return {"url": url, "error": "ValueError"}
    return {"url": url, **result} if parsed.host else {"url": url, "error": "host"}


def fast_redirected(base: str, location: str) -> dict[str, object]:
    case = {"base": base, "location": location}
    try:
        url = FastURL(base).redirect(location)
        port = url.port
    except ValueError:
        return {**case, "error": "ValueError"}
    if url.scheme not in ("http", "https") or not url.host:
        return {**case, "error": "scheme"}
    return {**case, "text": str(url), "target": on_wire(url), "host": url.host, "port": port}


def main(folder: Path) -> None:
    time.time = lambda: float(NOW)  # type: ignore[assignment]
    rng = random.Random(2)
    files = {
        "urls": [prepared(url) for url in URLS],
        "joins": [redirected(base, location) for base in BASES for location in LOCATIONS],
        "fast_urls": [fast(url) for url in FAST_URLS],
        "fast_joins": [fast_redirected(base, location) for base in BASES for location in LOCATIONS],
        "cookies": cookie_cases(rng),
        "dates": date_cases(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, cases in files.items():
        lines = ",\n".join(json.dumps(case, ensure_ascii=True) for case in cases)
        (folder / f"{name}.json").write_text(f"[\n{lines}\n]\n")
        print(f"{name}: {len(cases)} cases")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
