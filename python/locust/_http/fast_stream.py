"""A streamed body of the engine as geventhttpclient reads it."""

from __future__ import annotations

from collections.abc import Iterator

from geventhttpclient.header import Headers
from geventhttpclient.response import HTTPConnectionClosed, HTTPResponse, HTTPSocketResponse
from geventhttpclient.useragent import ConnectionError

from .. import _engine
from .failures import os_error
from .raw import ENDS


class StreamedAnswer(HTTPSocketResponse):
    """geventhttpclient's response as it is once it has read the head."""

    def __init__(self, reader: _engine.BodyReader, method: str, status: int, headers: Headers) -> None:
        HTTPResponse.__init__(self, method=method)
        self._sock = _Wire(reader)  # type: ignore[assignment]
        self.block_size = self.DEFAULT_BLOCK_SIZE
        # The parser wants a head; what of it says how long the body is. An odd one would be refused, as it was not.
        head = [f"HTTP/1.1 {status} Read"]
        if codings := headers.getlist("transfer-encoding"):
            head.append(f"Transfer-Encoding: {codings[-1]}")
        elif lengths := headers.getlist("content-length"):
            head.append(f"Content-Length: {lengths[0]}")
        self.feed("\r\n".join([*head, "", ""]).encode("latin-1"))
        self._headers_index = headers

    def pieces(self, size: int) -> Iterator[bytes]:
        """The body in parts of up to `size` bytes, each as soon as there is something."""
        try:
            while True:
                if not self._body_buffer and self._sock is not None:
                    self.read_some(size)
                    continue
                if not self._body_buffer:
                    return
                piece = bytes(self._body_buffer[:size])
                del self._body_buffer[:size]
                yield piece
        except (HTTPConnectionClosed, ConnectionError):
            return

    def read_some(self, size: int) -> None:
        """Takes in what arrives next."""
        assert self._sock is not None
        try:
            self.feed(self._sock.recv(size))
        except BaseException:
            self.release()
            raise


class _Wire:
    """The socket behind a response."""

    def __init__(self, reader: _engine.BodyReader) -> None:
        self._reader = reader

    def recv(self, size: int) -> bytes:
        data = self._reader.read(size)
        if not data and (failure := self._reader.failure) is not None and failure["kind"] not in ENDS:
            raise os_error(failure)
        return data

    def close(self) -> None:
        self._reader.close()
