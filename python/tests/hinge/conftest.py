"""What the tests of the hinge share: a server in the client's own thread, and runs that end."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

import locust  # noqa: F401  (patches the standard library, which has to come first)

# isort: split
import gevent
import pytest
from gevent.event import Event
from gevent.pywsgi import WSGIServer

from locust.env import Environment


class Site:
    """A gevent WSGI server in the tests' own thread: a client that blocks the thread instead of the greenlet hangs.

    `/` answers "ok", `/slow?s=0.5` after that time, `/held` after `release()`, `/port` with the client's port, `/cookie`
    with its cookies.
    """

    def __init__(self) -> None:
        self.requests = 0
        self.under_way = self.most = 0
        self._released = Event()
        self._server = WSGIServer(("127.0.0.1", 0), self._answer, log=None, error_log=None)
        self._server.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        self.requests += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            seconds = parse_qs(environ["QUERY_STRING"]).get("s")
            if seconds:
                gevent.sleep(float(seconds[0]))
            if environ["PATH_INFO"] == "/held":
                self._released.wait()
            body = {"/port": environ["REMOTE_PORT"], "/cookie": environ.get("HTTP_COOKIE", "")}.get(
                environ["PATH_INFO"], "ok"
            )
            start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
            return [body.encode()]
        finally:
            self.under_way -= 1

    def release(self) -> None:
        """Lets `/held` answer, whoever still listens, from now on."""
        self._released.set()

    def close(self) -> None:
        self._server.stop(timeout=0)


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


@pytest.fixture
def environments() -> Iterator[Callable[..., Environment]]:
    """Makes environments with a local runner, and quits those at the end."""
    made: list[Environment] = []

    def make(*user_classes: type, **arguments: Any) -> Environment:
        environment = Environment(user_classes=list(user_classes), **arguments)
        environment.create_local_runner()
        made.append(environment)
        return environment

    yield make
    for environment in made:
        environment.runner.quit()


@pytest.fixture(autouse=True)
def no_hanging() -> Iterator[None]:
    with gevent.Timeout(60):
        yield


def until(condition: Callable[[], Any], seconds: float = 30) -> Any:
    """Lets others run until `condition()` is true; the bound is for what hangs, not for what is slow."""
    with gevent.Timeout(seconds, AssertionError(f"still false after {seconds} s")):
        for pause in itertools.chain([0] * 10, itertools.repeat(0.005)):
            if found := condition():
                return found
            gevent.sleep(pause)


@pytest.fixture(name="until")
def until_fixture() -> Callable[..., Any]:
    return until
