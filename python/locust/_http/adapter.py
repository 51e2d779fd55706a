"""requests' last step, the transfer of one prepared request, over the engine's connections."""

from __future__ import annotations

import math
import os
import re
import ssl
from collections.abc import Iterable
from http.client import HTTPException
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidHeader, InvalidProxyURL, InvalidURL, SSLError
from requests.utils import prepend_scheme_if_needed, select_proxy, urlparse
from urllib3 import PoolManager
from urllib3 import exceptions as urllib3_errors
from urllib3.util.request import body_to_chunks

from .. import _engine
from ..event import EventHook
from . import tls
from .arguments import timeouts
from .failures import aborted, requests_error, thrown_error
from .raw import WholeBody, raw_response, streamed_response, with_library_defaults


class _Pools(PoolManager):
    """urllib3's pools beside the engine's connections, which are dropped together."""

    session: Any = None

    def clear(self) -> None:
        super().clear()
        if self.session is not None:
            self.session._close_connections()


class LocustHttpAdapter(HTTPAdapter):
    """Sends what requests has prepared over the engine's connections.

    What the engine does not do (SOCKS and HTTPS proxies, retries, pools with arguments of a subclass) urllib3 does, as in
    any adapter of requests.
    """

    __module__ = "locust.clients"

    pool_manager: PoolManager | None = None
    _session: Any = None
    _pools: Any = None
    _pools_given = False
    _pool_arguments: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})

    def __init__(self, pool_manager: PoolManager | None = None, *args: Any, **kwargs: Any) -> None:
        self.pool_manager = pool_manager
        super().__init__(*args, **kwargs)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """No pool of urllib3's before one is needed, unless the script brought one: connections are the engine's."""
        self._pools = self.pool_manager
        self._pool_arguments = (args, kwargs)

    @property
    def poolmanager(self) -> Any:
        """urllib3's pools: the script's `pool_manager`, or some for what only urllib3 can send."""
        if self._pools is None:
            (connections, maxsize, *rest), kwargs = self._pool_arguments
            block = rest[0] if rest else kwargs.pop("block", False)
            self._pools = _Pools(num_pools=connections, maxsize=maxsize, block=block, **kwargs)
            self._pools.session = self._session
        return self._pools

    @poolmanager.setter
    def poolmanager(self, pools: Any) -> None:
        self._pools = pools
        # A script's own, with its own settings.
        self._pools_given = True

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if self._session is not None and hasattr(self._session, "_settings"):
            self._session._touch(foreign=False)

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        if self._session is not None and hasattr(self._session, "_settings"):
            self._session._touch(foreign=False)

    def is_the_engines(self) -> bool:
        """Whether nothing about this adapter asks for urllib3."""
        return not (
            self.max_retries.total or self._pool_block or self._pools_given or self._has_own(_ABOUT_POOLS)
        )

    def is_usual(self) -> bool:
        """Whether requests need not come here at all."""
        return self.is_the_engines() and not self._has_own(("send", "build_response"))

    def _has_own(self, names: tuple[str, ...]) -> bool:
        own, cls = self.__dict__, type(self)
        return any(
            name in own
            or (cls is not LocustHttpAdapter and getattr(cls, name) is not getattr(LocustHttpAdapter, name))
            for name in names
        )

    def send(  # type: ignore[override]
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """As `requests.adapters.HTTPAdapter.send`."""
        proxy = _proxy(str(request.url), proxies)
        if (
            not self.is_the_engines()
            or (proxy and not proxy.lower().startswith("http://"))
            or not _is_plain(request, cert)
        ):
            return super().send(request, stream, timeout, verify, cert, proxies)
        where = urlparse(str(request.url))
        by_python = where.scheme == "https" and _ByPython(
            self, request, (stream, timeout, verify, cert, proxies), str(where.hostname), where.port or 443
        )
        if by_python and by_python.is_due():
            return by_python.send()
        return _send(self, request, bool(stream), timeout, verify, cert or None, proxy, by_python or None)

    def close(self) -> None:
        """Closes urllib3's connections; the engine's are closed by their session."""
        if self._pools is not None:
            self._pools.clear()
        for proxy in self.proxy_manager.values():
            proxy.clear()


class _ByPython:
    """The way of a request to a host that may have to be spoken to by Python's TLS."""

    def __init__(
        self,
        adapter: LocustHttpAdapter,
        request: requests.PreparedRequest,
        sent_with: tuple[Any, ...],
        host: str,
        port: int,
    ) -> None:
        self.adapter, self.request, self.sent_with, self.host, self.port = (
            adapter,
            request,
            sent_with,
            host,
            port,
        )

    def is_due(self) -> bool:
        """Whether it is known to be needed, or asked for."""
        return (
            _engine.is_left_to_python(self.host, self.port)
            or tls.reason_to_ask(self.host, self.port) is not None
        )

    def send(self, reason: tuple[str, str] | None = None) -> requests.Response:
        """Sends by urllib3. `reason`: why the engine could not."""
        if hasattr(self.adapter._session, "_transfer_seconds"):
            # There is no telling from the engine's clock any more.
            self.adapter._session._transfer_seconds = math.nan
        error: BaseException | None = None
        try:
            return HTTPAdapter.send(self.adapter, self.request, *self.sent_with)
        except Exception as raised:
            error = raised
            raise
        finally:
            tls.answered(self.host, self.port, reason, error)


_ABOUT_POOLS = (
    "init_poolmanager",
    "proxy_manager_for",
    "build_connection_pool_key_attributes",
    "get_connection_with_tls_context",
    "get_connection",
    "cert_verify",
    "request_url",
    "add_headers",
    "proxy_headers",
)
"""Methods of an adapter that prepare urllib3's pools: whoever overrides one counts on urllib3."""


_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]*", re.ASCII)
_VALUE = re.compile(r"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")


def is_plain_header(name: Any, value: Any) -> bool:
    """Whether there is but one way to send it: the libraries have their own for spaces, other characters and other types."""
    if isinstance(name, bytes):
        name = name.decode("latin-1")
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    return (
        isinstance(name, str)
        and isinstance(value, str)
        and _NAME.fullmatch(name) is not None
        and _VALUE.fullmatch(value) is not None
    )


def can_be_read(cert: Any) -> bool:
    """Whether a client certificate is a path or two, of files that are there."""
    paths = cert if isinstance(cert, tuple) and len(cert) == 2 else (cert,)
    return all(isinstance(path, str) and os.path.exists(path) for path in paths)


def _is_ascii(name: Any) -> bool:
    return isinstance(name, str | bytes) and name.isascii()


def _is_plain(request: requests.PreparedRequest, cert: Any) -> bool:
    """Whether the engine sends it as urllib3 would: what is odd, urllib3 sends, or refuses, itself."""
    body: Any = request.body
    return (
        # A name that would be read as two goes nowhere: the engine refuses it.
        all(
            is_plain_header("" if _is_ascii(name) else name, value) for name, value in request.headers.items()
        )
        and (bool(body) or "Transfer-Encoding" not in request.headers)
        # The framing of nothing, and of what is no body.
        and (
            body is None
            or bool(body)
            or "Content-Length" in request.headers
            or (hasattr(body, "__iter__") and body != "")
        )
        and (
            body is None
            or isinstance(body, str | bytes | bytearray)
            or hasattr(body, "read")
            or hasattr(body, "__iter__")
        )
        and (
            cert is None
            or isinstance(cert, str)
            or (isinstance(cert, tuple) and list(map(type, cert)) == [str, str])
        )
    )


_BLOCK = 16384
"""Bytes that urllib3 reads at a time of a body that is a file."""


class _Pieces:
    """The parts of a body as urllib3 would send them, and what reading them has ended with."""

    error: BaseException | None = None

    def __init__(self, parts: Iterable[Any], chunked: bool) -> None:
        self._parts, self._chunked = iter(parts), chunked

    def __iter__(self) -> _Pieces:
        return self

    def __next__(self) -> bytes:
        try:
            for part in self._parts:
                if part:
                    return part.encode() if isinstance(part, str) else self._bytes(part)
        except BaseException as error:
            self.error = error
            raise
        raise StopIteration

    def _bytes(self, part: Any) -> bytes:
        if self._chunked:
            # Its length is asked for first.
            len(part)
        try:
            return bytes(memoryview(part))
        except TypeError:
            raise TypeError(
                f"data should be a bytes-like object or an iterable, got {type(part)!r}"
            ) from None


def _payload(request: requests.PreparedRequest) -> tuple[bytes | _Pieces | None, bool]:
    """The body, or its parts where it is read while it is sent; and whether it goes in chunks."""
    body: Any = request.body
    chunked = body is not None and "Content-Length" not in request.headers
    if body is None or (isinstance(body, bytes) and not chunked):
        return body, False
    if isinstance(body, str | bytearray | memoryview) and not chunked:
        return (body.encode() if isinstance(body, str) else bytes(body)), False
    parts = body_to_chunks(body, str(request.method), _BLOCK).chunks
    return _Pieces(parts or (), chunked), chunked


def _check_files(verify: Any, cert: Any) -> None:
    if isinstance(verify, str | os.PathLike) and not os.path.exists(verify):
        raise OSError(f"Could not find a suitable TLS CA certificate bundle, invalid path: {verify}")
    certificate, key = (cert, None) if isinstance(cert, str) or cert is None else cert
    if certificate and not os.path.exists(certificate):
        raise OSError(f"Could not find the TLS certificate file, invalid path: {certificate}")
    if key and not os.path.exists(key):
        raise OSError(f"Could not find the TLS key file, invalid path: {key}")


def _check_method(method: str) -> None:
    """What http.client and urllib3 refuse, with their error, which no exception of requests wraps."""
    if other := re.search(r"[^!#$%&'*+.^_`|~0-9a-zA-Z-]", method):
        raise ValueError(
            f"Method cannot contain non-token characters {method!r} (found at least {other.group()!r})"
        )
    if not method:
        raise ValueError("Method cannot be empty")


def _proxy(url: str, proxies: Any) -> str | None:
    """The proxy to use, with its scheme."""
    chosen = select_proxy(url, proxies)
    if not chosen:
        return None
    chosen = prepend_scheme_if_needed(chosen, "http")
    if not urlparse(chosen).hostname:
        raise InvalidProxyURL("Please check proxy URL. It is malformed and could be missing the host.")
    return chosen


def _told_of_body(error: Exception, request: requests.PreparedRequest) -> Exception:
    """What requests raises for an error that reading the body has raised."""
    return aborted(error, request) if isinstance(error, OSError | HTTPException) else error


def _told(error: Exception, request: requests.PreparedRequest) -> Exception:
    """What requests raises for an error of the transfer."""
    if isinstance(error, ValueError):
        kind = InvalidHeader if "header" in str(error) else InvalidURL
        return _from(error, kind(error, request=request))
    if isinstance(error, ssl.SSLError):
        # Certificate files that cannot be used.
        return _from(error, SSLError(urllib3_errors.SSLError(error), request=request))
    if isinstance(error, OSError):
        return thrown_error(error, request)
    return error


def _from(cause: Exception, error: Exception) -> Exception:
    error.__cause__ = error.__context__ = cause
    return error


def _send(
    adapter: LocustHttpAdapter,
    request: requests.PreparedRequest,
    stream: bool,
    timeout: Any,
    verify: Any,
    cert: Any,
    proxy: str | None,
    by_python: _ByPython | None,
) -> requests.Response:
    """Sends `request` and returns requests' response. Raises what `requests.adapters.HTTPAdapter.send` raises."""
    session = adapter._session
    if session is None:
        # Mounted on a session that is not ours: connections of its own.
        session = adapter._session = _engine.SessionCore()
        session._open(False, None, EventHook(), None)
    url = str(request.url)
    _check_method(str(request.method))
    connect, read = timeouts(timeout)
    secure = url.lower().startswith("https")
    _check_files(verify if secure else True, cert)
    if not secure:
        verify, cert = True, None
    if not isinstance(cert, str) and cert is not None:
        cert = tuple(cert)
    body, chunked = _payload(request)
    error: Exception
    try:
        done = _engine.transfer(
            session,
            str(request.method),
            url,
            with_library_defaults(list(request.headers.items())),
            body,
            chunked,
            (connect, read),
            None if verify is True else str(verify) if isinstance(verify, os.PathLike) else verify,
            cert,
            proxy,
            stream,
        )
    except Exception as raised:
        # What comes out of a script's own generator or file stays as it is, but for what urllib3 takes for the connection's.
        its_own = isinstance(body, _Pieces) and body.error is raised
        error = _told_of_body(raised, request) if its_own else _told(raised, request)
        if error is raised:
            raise
    else:
        if by_python is not None and done.error is not None and tls.asks(done.error):
            try:
                return by_python.send(tls.reason_of(done.error))
            except requests.ConnectionError as raised:
                if tls.is_refusal(raised):
                    raise
                # It was not even heard the second time: what the engine has met is the failure.
        return _answered(adapter, request, done, (read, connect, proxy))
    if by_python is not None and isinstance(error, SSLError):
        # Certificate files that the engine cannot use.
        answer = by_python.send()
        tls.warn_of_files(verify, cert, error.__cause__ or error)
        return answer
    raise error


def _answered(
    adapter: LocustHttpAdapter, request: requests.PreparedRequest, done: Any, sent_with: tuple[Any, Any, Any]
) -> requests.Response:
    """requests' response to a transfer. Raises requests' error if there was no answer."""
    session = adapter._session
    if hasattr(session, "_transfer_seconds"):
        session._transfer_seconds = (session._transfer_seconds or 0.0) + done.seconds
    if done.error is not None:
        raise requests_error(done.error, request, *sent_with)
    answer = (done.headers, done.status, done.reason, done.version)
    raw = (
        streamed_response(*answer, done.reader, str(request.method), str(request.url))
        if done.reader is not None
        else raw_response(*answer, WholeBody(done.body or b""), str(request.method))
    )
    return adapter.build_response(request, raw)
