"""The HTTP client of `HttpUser`: a `requests.Session` whose requests the engine sends.

A call that needs nothing but what the engine knows (which is nearly every call) never leaves native code
(`_engine.SessionCore`). Anything else runs through requests' own code, hooks and custom authentication included, and
only its last step, the transfer, is the engine's (`LocustHttpAdapter`); if a script mounts an adapter of its own,
not even that.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from http.client import HTTPMessage
from time import perf_counter, time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse, urlunparse

import requests
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth, _basic_auth_str
from requests.cookies import RequestsCookieJar, extract_cookies_to_jar
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema, RequestException
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers, super_len
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3 import __version__ as urllib3_version
from urllib3 import exceptions as urllib3_errors

from . import _engine, _transport
from .cookies import SessionCookies
from .exception import CatchResponseError, LocustError, ResponseError

if TYPE_CHECKING:
    from urllib3 import PoolManager

absolute_http_url_regexp = re.compile(r"^https?://", re.IGNORECASE)

# What `requests.Session.__init__` sets. Sessions that never touch them never make them.
_SESSION_ATTRIBUTES = frozenset(requests.Session.__attrs__)

# Connections of HttpSessions that share a `pool_manager`, by its id; the manager is kept so that the id stays its own.
_shared_pools: dict[int, tuple[Any, _engine.SharedPool]] = {}


class _Headers(CaseInsensitiveDict):
    """A session's headers, which tell the session when they change."""

    _session: HttpSession | None = None

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        if self._session is not None:
            self._session._touch()

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        if self._session is not None:
            self._session._touch()


@lru_cache(maxsize=64)
def split_credentials(base_url: str) -> tuple[str, str | None, str | None]:
    """`base_url` without a user and password in it, and those, decoded."""
    parsed = urlparse(base_url)
    if not (parsed.username and parsed.password):
        return base_url, None, None
    # What follows the last @ is kept as it is: an IPv6 host has its brackets there.
    bare = parsed._replace(netloc=parsed.netloc.rpartition("@")[2])
    return str(urlunparse(bare)), unquote(parsed.username), unquote(parsed.password)


class HttpSession(_engine.SessionCore, requests.Session):
    """Sends requests and keeps cookies, headers and connections between them; reports each request.

    Every method that sends takes two arguments more than in requests: `name`, under which the request is counted
    instead of its path, and `catch_response`, with which it is used in a with-block that decides whether it counts
    as a success (see :py:class:`ResponseContextManager`). A URL that is only a path is appended to `base_url`.
    """

    # How long the transfers of the present request by requests have taken, as the engine saw them.
    _transfer_seconds: float | None = None
    _explicit_name: str | None = None

    def __init__(
        self,
        base_url: str,
        request_event: Any,
        user: Any,
        *args: Any,
        pool_manager: PoolManager | None = None,
        **kwargs: Any,
    ) -> None:
        base_url, username, password = split_credentials(base_url)
        shared = None
        if pool_manager is not None:
            _, shared = _shared_pools.setdefault(id(pool_manager), (pool_manager, _engine.SharedPool(10)))
        self._open(False, base_url, request_event, user, pool_of=shared)
        self._pool_manager = pool_manager
        if username is not None and password is not None:
            self.auth = HTTPBasicAuth(username, password)

    # --- requests' attributes, made when one of them is first read or set

    def __getattr__(self, name: str) -> Any:
        if name not in _SESSION_ATTRIBUTES or "adapters" in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        early = {key: value for key, value in self.__dict__.items() if key in _SESSION_ATTRIBUTES}
        requests.Session.__init__(self)
        # The jar that requests has just put there is empty; the engine's cookies stay.
        self.__dict__["cookies"] = SessionCookies(self)
        for prefix in ("https://", "http://"):
            adapter = LocustHttpAdapter(self._pool_manager)
            adapter._session = self
            self.mount(prefix, adapter)
        for key, value in early.items():
            setattr(self, key, value)
        return self.__dict__[name]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _SESSION_ATTRIBUTES:
            if name == "headers":
                if type(value) is CaseInsensitiveDict:
                    value = _Headers(value)
                if isinstance(value, _Headers):
                    value._session = self
            elif name == "cookies" and type(value) is RequestsCookieJar and "adapters" in self.__dict__:
                value = SessionCookies(self, value)
            super().__setattr__(name, value)
            self._touch(foreign=False)
        elif name == "request":
            super().__setattr__(name, value)
            self._touch(replaced=True)
        else:
            super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        if name == "request":
            self._touch(replaced=False)

    def mount(self, prefix: str, adapter: Any) -> None:
        """As `requests.Session.mount`; requests through an adapter other than Locust's go the way requests sends them."""
        super().mount(prefix, adapter)
        self._touch(foreign=False)

    def close(self) -> None:
        """Closes all connections."""
        if "adapters" in self.__dict__:
            super().close()
        self._close_connections()

    # --- what the engine asks

    def _settings(self) -> None:
        """Tells the engine how to send, or that requests has to."""
        own = self.__dict__
        touched = own.keys() & _SESSION_ATTRIBUTES
        if touched == {"trust_env"} and own["trust_env"] is False:
            self._configure("", _default_headers(), None, 30, None, None, None, None, None, False)
            return
        auth = self.auth
        if isinstance(auth, HTTPBasicAuth) and type(auth) is HTTPBasicAuth:
            auth = (auth.username, auth.password)
        usual = (
            not self.trust_env
            and not self.stream
            and type(self.headers) is _Headers
            and isinstance(self.cookies, SessionCookies)
            and (auth is None or (isinstance(auth, tuple) and len(auth) == 2))
            and all(type(adapter) is LocustHttpAdapter for adapter in self.adapters.values())
            and set(self.adapters) == {"http://", "https://"}
            and self._still_usual()
            and isinstance(self.verify, bool)
            and all(isinstance(value, str | bytes) for value in self.headers.values())
            and type(self).send is requests.Session.send
            and type(self).prepare_request is HttpSession.prepare_request
        )
        if not usual:
            self._touch(foreign=True)
            return
        headers = _with_library_defaults(list(self.headers.items()))
        authorization = _basic_auth_str(*auth) if auth is not None else None
        key = repr((headers, authorization, self.max_redirects, self.verify, self.cert))
        try:
            self._configure(
                key,
                headers,
                authorization,
                self.max_redirects,
                None,
                None,
                self.verify,
                self.cert,
                None,
                True,
            )
        except (ValueError, TypeError):
            # Something that cannot be sent: requests says what, when it is used.
            self._touch(foreign=True)

    def _still_usual(self) -> bool:
        """Whether the containers that a script may fill without our notice are still empty."""
        return not (self.params or self.proxies or any(self.hooks.values())) and len(self.adapters) == 2

    def _build_url(self, path: str) -> str:
        """`path` appended to `base_url`, unless it is a whole URL."""
        return path if absolute_http_url_regexp.match(path) else f"{self.base_url}{path}"

    @contextmanager
    def rename_request(self, name: str) -> Iterator[None]:
        """Counts the requests of a with-block under `name`."""
        self.request_name = name
        try:
            yield
        finally:
            self.request_name = None

    def request(  # type: ignore[override]
        self,
        method: str,
        url: str,
        name: str | None = None,
        catch_response: bool = False,
        context: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> ResponseContextManager:
        """Sends a request. The arguments are those of `requests.Session.request`, and:

        :param name: count it under this name instead of its path
        :param catch_response: use it in a with-block that decides whether it succeeded
        :param context: passed to listeners of the request event, on top of the user's `context()`
        """
        if name is not None:
            kwargs["name"] = name
        if catch_response:
            kwargs["catch_response"] = catch_response
        if context:
            kwargs["context"] = context
        return self._request(method, url, kwargs)

    def _request_by_library(
        self,
        method: str,
        url: str,
        *,
        name: str | None = None,
        catch_response: bool = False,
        context: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> ResponseContextManager:
        """A request that the engine cannot take over as a whole: requests makes it."""
        if self.request_name and not name:
            name = self.request_name
        full_url = self._build_url(url)
        self._explicit_name = name
        self._transfer_seconds = None
        started, start_time = perf_counter(), time()
        error: RequestException | None = None
        response: Any
        try:
            response = requests.Session.request(self, method, full_url, **kwargs)
        except (MissingSchema, InvalidSchema, InvalidURL):
            raise
        except RequestException as raised:
            error = raised
            response = requests.Response()
            response.status_code = 0
            response.request = raised.request  # type: ignore[assignment]
        seconds = perf_counter() - started
        if self._transfer_seconds is not None:
            # The engine's own transfers were timed on the I/O thread, where a busy script cannot delay them.
            seconds = self._transfer_seconds
        first = (response.history[0] if response.history else response).request
        if first is not None:
            full_url = str(first.url)
            name = name or first.path_url
        wrapped = ResponseContextManager._wrap(response, error)
        if kwargs.get("stream"):
            length = int(wrapped.headers.get("content-length") or 0)
        else:
            length = len(wrapped.content or b"")
        wrapped._session = self
        wrapped._by_library = True
        wrapped._caught = catch_response
        wrapped.request_meta = {
            "request_type": method,
            "response_time": seconds * 1000,
            "name": name or str(url),
            "context": {**(self.user.context() if self.user else {}), **(context or {})},
            "response": wrapped,
            "exception": None,
            "start_time": start_time,
            "url": full_url,
            "response_length": length,
        }
        if not catch_response:
            wrapped._judge()
        return wrapped

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """As `requests.Session.prepare_request`; keeps the request's explicit name for tracing."""
        prepared = super().prepare_request(request)
        if self._explicit_name:
            prepared._explicit_name = self._explicit_name  # type: ignore[attr-defined]
        return prepared


_OWN_AGENT = ("User-Agent", f"python-urllib3/{urllib3_version}")


def _with_library_defaults(headers: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """`headers`, with what urllib3 sends of its own accord where they lack it."""
    given = {name.lower() for name, _ in headers}
    if "accept-encoding" not in given:
        headers.append(("Accept-Encoding", "identity"))
    if "user-agent" not in given:
        headers.append(_OWN_AGENT)
    return headers


def _default_headers() -> list[tuple[str, str]]:
    return list(requests.utils.default_headers().items())


_HEAD = "In order to use a with-block for requests, you must also pass catch_response=True"


class ResponseContextManager(_engine.ResponseCore, requests.Response):
    """A `requests.Response` that can also decide, in a with-block, how its request is counted.

    ::

        with self.client.get("/", catch_response=True) as response:
            if response.elapsed.total_seconds() > 1:
                response.failure("too slow")
    """

    error: Exception | None = None
    _by_library = False
    _caught = True
    _session: HttpSession

    def __init__(self, error: RequestException | None = None) -> None:
        requests.Response.__init__(self)
        self.error = error
        self.status_code = 0
        if error is not None:
            self.request = error.request  # type: ignore[assignment]

    @classmethod
    def _wrap(cls, response: requests.Response, error: RequestException | None) -> ResponseContextManager:
        """A response of the library as one of ours."""
        wrapped = cls.__new__(cls)
        wrapped.__dict__.update(response.__dict__)
        if error is not None:
            wrapped.error = error
        return wrapped

    # --- the verdict

    def __enter__(self) -> ResponseContextManager:
        self._enter()
        if not (self._caught if self._by_library else self._catch_response):
            raise LocustError(_HEAD)
        return self

    def __exit__(self, exc: Any, value: Any, traceback: Any) -> bool:  # type: ignore[override]
        manual = self._manual_result
        if manual is not None:
            self._count(None if manual is True else manual)
            return exc is None
        if exc is None:
            self._judge()
            return True
        if isinstance(value, ResponseError):
            self._count(value)
            return True
        return False

    def _count(self, exception: Any) -> None:
        """Counts the request as failed with `exception`, or as a success."""
        if self._by_library:
            self.request_meta["exception"] = exception
            self._session.request_event.fire(**self.request_meta)
        else:
            self._report(exception)

    def _judge(self) -> None:
        """Counts the request by its status, or by the error that it ended with."""
        if self.error is None and 0 < self.status_code < 400:
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

    def raise_for_status(self) -> None:
        """As in requests; after `success()` nothing is raised, after `failure()` what was given to it."""
        __tracebackhide__ = True
        manual = self._manual_result
        if manual is None:
            if self.error is not None:
                raise self.error
            requests.Response.raise_for_status(self)
        elif manual is not True:
            raise manual

    def success(self) -> None:
        """Counts the request as a success, whatever its status."""
        self._check_entered("response.success()")
        self._manual_result = True

    def failure(self, exc: Any) -> None:
        """Counts the request as a failure; `exc` is an exception, or anything that says why."""
        self._check_entered("response.failure(...)")
        self._manual_result = exc if isinstance(exc, Exception) else CatchResponseError(exc)

    def _check_entered(self, call: str) -> None:
        if not self._entered:
            raise LocustError(
                "Tried to set status on a request that has not yet been made. Make sure you use a with-block, like "
                f"this:\n\nwith self.client.request(..., catch_response=True) as response:\n    {call}"
            )

    # --- what the engine asks

    def _fail(self, failure: dict[str, Any]) -> None:
        """There was no answer: takes the state of a response that requests never got."""
        requests.Response.__init__(self)
        self.status_code = 0
        meta = self.request_meta
        request = _prepared(
            meta["request_type"], meta["url"], failure["sent_headers"], None, failure["sent_body"]
        )
        self.request = request
        connect, read = _timeouts(failure["timeout"])
        self.error = _transport.requests_error(failure, request, read, connect)
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
                _raw_response(self._header_pairs, 200, "", 11, raw, "GET").read(decode_content=True)
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

    js: Any


def _prepared(
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
    request.headers = CaseInsensitiveDict(pair for pair in headers if pair != _OWN_AGENT)
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


def _cookies_of(request: Any, headers: list[tuple[str, str]]) -> RequestsCookieJar:
    jar = RequestsCookieJar()
    if any(name.lower() == "set-cookie" for name, _ in headers):
        extract_cookies_to_jar(jar, request, _raw_response(headers, 0, "", 11, io.BytesIO(), request.method))
    return jar


def _raw_response(
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


class StreamedBody(io.RawIOBase):
    """A streamed body as a file; a body that ends early raises what urllib3 raises."""

    def __init__(self, reader: _engine.BodyReader) -> None:
        super().__init__()
        self._reader = reader

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        data = self._reader.read(None if size is None or size < 0 else size)
        if not data and (failure := self._reader.failure) is not None:
            raise _transport.body_error(failure)
        return data

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._reader.close()
        super().close()


def _raw(response: ResponseContextManager) -> HTTPResponse:
    reader = response._body_reader
    # A body that was not streamed has been read: nothing is left of it here.
    body = StreamedBody(reader) if reader is not None else io.BytesIO()
    method = response._sent(-1)[0]
    reason = str(response.reason)
    return _raw_response(
        response._header_pairs, response.status_code, reason, response._version, body, method
    )


def _joined(pairs: list[tuple[str, str]]) -> CaseInsensitiveDict:
    fields = HTTPHeaderDict()
    for name, value in pairs:
        fields.add(name, value)
    return CaseInsensitiveDict(fields)


def _history(response: ResponseContextManager) -> list[requests.Response]:
    hops: list[requests.Response] = []
    for index in range(response._hops):
        status, reason, version, url, headers, body, seconds = response._hop(index)
        hop = requests.Response()
        hop.status_code, hop.reason, hop.url = status, reason, url
        hop.headers = _joined(headers)
        hop.encoding = get_encoding_from_headers(hop.headers)
        hop.request = _sent(response, index)
        hop.raw = _raw_response(headers, status, reason, version, io.BytesIO(body), str(hop.request.method))
        hop._content = hop.raw.read(decode_content=True) if body else b""
        hop._content_consumed = True  # type: ignore[attr-defined]
        hop.elapsed = timedelta(seconds=seconds)
        hop.cookies = _cookies_of(hop.request, headers)
        hop.history = list(hops)
        hops.append(hop)
    return hops


def _sent(response: ResponseContextManager, index: int) -> Any:
    """The request of a hop; -1 is the last."""
    before = range(response._hops if index < 0 else index)
    dropped = any(response._hop(hop)[0] in (301, 302, 303) for hop in before)
    return _prepared(*response._sent(index), dropped=dropped)


def _next(response: ResponseContextManager) -> Any:
    """The request that a redirect which was not followed asks for."""
    if not response.is_redirect:
        return None
    following = requests.Session().resolve_redirects(response, response.request, yield_requests=True)
    return next(following, None)


_PROVIDERS = {
    "url": lambda response: response._sent(-1)[1],
    "headers": lambda response: _joined(response._header_pairs),
    "encoding": lambda response: get_encoding_from_headers(response.headers),
    "history": _history,
    "elapsed": lambda response: timedelta(
        seconds=max(response.phases["total"] - response.phases["blocked"] - response.phases["receive"], 0)
    ),
    "request": lambda response: _sent(response, -1),
    "cookies": lambda response: _cookies_of(response.request, response._header_pairs),
    "raw": _raw,
    "_content": lambda response: False,
    "_next": _next,
    "connection": lambda response: LocustHttpAdapter(None),
}


class LocustHttpAdapter(HTTPAdapter):
    """Sends what requests has prepared over the engine's connections."""

    def __init__(self, pool_manager: PoolManager | None = None, *args: Any, **kwargs: Any) -> None:
        self.pool_manager = pool_manager
        self._session: HttpSession | None = None
        super().__init__(*args, **kwargs)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """No pool of urllib3's, unless the script brought one: connections are the engine's."""
        self.poolmanager = self.pool_manager

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
        return _send(self, request, stream, timeout, verify, cert, proxies)

    def close(self) -> None:
        """Nothing to close here: the session closes its connections."""


from ._adapter import _timeouts  # noqa: E402  (needs the classes above)
from ._adapter import send as _send  # noqa: E402


def _missing_catch_response(self: Any, *_args: Any, **_kwargs: Any) -> None:
    raise LocustError(
        "If you want to change the state of the request using .success() or .failure(), you must pass "
        "catch_response=True. See "
        "http://docs.locust.io/en/stable/writing-a-locustfile.html#validating-responses"
    )


# A plain response of requests says what is missing rather than that it has no such attribute.
requests.Response.success = _missing_catch_response  # type: ignore[attr-defined]
requests.Response.failure = _missing_catch_response  # type: ignore[attr-defined]
