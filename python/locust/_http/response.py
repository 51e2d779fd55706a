"""The response of `HttpUser.client`: a `requests.Response` whose attributes are made when a script first reads them."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from typing import Any

import requests
from requests import Session as RequestsSession
from requests.cookies import RequestsCookieJar
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema, RequestException
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers, super_len
from urllib3 import HTTPResponse
from urllib3 import exceptions as urllib3_errors

from .. import _engine
from .arguments import timeouts
from .failures import requests_error, thrown_error
from .json_way import encoded_here, parsed_here
from .raw import OWN_AGENT, WholeBody, cookies_of, joined, raw_response, streamed_response
from .verdict import Verdict


class ResponseContextManager(Verdict, requests.Response):
    """A `requests.Response` that can also decide, in a with-block, how its request is counted.

    ::

        with self.client.get("/", catch_response=True) as response:
            if response.elapsed.total_seconds() > 1:
                response.failure("too slow")
    """

    # Where scripts import it from.
    __module__ = "locust.clients"

    error: Exception | None = None

    def __init__(self, error: RequestException | None = None) -> None:
        requests.Response.__init__(self)
        self.error = error
        self.status_code = 0
        if error is not None:
            self.request = error.request  # type: ignore[assignment]

    @classmethod
    def wrap_response(
        cls, response: requests.Response, request_event: Any, request_meta: Any, catch_response: bool
    ) -> ResponseContextManager:
        """A response of requests as one that reports `request_meta` to `request_event`."""
        if isinstance(response, ResponseContextManager):
            wrapped = response
        else:
            wrapped = cls.__new__(cls)
            # One state, so that whoever holds the response of requests sees what becomes of it.
            wrapped.__dict__ = response.__dict__
        request_meta["response"] = wrapped
        wrapped._made_by_library(request_event, request_meta, catch_response)
        return wrapped

    # --- the verdict

    def _judge(self) -> None:
        """Counts the request by its status, or by the error that it ended with."""
        if self.error is None and 0 < self.status_code < 400 and not self._raises_for_itself():
            self._count(None)
            return
        # The error's text groups failures, so it names the request as the statistics do, not by its URL.
        url = self.url
        self.url = self.request_meta["name"]
        error: BaseException | None = None
        try:
            self.raise_for_status()
        except requests.RequestException as raised:
            error = raised
            while error.__context__ is not None and isinstance(
                error,
                requests.ConnectionError
                | urllib3_errors.ProtocolError
                | urllib3_errors.MaxRetryError
                | urllib3_errors.NewConnectionError,
            ):
                error = error.__context__
        finally:
            self.url = url
        self._count(error)

    @property
    def ok(self) -> bool:
        """Whether the request counts as a success, as far as that is decided; never raises."""
        try:
            self.raise_for_status()
        except Exception:
            return False
        return True

    @property
    def text(self) -> str:
        """As `requests.Response.text`; the engine decodes what is beyond doubt."""
        text = _engine.decoded_text(self)
        return super().text if text is NotImplemented else text

    def json(self, **kwargs: Any) -> Any:
        """As `requests.Response.json`; without arguments, the engine parses what is beyond doubt."""
        parsed = NotImplemented if kwargs else _engine.parsed_json(self)
        return super().json(**kwargs) if parsed is NotImplemented else parsed

    def __dir__(self) -> list[str]:
        made = {"request_meta", "_request_event", "_content_consumed", "reason", "status_code"}
        return sorted({*super().__dir__(), *_PROVIDERS, *made})

    # --- what the engine asks

    def _fail(self, failure: dict[str, Any]) -> None:
        """There was no answer: takes the state of a response that requests never got."""
        requests.Response.__init__(self)
        self.status_code = 0
        # It has been asked for.
        self._content, self._content_consumed = None, True  # type: ignore[assignment]
        meta = self.request_meta
        request = prepared(
            meta["request_type"], meta["url"], failure["sent_headers"], None, failure["sent_body"]
        )
        self.request = request
        if failure["thrown"] is not None:
            self.error = thrown_error(failure["thrown"], request)
            return
        connect, read = timeouts(failure["timeout"])
        self.error = requests_error(failure, request, read, connect)
        hops = _redirected(failure.get("history", ()))
        if hops:
            # The redirect that was one too many.
            self.error.response, self.error.request = hops[-1], hops[-1].request
        if isinstance(self.error, MissingSchema | InvalidSchema | InvalidURL):
            # Not a request that failed, but one that cannot be made.
            raise self.error

    def _fail_decoding(self) -> None:
        """There was an answer, but its body is not encoded as it says."""
        try:
            self._content  # noqa: B018
        except RequestException as error:
            self.error = error
            self._content = None  # type: ignore[assignment]
            self._content_consumed = True
            self.status_code = 0

    def _decode_error(self, encoding: str, message: str, too_large: bool = False) -> RequestException:
        wrapped = urllib3_errors.DecodeError(
            f"Received response with content-encoding: {encoding}, but failed to decode it.", message
        )
        if not too_large:
            # Once more by the library, for its error. Of what is too large it would decode all.
            raw = io.BytesIO(self._raw_body)
            try:
                raw_response(self._header_pairs, 200, "", 11, raw, "GET").read(decode_content=True)
            except urllib3_errors.DecodeError as error:
                wrapped = error
        made = requests.exceptions.ContentDecodingError(wrapped, request=self.request)
        made.__context__ = wrapped
        return made

    def _provide(self, name: str) -> Any:
        """The value of an attribute that is read for the first time."""
        make = _PROVIDERS.get(name)
        return NotImplemented if make is None or self._by_library else make(self)


class RestResponseContextManager(ResponseContextManager):
    """What `HttpUser.rest` yields: the response, with its parsed body as `js`."""

    __module__ = "locust.clients"

    js: Any


def prepared(
    method: str,
    url: str,
    headers: list[tuple[str, str]],
    cookie: str | None,
    body: bytes | str | None,
    dropped: bool = False,
) -> Any:
    """What requests would have prepared; `dropped`: a redirect took the body away."""
    request = requests.PreparedRequest()
    request.method = method
    request.url = url
    # What urllib3 adds is not in requests' headers.
    request.headers = CaseInsensitiveDict(pair for pair in headers if pair != OWN_AGENT)
    if cookie is not None:
        # The caller's own goes first.
        request.headers.setdefault("Cookie", cookie)
    if body is not None:
        request.headers.setdefault("Content-Length", str(super_len(body)))
    elif method not in ("GET", "HEAD") and not dropped:
        request.headers.setdefault("Content-Length", "0")
    request._cookies = RequestsCookieJar()
    request.body = body
    return request


def _raw(response: ResponseContextManager) -> HTTPResponse:
    answer = (response._header_pairs, response.status_code, str(response.reason), response._version)
    method, url, *_ = response._sent(-1)
    if (reader := response._body_reader) is not None:
        return streamed_response(*answer, reader, method, url)
    # A body that was not streamed has been read: nothing is left of it here.
    return raw_response(*answer, WholeBody(), method)


def _redirected(hops: Iterable[tuple[Any, Any]]) -> list[requests.Response]:
    """The responses that were redirected away from, of the descriptions of their hops and requests."""
    responses: list[requests.Response] = []
    dropped = False
    for (status, reason, version, url, headers, body, seconds), sent in hops:
        response = requests.Response()
        response.status_code, response.reason, response.url = status, reason, url
        response.headers = joined(headers)
        response.encoding = get_encoding_from_headers(response.headers)
        response.request = prepared(*sent, dropped=dropped)
        dropped = dropped or status in (301, 302, 303)
        method = str(response.request.method)
        response.raw = raw_response(headers, status, reason, version, WholeBody(body), method)
        response._content = response.raw.read(decode_content=True) if body else b""
        response._content_consumed = True  # type: ignore[attr-defined]
        response.elapsed = timedelta(seconds=seconds)
        response.cookies = cookies_of(response.request, headers)
        response.history = list(responses)
        responses.append(response)
    return responses


def _history(response: ResponseContextManager) -> list[requests.Response]:
    hops = _redirected((response._hop(index), response._sent(index)) for index in range(response._hops))
    for hop in hops:
        hop.connection = _any_adapter()  # type: ignore[attr-defined]
    return hops


def _sent(response: ResponseContextManager) -> Any:
    """The last request."""
    dropped = any(response._hop(hop)[0] in (301, 302, 303) for hop in range(response._hops))
    return prepared(*response._sent(-1), dropped=dropped)


def _next(response: ResponseContextManager) -> Any:
    """The request that a redirect which was not followed asks for."""
    if not response.is_redirect:
        return None
    following = RequestsSession().resolve_redirects(response, response.request, yield_requests=True)
    return next(following, None)


def _connection(_response: ResponseContextManager) -> Any:
    return _any_adapter()


@cache
def _any_adapter() -> Any:
    """Stands for the adapter that a response has come through: connections are the engine's."""
    from .adapter import LocustHttpAdapter

    return LocustHttpAdapter(None)


_PROVIDERS = {
    "url": lambda response: response._sent(-1)[1],
    "headers": lambda response: joined(response._header_pairs),
    "encoding": lambda response: get_encoding_from_headers(response.headers),
    "history": _history,
    "elapsed": lambda response: timedelta(
        seconds=max(response.phases["total"] - response.phases["blocked"] - response.phases["receive"], 0)
    ),
    "request": lambda response: _sent(response),
    "cookies": lambda response: cookies_of(response.request, response._header_pairs),
    "raw": _raw,
    "_content": lambda response: False,
    "_next": _next,
    "connection": _connection,
}

parsed_here(
    ResponseContextManager,
    steps=[
        (requests.models, "complexjson"),
        (requests.models, "guess_json_utf"),
        (requests.Response, "json"),
        *(
            (owner, name)
            for owner in (requests.Response, ResponseContextManager)
            for name in ("content", "text")
        ),
    ],
)
encoded_here(requests.models, "complexjson")
