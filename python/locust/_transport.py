"""What the native client leaves to the libraries whose place it takes: encodings of odd arguments, and exceptions.

Scripts catch requests' and geventhttpclient's exceptions, and the error table shows their text, so they are built
here as those libraries build them, from the description of a failure that the engine gives (`_engine.Transfer.error`).
"""

from __future__ import annotations

import errno
import http.client
import itertools
import os
import re
import socket
import ssl
from typing import Any
from urllib.parse import urlencode

import requests
from geventhttpclient.client import HTTPClient  # noqa: F401  (the fast client's fallback needs it loaded after patching)
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError
from geventhttpclient.url import URL
from geventhttpclient.useragent import RetriesExceeded, UnsupportedRedirectSchemeError
from requests.models import RequestEncodingMixin
from urllib3 import exceptions as urllib3_errors
from urllib3.connection import HTTPConnection, HTTPSConnection

# --- arguments ---------------------------------------------------------------------------------------------------


def form(data: Any) -> str | None:
    """A form body as requests encodes it; None for what is sent in another way (files, iterators)."""
    if hasattr(data, "read") or not isinstance(data, dict | list | tuple):
        return None
    encoded = RequestEncodingMixin._encode_params(data)
    return encoded if isinstance(encoded, str) else None


def fast_form(data: Any) -> str | None:
    """A form body as geventhttpclient encodes it; None for what is sent in another way."""
    return urlencode(data) if isinstance(data, dict) else None


def add_params(url: str, params: Any) -> str | None:
    """`url` with `params` in its query, as requests adds them; None if it is not for us to say."""
    if not isinstance(params, dict | list | tuple | str):
        return None
    encoded = RequestEncodingMixin._encode_params(params)
    if not isinstance(encoded, str):
        return None
    if not encoded:
        return url
    base, hash_mark, fragment = url.partition("#")
    # An empty query ("/path?") is as good as none.
    separator = "&" if "?" in base and not base.endswith("?") else "" if base.endswith("?") else "?"
    return f"{base}{separator}{encoded}{hash_mark}{fragment}"


def fast_add_params(url: str, params: Any) -> str | None:
    """`url` with `params` in its query, as geventhttpclient adds them."""
    if not isinstance(params, dict) or not url.lower().startswith(("http://", "https://", "/")):
        return None
    return (
        str(URL(url, params=params))
        if not url.startswith("/")
        else _path_of(URL("http://x" + url, params=params))
    )


def _path_of(url: URL) -> str:
    return url.request_uri


# --- failures ----------------------------------------------------------------------------------------------------


def os_error(failure: dict[str, Any]) -> OSError:
    """The exception that Python's sockets raise for a failure."""
    kind = failure["kind"]
    if kind == "resolve":
        return socket.gaierror(failure["code"], failure["text"])
    if kind in ("connect_timeout", "read_timeout", "total_timeout"):
        return TimeoutError("timed out")
    if kind == "tls_verify":
        return ssl.SSLCertVerificationError(
            1, f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {failure['message']}"
        )
    if kind == "tls":
        return ssl.SSLError(1, f"[SSL] {failure['message']}")
    number = failure["errno"] or {"refused": errno.ECONNREFUSED, "reset": errno.ECONNRESET}.get(
        kind, errno.EIO
    )
    return OSError(number, os.strerror(number))


def _raise_chain(errors: list[BaseException]) -> BaseException:
    """Links exceptions, innermost first, by `__context__` as raising them in turn would; the outermost."""
    for inner, outer in itertools.pairwise(errors):
        outer.__context__ = inner
    return errors[-1]


def body_error(failure: dict[str, Any]) -> urllib3_errors.HTTPError:
    """What urllib3 raises when a response ends with a failure in the middle of its body."""
    kind = failure["kind"]
    if kind in ("read_timeout", "total_timeout"):
        timed_out = urllib3_errors.ReadTimeoutError(_pool(failure), None, "Read timed out.")  # type: ignore[arg-type]
        timed_out.__context__ = TimeoutError("timed out")
        return timed_out
    cause: Exception
    if kind == "truncated" and failure["missing"] is not None:
        cause = urllib3_errors.IncompleteRead(failure["received"], failure["missing"])
    elif kind == "truncated":
        return urllib3_errors.ProtocolError("Response ended prematurely")
    elif kind == "malformed":
        cause = urllib3_errors.ProtocolError(failure["message"])
    else:
        cause = os_error(failure)
    text = str(cause) if kind in ("malformed", "truncated") else repr(cause)
    broken = urllib3_errors.ProtocolError(f"Connection broken: {text}", cause)
    broken.__context__ = cause
    return broken


def _pool(failure: dict[str, Any]) -> _PoolName:
    kind = "HTTPSConnectionPool" if failure["scheme"] == "https" else "HTTPConnectionPool"
    return _PoolName(kind, failure["host"], failure["port"])


def requests_error(
    failure: dict[str, Any],
    request: Any,
    read_timeout: float | None = None,
    connect_timeout: float | None = None,
) -> requests.RequestException:
    """What requests raises for a failure of `request` (a PreparedRequest)."""
    kind = failure["kind"]
    https = failure["scheme"] == "https"
    pool = _pool(failure)
    url = request.path_url if request is not None else failure["url"]
    exceptions = requests.exceptions
    cause = os_error(failure)
    error: BaseException
    if _is_in_body(failure):
        broken = body_error(failure)
        if isinstance(broken, urllib3_errors.ReadTimeoutError):
            error = exceptions.ConnectionError(broken, request=request)
        else:
            error = exceptions.ChunkedEncodingError(broken, request=request)
        error.__context__ = broken
    elif kind in ("resolve", "refused", "connect"):
        connection = (HTTPSConnection if https else HTTPConnection)(failure["host"], failure["port"])
        wrapped: BaseException
        if kind == "resolve":
            wrapped = urllib3_errors.NameResolutionError(failure["host"], connection, cause)  # type: ignore[arg-type]
        else:
            wrapped = urllib3_errors.NewConnectionError(
                connection, f"Failed to establish a new connection: {cause}"
            )
        retry = urllib3_errors.MaxRetryError(pool, url, wrapped)  # type: ignore[arg-type]
        error = _raise_chain([cause, wrapped, retry, exceptions.ConnectionError(retry, request=request)])
    elif kind == "connect_timeout":
        connection = (HTTPSConnection if https else HTTPConnection)(failure["host"], failure["port"])
        wrapped = urllib3_errors.ConnectTimeoutError(
            connection, f"Connection to {failure['host']} timed out. (connect timeout={connect_timeout})"
        )
        retry = urllib3_errors.MaxRetryError(pool, url, wrapped)  # type: ignore[arg-type]
        error = _raise_chain([cause, wrapped, retry, exceptions.ConnectTimeout(retry, request=request)])
    elif kind in ("read_timeout", "total_timeout"):
        wrapped = urllib3_errors.ReadTimeoutError(pool, url, f"Read timed out. (read timeout={read_timeout})")  # type: ignore[arg-type]
        error = _raise_chain([cause, wrapped, exceptions.ReadTimeout(wrapped, request=request)])
    elif kind in ("tls_verify", "tls"):
        wrapped = urllib3_errors.SSLError(cause)  # type: ignore[arg-type]
        retry = urllib3_errors.MaxRetryError(pool, url, wrapped)  # type: ignore[arg-type]
        error = _raise_chain([cause, wrapped, retry, exceptions.SSLError(retry, request=request)])
    elif kind == "proxy":
        reason = (
            OSError(f"Tunnel connection failed: {failure['status']} {failure['text']}")
            if failure["status"]
            else cause
        )
        wrapped = urllib3_errors.ProxyError("Unable to connect to proxy", reason)
        retry = urllib3_errors.MaxRetryError(pool, url, wrapped)  # type: ignore[arg-type]
        error = _raise_chain([reason, wrapped, retry, exceptions.ProxyError(retry, request=request)])
    elif kind in ("reset", "io"):
        wrapped = urllib3_errors.ProtocolError("Connection aborted.", cause)
        error = _raise_chain([cause, wrapped, exceptions.ConnectionError(wrapped, request=request)])
    elif kind in ("closed", "truncated"):
        gone = http.client.RemoteDisconnected("Remote end closed connection without response")
        wrapped = urllib3_errors.ProtocolError("Connection aborted.", gone)
        error = _raise_chain([gone, wrapped, exceptions.ConnectionError(wrapped, request=request)])
    elif kind in ("malformed", "head_too_large"):
        line = re.fullmatch('invalid status line "(.*)"', failure["message"], re.DOTALL)
        bad = http.client.BadStatusLine(
            f"{line[1]}\r\n" if line else failure["message"] or kind.replace("_", " ")
        )
        wrapped = urllib3_errors.ProtocolError("Connection aborted.", bad)
        error = _raise_chain([bad, wrapped, exceptions.ConnectionError(wrapped, request=request)])
    elif kind == "too_many_redirects":
        error = exceptions.TooManyRedirects(
            f"Exceeded {max(failure['hops'] - 1, 0)} redirects.", request=request
        )
    elif kind == "invalid_redirect":
        error = _invalid_redirect(failure["message"], request)
    elif kind == "tls_config":
        error = exceptions.SSLError(failure["message"], request=request)
    elif kind == "body_too_large":
        error = exceptions.ContentDecodingError(
            "response body is larger than the client accepts", request=request
        )
    else:
        error = exceptions.ConnectionError(failure["message"] or kind, request=request)
    assert isinstance(error, requests.RequestException)
    return error


def _is_in_body(failure: dict[str, Any]) -> bool:
    """Whether the head was fine and it was the body that failed."""
    if failure["phase"] != "reading the response":
        return False
    if failure["kind"] == "truncated":
        return bool(failure["received"]) or failure["missing"] is not None
    if failure["kind"] == "malformed":
        return "chunk" in failure["message"]
    return failure["kind"] in ("reset", "io", "read_timeout", "total_timeout")


def _invalid_redirect(message: str, request: Any) -> requests.RequestException:
    """requests' error for a location that it cannot follow."""
    if found := re.fullmatch('unsupported scheme in "(.*)"', message, re.DOTALL):
        return requests.exceptions.InvalidSchema(f"No connection adapters were found for {found[1]!r}")
    if found := re.fullmatch('no host supplied in "(.*)"', message, re.DOTALL):
        return requests.exceptions.InvalidURL(f"Invalid URL {found[1]!r}: No host supplied")
    return requests.exceptions.InvalidURL(message, request=request)


class _PoolName:
    """Stands for a connection pool in the texts of urllib3's errors."""

    def __init__(self, kind: str, host: str, port: int) -> None:
        self.text = f"{kind}(host={host!r}, port={port})"

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


# Failures of which geventhttpclient's parser has a text and number of its own.
_PARSER_SAYS = (
    ('invalid status line "HTTP/', "Invalid status code", 13),
    ("invalid status line", "Expected HTTP/, RTSP/ or ICE/", 8),
    ("invalid chunk size", "Invalid character in chunk size", 12),
)


def fast_error(failure: dict[str, Any], url: str, max_retries: int, max_redirects: int) -> BaseException:
    """What geventhttpclient raises for a failure of a request to `url`."""
    kind = failure["kind"]
    if kind in ("connect_timeout", "read_timeout", "total_timeout"):
        return RetriesExceeded(url, max_retries, original=TimeoutError("timed out"))
    if kind == "too_many_redirects":
        return RetriesExceeded(url, f"Redirection limit reached ({max_redirects})")
    if kind == "closed" or (kind == "reset" and failure["phase"] == "waiting for the response"):
        return HTTPConnectionClosed("connection closed.")
    if kind == "truncated":
        return HTTPParseError("Incomplete response.")
    if kind in ("malformed", "head_too_large", "body_too_large"):
        for known, *arguments in _PARSER_SAYS:
            if str(failure["message"]).startswith(known):
                return HTTPParseError(*arguments)
        return HTTPParseError(failure["message"] or kind.replace("_", " "))
    if kind == "invalid_redirect" and (
        found := re.fullmatch('unsupported scheme in "((.*?):.*)"', failure["message"])
    ):
        return UnsupportedRedirectSchemeError(url, f"refusing to follow redirect to {found[2]!r} URL")
    if kind in ("proxy", "tls_config", "invalid_redirect", "invalid_request", "shutdown"):
        return ConnectionError(failure["message"] or kind.replace("_", " "))
    return os_error(failure)
