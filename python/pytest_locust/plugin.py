"""Fixtures for pytest-style locustfiles, which run under both programs::

    pytest -H https://example.com test_shop.py
    locust -H https://example.com -f test_shop.py

A test function takes `session` or `fastsession`, the clients of `HttpUser` and `FastHttpUser`. Under Locust each user
has its own, and its requests are counted; under pytest nothing is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from locust.clients import HttpSession
    from locust.contrib.fasthttp import FastHttpSession
    from locust.user.users import User

# The import of locust patches the standard library for gevent, so it waits until a test asks for a client.

_config: pytest.Config | None = None


class NoOpEvent:
    """Stands for the `request` event where nobody counts requests."""

    def fire(self, *, reverse: bool = False, **kwargs: Any) -> None:
        """Does nothing."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--host`, unless another plugin has it."""
    try:
        parser.addoption(
            "--host",
            "-H",
            action="store",
            default=None,
            help="base of relative URLs, for the Locust fixtures",
        )
    except ValueError as error:
        if "already added" not in str(error):
            raise


def pytest_configure(config: pytest.Config) -> None:
    """Keeps the configuration, so that the fixtures need no parameter that Locust would have to fill."""
    global _config
    _config = config


@pytest.fixture
def session(user: User | None = None) -> Iterator[HttpSession]:
    """A client that behaves as a `requests.Session`; relative URLs are below `--host`."""
    from locust.clients import HttpSession

    client = HttpSession(**_client_arguments(user))
    yield client
    client.close()


@pytest.fixture
def fastsession(user: User | None = None) -> Iterator[FastHttpSession]:
    """A client as that of `FastHttpUser`; relative URLs are below `--host`."""
    from locust.contrib.fasthttp import FastHttpSession

    yield FastHttpSession(**_client_arguments(user))


def _client_arguments(user: User | None) -> dict[str, Any]:
    if user is not None:
        return {"base_url": user.host, "request_event": user.environment.events.request, "user": user}
    host = None if _config is None else _config.getoption("--host", default=None)
    return {"base_url": host, "request_event": NoOpEvent(), "user": None}
