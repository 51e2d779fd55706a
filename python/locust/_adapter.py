"""The transfer of one prepared request, as requests asks an adapter for it, over the engine's connections."""

from __future__ import annotations

import io
import os
from typing import Any

import requests
from requests.exceptions import InvalidHeader, InvalidProxyURL, InvalidSchema, InvalidURL
from requests.utils import prepend_scheme_if_needed, select_proxy
from urllib3.util import Timeout

from . import _engine, _transport
from .clients import StreamedBody, _raw_response, _with_library_defaults
from .event import EventHook


def _timeouts(timeout: Any) -> tuple[float | None, float | None]:
    """Connect and read timeout in seconds, from any form that requests knows."""
    if isinstance(timeout, tuple):
        try:
            connect, read = timeout
        except ValueError:
            raise ValueError(
                f"Invalid timeout {timeout}. Pass a (connect, read) timeout tuple, or a single float to set both timeouts "
                "to the same value."
            ) from None
        timeout = Timeout(connect=connect, read=read)
    elif not isinstance(timeout, Timeout):
        timeout = Timeout(connect=timeout, read=timeout)
    return (
        timeout.connect_timeout if isinstance(timeout.connect_timeout, int | float) else None,
        timeout.read_timeout if isinstance(timeout.read_timeout, int | float) else None,
    )


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
    for part in body:
        data = part.encode() if isinstance(part, str) else bytes(part)
        if data:
            parts.append(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)
    return b"".join(parts) + (b"0\r\n\r\n" if chunked else b"")


def _check_files(url: str, verify: Any, cert: Any) -> None:
    if not url.lower().startswith("https"):
        return
    if isinstance(verify, str | os.PathLike) and not os.path.exists(verify):
        raise OSError(f"Could not find a suitable TLS CA certificate bundle, invalid path: {verify}")
    certificate, key = (cert, None) if isinstance(cert, str) or cert is None else cert
    if certificate and not os.path.exists(certificate):
        raise OSError(f"Could not find the TLS certificate file, invalid path: {certificate}")
    if key and not os.path.exists(key):
        raise OSError(f"Could not find the TLS key file, invalid path: {key}")


def _proxy(url: str, proxies: Any) -> str | None:
    chosen = select_proxy(url, proxies)
    if not chosen:
        return None
    chosen = prepend_scheme_if_needed(chosen, "http")
    if not chosen.lower().startswith(("http://", "https://")):
        raise InvalidSchema(
            f"The engine has no support for the proxy {chosen}: only HTTP proxies are supported"
        )
    if not requests.utils.urlparse(chosen).hostname:
        raise InvalidProxyURL("Please check proxy URL. It is malformed and could be missing the host.")
    return chosen


def send(
    adapter: Any,
    request: requests.PreparedRequest,
    stream: bool,
    timeout: Any,
    verify: Any,
    cert: Any,
    proxies: Any,
) -> requests.Response:
    """Sends `request` and returns requests' response. Raises what `requests.adapters.HTTPAdapter.send` raises."""
    session = adapter._session
    if session is None:
        # Mounted on a session that is not ours: connections of its own.
        session = adapter._session = _engine.SessionCore()
        session._open(False, None, EventHook(), None)
    url = str(request.url)
    connect, read = _timeouts(timeout)
    _check_files(url, verify, cert)
    if not isinstance(cert, str) and cert is not None:
        cert = tuple(cert)
    try:
        done = _engine.transfer(
            session,
            str(request.method),
            url,
            _with_library_defaults(list(request.headers.items())),
            _body(request),
            (connect, read),
            None if verify is True else str(verify) if isinstance(verify, os.PathLike) else verify,
            cert,
            _proxy(url, proxies),
            stream,
        )
    except ValueError as error:
        kind = InvalidHeader if "header" in str(error) else InvalidURL
        raise kind(error, request=request) from error
    if hasattr(session, "_transfer_seconds"):
        session._transfer_seconds = (session._transfer_seconds or 0.0) + done.seconds
    if done.error is not None:
        raise _transport.requests_error(done.error, request, read, connect)
    body = StreamedBody(done.reader) if done.reader is not None else io.BytesIO(done.body or b"")
    raw = _raw_response(done.headers, done.status, done.reason, done.version, body, str(request.method))
    return adapter.build_response(request, raw)
