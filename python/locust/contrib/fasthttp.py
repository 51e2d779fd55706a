"""The client of `FastHttpUser`: geventhttpclient's habits, the engine's connections.

Calls that use something only geventhttpclient has (multipart files, a debug stream, retries, an SSL context of the
script's own) are made by geventhttpclient itself, with the same cookies.
"""

from __future__ import annotations

import codecs
import io
import json
import json as unshadowed_json
import re
import socket
import ssl
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import perf_counter, time
from typing import Any

import gevent
from charset_normalizer import detect
from gevent.timeout import Timeout
from geventhttpclient._parser import HTTPParseError
from geventhttpclient.client import HTTPClientPool
from geventhttpclient.header import Headers
from geventhttpclient.response import HTTPConnectionClosed
from geventhttpclient.useragent import CompatRequest, CompatResponse, ConnectionError, UserAgent
from requests.utils import get_encoding_from_headers

from .. import _engine, _transport
from ..clients import split_credentials
from ..cookies import FastCookies
from ..exception import CatchResponseError, LocustError, ResponseError, StopTest
from ..user.users import NO_HOST, RestMixin, User
from ..util.deprecation import DeprecatedFastHttpLocustClass as FastHttpLocust  # noqa: F401

# Cookie jars ask these of a request; geventhttpclient's has no answers that would let them work.
CompatRequest.unverifiable = False
CompatRequest.type = "https"

absolute_http_url_regexp = re.compile(r"^https?://", re.IGNORECASE)

# What counts as a failed request; anything else raised while sending is the script's to handle.
FAILURE_EXCEPTIONS = (
    ConnectionError,
    ConnectionRefusedError,
    ConnectionResetError,
    OSError,
    ssl.SSLError,
    Timeout,
    HTTPConnectionClosed,
    HTTPParseError,
    zlib.error,
)
assert socket.error is OSError

# Connections of sessions that share a `client_pool`, by its id; the pool is kept so that the id stays its own.
_shared_pools: dict[int, tuple[Any, _engine.SharedPool]] = {}


def _construct_basic_auth_str(username: str | bytes, password: str | bytes) -> str:
    """The value of an Authorization header."""
    user = username.encode("latin1") if isinstance(username, str) else username
    secret = password.encode("latin1") if isinstance(password, str) else password
    return "Basic " + b64encode(user + b":" + secret).decode("ascii")


def insecure_ssl_context_factory() -> ssl.SSLContext:
    """A context that accepts any certificate."""
    return gevent.ssl._create_unverified_context()


class FastHttpSession(_engine.SessionCore):
    """Sends requests and keeps cookies and connections between them; reports each request.

    As with `HttpSession`, a URL that is only a path is appended to `base_url`, `name` is what the request is counted
    under and `catch_response` makes it a with-block that decides whether it succeeded.
    """

    auth_header: str | None = None

    def __init__(
        self,
        base_url: str | None,
        request_event: Any,
        user: Any,
        insecure: bool = True,
        client_pool: HTTPClientPool | None = None,
        ssl_context_factory: Callable[[], ssl.SSLContext] | None = None,
        **kwargs: Any,
    ) -> None:
        if base_url:
            base_url, username, password = split_credentials(base_url)
            if username is not None and password is not None:
                self.auth_header = _construct_basic_auth_str(username, password)
        shared = None
        if client_pool is not None:
            size = getattr(client_pool, "client_args", {}).get("concurrency", 1)
            _, shared = _shared_pools.setdefault(id(client_pool), (client_pool, _engine.SharedPool(size)))
        self._open(True, base_url, request_event, user, kwargs.get("concurrency", 1), shared)
        # The arguments of geventhttpclient's user agent, should one be needed.
        self._agent_options = kwargs
        self._insecure = insecure
        self._client_pool = client_pool
        self._ssl_context_factory = ssl_context_factory

    def __getattr__(self, name: str) -> Any:
        made: Any
        if name == "client":
            made = self._make_agent()
        elif name == "cookiejar":
            made = FastCookies(self)
        else:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self.__dict__[name] = made
        return made

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "request":
            self._touch(replaced=True)
        elif name == "auth_header":
            self._touch()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        if name == "request":
            self._touch(replaced=False)

    def _make_agent(self) -> LocustUserAgent:
        factory = self._ssl_context_factory
        if factory is None:
            factory = insecure_ssl_context_factory if self._insecure else gevent.ssl.create_default_context
        return LocustUserAgent(
            session=self,
            cookiejar=self.cookiejar,
            ssl_context_factory=factory,
            insecure=self._insecure,
            client_pool=self._client_pool,
            **self._agent_options,
        )

    # --- what the engine asks

    def _settings(self) -> None:
        """Tells the engine how to send, or that geventhttpclient has to."""
        options = self._agent_options
        agent = self.__dict__.get("client")
        if (
            self._ssl_context_factory is not None
            or options.get("max_retries")
            or (agent and agent.customised())
        ):
            self._touch(foreign=True)
            return
        # geventhttpclient's own header, unless the script has put another in its place; then the compressions.
        headers = dict(UserAgent.default_headers) if hasattr(UserAgent, "default_headers") else {}
        headers = {"User-Agent": _user_agent_name(), **headers, **(options.get("headers") or {})}
        if not any(name.lower() == "accept-encoding" for name in headers):
            headers["Accept-Encoding"] = "gzip, deflate, br"
        host, port = options.get("proxy_host"), options.get("proxy_port")
        proxy = f"http://{host}:{port}" if host and port else None
        limits = (
            options.get("max_redirects", 3),
            options.get("connection_timeout"),
            options.get("network_timeout"),
        )
        verify = not self._insecure
        key = repr((headers, self.auth_header, limits, verify, proxy))
        self._configure(key, list(headers.items()), self.auth_header, *limits, verify, None, proxy, False)

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

    def request(
        self,
        method: str,
        url: str,
        name: str | None = None,
        data: Any = None,
        catch_response: bool = False,
        stream: bool = False,
        headers: dict[str, str] | None = None,
        auth: tuple[str | bytes, str | bytes] | None = None,
        json: Any = None,
        allow_redirects: bool = True,
        context: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Sends a request; returns a :py:class:`FastResponse`, or a with-block of one if `catch_response`.

        :param name: count it under this name instead of its URL
        :param data: the body: text, bytes, or a dict to be sent as a form
        :param catch_response: use it in a with-block that decides whether it succeeded
        :param stream: return once the head is there; the time then ends there, too
        :param auth: user and password for basic authentication
        :param json: the body, to be encoded; used if there is no `data`
        :param context: passed to listeners of the request event, on top of the user's `context()`
        """
        given = {
            "name": name,
            "data": data,
            "catch_response": catch_response or None,
            "stream": stream or None,
            "headers": headers,
            "auth": auth,
            "json": json,
            "context": context or None,
        }
        kwargs.update((key, value) for key, value in given.items() if value is not None)
        if not allow_redirects:
            kwargs["allow_redirects"] = False
        return self._request(method, url, kwargs)

    def _request_by_library(
        self,
        method: str,
        url: str,
        *,
        name: str | None = None,
        data: Any = None,
        catch_response: bool = False,
        stream: bool = False,
        headers: dict[str, str] | None = None,
        auth: tuple[str | bytes, str | bytes] | None = None,
        json: Any = None,
        allow_redirects: bool = True,
        context: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """A request that only geventhttpclient can make."""
        if self.request_name and not name:
            name = self.request_name
        full_url = self._build_url(url)
        start_time = time()
        headers = dict(headers) if headers else {}
        given = {key.lower() for key in headers}
        if auth:
            headers["Authorization"] = _construct_basic_auth_str(*auth)
        elif self.auth_header:
            headers["Authorization"] = self.auth_header
        if "accept-encoding" not in given:
            headers["Accept-Encoding"] = "gzip, deflate, br"
        if not data and json is not None:
            data = unshadowed_json.dumps(json)
            if "content-type" not in given:
                headers["Content-Type"] = "application/json"
            if "accept" not in given:
                headers["Accept"] = "application/json"
        if not allow_redirects:
            kwargs["max_redirects"] = 0
        started = perf_counter()
        meta: dict[str, Any] = {
            "request_type": method,
            "name": name or url,
            "context": {**(self.user.context() if self.user else {}), **(context or {})},
            "exception": None,
            "start_time": start_time,
            "url": full_url,
            "response_length": 0,
        }
        source: Any = None
        error: BaseException | None = None
        try:
            source = self.client.urlopen(full_url, method=method, payload=data, headers=headers, **kwargs)
        except FAILURE_EXCEPTIONS as raised:
            source, error = getattr(raised, "response", None), raised
        asked = None
        if source is None:
            asked = self.client._make_request(
                full_url, method, headers=Headers(headers), payload=data, params=kwargs.get("params")
            )
        response = (ResponseContextManager if catch_response else FastResponse)._of_library(
            source, error, asked
        )
        if stream:
            if response.headers is not None:
                meta["response_length"] = int(response.headers.get("content-length") or 0)
        else:
            try:
                meta["response_length"] = len(response.content or b"")
            except FAILURE_EXCEPTIONS as raised:
                response.error = error = raised
        meta["response_time"] = (perf_counter() - started) * 1000
        meta["response"] = response
        response.request_meta = meta
        response._session = self
        response._caught = catch_response
        if not catch_response:
            response._judge()
        return response

    def iter_lines(self, url: str, method: str = "GET", **kwargs: Any) -> Iterator[str]:
        """The lines of a streamed body as they come, decoded as UTF-8."""
        response = self.request(method, url, stream=True, **kwargs)
        response.raise_for_status()
        rest = ""
        # A character may be cut in two by the end of a part.
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        for chunk in response.iter_content(decode_content=False):
            rest += decoder.decode(chunk)
            *lines, rest = rest.split("\n")
            yield from lines
        rest += decoder.decode(b"", final=True)
        if rest:
            yield rest


def _user_agent_name() -> str:
    import geventhttpclient

    return f"python/gevent-http-client-{geventhttpclient.__version__}"


class FastRequest(CompatRequest):
    """What was sent: `url`, `method`, `headers` and `payload` or `body`."""

    @property
    def body(self) -> Any:
        """The payload, under requests' name for it."""
        return self.payload


class FastResponse(_engine.ResponseCore):
    """A response with the attributes of requests' that are used most."""

    error: BaseException | None = None
    encoding: Any = None
    """Set it before reading `text` if the response does not say, or says wrong."""

    _by_library = False
    _caught = False
    _source: Any = None
    _session: FastHttpSession

    @classmethod
    def _of_library(cls, source: Any, error: BaseException | None, request: Any) -> Any:
        """geventhttpclient's response (None: there was none) as one of ours."""
        made = cls.__new__(cls)
        made._by_library = True
        made._source = source
        if error is not None:
            made.error = error
        if source is None:
            if cls is FastResponse:
                made.__class__ = ErrorResponse
            made._without_answer(request)
        else:
            made.headers = source.headers
            made.status_code = source.status_code
            made.request = source._request
            made.history = list(source._history)
            made.elapsed = source.elapsed
        return made

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
        self.error = _transport.fast_error(
            failure, url, options.get("max_retries", 0), options.get("max_redirects", 3)
        )
        if type(self) is FastResponse:
            self.__class__ = ErrorResponse

    def _without_answer(self, request: Any) -> None:
        self.status_code = 0
        self.content = None
        self.headers = None
        self.text = None
        self.request = request

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
        if self.error is None and not (self._by_library or self._good_status):
            self.error = LocustBadStatusCode(self.url, code=self.status_code)
        self._count(self.error)

    def _count(self, exception: Any) -> None:
        if self._by_library:
            self.request_meta["exception"] = exception
            self._session.request_event.fire(**self.request_meta)
        else:
            self._report(exception)

    def _provide(self, name: str) -> Any:
        """The value of an attribute that is read for the first time."""
        if name == "text":
            return self._text()
        if name == "content" and self._source is not None:
            return self._source.content
        if name == "stream":
            return self._source._response if self._source is not None else _Stream(self)
        if name == "content" and self._body_reader is not None:
            return _decoded(self, self._body_reader.read())
        make = _PROVIDERS.get(name)
        return NotImplemented if make is None or self._by_library else make(self)

    # --- what scripts read

    def _text(self) -> str | None:
        content = self.content
        if content is None:
            return None
        if self.encoding is None:
            declared = get_encoding_from_headers(self.headers) if self.headers is not None else None
            self.encoding = declared or detect(content)["encoding"]
        return None if self.encoding is None else str(content, str(self.encoding), errors="replace")

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.text)

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

    def iter_content(self, chunk_size: int = 1024, decode_content: bool = True) -> Iterator[Any]:
        """The body in parts of up to `chunk_size` bytes; as text where `decode_content` and it is UTF-8."""
        if self._source is not None:
            read = self._source.read
        elif self._body_reader is not None:
            read = self._body_reader.read
        elif self.status_code:
            content, position = self.content or b"", 0

            def read(size: int) -> bytes:
                nonlocal position
                position += size
                return content[position - size : position]

        else:
            raise LocustError("Cannot iterate content on a response without _response attribute")
        while True:
            try:
                chunk = read(chunk_size)
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
        reader = self._source if self._source is not None else self._body_reader
        return (self.content or b"") if reader is None else reader.read(n)

    def release(self) -> None:
        """Gives up the rest of a streamed body."""
        if self._source is not None:
            self._source.release()
        elif not self._by_library and self._body_reader is not None:
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
    fields = _headers_of(headers)
    if cookie is not None and "cookie" not in fields:
        fields.add("Cookie", cookie)
    if response._hops == 0:
        url = response._asked_url
    return FastRequest(url, method=method, headers=fields, payload=body)


def _decoded(response: FastResponse, raw: bytes) -> bytes:
    encoding = (response.headers.get("content-encoding") or "") if response.headers is not None else ""
    return _engine.decode_body(encoding, raw) if encoding else raw


_PROVIDERS: dict[str, Callable[[FastResponse], Any]] = {
    "headers": lambda response: _headers_of(response._header_pairs),
    "request": _request_of,
    "elapsed": lambda response: timedelta(seconds=response.phases["total"] - response.phases["receive"]),
    "history": lambda response: [_Hop(response, index) for index in range(response._hops)],
}


class _Stream(io.RawIOBase):
    """The body as it came, or as it comes, as a file."""

    def __init__(self, response: FastResponse) -> None:
        super().__init__()
        reader = response._body_reader if response.status_code else None
        self._read = reader.read if reader is not None else io.BytesIO(response.content or b"").read

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        return self._read(None if size is None or size < 0 else size)

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Hop:
    """A response that was redirected away from."""

    def __init__(self, response: FastResponse, index: int) -> None:
        self.status_code, self.reason, _, self.url, headers, self.content, seconds = response._hop(index)
        self.headers = _headers_of(headers)
        self.elapsed = timedelta(seconds=seconds)


class ErrorResponse(FastResponse):
    """A request that got no answer, for code that asks for it by type."""

    def __init__(self, request: Any, error: Exception) -> None:
        self._by_library = True
        self._without_answer(request)
        self.error = error


class LocustBadStatusCode(ConnectionError):
    """A status that counts as a failure."""

    def __repr__(self) -> str:
        text = super().__repr__()
        # Without the URL, so that failures of one name are grouped.
        return text.replace(repr(self.url) + ", ", "") if self.kw_text else text


class LocustUserAgent(UserAgent):
    """geventhttpclient's user agent, with Locust's idea of a good status."""

    request_type = FastRequest
    valid_response_codes = frozenset([*range(200, 209), 226, 301, 302, 303, 304, 307, 308])
    redirect_response_codes = frozenset([301, 302, 303, 307, 308])

    def __init__(self, client_pool: HTTPClientPool | None = None, session: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if client_pool is not None:
            self.clientpool = client_pool
        self.client_pool_close = self.clientpool.close
        if session is not None:
            # `session.client.clientpool.close()` is the documented way to drop a user's connections.
            self.clientpool.close = self._close_all(session)  # type: ignore[method-assign]

    def _close_all(self, session: Any) -> Callable[[], None]:
        def close() -> None:
            self.client_pool_close()
            session._close_connections()

        return close

    def customised(self) -> bool:
        """Whether a script has changed what the engine does not read."""
        return (
            self.valid_response_codes is not LocustUserAgent.valid_response_codes
            or self.redirect_response_codes is not LocustUserAgent.redirect_response_codes
            or type(self) is not LocustUserAgent
        )

    def _verify_status(self, status_code: int, url: Any = None) -> None:
        if status_code not in self.valid_response_codes:
            raise LocustBadStatusCode(url, code=status_code)


class ResponseContextManager(FastResponse):
    """A response that can also decide, in a with-block, how its request is counted."""

    def __enter__(self) -> ResponseContextManager:
        self._enter()
        if not (self._caught if self._by_library else self._catch_response):
            raise LocustError(
                "In order to use a with-block for requests, you must also pass catch_response=True"
            )
        return self

    def __exit__(self, exc: Any, value: Any, traceback: Any) -> bool:
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

    def raise_for_status(self) -> None:
        """Raises what was given to `failure()`, nothing after `success()`, else the request's error."""
        manual = self._manual_result
        if manual is None:
            super().raise_for_status()
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


class RestResponseContextManager(ResponseContextManager):
    """What `FastHttpUser.rest` yields: the response, with its parsed body as `js`."""

    js: Any


class FastHttpUser(User, RestMixin):
    """A user with the fast HTTP client as `self.client`; its interface is close to that of requests."""

    abstract = True

    network_timeout: float = 60.0
    """Seconds without a byte after which a request fails."""

    connection_timeout: float = 60.0
    """Seconds after which an attempt to connect fails."""

    max_redirects: int = 30
    """Redirects that are followed; 0: none."""

    max_retries: int = 0
    """How often a request that got no answer is repeated."""

    insecure: bool = True
    """Accept any certificate."""

    default_headers: dict[str, str] | None = None
    """Sent with each request."""

    concurrency: int = 10
    """Connections that the greenlets of one user may use at a time."""

    proxy_host: str | None = None
    """Host of a proxy."""

    proxy_port: int | None = None
    """Port of the proxy."""

    client_pool: HTTPClientPool | None = None
    """Connections for all users of this class. None: each user has its own."""

    ssl_context_factory: Callable[[], ssl.SSLContext] | None = None
    """Makes the SSL context of each user's connections."""

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        if self.host is None:
            raise StopTest(NO_HOST)
        self.client: FastHttpSession = FastHttpSession(
            base_url=self.host,
            request_event=self.environment.events.request,
            network_timeout=self.network_timeout,
            connection_timeout=self.connection_timeout,
            max_redirects=self.max_redirects,
            max_retries=self.max_retries,
            insecure=self.insecure,
            concurrency=self.concurrency,
            user=self,
            client_pool=self.client_pool,
            ssl_context_factory=self.ssl_context_factory,
            headers=self.default_headers,
            proxy_host=self.proxy_host,
            proxy_port=self.proxy_port,
        )


__all__ = ["CompatResponse", "FastHttpSession", "FastHttpUser", "FastResponse", "LocustUserAgent"]
