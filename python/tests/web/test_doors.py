"""The door tried from outside, as an attacker would and as people do: real processes, real nginx. `crates/web` has the details."""

from __future__ import annotations

import http.client
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from locust import _switches
from servers import clean_environment, free_port, locust_command
from web_runs import SCRIPT, WebRun

STRANGER = {"Host": "evil.example"}
TOKEN = "open-sesame"
START = {"user_count": 1, "spawn_rate": 1}


# ------------------------------------------------------------------------------------------------ switches (F3)


def test_the_words_of_switches():
    for word, meant in (
        *((word, False) for word in ("false", "0", "No", "off", "", " FALSE ")),
        *((word, True) for word in ("true", "1", "Yes", "on")),
        *((word, None) for word in ("maybe", "2", "tru", "none")),
    ):
        assert _switches.meaning(word) is meant, word


@pytest.mark.parametrize(("word", "status"), [("false", 401), ("", 401), ("true", 200)])
def test_a_variable_that_says_no_opens_nothing(tmp_path: Path, word: str, status: int):
    with WebRun(tmp_path, LOCUST_WEB_OPEN=word) as run:
        assert run.ask("GET", "/tasks", headers=STRANGER).status == status
        assert ("is open" in run.log) == (status == 200)


@pytest.mark.parametrize(
    "name",
    [
        "LOCUST_WEB_OPEN",
        "LOCUST_CLUSTER_OPEN",
        "LOCUST_WEB_LOCAL_OPEN",
        "LOCUST_WEB_READ_OPEN",
        "LOCUST_HEADLESS",
    ],
)
def test_a_variable_that_says_neither_is_an_error_that_names_it(tmp_path: Path, name: str):
    (tmp_path / "locustfile.py").write_text(SCRIPT)
    ended = subprocess.run(
        [locust_command(), "--web-port", str(free_port())],
        cwd=tmp_path,
        env=clean_environment(HOME=str(tmp_path), **{name: "maybe"}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 2 and name in ended.stderr and "maybe" in ended.stderr, ended.stderr


def test_a_library_reads_the_variable_in_the_same_way(tmp_path: Path):
    program = (
        "from locust.env import Environment\n"
        "environment = Environment()\n"
        "environment.create_local_runner()\n"
        "ui = environment.create_web_ui('127.0.0.1', 0)\n"
        "print(ui.is_open)\n"
        "ui.stop()\n"
    )
    for word, said in (("false", "False"), ("on", "True"), ("maybe", "LOCUST_WEB_OPEN")):
        ended = subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            env=clean_environment(HOME=str(tmp_path), LOCUST_WEB_OPEN=word),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert said in ended.stdout + ended.stderr, (word, ended)
        assert (ended.returncode == 0) == (word != "maybe")


def test_a_no_leaves_the_patches_in_and_any_other_word_does_not():
    program = "import locust, gevent.monkey as m; print(m.is_module_patched('socket'))"
    for word, patched in (
        ("0", "True"),
        ("false", "True"),
        ("", "True"),
        ("1", "False"),
        ("please", "False"),
    ):
        ended = subprocess.run(
            [sys.executable, "-c", program],
            env=clean_environment(LOCUST_SKIP_MONKEY_PATCH=word),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ended.stdout.strip() == patched, (word, ended)


# ------------------------------------------------------------------------------- the system under test (F1)


class UnderTest:
    """A server that sends whoever comes elsewhere."""

    def __init__(self) -> None:
        owner = self
        self.target = ""

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.answer(302)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.answer(307)

            def answer(self, status: int) -> None:
                if self.path == "/plain":
                    status = 200
                self.send_response(status)
                if status != 200:
                    self.send_header("Location", owner.target)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def under_test() -> Iterator[UnderTest]:
    server = UnderTest()
    yield server
    server.close()


VICTIM = """
from locust import FastHttpUser, HttpUser, constant, task

class Slow(HttpUser):
    wait_time = constant(0.05)
    @task
    def go(self):
        self.client.get("/plain")
        self.client.get("/get")
        self.client.post("/post", data={"a": "b"})

class Fast(FastHttpUser):
    wait_time = constant(0.05)
    @task
    def go(self):
        self.client.get("/plain")
        self.client.get("/fast-get")
        self.client.post("/fast-post", data={"a": "b"})
"""


@pytest.mark.parametrize("workers", [0, 1])
def test_the_system_under_test_cannot_stop_the_run_or_erase_its_numbers(
    tmp_path: Path, under_test: UnderTest, workers: int
):
    """By redirects to the page of this program, in every spelling, also from the workers that it forked."""
    port = str(free_port())
    more = ["--processes", str(workers), "--master-bind-port", port, "--master-port", port] if workers else []
    with WebRun(tmp_path, "-H", under_test.url, "--web-host", "", *more, script=VICTIM) as run:
        if workers:
            run.wait_for(lambda: run.get("/worker-count").json()["worker_count"] == workers)
        targets = [
            f"http://{host}:{run.port}{path}"
            for host in ("127.0.0.1", "localhost", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]")
            for path in ("/stop", "/stats/reset")
        ]
        for target in targets:
            under_test.target = target
            if target is targets[0]:
                run.post("/swarm", {"user_count": 4, "spawn_rate": 10})
            # Whoever has passed so many pages has been sent there and back meanwhile.
            before = count_of(run, "/plain")
            run.wait_for(lambda before=before: count_of(run, "/plain") > before + 8)
        numbers = run.get("/stats/requests").json()
        assert numbers["state"] == "running"
        errors = [error["error"] for error in numbers["errors"]]
        assert errors and all("this program itself listens" in error for error in errors), errors
        failed = {row["name"]: row for row in numbers["stats"]}
        # As in Locust, HttpUser counts what a redirect led to, FastHttpUser what was asked for.
        for name in ("/stop", "/stats/reset", "/fast-get", "/fast-post"):
            assert failed[name]["num_failures"] == failed[name]["num_requests"] > 0, (name, numbers["stats"])
        assert failed["/plain"]["num_failures"] == 0


def count_of(run: WebRun, name: str) -> int:
    rows = run.get("/stats/requests").json()["stats"]
    return next((row["num_requests"] for row in rows if row["name"] == name), 0)


# --------------------------------------------------------------------------------------------- proxies (F6)


def nginx() -> str:
    found = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(found).exists():
        pytest.fail("missing: nginx (scripts/setup --test installs it)")
    return found


def test_nginx_as_its_manual_begins_makes_nobody_local(tmp_path: Path):
    port = free_port()
    with WebRun(tmp_path / "run", LOCUST_WEB_TOKEN=TOKEN) as run:
        work = tmp_path / "nginx"
        work.mkdir()
        (work / "nginx.conf").write_text(
            f"daemon off; pid {work}/pid; error_log {work}/error.log;\n"
            "events {}\n"
            "http { access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;\n"
            "uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n"
            f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{run.port}; }} }} }}\n"
        )
        with (tmp_path / "nginx.txt").open("w") as said:
            proxy = subprocess.Popen(
                [nginx(), "-p", str(work), "-c", str(work / "nginx.conf")],
                stdout=said,
                stderr=subprocess.STDOUT,
            )
        try:

            def ask(method: str, path: str, **headers: str) -> http.client.HTTPResponse:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                connection.request(method, path, headers={"Host": "load.example", **headers})
                return connection.getresponse()

            def there() -> bool:
                try:
                    return ask("GET", "/healthz").status == 200
                except OSError:
                    return False

            run.wait_for(there)
            assert ask("GET", "/stats/requests").status == 401
            browser = {
                "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
                "Origin": "https://load.example",
                "Sec-Fetch-Site": "same-origin",
            }
            assert ask("POST", "/stop", **browser).status == 401
            assert ask("GET", "/tasks", **browser).status == 401
            page = ask("GET", "/", **browser)
            assert page.status == 200 and b"name=token" in page.read()
            assert ask("GET", "/stats/requests", Authorization=f"Bearer {TOKEN}").status == 200
            assert run.log.count("come through a proxy") == 1
            assert run.get("/stats/requests").status == 200, "this machine itself still needs nothing"
        finally:
            proxy.send_signal(signal.SIGTERM)
            proxy.wait(30)


# ------------------------------------------------------------------------------------ users of this machine (F14)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_user_of_this_machine_needs_the_token(tmp_path: Path):
    ask = (
        "import http.client, sys\n"
        "c = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]))\n"
        "c.request('GET', '/tasks', headers={'Authorization': sys.argv[2]} if sys.argv[2:] else {})\n"
        "print(c.getresponse().status)\n"
    )

    def status(run: WebRun, user: int, *token: str) -> str:
        # The system's own interpreter: that of a virtual environment may be in a place that only root sees.
        command = [
            shutil.which("python3", path="/usr/bin:/usr/local/bin") or sys.executable,
            "-c",
            ask,
            str(run.port),
        ]
        done = subprocess.run(
            [*command, *token],
            user=user,
            group=user,
            cwd="/",
            env={},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    with WebRun(tmp_path / "own", LOCUST_WEB_TOKEN=TOKEN) as run:
        assert status(run, 65_534) == "401"
        assert "--web-local-open" in run.log
        assert status(run, 65_534, f"Bearer {TOKEN}") == "200"
        assert status(run, 0) == "200"
    with WebRun(tmp_path / "all", "--web-local-open") as run:
        assert status(run, 65_534) == "200"
        asked = run.ask("GET", "/tasks", headers=STRANGER)
        assert asked.status == 401 and "--web-read-open lets exporters" in asked.text


# ---------------------------------------------------------------------------------------------- the log (F10)


def test_tokens_are_on_the_terminal_and_nowhere_else(tmp_path: Path):
    log = tmp_path / "run.log"
    with WebRun(
        tmp_path / "run",
        "--web-host",
        "",
        "--master",
        "--master-bind-port",
        str(free_port()),
        "--logfile",
        str(log),
    ) as run:
        terminal = run.wait_for(lambda: "?token=" in run.log and run.log)
        web = re.search(r"\?token=(\S+)", terminal)
        cluster = re.search(r"LOCUST_CLUSTER_TOKEN=(\S+)", terminal)
        assert web and cluster, terminal
        shown = log.read_text() + run.get("/logs").text + run.get("/").text + run.get("/stats/report").text
        assert "Starting web interface" in shown
        assert web[1] not in shown and cluster[1] not in shown
        assert (
            run.ask("GET", "/tasks", headers={**STRANGER, "Authorization": f"Bearer {web[1]}"}).status == 200
        )


# --------------------------------------------------------------------------------------------- logins (F11, F18)

LOGIN = (
    SCRIPT
    + """
from flask import Blueprint, redirect, request, session
from flask_login import UserMixin, login_user

class Person(UserMixin):
    def get_id(self):
        return "me"

@events.init.add_listener
def logins(environment, web_ui, **kwargs):
    web_ui.login_manager.user_loader(lambda who: Person())
    web_ui.app.config["SECRET_KEY"] = "for a test"
    web_ui.auth_args = {"username_password_callback": "/enter", "auth_providers": [{"label": "x", "callback_url": "/oidc"}]}

    @web_ui.app.route("/enter", methods=["POST"])
    def enter():
        login_user(Person())
        return redirect("/")

    @web_ui.app.route("/oidc", methods=["POST"])
    def oidc():
        return "back from the provider"

    @web_ui.app.route("/change", methods=["POST"])
    @web_ui.auth_required_if_enabled
    def change():
        return "changed"
"""
)


def test_with_a_login_foreign_pages_reach_only_the_paths_that_are_named(tmp_path: Path):
    with WebRun(tmp_path, "--web-login", script=LOGIN) as run:
        entered = run.post("/enter", {})
        assert "samesite=lax" in entered.headers["set-cookie"].lower(), entered.headers
        own = {"Cookie": entered.cookies}
        foreign = {**own, "Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
        assert run.ask("POST", "/change", {}, headers=own).text == "changed"
        assert run.ask("POST", "/change", {}, headers=foreign).status == 403
        assert run.ask("POST", "/oidc", {}, headers=foreign).text == "back from the provider"
        assert run.ask("POST", "/enter", {}, headers=foreign).status == 302
        # What a request has in it comes back as text.
        markup = b'{"user_class_name": "<img src=x onerror=alert(1)>"}'
        answer = run.ask("POST", "/user", body=markup, headers={**own, "Content-Type": "application/json"})
        assert answer.status == 500 and "<img" not in answer.text, answer.text
        # Whoever watches needs no login.
        assert run.get("/healthz").text == "ok\n"
        run.wait_for(lambda: run.get("/readyz").status == 200)


def test_a_script_s_own_route_of_that_name_wins(tmp_path: Path):
    script = SCRIPT + (
        "\n@events.init.add_listener\n"
        "def add(environment, web_ui, **kwargs):\n"
        "    web_ui.app.add_url_rule('/healthz', 'own_health', lambda: 'fine, thank you')\n"
    )
    with WebRun(tmp_path, script=script) as run:
        assert run.get("/healthz").text == "fine, thank you"
        run.wait_for(lambda: run.get("/readyz").text == "ok\n")
        assert run.ask("GET", "/readyz", headers=STRANGER).status == 200
        assert run.ask("GET", "/healthz", headers=STRANGER).status == 401


def test_a_crowd_of_silent_connections_keeps_nobody_out(tmp_path: Path):
    """4,096 of them from one address: another one is answered all the while."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 10_000)), hard))
    crowd: list[socket.socket] = []
    with WebRun(tmp_path) as run:
        try:
            for _ in range(4_096):
                one = socket.socket()
                one.settimeout(10)
                one.bind(("127.0.0.2", 0))
                one.connect(("127.0.0.1", run.port))
                crowd.append(one)
            for _ in range(3):
                begun = time.monotonic()
                assert run.ask("GET", "/tasks").status == 200
                assert time.monotonic() - begun < 5
        finally:
            for one in crowd:
                one.close()
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
