"""The responses of `FastHttpUser.client`, with the attributes of requests' that are used most."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from weakref import ref

from charset_normalizer import detect
from gevent.timeout import Timeout
from geventhttpclient.header import Headers
from geventhttpclient.response import HTTPConnectionClosed
from geventhttpclient.useragent import CompatResponse, ConnectionError, RetriesExceeded
from requests.utils import get_encoding_from_headers

from .. import _engine
from .._engine import Provided
from ..exception import LocustError
from .failures import fast_error
from .fast_agent import FAILURE_EXCEPTIONS, FastRequest, LocustBadStatusCode
from .fast_stream import StreamedAnswer
from .verdict import Counted, Verdict


class FastResponse(Counted):
    """A response with the attributes of requests' that are used most."""

    # Where scripts import it from.
    __module__ = "locust.contrib.fasthttp"

    error: BaseException | None
    """What the request ended with, be it a bad status; None if it was good."""
    encoding: Any = None
    """Set it before reading `text` if the response does not say, or says wrong."""

    _fast = True
    # geventhttpclient's response, if that has made the request.
    _source: Any = None

    if TYPE_CHECKING:
        # What is made when it is read first.
        status_code: int
        headers: Headers | None
        content: bytes
        text: str | None
        request: FastRequest
        history: list[Any]
        elapsed: timedelta

    def __init__(self, ghc_response: Any, request: Any = None, sent_request: str | None = None) -> None:
        self._take_over(CompatResponse(ghc_response, request, sent_request))

    @classmethod
    def _of_library(cls, source: Any) -> FastResponse:
        """geventhttpclient's response as one of ours."""
        made = cls.__new__(cls)
        made._take_over(source)
        return made

    def _take_over(self, source: Any) -> None:
        self._by_library = True
        self._source = source
        self.error = None
        self.headers = source.headers
        self.status_code = source.status_code
        self.request = source._request
        self.history = list(source._history)
        self.elapsed = source.elapsed

    # --- what the engine asks

    def _fail(self, failure: dict[str, Any]) -> None:
        """There was no answer."""
        meta = self.request_meta
        options = self._made_by._agent_options
        headers = _headers_of([pair for pair in failure["sent_headers"] if pair[0] != "User-Agent"])
        self._without_answer(
            FastRequest(
                meta["url"], method=meta["request_type"], headers=headers, payload=failure["sent_body"]
            )
        )
        # By the name, not by the URL, so that failures of one name are grouped.
        url = meta["name"]
        retries, redirects = options.get("max_retries", 0), options.get("max_redirects", 3)
        thrown = failure.get("thrown")
        if thrown is None:
            self.error = fast_error(failure, url, retries, redirects)
        elif isinstance(thrown, Timeout | TimeoutError):
            # A timeout of gevent's around the request is a failure of the request to geventhttpclient.
            self.error = RetriesExceeded(url, retries, original=thrown)
        else:
            self.error = thrown
        meta["exception"] = self.error
        if type(self) is FastResponse:
            self.__class__ = ErrorResponse

    def _without_answer(self, request: Any) -> None:
        self.status_code = 0
        self.content = None
        self.headers = None
        self.text = None
        self.request = request
        self.history = []
        self.elapsed = None

    def _fail_decoding(self) -> None:
        """There was an answer, but its body is not encoded as it says."""
        try:
            self.content  # noqa: B018
        except zlib.error as error:
            self.error = error
            self.content = None

    def _decode_error(self, encoding: str, message: str, too_large: bool = False) -> zlib.error:
        # Once more by the library, for its error. Of what is too large it would decode all.
        if encoding.lower() in ("gzip", "deflate") and not too_large:
            try:
                zlib.decompress(
                    self._raw_body, 16 + zlib.MAX_WBITS if encoding.lower() == "gzip" else zlib.MAX_WBITS
                )
            except zlib.error as error:
                return error
        return zlib.error(message)

    def _judge(self) -> None:
        """Counts the request by its status, or by the error that it ended with."""
        if not self._raises_for_itself():
            error = self.error
            if error is not None and not isinstance(error, FAILURE_EXCEPTIONS):
                # A script's own.
                raise error
            self._count(error)
            return
        error = self.request_meta["exception"]
        try:
            self.raise_for_status()
        except FAILURE_EXCEPTIONS as raised:
            error = raised
        self._count(error)

    def _provide(self, name: str) -> Any:
        """The value of an attribute that is read for the first time."""
        if name == "text":
            return self._text()
        if name == "content" and self._source is not None:
            # Tests of scripts fill it by hand.
            by_hand = self.__dict__.get("_cached_content")
            return self._source.content if by_hand is None else by_hand
        if name in ("stream", "_response"):
            if self._source is not None:
                return self._source._response
            return _stream_of(self) if self.status_code or name == "stream" else None
        if name == "content" and self._body_reader is not None:
            return _decoded(self, self.stream.read())
        if name in _ELSEWHERE:
            return getattr(self, _ELSEWHERE[name])
        if name == "_elapsed":
            return self.elapsed.total_seconds() if self.elapsed is not None else None
        if name == "_sent_request":
            return getattr(self._source, name, None)
        make = _PROVIDERS.get(name)
        return NotImplemented if make is None or self._by_library else make(self)

    # --- what scripts read

    def _text(self) -> str | None:
        text: Any = _engine.decoded_text(self)
        if text is not NotImplemented:
            return text
        content = self.content
        if content is None:
            return None
        if self.encoding is None:
            declared = get_encoding_from_headers(self.headers) if self.headers is not None else None
            self.encoding = declared or detect(content)["encoding"]
        return None if self.encoding is None else str(content, str(self.encoding), errors="replace")

    def json(self) -> dict[Any, Any]:
        """The body, parsed."""
        parsed = _engine.parsed_json(self)
        if parsed is NotImplemented:
            # Where scripts put a parser of their own.
            from ..contrib import fasthttp

            return fasthttp.json.loads(self.text)
        return parsed

    @property
    def url(self) -> str | None:
        """The URL of the last request that led here."""
        return None if self.request is None else self.request.url

    @property
    def ok(self) -> bool:
        """Whether there was an answer with a status below 400."""
        return 0 < self.status_code < 400

    def info(self) -> Any:
        """The headers."""
        return self.headers

    def raise_for_status(self) -> None:
        """Raises the error that the request ended with, if any."""
        if self.error is not None:
            raise self.error

    # --- what geventhttpclient's responses have

    status_code = Provided("status_code")
    headers = Provided("headers")
    content = Provided("content")
    text = Provided("text")
    request = Provided("request")
    history = Provided("history")
    elapsed = Provided("elapsed")
    stream = Provided("stream")
    _response = Provided("_response")
    _request = Provided("_request")
    _history = Provided("_history")
    _elapsed = Provided("_elapsed")
    _sent_request = Provided("_sent_request")
    _cached_content = Provided("_cached_content")

    def _content(self) -> bytes | None:
        return self.content

    @property
    def data(self) -> bytes | None:
        """The body."""
        return self.content

    @property
    def status(self) -> str:
        """The status code as text."""
        return str(self.status_code)

    def isclosed(self) -> bool:
        """Whether nothing of the body is left to be read."""
        if self._source is not None:
            return bool(self._source.isclosed())
        return self._by_library or self._body_reader is None or self._body_reader.finished

    def unzipped(self, gzip: bool = True, br: bool = False) -> bytes:
        """What is left of the body, decoded as gzip, brotli or deflate."""
        return _engine.decode_body("gzip" if gzip else "br" if br else "deflate", self.stream.read())

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.stream)

    def __bool__(self) -> bool:
        return True

    def __len__(self) -> int:
        return int(self.headers["content-length"])

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), "error", "request_meta", "_request_event"})

    def iter_content(self, chunk_size: int = 1024, decode_content: bool = True) -> Iterator[Any]:
        """The body in parts of up to `chunk_size` bytes; as text where `decode_content` and it is UTF-8."""
        if self._source is not None:
            pieces: Iterator[Any] = iter(lambda: self._source.read(chunk_size), b"")
        elif self.status_code:
            pieces = self.stream.pieces(chunk_size)
        else:
            raise LocustError("Cannot iterate content on a response without _response attribute")
        while True:
            try:
                chunk = next(pieces, None)
            except (HTTPConnectionClosed, ConnectionError):
                return
            if not chunk:
                return
            if decode_content:
                try:
                    chunk = chunk.decode("utf-8")
                except UnicodeDecodeError:
                    pass
            yield chunk

    def read(self, n: int | None = None) -> bytes:
        """Up to `n` bytes of a streamed body, or all that is left."""
        if self._source is not None:
            return self._source.read(n)
        return (self.content or b"") if self._body_reader is None else self.stream.read(n)

    def readline(self) -> bytes:
        """A line of a streamed body, up to its CR LF."""
        return (self._source if self._source is not None else self.stream).readline()

    def release(self) -> None:
        """Gives up the rest of a streamed body."""
        if self._source is not None:
            self._source.release()
        elif not self._by_library and self._body_reader is not None:
            self.stream.release()
            self._body_reader.close()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, exc: Any, value: Any, traceback: Any) -> Any:
        self.release()
        return None

    def success(self) -> None:
        """Only with `catch_response=True`."""
        raise LocustError(_NEEDS_CATCH)

    def failure(self, *_args: Any, **_kwargs: Any) -> None:
        """Only with `catch_response=True`."""
        raise LocustError(_NEEDS_CATCH)


_NEEDS_CATCH = (
    "If you want to change the state of the request, you must pass catch_response=True. See "
    "http://docs.locust.io/en/stable/writing-a-locustfile.html#validating-responses"
)


def _headers_of(pairs: list[tuple[str, str]]) -> Headers:
    headers = Headers()
    for name, value in pairs:
        headers.add(name, value)
    return headers


def _request_of(response: FastResponse) -> FastRequest:
    method, url, headers, cookie, body = response._sent(-1)
    if response._hops == 0:
        url = response._asked_url
    return _request_with(method, url, headers, cookie, body)


def _request_with(
    method: str, url: str, headers: list[tuple[str, str]], cookie: str | None, body: Any
) -> FastRequest:
    fields = _headers_of(headers)
    if cookie is not None and "cookie" not in fields:
        fields.add("Cookie", cookie)
    return FastRequest(url, method=method, headers=fields, payload=body)


def _decoded(response: FastResponse, raw: bytes) -> bytes:
    encoding = (response.headers.get("content-encoding") or "") if response.headers is not None else ""
    return _engine.decode_body(encoding, raw) if encoding else raw


def _error_of(response: FastResponse) -> BaseException | None:
    if response._good_status:
        return None
    error = LocustBadStatusCode(response.url, code=response.status_code)
    # Not the response itself: the two would keep each other until Python's collector runs.
    error._of = ref(response)
    return error


_PROVIDERS: dict[str, Callable[[FastResponse], Any]] = {
    "error": _error_of,
    "headers": lambda response: _headers_of(response._header_pairs),
    "request": _request_of,
    "elapsed": lambda response: timedelta(seconds=response.phases["total"] - response.phases["receive"]),
    "history": lambda response: [_hop(response, index) for index in range(response._hops)],
}


def _stream_of(response: FastResponse) -> Any:
    """The body as a file: as it comes, or as it came."""
    reader = response._body_reader if response.status_code else None
    if reader is None:
        return _WholeBody(response.content or b"")
    return StreamedAnswer(reader, response._sent(-1)[0], response.status_code, response.headers)


class _WholeBody(io.BytesIO):
    """A body that is all there."""

    def pieces(self, size: int) -> Iterator[bytes]:
        """The body in parts of `size` bytes."""
        while piece := self.read(size):
            yield piece


_ELSEWHERE = {"_request": "request", "_history": "history", "_cached_content": "content"}
"""Attributes of geventhttpclient's responses that are another attribute here."""


def _hop(response: FastResponse, index: int) -> FastResponse:
    """A response that was redirected away from."""
    hop = FastResponse.__new__(FastResponse)
    status, reason, _, url, headers, content, seconds = response._hop(index)
    method, _, sent, cookie, body = response._sent(index)
    hop.__dict__.update(
        _by_library=True,
        error=None,
        status_code=status,
        reason=reason,
        headers=_headers_of(headers),
        content=content,
        elapsed=timedelta(seconds=seconds),
        history=[],
        request=_request_with(method, url, sent, cookie, body),
    )
    return hop


class ErrorResponse(FastResponse):
    """A request that got no answer, for code that asks for it by type."""

    __module__ = "locust.contrib.fasthttp"

    error = None

    def __init__(self, request: Any, error: Exception) -> None:
        self._by_library = True
        self._without_answer(request)
        self.error = error


class ResponseContextManager(Verdict, FastResponse):
    """A response that can also decide, in a with-block, how its request is counted."""

    __module__ = "locust.contrib.fasthttp"

    def __init__(self, response: Any, request_event: Any, request_meta: Any, catch_response: bool) -> None:
        if not response._by_library:
            # What the engine knows of it, read while it is there.
            for name in ("status_code", "headers", "content", "request", "elapsed", "history", "error"):
                getattr(response, name, None)
        self.__dict__.update(response.__dict__)
        self._made_by_library(request_event, request_meta, catch_response)


class RestResponseContextManager(ResponseContextManager):
    """What `FastHttpUser.rest` yields: the response, with its parsed body as `js`."""

    __module__ = "locust.contrib.fasthttp"

    js: dict[Any, Any]
