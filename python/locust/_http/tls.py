"""What only Python's TLS can do: hosts and certificates that the engine's refuses and OpenSSL does not, and OpenSSL's words.

A server that the engine's TLS (rustls) cannot come to terms with is asked once more by Python's. If that succeeds, the host is left to
Python from then on; if not, its error is what scripts and error tables show, now and for all further requests that end alike.
"""

from __future__ import annotations

import copy
import logging
import ssl
from collections.abc import Iterator
from typing import Any

from .. import _engine

logger = logging.getLogger("locust.clients")

_Host = tuple[str, int]
_Reason = tuple[str, str]
"""Why the engine's TLS failed, and whom it trusted."""

_words: dict[tuple[_Host, _Reason], ssl.SSLError] = {}
"""What OpenSSL has said of a host that the engine's TLS failed with."""

_asking: dict[_Host, _Reason] = {}
"""Hosts that the next request by a library tells about, and the engine's reason for asking."""

_certificates: set[Any] = set()
"""Client certificates and authorities that have been warned about."""


def ask(host: str, port: int, reason: str, trust: str, first: _Host | None, repeatable: bool) -> bool:
    """Whether the library is to make a request again that failed for `reason`. `first`: where it was before it was redirected.

    Called by the engine for requests that it has made all by itself.
    """
    if ((host, port), (reason, trust)) in _words:
        return False
    if first is not None:
        # The library follows redirects hop by hop, and asks on its way.
        _engine.leave_to_library(*first, False)
        return repeatable
    _asking[host, port] = reason, trust
    return True


def asks(failure: dict[str, Any]) -> bool:
    """Whether Python's TLS is to be tried after this failure of the engine's."""
    return (
        failure["kind"] in ("tls", "tls_verify")
        and failure["phase"] == "shaking hands"
        and failure["reason"] != "closed"
        and (_host(failure), reason_of(failure)) not in _words
    )


def reason_to_ask(host: str, port: int) -> _Reason | None:
    """Why the library's next request to a host is made by Python's TLS, if it is."""
    return _asking.get((host, port))


def answered(host: str, port: int, reason: _Reason | None, error: BaseException | None) -> None:
    """Python's TLS has been tried; `error` is what the request has ended with."""
    asked = _asking.pop((host, port), None)
    reason = reason or asked
    if reason is None:
        return
    refusal = next((link for link in _chain(error) if isinstance(link, ssl.SSLError)), None)
    if refusal is not None:
        _words[(host, port), reason] = refusal
    elif error is None and not _engine.is_left_to_python(host, port):
        _engine.leave_to_library(host, port, True)
        logger.warning(
            "https://%s:%s cannot be spoken to by this program's own TLS (%s), but by Python's: requests to it are sent by Python from "
            "now on, which takes more of the processor, and takes their times.",
            host,
            port,
            reason[0].replace("-", " "),
        )


def is_refusal(error: BaseException) -> bool:
    """Whether Python's TLS, too, has said no to a server, or the server to it."""
    return any(isinstance(link, ssl.SSLError) for link in _chain(error))


def warn_of_files(verify: Any, cert: Any, why: BaseException) -> None:
    """Requests with these files are sent by Python; said once."""
    key = repr((verify, cert))
    if key not in _certificates:
        _certificates.add(key)
        logger.warning(
            "%s, but Python's TLS takes it: requests with it are sent by Python, which takes more of the processor, and takes their "
            "times.",
            why,
        )


def words(failure: dict[str, Any]) -> ssl.SSLError | None:
    """OpenSSL's error for a failure, if it was asked about that."""
    said = _words.get((_host(failure), reason_of(failure)))
    return copy.copy(said) if said is not None else None


def reason_of(failure: dict[str, Any]) -> _Reason:
    """What tells this failure of TLS from others."""
    return failure["reason"], failure.get("trust") or ""


def _host(failure: dict[str, Any]) -> _Host:
    return failure["host"], failure["port"]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        yield error
        yield from (argument for argument in error.args if isinstance(argument, ssl.SSLError))
        error = error.__context__ or error.__cause__
