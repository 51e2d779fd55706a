"""The exceptions of requests and geventhttpclient for what went wrong in the engine.

Scripts catch these libraries' exceptions, and the error table shows their text, so they are built here as those libraries
build them, from the description of a failure that the engine gives (`_engine.Transfer.error`).
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
from urllib.parse import urlsplit

import requests
from geventhttpclient.client import HTTPClient  # noqa: F401  (the fast client's fallback needs it loaded after patching)
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError
from geventhttpclient.useragent import RetriesExceeded, UnsupportedRedirectSchemeError
from urllib3 import exceptions as urllib3_errors
from urllib3.connection import HTTPConnection, HTTPSConnection

from . import tls


def os_error(failure: dict[str, Any]) -> OSError:
    """The exception that Python's sockets raise for a failure."""
    kind = failure["kind"]
    if kind == "resolve":
        return socket.gaierror(failure["code"], failure["text"])
    if kind in ("connect_timeout", "read_timeout", "total_timeout"):
        return TimeoutError("timed out")
    if kind in ("tls_verify", "tls"):
        return _tls_error(failure)
    number = failure["errno"] or {"refused": errno.ECONNREFUSED, "reset": errno.ECONNRESET}.get(
        kind, errno.EIO
    )
    return OSError(number, os.strerror(number))


# What the engine says of a proxy that hangs up instead of opening a tunnel.
_PROXY_GONE = "proxy closed the connection"

# What OpenSSL says where it was not asked itself (`tls.words`).
_FAULTS = {
    "unknown-issuer": "unable to get local issuer certificate",
    "self-signed": "self-signed certificate",
    "expired": "certificate has expired",
    "not-yet-valid": "certificate is not yet valid",
    "revoked": "certificate revoked",
}
_REFUSALS = {
    "not-tls": "[SSL: WRONG_VERSION_NUMBER] wrong version number",
    "alert-40": "[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert handshake failure",
    "alert-42": "[SSL: SSLV3_ALERT_BAD_CERTIFICATE] sslv3 alert bad certificate",
    "alert-48": "[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca",
    "alert-70": "[SSL: TLSV1_ALERT_PROTOCOL_VERSION] tlsv1 alert protocol version",
    "alert-71": "[SSL: TLSV1_ALERT_INSUFFICIENT_SECURITY] tlsv1 alert insufficient security",
    "alert-112": "[SSL: TLSV1_UNRECOGNIZED_NAME] tlsv1 unrecognized name",
    "alert-116": "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required",
}


def _tls_error(failure: dict[str, Any]) -> ssl.SSLError:
    """The exception of Python's ssl for a failure of TLS: OpenSSL's own if it has met it, else in its words where it has some."""
    if (said := tls.words(failure)) is not None:
        return said
    reason, message = failure["reason"], failure["message"]
    if failure["kind"] == "tls_verify":
        fault = _FAULTS.get(reason, message)
        if reason == "wrong-name" and (name := failure["text"]):
            of_what = "IP address" if re.fullmatch(r"[\d.]+|.*:.*", name) else "Hostname"
            fault = f"{of_what} mismatch, certificate is not valid for '{name}'."
        text = f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {fault}"
        return ssl.SSLCertVerificationError(1, text)
    if reason == "closed":
        text = "[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol"
        return ssl.SSLEOFError(8, text)
    return ssl.SSLError(1, _REFUSALS.get(reason, f"[SSL] {message}"))


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


def _pool(failure: dict[str, Any]) -> PoolName:
    kind = "HTTPSConnectionPool" if failure["scheme"] == "https" else "HTTPConnectionPool"
    return PoolName(kind, failure["host"], failure["port"])


def requests_error(
    failure: dict[str, Any],
    request: Any,
    read_timeout: float | None = None,
    connect_timeout: float | None = None,
    proxy: str | None = None,
) -> requests.RequestException:
    """What requests raises for a failure of `request` (a PreparedRequest), which goes through `proxy` if that is a URL."""
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
    elif kind == "connect_timeout" and failure["phase"] == "waiting for a connection":
        # urllib3 waits without a limit; these are its words for having waited in vain.
        text = "Pool reached maximum size and no more connections are allowed."
        full = urllib3_errors.EmptyPoolError(pool, text)  # type: ignore[arg-type]
        retry = urllib3_errors.MaxRetryError(pool, url, full)  # type: ignore[arg-type]
        error = _raise_chain([full, retry, exceptions.ConnectTimeout(retry, request=request)])
    elif proxy is not None and not https and kind in ("closed", "reset"):
        # That is the proxy which hung up.
        gone = http.client.RemoteDisconnected("Remote end closed connection without response")
        error = _proxy_error(failure, request, proxy, gone if kind == "closed" else cause)
    elif kind in ("resolve", "refused", "connect", "connect_timeout"):
        wrapped: BaseException = _unreachable(failure, cause, proxy, connect_timeout)
        if proxy is not None:
            error = _proxy_error(failure, request, proxy, cause, wrapped)
        else:
            retry = urllib3_errors.MaxRetryError(pool, url, wrapped)  # type: ignore[arg-type]
            outer = exceptions.ConnectTimeout if kind == "connect_timeout" else exceptions.ConnectionError
            error = _raise_chain([cause, wrapped, retry, outer(retry, request=request)])
    elif kind == "read_timeout" and failure["phase"] == "sending the request":
        error = aborted(cause, request)
    elif kind in ("read_timeout", "total_timeout"):
        wrapped = urllib3_errors.ReadTimeoutError(pool, url, f"Read timed out. (read timeout={read_timeout})")  # type: ignore[arg-type]
        error = _raise_chain([cause, wrapped, exceptions.ReadTimeout(wrapped, request=request)])
    elif kind == "tls" and failure["phase"] != "shaking hands":
        # The server's refusal of the client, which it sends after its part of the handshake.
        error = _raise_chain([cause, exceptions.SSLError(cause, request=request)])
    elif kind in ("tls_verify", "tls"):
        wrapped = urllib3_errors.SSLError(cause)  # type: ignore[arg-type]
        retry = urllib3_errors.MaxRetryError(pool, url, wrapped)  # type: ignore[arg-type]
        # In a tunnel urllib3 wraps it where it raises the next.
        links = [cause, retry] if proxy is not None else [cause, wrapped, retry]
        error = _raise_chain([*links, exceptions.SSLError(retry, request=request)])
    elif kind == "proxy" and failure["message"] != _PROXY_GONE:
        reason = (
            OSError(f"Tunnel connection failed: {failure['status']} {failure['text']}")
            if failure["status"]
            else cause
        )
        error = _proxy_error(failure, request, proxy, reason)
    elif kind in ("reset", "io"):
        wrapped = urllib3_errors.ProtocolError("Connection aborted.", cause)
        error = _raise_chain([cause, wrapped, exceptions.ConnectionError(wrapped, request=request)])
    elif kind in ("closed", "proxy"):
        gone = http.client.RemoteDisconnected("Remote end closed connection without response")
        wrapped = urllib3_errors.ProtocolError("Connection aborted.", gone)
        error = _raise_chain([gone, wrapped, exceptions.ConnectionError(wrapped, request=request)])
    elif kind == "malformed" and (
        length := re.fullmatch('invalid content-length "(.*)"', failure["message"])
    ):
        several = f"Content-Length contained multiple unmatching values ({length[1]})"
        wrapped = urllib3_errors.InvalidHeader(several if "," in length[1] else failure["message"])
        error = _raise_chain([wrapped, exceptions.InvalidHeader(wrapped, request=request)])
    elif kind in ("malformed", "head_too_large"):
        bad = _bad_status_line(failure["message"] or kind.replace("_", " "))
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
        error = exceptions.ContentDecodingError(_too_large(failure), request=request)
    else:
        error = exceptions.ConnectionError(failure["message"] or kind, request=request)
    assert isinstance(error, requests.RequestException)
    return error


# How the engine writes what is no letter of a line.
_ESCAPES = {"0": "\0", "t": "\t", "r": "\r", "n": "\n"}


def _bad_status_line(message: str) -> http.client.HTTPException:
    """http.client's exception for a first line that it cannot read."""
    line = re.fullmatch('(invalid status line|unsupported protocol version) "(.*)"', message, re.DOTALL)
    if line is None:
        return http.client.BadStatusLine(message)
    said = re.sub(
        r"\\(?:u\{([0-9a-f]+)\}|(.))",
        lambda found: chr(int(found[1], 16)) if found[1] else _ESCAPES.get(found[2], found[2]),
        line[2],
    )
    if line[1] == "invalid status line":
        return http.client.BadStatusLine(said)
    return http.client.UnknownProtocol(said.split(None, 1)[0])


def _too_large(failure: dict[str, Any]) -> str:
    if "together" in failure["message"]:
        return f"{failure['message']} (LOCUST_BODY_BUDGET, in MiB, allows more)"
    return f"{failure['message']} (--max-body-size; a streamed one may have any size)"


def thrown_error(thrown: OSError, request: Any) -> requests.RequestException:
    """What requests makes of an OSError that a script throws into a greenlet which waits for a response."""
    if isinstance(thrown, TimeoutError):
        timed_out = urllib3_errors.ReadTimeoutError(None, request.url, str(thrown))  # type: ignore[arg-type]
        return requests.exceptions.ReadTimeout(timed_out, request=request)
    return aborted(thrown, request)


def aborted(thrown: Exception, request: Any) -> requests.RequestException:
    """What requests makes of an error of the connection, or of one out of the body that it sends."""
    wrapped = urllib3_errors.ProtocolError("Connection aborted.", thrown)
    error = requests.exceptions.ConnectionError(wrapped, request=request)
    _raise_chain([thrown, wrapped, error])
    return error


def _unreachable(
    failure: dict[str, Any], cause: OSError, proxy: str | None, connect_timeout: float | None
) -> BaseException:
    """What urllib3 raises if there is no connection, to the host or to the proxy before it."""
    host, port = failure["host"], failure["port"]
    if proxy is not None:
        where = urlsplit(proxy)
        host, port = where.hostname, where.port or 80
    connection = (HTTPSConnection if failure["scheme"] == "https" else HTTPConnection)(host, port)
    if failure["kind"] == "resolve":
        return urllib3_errors.NameResolutionError(host, connection, cause)  # type: ignore[arg-type]
    if failure["kind"] == "connect_timeout":
        text = f"Connection to {host} timed out. (connect timeout={connect_timeout})"
        return urllib3_errors.ConnectTimeoutError(connection, text)
    return urllib3_errors.NewConnectionError(connection, f"Failed to establish a new connection: {cause}")


def _proxy_error(
    failure: dict[str, Any], request: Any, proxy: str | None, *causes: BaseException
) -> requests.RequestException:
    """What requests raises if the proxy cannot be reached or refuses; `causes`: innermost first."""
    wrapped = urllib3_errors.ProxyError("Unable to connect to proxy", causes[-1])  # type: ignore[arg-type]
    if proxy is None or failure["scheme"] == "https":
        pool, url = _pool(failure), request.path_url
    else:
        where = urlsplit(proxy)
        pool, url = PoolName("HTTPConnectionPool", str(where.hostname), where.port or 80), request.url
    retry = urllib3_errors.MaxRetryError(pool, url, wrapped)  # type: ignore[arg-type]
    error = requests.exceptions.ProxyError(retry, request=request)
    _raise_chain([*causes, retry, error])
    return error


def _is_in_body(failure: dict[str, Any]) -> bool:
    """Whether the head was fine and it was the body that failed."""
    if failure["phase"] != "reading the response":
        return False
    if failure["kind"] == "truncated":
        # One that ends within its head, too: what is missing is the end.
        return True
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


class PoolName:
    """Stands for a connection pool in the texts of urllib3's errors."""

    def __init__(self, kind: str, host: str, port: int) -> None:
        self.text = f"{kind}(host={host!r}, port={port})"

    @classmethod
    def of(cls, url: str) -> PoolName:
        where = urlsplit(url)
        secure = where.scheme == "https"
        kind = "HTTPSConnectionPool" if secure else "HTTPConnectionPool"
        return cls(kind, str(where.hostname), where.port or (443 if secure else 80))

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


# Failures of which geventhttpclient's parser has a text and number of its own.
_PARSER_SAYS = (
    ('invalid status line "HTTP/', "Invalid status code", 13),
    ("invalid status line", "Expected HTTP/, RTSP/ or ICE/", 8),
    ("invalid chunk size", "Invalid character in chunk size", 12),
    ('invalid content-length ""', "Empty Content-Length", 11),
    ("invalid content-length", "Invalid character in Content-Length", 11),
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
    if kind == "body_too_large":
        return HTTPParseError(_too_large(failure))
    if kind in ("malformed", "head_too_large"):
        for known, *arguments in _PARSER_SAYS:
            if str(failure["message"]).startswith(known):
                return HTTPParseError(*arguments)
        return HTTPParseError(failure["message"] or kind.replace("_", " "))
    if kind == "invalid_redirect" and (
        found := re.fullmatch('unsupported scheme in "((.*?):.*)"', failure["message"])
    ):
        return UnsupportedRedirectSchemeError(url, f"refusing to follow redirect to {found[2]!r} URL")
    if kind in ("own_address", "proxy", "tls_config", "invalid_redirect", "invalid_request", "shutdown"):
        return ConnectionError(failure["message"] or kind.replace("_", " "))
    return os_error(failure)
