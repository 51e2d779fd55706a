"""geventhttpclient's side of the fast client: its requests, its errors, and its user agent for what only it can send."""

from __future__ import annotations

import ssl
import zlib
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import gevent
import geventhttpclient
from gevent.timeout import Timeout
from geventhttpclient._parser import HTTPParseError
from geventhttpclient.client import HTTPClientPool
from geventhttpclient.response import HTTPConnectionClosed
from geventhttpclient.useragent import CompatRequest, CompatResponse, ConnectionError, UserAgent

from .steps import Watched

# Cookie jars ask these of a request; geventhttpclient's has no answers that would let them work.
CompatRequest.unverifiable = False
CompatRequest.type = "https"

# What counts as a failed request; anything else raised while sending is the script's to handle.
FAILURE_EXCEPTIONS = (
    ConnectionError,
    ConnectionRefusedError,
    ConnectionResetError,
    OSError,
    ssl.SSLError,
    Timeout,
    HTTPConnectionClosed,
    HTTPParseError,
    zlib.error,
)


def basic_auth(username: str | bytes, password: str | bytes) -> str:
    """The value of an Authorization header."""
    user = username.encode("latin1") if isinstance(username, str) else username
    secret = password.encode("latin1") if isinstance(password, str) else password
    return "Basic " + b64encode(b":".join((user, secret))).decode("ascii")


def insecure_ssl_context_factory() -> ssl.SSLContext:
    """A context that accepts any certificate."""
    return gevent.ssl._create_unverified_context()


def user_agent_name() -> str:
    """What geventhttpclient calls itself."""
    return f"python/gevent-http-client-{geventhttpclient.__version__}"


class FastRequest(CompatRequest):
    """What was sent: `url`, `method`, `headers` and `payload` or `body`."""

    # Where scripts import it from.
    __module__ = "locust.contrib.fasthttp"

    payload: Any = None

    @property
    def body(self) -> Any:
        """The payload, under requests' name for it."""
        return self.payload


class LocustBadStatusCode(ConnectionError):
    """A status that counts as a failure."""

    __module__ = "locust.contrib.fasthttp"

    # Weakly, the response that it is about, if the engine has made the request.
    _of: Any = None

    def __getattr__(self, name: str) -> Any:
        response = self._of() if name in ("request", "response") and self._of is not None else None
        if response is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return response.request if name == "request" else response

    def __repr__(self) -> str:
        text = super().__repr__()
        # Without the URL, so that failures of one name are grouped.
        return text.replace(repr(self.url) + ", ", "") if self.kw_text else text


class LocustUserAgent(UserAgent, metaclass=Watched):
    """geventhttpclient's user agent, with Locust's idea of a good status."""

    __module__ = "locust.contrib.fasthttp"

    request_type = FastRequest
    valid_response_codes = frozenset([*range(200, 209), 226, 301, 302, 303, 304, 307, 308])
    redirect_response_codes = frozenset([301, 302, 303, 307, 308])

    # The session whose agent it is, if it is one of ours.
    _session: Any = None
    _own_pool: Any = None

    def __init__(self, client_pool: HTTPClientPool | None = None, session: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if client_pool is not None:
            self.clientpool = client_pool
        self.client_pool_close = self.clientpool.close
        if session is not None:
            # `session.client.clientpool.close()` is the documented way to drop a user's connections.
            self.clientpool.close = self._close_all(session)  # type: ignore[method-assign]
            self._own_pool, self._session = self.clientpool, session

    def _close_all(self, session: Any) -> Callable[[], None]:
        def close() -> None:
            self.client_pool_close()
            session._close_connections()

        return close

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if self._session is not None:
            self._session._touch(foreign=False)

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        if self._session is not None:
            self._session._touch(foreign=False)

    def customised(self) -> bool:
        """Whether a script has changed what the engine does not read."""
        cls = type(self)
        return (
            cls is not LocustUserAgent
            or self.valid_response_codes is not _VALID
            or self.redirect_response_codes is not _REDIRECTS
            or self.clientpool is not self._own_pool
            or self.cookiejar is not self._session.__dict__.get("cookiejar")
            or bool(self.max_retries)
            or not self.__dict__.keys().isdisjoint(_STEPS)
        )

    def urlopen(self, *args: Any, **kwargs: Any) -> Any:
        """As geventhttpclient's, with a :py:class:`locust.contrib.fasthttp.FastResponse`."""
        try:
            return self._as_ours(super().urlopen(*args, **kwargs))
        except Exception as error:
            if isinstance(getattr(error, "response", None), CompatResponse):
                error.response = self._as_ours(error.response)  # type: ignore[attr-defined]
            raise

    def _as_ours(self, response: Any) -> Any:
        if type(response) is not CompatResponse:
            return response
        from .fast_response import FastResponse

        return FastResponse._of_library(response)

    def _verify_status(self, status_code: int, url: Any = None) -> None:
        if status_code not in self.valid_response_codes:
            raise LocustBadStatusCode(url, code=status_code)


_STEPS = {
    name: getattr(LocustUserAgent, name)
    for name in (
        "urlopen",
        "_urlopen",
        "_verify_status",
        "_handle_error",
        "_handle_retries_exceeded",
        "_may_retry",
        "_make_request",
        "_conversation_str",
        "request_type",
        "response_type",
    )
}
"""What geventhttpclient calls and reads on the way of each request."""

_VALID, _REDIRECTS = LocustUserAgent.valid_response_codes, LocustUserAgent.redirect_response_codes


def agents_are_usual() -> bool:
    """Whether the class of agents is as we defined it."""
    return (
        LocustUserAgent.valid_response_codes is _VALID
        and LocustUserAgent.redirect_response_codes is _REDIRECTS
        and all(getattr(LocustUserAgent, name) == step for name, step in _STEPS.items())
    )
