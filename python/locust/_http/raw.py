"""An answer of the engine as urllib3 shows it: requests reads cookies, headers and bodies from that."""

from __future__ import annotations

import http.client
import io
from http.client import HTTPMessage
from typing import Any

from requests.cookies import RequestsCookieJar, extract_cookies_to_jar
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3 import __version__ as urllib3_version

from .. import _engine
from .failures import PoolName, os_error

OWN_AGENT = ("User-Agent", f"python-urllib3/{urllib3_version}")


def with_library_defaults(headers: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """`headers`, with what urllib3 sends of its own accord where they lack it."""
    given = {name.lower() for name, _ in headers}
    if "accept-encoding" not in given:
        headers.append(("Accept-Encoding", "identity"))
    if "user-agent" not in given:
        headers.append(OWN_AGENT)
    return headers


def _fields(headers: list[tuple[str, str]]) -> tuple[HTTPHeaderDict, HTTPMessage]:
    fields, message = HTTPHeaderDict(), HTTPMessage()
    for name, value in headers:
        fields.add(name, value)
        message.add_header(name, value)
    return fields, message


def raw_response(
    headers: list[tuple[str, str]], status: int, reason: str, version: int, body: Any, method: str
) -> HTTPResponse:
    """urllib3's view of an answer, over its body as it came."""
    fields, message = _fields(headers)
    raw = HTTPResponse(
        body=body,
        headers=fields,
        status=status,
        reason=reason,
        version=version,
        preload_content=False,
        decode_content=False,
        request_method=method,
    )
    raw._original_response = _OriginalResponse(message)  # type: ignore[assignment]
    return raw


def streamed_response(
    headers: list[tuple[str, str]],
    status: int,
    reason: str,
    version: int,
    reader: _engine.BodyReader,
    method: str,
    url: str,
) -> HTTPResponse:
    """The same over a body that is still to come: http.client reads it as it arrives, and urllib3 that."""
    fields, message = _fields(headers)
    answer = _StreamedAnswer(message, status, reason, version, reader, method)
    return HTTPResponse(
        body=answer,  # type: ignore[arg-type]
        headers=fields,
        status=status,
        reason=reason,
        version=version,
        preload_content=False,
        decode_content=False,
        original_response=answer,  # type: ignore[arg-type]
        pool=PoolName.of(url),  # type: ignore[arg-type]
        msg=message,
        request_method=method,
    )


class _OriginalResponse:
    """The part of http.client's response that cookie jars read."""

    def __init__(self, message: HTTPMessage) -> None:
        self.msg = message

    def isclosed(self) -> bool:
        return True

    def close(self) -> None:
        """Nothing to close: the connection is the engine's."""


class WholeBody(io.BytesIO):
    """A body that is all there, as a file."""

    def isclosed(self) -> bool:
        """Whether the end has been read, as http.client's responses say it: urllib3 reads on until it hears so."""
        return self.closed or self.tell() >= self.getbuffer().nbytes


class _StreamedAnswer(http.client.HTTPResponse):
    """http.client's response as it is once it has read the head."""

    def __init__(
        self,
        message: HTTPMessage,
        status: int,
        reason: str,
        version: int,
        reader: _engine.BodyReader,
        method: str,
    ) -> None:
        super().__init__(_Wire(reader), method=method)  # type: ignore[arg-type]
        self.headers = self.msg = message
        self.code = self.status = status  # type: ignore[attr-defined]
        self.reason, self.version = reason, version
        self.chunked = (message.get("transfer-encoding") or "").lower() == "chunked"  # type: ignore[attr-defined]
        self.chunk_left = None
        self.length = None if self.chunked else _length(message.get("content-length"))  # type: ignore[attr-defined]
        if status in (204, 304) or 100 <= status < 200 or method == "HEAD":
            self.length = 0
        self.will_close = self._check_close() or (not self.chunked and self.length is None)  # type: ignore[attr-defined]


def _length(text: str | None) -> int | None:
    """A length as http.client reads it."""
    try:
        length = int(text or "")
    except ValueError:
        return None
    return length if length >= 0 else None


class _Wire:
    """The socket behind a response, which http.client asks for a file."""

    def __init__(self, reader: _engine.BodyReader) -> None:
        self._reader = reader

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(StreamedBody(self._reader))


class StreamedBody(io.RawIOBase):
    """A streamed body as it comes from the socket, sizes of chunks and all; raises what a socket raises."""

    def __init__(self, reader: _engine.BodyReader) -> None:
        super().__init__()
        self._reader = reader

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._reader.read(len(buffer))
        if not data and (failure := self._reader.failure) is not None and failure["kind"] not in ENDS:
            raise os_error(failure)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._reader.close()
        super().close()


ENDS = frozenset(("closed", "truncated", "malformed", "head_too_large"))
"""Failures that are no fault of the connection: whoever reads on meets the end, or the fault, himself."""


def cookies_of(request: Any, headers: list[tuple[str, str]]) -> RequestsCookieJar:
    jar = RequestsCookieJar()
    if any(name.lower() == "set-cookie" for name, _ in headers):
        extract_cookies_to_jar(jar, request, raw_response(headers, 0, "", 11, io.BytesIO(), request.method))
    return jar


def joined(pairs: list[tuple[str, str]]) -> CaseInsensitiveDict:
    fields = HTTPHeaderDict()
    for name, value in pairs:
        fields.add(name, value)
    return CaseInsensitiveDict(fields)
