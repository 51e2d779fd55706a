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
from geventhttpclient.useragent import CompatRequest, ConnectionError, UserAgent

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
    return "Basic " + b64encode(user + b":" + secret).decode("ascii")


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

    @property
    def body(self) -> Any:
        """The payload, under requests' name for it."""
        return self.payload


class LocustBadStatusCode(ConnectionError):
    """A status that counts as a failure."""

    __module__ = "locust.contrib.fasthttp"

    def __repr__(self) -> str:
        text = super().__repr__()
        # Without the URL, so that failures of one name are grouped.
        return text.replace(repr(self.url) + ", ", "") if self.kw_text else text


class LocustUserAgent(UserAgent):
    """geventhttpclient's user agent, with Locust's idea of a good status."""

    __module__ = "locust.contrib.fasthttp"

    request_type = FastRequest
    valid_response_codes = frozenset([*range(200, 209), 226, 301, 302, 303, 304, 307, 308])
    redirect_response_codes = frozenset([301, 302, 303, 307, 308])

    def __init__(self, client_pool: HTTPClientPool | None = None, session: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if client_pool is not None:
            self.clientpool = client_pool
        self.client_pool_close = self.clientpool.close
        if session is not None:
            # `session.client.clientpool.close()` is the documented way to drop a user's connections.
            self.clientpool.close = self._close_all(session)  # type: ignore[method-assign]

    def _close_all(self, session: Any) -> Callable[[], None]:
        def close() -> None:
            self.client_pool_close()
            session._close_connections()

        return close

    def customised(self) -> bool:
        """Whether a script has changed what the engine does not read."""
        return (
            self.valid_response_codes is not LocustUserAgent.valid_response_codes
            or self.redirect_response_codes is not LocustUserAgent.redirect_response_codes
            or type(self) is not LocustUserAgent
        )

    def _verify_status(self, status_code: int, url: Any = None) -> None:
        if status_code not in self.valid_response_codes:
            raise LocustBadStatusCode(url, code=status_code)
