"""An answer of the engine as urllib3 shows it: requests reads cookies, headers and bodies from that."""

from __future__ import annotations

import io
from http.client import HTTPMessage
from typing import Any

from requests.cookies import RequestsCookieJar, extract_cookies_to_jar
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3 import __version__ as urllib3_version

from .. import _engine
from .failures import body_error

OWN_AGENT = ("User-Agent", f"python-urllib3/{urllib3_version}")


def with_library_defaults(headers: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """`headers`, with what urllib3 sends of its own accord where they lack it."""
    given = {name.lower() for name, _ in headers}
    if "accept-encoding" not in given:
        headers.append(("Accept-Encoding", "identity"))
    if "user-agent" not in given:
        headers.append(OWN_AGENT)
    return headers


def raw_response(
    headers: list[tuple[str, str]], status: int, reason: str, version: int, body: Any, method: str
) -> HTTPResponse:
    """urllib3's view of an answer, over its body as it came."""
    fields = HTTPHeaderDict()
    message = HTTPMessage()
    for name, value in headers:
        fields.add(name, value)
        message.add_header(name, value)
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


class StreamedBody(io.RawIOBase):
    """A streamed body as a file; a body that ends early raises what urllib3 raises."""

    def __init__(self, reader: _engine.BodyReader) -> None:
        super().__init__()
        self._reader = reader
        self._ended = False

    def isclosed(self) -> bool:
        """As `WholeBody.isclosed`."""
        return self._ended or self.closed

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        data = self._reader.read(None if size is None or size < 0 else size)
        if not data and (failure := self._reader.failure) is not None:
            raise body_error(failure)
        self._ended = self._ended or size is None or size < 0 or (size > 0 and not data)
        return data

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._reader.close()
        super().close()


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
