"""A pytest plugin that puts Locust's `FastHttpSession` behind geventhttpclient's `UserAgent`, for its own tests.

    python -m pytest -p geventhttpclient_through_locust tests/test_useragent.py

What such a session does not take (a jar with a policy, `to_string`, hooks overridden in a subclass) stays with
geventhttpclient, through Locust's `LocustUserAgent` as in a script. Failed requests raise, as a script's would have to
check `response.error`; whatever is counted goes nowhere.
"""

from __future__ import annotations

import locust  # noqa: F401  (patches the standard library before the tests import it)

# isort: split
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import geventhttpclient
import geventhttpclient.useragent
from geventhttpclient.useragent import BadStatusCode, CompatRequest

from locust.contrib.fasthttp import FastHttpSession, LocustBadStatusCode, LocustUserAgent
from locust.event import EventHook

HOOKS = ("_handle_error", "_handle_retries_exceeded", "_urlopen", "_verify_status")


class UserAgent(LocustUserAgent):
    """`LocustUserAgent` with the statuses and requests of `UserAgent`, and a session that sends for it."""

    request_type = CompatRequest
    __module__ = "geventhttpclient.useragent"

    def __init__(self, max_redirects: int = 3, max_retries: int = 3, **given: Any) -> None:
        super().__init__(max_redirects=max_redirects, max_retries=max_retries, **given)
        jar = given.pop("cookiejar", None)
        given.pop("retry_delay", None)
        self._policy = getattr(jar, "_policy", None)
        self._session = FastHttpSession(
            None,
            EventHook(),
            None,
            insecure=given.pop("insecure", False),
            max_redirects=max_redirects,
            **given,
        )

    def urlopen(self, url: Any, method: str = "GET", **given: Any) -> Any:  # type: ignore[override]
        """Through the session where it can, else by geventhttpclient."""
        overridden = any(getattr(type(self), hook) is not getattr(UserAgent, hook) for hook in HOOKS)
        strict = self._policy is not None and vars(self._policy) != vars(DefaultCookiePolicy())
        known = given.keys() <= {"headers", "payload", "params", "files", "max_retries", "max_redirects"}
        if overridden or strict or not known:
            return super().urlopen(url, method, **given)
        if "payload" in given:
            given["data"] = given.pop("payload")
        response = self._session.request(method, str(url), stream=True, **given)
        if self.cookiejar is not None:
            for cookie in self._session.cookiejar:
                self.cookiejar.set_cookie(cookie)
        if isinstance(response.error, LocustBadStatusCode):
            raise BadStatusCode(url, code=response.status_code)
        if response.error is not None:
            raise response.error
        return response

    def close(self) -> None:
        super().close()
        self._session._close_connections()


geventhttpclient.UserAgent = geventhttpclient.useragent.UserAgent = UserAgent  # type: ignore[assignment,misc]
