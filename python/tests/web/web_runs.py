"""Starts a `locust` with a web interface, ours or the original, and talks HTTP to it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from servers import ROOT, clean_environment, free_port, locust_command

# Users that need no server: each task reports a request of its own, or raises.
SCRIPT = """
from locust import User, constant, events, task

@events.init_command_line_parser.add_listener
def options(parser):
    parser.add_argument("--basket", type=int, default=3, help="Items to buy")
    parser.add_argument("--password", is_secret=True, default="hunter2", help="Of the shop")
    parser.add_argument("--color", choices=["red", "green"], default="red")
    parser.add_argument("--gift", action="store_true")
    parser.add_argument("--sizes", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--hidden", include_in_web_ui=False, default="unseen")

def report(user, name, exception=None, ms=12.5):
    user.environment.events.request.fire(
        request_type="TALK", name=name, response_time=ms, response_length=3, exception=exception, context={}
    )

class Talker(User):
    wait_time = constant(0.05)

    # Whatever tasks chance chooses, each name is there from the first moment on.
    def on_start(self):
        self.talk()
        self.note()

    @task(3)
    def talk(self):
        report(self, "talk")

    @task
    def note(self):
        report(self, "note", exception=ValueError("no <paper>"), ms=7)

class Breaker(User):
    wait_time = constant(0.3)

    @task
    def boom(self):
        report(self, "before", ms=1234.5)
        raise RuntimeError("it broke")
"""


def oracle_command() -> str:
    """The command of real Locust; fails the test where it is not installed."""
    command = Path(os.environ.get("GREGARIA_ORACLE", ROOT / ".venv-oracle" / "bin" / "locust"))
    if not command.exists():
        pytest.fail(f"missing: real Locust at {command} (scripts/setup --test installs it)")
    return str(command)


@dataclass(frozen=True)
class Answer:
    """What a server answered; names of headers in small letters, the last of a name."""

    status: int
    headers: dict[str, str]
    body: bytes
    cookies: str

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


class WebRun:
    """A `locust` process with a web interface. Use it as a context manager."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        command: str | None = None,
        script: str | Path | None = SCRIPT,
        host: str = "127.0.0.1",
        scheme: str = "http",
        ready: str = "/login",
        **environment: str,
    ) -> None:
        self.folder, self.host, self.scheme = folder, host, scheme
        self.port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        if isinstance(script, str):
            (folder / "locustfile.py").write_text(script)
        where = [] if script is None or isinstance(script, str) else ["-f", str(script)]
        self._log = (folder / "log.txt").open("w")
        self.process = subprocess.Popen(
            [
                command or locust_command(),
                *where,
                "--web-host",
                host,
                "--web-port",
                str(self.port),
                *arguments,
            ],
            cwd=folder,
            env=clean_environment(HOME=str(folder), **environment),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._ready = ready

    def __enter__(self) -> WebRun:
        try:
            self.wait_for(self._listens)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(30)
        self._log.close()

    def _listens(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"ended with {self.process.returncode}:\n{self.log}")
        try:
            self.ask("GET", self._ready)
        except OSError:
            return False
        return True

    @property
    def log(self) -> str:
        """Both outputs until now."""
        return (self.folder / "log.txt").read_text()

    def ask(
        self,
        method: str,
        path: str,
        form: Any = None,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """One request on a connection of its own; redirects are not followed."""
        context = ssl._create_unverified_context() if self.scheme == "https" else None
        connection: http.client.HTTPConnection = (
            http.client.HTTPSConnection(self.host, self.port, timeout=60, context=context)
            if context
            else http.client.HTTPConnection(self.host, self.port, timeout=60)
        )
        headers = dict(headers or {})
        if form is not None:
            body = urlencode(form, doseq=True).encode()
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        try:
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            received = {name.lower(): value for name, value in response.getheaders()}
            cookies = "; ".join(
                value.partition(";")[0]
                for name, value in response.getheaders()
                if name.lower() == "set-cookie"
            )
            return Answer(response.status, received, response.read(), cookies)
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, form: Any = None, **headers: str) -> Answer:
        return self.ask("POST", path, {} if form is None else form, headers=headers)

    def wait_for(self, condition: Callable[[], Any], seconds: float = 60) -> Any:
        """Waits until the condition holds, and returns what it gave."""
        deadline = time.monotonic() + seconds
        while True:
            if result := condition():
                return result
            if time.monotonic() > deadline:
                raise AssertionError(f"did not happen within {seconds} s; the log:\n{self.log}")
            time.sleep(0.05)

    def wait_for_state(self, state: str) -> None:
        self.wait_for(lambda: self.get("/stats/requests").json()["state"] == state)

    def end(self, number: signal.Signals = signal.SIGINT, seconds: float = 60) -> int:
        """Sends the signal and returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(seconds)


def shape(value: Any) -> Any:
    """The kinds of values in JSON: keys, and whether a number is whole or not; elements of lists all together."""
    if isinstance(value, dict):
        return {key: shape(element) for key, element in sorted(value.items())}
    if isinstance(value, list):
        kinds: list[Any] = []
        for element in value:
            if (kind := shape(element)) not in kinds:
                kinds.append(kind)
        return sorted(kinds, key=repr)
    return type(value).__name__


def embedded(page: str, name: str) -> Any:
    """The JSON that a page of ours (`<script id=…>`) or of Locust's (`window.… =`) holds."""
    match = re.search(rf'id="{name}"[^>]*>(.*?)</script>', page, re.S) or re.search(
        rf"window\.{name} = (.*?)(?:;?\n|</script>)", page, re.S
    )
    assert match, f"no {name} in the page"
    return json.loads(match[1].strip().rstrip(";"))
