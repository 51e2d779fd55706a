"""requests' last step, the transfer of one prepared request, over the engine's connections."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterator
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidHeader, InvalidProxyURL, InvalidURL, SSLError
from requests.utils import prepend_scheme_if_needed, select_proxy, urlparse
from urllib3 import PoolManager
from urllib3 import exceptions as urllib3_errors

from .. import _engine
from ..event import EventHook
from .arguments import timeouts
from .failures import requests_error, thrown_error
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

    def is_the_engines(self) -> bool:
        """Whether nothing about this adapter asks for urllib3."""
        cls = type(self)
        return not self.max_retries.total and (
            cls is LocustHttpAdapter
            or all(getattr(cls, name) is getattr(LocustHttpAdapter, name) for name in _ABOUT_POOLS)
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
        if not self.is_the_engines() or (proxy and not proxy.lower().startswith("http://")):
            return super().send(request, stream, timeout, verify, cert, proxies)
        return _send(self, request, stream, timeout, verify, cert, proxy)

    def close(self) -> None:
        """Closes urllib3's connections; the engine's are closed by their session."""
        if self._pools is not None:
            self._pools.clear()
        for proxy in self.proxy_manager.values():
            proxy.clear()


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


_BLOCK = 16384
"""Bytes that urllib3 reads at a time of a body whose length is not known."""


def _blocks(body: Any) -> Iterator[Any]:
    """As urllib3 reads it, not line by line: what has no line ends would be one."""
    while block := body.read(_BLOCK):
        yield block


def _body(request: requests.PreparedRequest) -> bytes | None:
    """The body's bytes as they go on the wire."""
    body: Any = request.body
    if body is None or isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytearray | memoryview):
        return bytes(body)
    chunked = "Content-Length" not in request.headers
    if not chunked and hasattr(body, "read"):
        data = body.read()
        return data.encode() if isinstance(data, str) else bytes(data)
    parts = []
    for part in _blocks(body) if hasattr(body, "read") else body:
        data = part.encode() if isinstance(part, str) else bytes(part)
        if data:
            parts.append(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)
    return b"".join(parts) + (b"0\r\n\r\n" if chunked else b"")


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


def _send(
    adapter: LocustHttpAdapter,
    request: requests.PreparedRequest,
    stream: bool,
    timeout: Any,
    verify: Any,
    cert: Any,
    proxy: str | None,
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
    try:
        done = _engine.transfer(
            session,
            str(request.method),
            url,
            with_library_defaults(list(request.headers.items())),
            _body(request),
            (connect, read),
            None if verify is True else str(verify) if isinstance(verify, os.PathLike) else verify,
            cert,
            proxy,
            stream,
        )
    except ValueError as error:
        kind = InvalidHeader if "header" in str(error) else InvalidURL
        raise kind(error, request=request) from error
    except ssl.SSLError as error:
        # Certificate files that cannot be used.
        raise SSLError(urllib3_errors.SSLError(error), request=request) from error
    except OSError as error:
        raise thrown_error(error, request) from error
    if hasattr(session, "_transfer_seconds"):
        session._transfer_seconds = (session._transfer_seconds or 0.0) + done.seconds
    if done.error is not None:
        raise requests_error(done.error, request, read, connect, proxy)
    answer = (done.headers, done.status, done.reason, done.version)
    raw = (
        streamed_response(*answer, done.reader, str(request.method), url)
        if done.reader is not None
        else raw_response(*answer, WholeBody(done.body or b""), str(request.method))
    )
    return adapter.build_response(request, raw)
