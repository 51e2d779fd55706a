"""Passwords that a run is given are in nothing that it writes or shows, wherever they stand."""

from __future__ import annotations

import argparse
import base64
import itertools
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from locust import _shown
from locust.argument_parser import LocustArgumentParser
from servers import clean_environment, locust_command
from web_runs import WebRun

SCRIPT = """
from locust import FastHttpUser, HttpUser, constant, events, task
from locust.clients import HttpSession

@events.init_command_line_parser.add_listener
def options(parser):
    parser.add_argument("--keys", nargs="*", is_secret=True, default=[])
    parser.add_argument("--pin", type=int, is_secret=True, default=0)
    parser.add_argument("-k", "--api-key", is_secret=True, default="")
    parser.add_argument("--pair", nargs=2, is_secret=True, include_in_web_ui=False)
    parser.add_argument("--from-env", env_var="SHOP_KEY", is_secret=True, default="")
    parser.add_argument("--from-file", is_secret=True, default="")
    parser.add_argument("--back-end", default="")
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("--shown", nargs="*", default=[])

class Shopper(HttpUser):
    wait_time = constant(0.05)

    @task
    def go(self):
        back = self.environment.parsed_options.back_end
        print("BACK END", back.replace("PLANTED-back", "***"), "is", len(back), "long", flush=True)
        self.client.get("/")
        with self.client.get("/missing", catch_response=True) as response:
            response.failure("no such thing")

class OfItsOwn(FastHttpUser):
    wait_time = constant(0.05)

    def on_start(self):
        self.session = HttpSession("", self.environment.events.request, self)

    @task
    def go(self):
        own = "http://me:PLANTED-own@" + self.host.rpartition("@")[2]
        self.client.get(own + "/missing")
        self.client.get("http://me:PLANTED-own@127.0.0.1:1/refused")
        self.session.get(own + "/missing?by=requests")
        self.session.get("http://me:PLANTED-own@127.0.0.1:1/refused", proxies={"http": "http://me:PLANTED-own@127.0.0.1:1"})
        for number in range(2):
            error = ConnectionError(f"lost amqp://me:PLANTED-own@broker{number}")
            self.environment.events.request.fire(request_type="MQ", name="send", response_time=1, response_length=0, exception=error)
        raise ValueError("postgres://me:PLANTED-own@db")
"""

PLANTED = {
    "list": ("PLANTED-k1", "PLANTED-k2"),
    "typed": ("74639217",),
    "joined": ("PLANTED-joined",),
    "pair": ("PLANTED-p1", "PLANTED-p2"),
    "env": ("PLANTED-env",),
    "file": ("PLANTED-file",),
    "host": ("PLANTED-pw",),
    "option": ("PLANTED-back",),
    "script": ("PLANTED-own",),
}
SECRETS = [secret for group in PLANTED.values() for secret in group]
OWN = "Basic " + base64.b64encode(b"me:PLANTED-own").decode()
BASIC = "Basic " + base64.b64encode(b"shop:PLANTED-pw").decode()


class Shop:
    def __init__(self) -> None:
        self.authorizations: set[str | None] = set()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                owner.authorizations.add(self.headers.get("Authorization"))
                self.send_response(200 if self.path == "/" else 404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.host = f"http://shop:PLANTED-pw@127.0.0.1:{self.server.server_port}"


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    yield shop
    shop.server.shutdown()
    shop.server.server_close()


def arguments(shop: Shop) -> list[str]:
    return [
        "-H", shop.host, "--keys", "PLANTED-k1", "PLANTED-k2", "--pin", "74639217", "-vkPLANTED-joined",
        "--pair", "PLANTED-p1", "PLANTED-p2", "--back-end", "amqp://guest:PLANTED-back@broker", "--shown", "this", "that",
    ]  # fmt: skip


def assert_nothing_in(text: str, where: str) -> None:
    found = [secret for secret in [*SECRETS, BASIC, OWN] if secret in text or quote(secret) in text]
    assert not found, (where, found)


def test_a_headless_run_writes_no_secret(tmp_path: Path, shop: Shop):
    (tmp_path / "locustfile.py").write_text(SCRIPT)
    (tmp_path / "run.conf").write_text("from-file = PLANTED-file\n")
    out = tmp_path / "out"
    ended = subprocess.run(
        [locust_command(), "--headless", "-u", "2", "-r", "10", "-t", "2s", "--config", "run.conf",
         "--html", str(out / "report.html"), "--junit", str(out / "junit.xml"), "--summary-md", str(out / "summary.md"),
         "--csv", str(out / "table"), "--json-file", str(out / "numbers"), "--logfile", str(out / "run.log"),
         "-L", "DEBUG", "--store-dir", str(out / "runs"), *arguments(shop)],
        cwd=tmp_path, env=clean_environment(HOME=str(tmp_path), SHOP_KEY="PLANTED-env", LOCUST_NO_STORE="false"),
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert ended.returncode == 1, ended.stderr
    assert {BASIC, OWN} <= shop.authorizations
    assert_nothing_in(ended.stdout + ended.stderr, "terminal")
    files = [path for path in out.rglob("*") if path.is_file()]
    assert len(files) >= 9, files
    for path in files:
        assert_nothing_in(path.read_bytes().decode(errors="replace") + path.name, str(path))
    # What is no secret is still there.
    data = re.search(
        r'<script type="application/json"[^>]*>(.*?)</script>', (out / "report.html").read_text(), re.S
    )
    assert data
    info = json.loads(data[1])["run"]["info"]
    assert info["host"] == f"http://shop:***@127.0.0.1:{shop.server.server_port}"
    assert "--shown this that" in info["command"]
    assert "--keys '***' '***' --pin '***' '-vk***' --pair '***' '***'" in info["command"]
    port = shop.server.server_port
    names = {(row["name"], row["method"]) for row in json.loads((out / "numbers.json").read_text())}
    assert (f"http://me:***@127.0.0.1:{port}/missing", "GET") in names, names
    failures = (out / "table_failures.csv").read_text()
    assert (
        "for url: /missing?by=requests" in failures and f"http://me:***@127.0.0.1:{port}/missing" in failures
    )
    # What differs in more than a password is told apart.
    assert "lost amqp://me:***@broker0" in failures and "lost amqp://me:***@broker1" in failures
    assert "postgres://me:***@db" in (out / "table_exceptions.csv").read_text()
    assert info["options"] == {
        "back_end": "amqp://guest:***@broker",
        "verbose": True,
        "shown": ["this", "that"],
    }


def test_the_web_interface_shows_no_secret_and_keeps_those_it_does_not_show(tmp_path: Path, shop: Shop):
    more = ["--config", "run.conf", "--store-dir", str(tmp_path / "runs"), *arguments(shop)]
    tmp_path.joinpath("run.conf").write_text("from-file = PLANTED-file\n")
    with WebRun(tmp_path, *more, script=SCRIPT, SHOP_KEY="PLANTED-env", LOCUST_NO_STORE="false") as run:
        shown = run.get("/").text
        assert_nothing_in(shown, "page")
        masked = f"http://shop:***@127.0.0.1:{shop.server.server_port}"
        assert masked in shown
        # The form comes back as it was shown: host and secrets stay as they are, but for the one that is typed.
        back_end = "amqp://guest:***@broker"
        form = {"user_count": 2, "spawn_rate": 10, "host": masked, "api_key": "PLANTED-new", "pin": "", "from_env": "",
                "back_end": back_end}  # fmt: skip
        assert_nothing_in(run.post("/swarm", form).text, "answer of /swarm")
        run.wait_for(lambda: run.get("/stats/requests").json()["total_rps"] > 0)
        assert BASIC in shop.authorizations
        run.wait_for(lambda: "BACK END amqp://guest:***@broker is 32 long" in run.log)
        stem = run.get("/stats/requests/csv").headers["content-disposition"]
        assert_nothing_in(stem, "name of the CSV file")
        assert "***" in stem
        run.post("/stop")
        [kept] = run.wait_for(lambda: run.get("/runs").json()["runs"])
        for path in ("/stats/report", "/stats/report?download=1", f"/runs/{kept['id']}", "/runs", "/logs",
                     "/stats/requests", "/exceptions", "/live/history", "/stats/failures/csv"):  # fmt: skip
            answer = run.get(path)
            assert_nothing_in(answer.text + str(answer.headers), path)
            assert "PLANTED" not in answer.text, path
        assert_nothing_in(run.log, "log")
        # A host whose password nobody knows is not taken for one.
        refused = run.post("/swarm", {**form, "host": "http://shop:***@elsewhere"}).json()
        assert not refused["success"] and "password" in refused["message"]


def parser() -> LocustArgumentParser:
    parser = LocustArgumentParser(prog="locust")
    parser.add_argument("-u", "--users", type=int)
    parser.add_argument("-v", action="store_true")
    parser.add_argument("-w", action="store_true")
    parser.add_argument("-s", "--secret", is_secret=True)
    parser.add_argument("--secret-number", type=int, is_secret=True)
    parser.add_argument("--secret-many", nargs="+", is_secret=True)
    parser.add_argument("--secret-maybe", nargs="?", is_secret=True)
    parser.add_argument("--plain", nargs="*")
    parser.add_argument("classes", nargs="*")
    return parser


WAYS: list[list[str]] = [
    ["--secret", "S1"],
    ["--secret=S1"],
    ["-s", "S1"],
    ["-sS1"],
    ["-s=S1"],
    ["-vsS1"],
    ["-vws", "S1"],
    ["--secret-n", "71"],
    ["--secret-number=71"],
    ["--secret-many", "S1", "S2", "-v"],
    ["--secret-man=S1"],
    ["--secret-maybe", "S1"],
]
BESIDE: list[list[str]] = [[], ["-u", "3"], ["-v"], ["--plain", "a", "b"], ["--users=3"], ["-u3", "--plain"]]


def test_whatever_the_way_to_write_it_a_secret_is_not_shown_and_the_rest_is():
    own = parser()
    for before, way, after in itertools.product(BESIDE, WAYS, BESIDE):
        words = ["/bin/locust", *before, *way, *after]
        # It is a command line that the parser understands.
        options: dict[str, Any] = vars(own.parse_args(words[1:]))
        assert any(options[key] for key in options if key.startswith("secret")), words
        shown = _shown.command(words, own)
        assert not {"S1", "S2", "71"} & {shown[at : at + 2] for at in range(len(shown))}, shown
        for word in itertools.chain(before, after):
            assert word in shown, (words, shown)


def test_passwords_of_urls():
    for given, shown in (
        ("http://u:p@h/x", "http://u:***@h/x"),
        (
            "see http://u:p@ss@h:8080/?a=b@c and https://t0ken@h",
            "see http://u:***@h:8080/?a=b@c and https://***@h",
        ),
        ("http://h/x@y", "http://h/x@y"),
        ("mail a@b.example", "mail a@b.example"),
        ("postgres://u:p%40@db/x", "postgres://u:***@db/x"),
        ("http://u:@h", "http://u:***@h"),
    ):
        assert _shown.url(given) == shown
        assert _shown.url(shown) == shown
        assert _shown.is_hidden(shown) == (shown != given)
    assert isinstance(parser(), argparse.ArgumentParser)
