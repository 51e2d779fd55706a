"""A pytest plugin that puts Locust's `HttpSession` in the place of `requests.Session`, for requests' own tests.

    python -m pytest -p requests_through_locust tests

The tests' files stay as they are: `requests.Session`, `requests.session()` and the functions of `requests.api` make the
session below. It is an `HttpSession` without a base URL, whose failed requests raise, as a script's would have to check
`response.error`; whatever is counted goes nowhere.

A session that trusts its environment has to ask it about each request, which only requests' own code can. So that these
tests meet the native way of a request too, the session below asks first, and sends natively where the environment has
nothing to say. `REQUESTS_WAY=library` leaves that out: then each request goes through requests' code down to the adapter.
"""

from __future__ import annotations

import os

import locust  # noqa: F401  (patches the standard library before the tests import it)

# isort: split
from typing import Any

import requests
import requests.api
import requests.sessions

from locust.clients import HttpSession, ResponseContextManager
from locust.event import EventHook

BY_LIBRARY = os.environ.get("REQUESTS_WAY") == "library"
CA_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def environment_is_silent(url: Any) -> bool:
    """Whether requests would take nothing from the environment for a request to `url`."""
    return (
        isinstance(url, str)
        and not (url.lower().startswith("https") and any(os.environ.get(name) for name in CA_BUNDLES))
        and not requests.sessions.get_environ_proxies(url)  # type: ignore[attr-defined]
        and requests.sessions.get_netrc_auth(url) is None  # type: ignore[attr-defined]
    )


class Response(ResponseContextManager):
    """A response whose with-block closes it, as that of requests, and decides nothing."""

    __enter__ = requests.Response.__enter__
    __exit__ = requests.Response.__exit__


class Session(HttpSession):
    """`HttpSession` with the signature, and the exceptions, of `requests.Session`."""

    def __init__(self) -> None:
        super().__init__(base_url="", request_event=EventHook(), user=None)

    def request(  # type: ignore[override]
        self,
        method: Any,
        url: Any,
        params: Any = None,
        data: Any = None,
        headers: Any = None,
        cookies: Any = None,
        files: Any = None,
        auth: Any = None,
        timeout: Any = None,
        allow_redirects: bool = True,
        proxies: Any = None,
        hooks: Any = None,
        stream: Any = None,
        verify: Any = None,
        cert: Any = None,
        json: Any = None,
    ) -> Any:
        given = {
            name: value
            for name, value in locals().items()
            if name not in ("self", "method", "url", "allow_redirects", "__class__") and value is not None
        }
        if not BY_LIBRARY and isinstance(method, str):
            # As requests does; Locust reports a method as it was given, and leaves lower case to requests for that.
            method = method.upper()
        trusted = self.trust_env
        if not BY_LIBRARY and trusted and environment_is_silent(url):
            self.trust_env = False
        try:
            response = super().request(method, url, allow_redirects=allow_redirects, **given)
        finally:
            if self.trust_env != trusted:
                self.trust_env = trusted
        if response.error is not None:
            raise response.error
        response.__class__ = Response
        return response


Session.__name__ = Session.__qualname__ = "Session"
requests.Session = requests.sessions.Session = Session  # type: ignore[assignment,misc]
