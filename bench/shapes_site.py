"""The shapes of `shapes.py`: what a task does, and the site that nginx serves for it."""

from __future__ import annotations

import dataclasses
import gzip
import json
from dataclasses import dataclass
from pathlib import Path

DOCUMENT = json.dumps(
    {"id": 1, "name": "x", "items": [{"sku": f"a{n}", "price": n + 0.5} for n in range(12)]}
)
PAGE = ("<html>" + "".join(f"<p>line {n} of the page with some words</p>" for n in range(2300)))[:100_000]
SITE = """worker_processes 1; daemon off; worker_rlimit_nofile 40000; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 20000; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 3600;
  types {{ }} default_type text/html;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=8192; listen 127.0.0.1:{tls} ssl backlog=8192;
    ssl_certificate {folder}/certificate.pem; ssl_certificate_key {folder}/key.pem; root {folder}/www;
    location /hello {{ default_type text/html; return 200 "<html><body>hello world</body></html>"; }}
    location /json {{ default_type application/json; return 200 '{document}'; }}
    location /cookie {{ default_type text/html; add_header Set-Cookie "sid=abc; Path=/"; return 200 "ok"; }}
    location /redirect {{ return 302 /hello; }}
    location /gzip/ {{ add_header Content-Encoding gzip; }}
  }}
  server {{ listen 127.0.0.1:{status}; location / {{ stub_status; }} }}
}}
"""


@dataclass(frozen=True)
class Shape:
    """A task: `lines` stand before the classes, `body` is what the task does with its client `c`."""

    name: str
    body: str
    # At most so many times what wrk takes for its plain GET in the same rounds; or, `against_page`, for the same page.
    target: float
    # The page that wrk asks for, if it can do the same.
    page: str = ""
    against_page: bool = False
    lines: str = ""
    tls: bool = False

    def script(self, client: str) -> str:
        body, attributes = self.body, ""
        if self.tls and client == "FastHttpUser":
            attributes = "    insecure = True\n"
        elif self.tls:
            attributes = "    def on_start(self):\n        self.client.verify = False\n"
        return (
            f"from locust import {client}, events, task\n{self.lines}\n\nclass Shape({client}):\n{attributes}"
            f"    @task\n    def t(self):\n        c = self.client\n        {body}\n"
        )

    def named(self, names: int) -> Shape:
        """The same with so many names."""
        return dataclasses.replace(self, body=f"c.get('/hello', name=f'/{{random.randrange({names})}}')")


SHAPES = (
    Shape("hello", "c.get('/hello')", 1.25, "/hello"),
    Shape("json", "c.get('/json', name='j').json()['items'][3]['price']", 1.85, "/json"),
    Shape(
        "check",
        "with c.get('/json', catch_response=True) as r:\n"
        "            if r.status_code != 200 or r.json()['id'] != 1:\n"
        "                r.failure('another one')\n"
        "            else:\n"
        "                r.success()",
        2.0,
        "/json",
    ),
    Shape(
        "post",
        "c.post('/hello', json={'user': 'ann', 'n': 3},"
        " headers={'X-Trace': 'abc', 'Authorization': 'Bearer t'}, name='post')",
        1.85,
    ),
    Shape("form", "c.post('/hello', data={'user': 'ann', 'n': '3'}, name='form')", 1.85),
    Shape(
        "names",
        "c.get(f'/hello?id={random.randrange(1000)}', name='/hello?id=[id]')",
        1.4,
        lines="import random",
    ),
    Shape("100kB", "c.get('/page.html')", 1.25, "/page.html", against_page=True),
    Shape("text", "len(c.get('/page.html').text)", 1.5, "/page.html", against_page=True),
    Shape("gzip", "len(c.get('/gzip/page.html', headers={'Accept-Encoding': 'gzip'}).content)", 3.1),
    Shape("cookie", "c.get('/cookie')", 1.55, "/cookie"),
    Shape("redirect", "c.get('/redirect')", 1.25),
    Shape(
        "listener",
        "c.get('/hello')",
        1.6,
        lines="@events.request.add_listener\n"
        "def listener(request_type, name, response_time, response_length, exception=None, **kwargs):\n"
        "    pass",
    ),
    Shape("https", "c.get('/hello')", 1.25, "/hello", against_page=True, tls=True),
)


def site(folder: Path) -> str:
    """nginx's configuration, with places for its ports; writes the pages and a certificate."""
    import trustme

    (folder / "www" / "gzip").mkdir(parents=True)
    (folder / "www" / "page.html").write_text(PAGE)
    # As nginx would compress it, but beforehand: it is the generator that is to be busy.
    (folder / "www" / "gzip" / "page.html").write_bytes(gzip.compress(PAGE[:20_000].encode(), 1))
    certificate = trustme.CA().issue_cert("127.0.0.1", "localhost")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    for pem in certificate.cert_chain_pems:
        pem.write_to_path(folder / "certificate.pem", append=True)
    return SITE.replace("{document}", DOCUMENT.replace("{", "{{").replace("}", "}}"))
