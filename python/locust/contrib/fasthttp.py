"""The client of `FastHttpUser`: geventhttpclient's habits, the engine's connections.

Calls that use something only geventhttpclient has (multipart files, a debug stream, retries, an SSL context of the
script's own) are made by geventhttpclient itself, with the same cookies.
"""

from __future__ import annotations

import codecs
import json as unshadowed_json
import ssl
import sys
from collections.abc import Callable, Iterator
from time import perf_counter, time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import gevent
from geventhttpclient.client import HTTPClientPool
from geventhttpclient.header import Headers
from geventhttpclient.useragent import CompatResponse, UserAgent

from .. import _shown
from .._http import tls
from .._http.adapter import is_plain_header
from .._http.cookies import FastCookies
from .._http.fast_agent import (
    FAILURE_EXCEPTIONS,
    FastRequest,
    LocustBadStatusCode,
    LocustUserAgent,
    agents_are_usual,
    basic_auth,
    insecure_ssl_context_factory,
    user_agent_name,
)
from .._http.fast_response import (
    ErrorResponse,
    FastResponse,
    ResponseContextManager,
    RestResponseContextManager,
)
from .._http.json_way import encoded_here, parsed_here
from .._http.session import SessionBase, absolute_http_url_regexp, shared_pool, split_credentials
from .._http.steps import watch_module, watch_responses
from ..exception import CatchResponseError as CatchResponseError
from ..exception import LocustError as LocustError
from ..exception import ResponseError as ResponseError
from ..exception import StopTest
from ..user.users import NO_HOST, RestMixin, User
from ..util.deprecation import DeprecatedFastHttpLocustClass as FastHttpLocust

# What `FastResponse.json` parses with, and where scripts look for it.
json = unshadowed_json

if TYPE_CHECKING:
    from contextlib import _GeneratorContextManager
    from typing import Unpack

    from .._http.keywords import FastBodyKeywords, FastJsonKeywords, FastKeywords


class FastHttpSession(SessionBase):
    """Sends requests and keeps cookies and connections between them; reports each request.

    As with `HttpSession`, a URL that is only a path is appended to `base_url`, `name` is what the request is counted
    under and `catch_response` makes it a with-block that decides whether it succeeded.
    """

    auth_header: str | None = None
    # The headers of the user agent as they are in the settings, once a script has seen it.
    _known_headers: list[tuple[str, str]] | None = None

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
                self.auth_header = basic_auth(username, password)
        places = getattr(client_pool, "client_args", {}).get("concurrency", 1)
        shared = shared_pool(client_pool, places, places)
        places = kwargs.get("concurrency", 1)
        self._open(True, base_url, request_event, user, places, places, shared)
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
        if name in _TOLD:
            self._touch(foreign=False)

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        if name in _TOLD:
            self._touch(foreign=False)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), "client", "cookiejar"})

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

    if TYPE_CHECKING:
        # The engine's own methods, as editors should know them.
        def delete(self, url: str, **kwargs: Unpack[FastBodyKeywords]) -> ResponseContextManager: ...
        def get(self, url: str, **kwargs: Unpack[FastBodyKeywords]) -> ResponseContextManager: ...
        def head(self, url: str, **kwargs: Unpack[FastBodyKeywords]) -> ResponseContextManager: ...
        def options(self, url: str, **kwargs: Unpack[FastBodyKeywords]) -> ResponseContextManager: ...
        def patch(
            self, url: str, data: str | bytes | dict | None = None, **kwargs: Unpack[FastJsonKeywords]
        ) -> ResponseContextManager: ...
        def post(
            self,
            url: str,
            data: str | bytes | dict | None = None,
            json: Any = None,
            **kwargs: Unpack[FastKeywords],
        ) -> ResponseContextManager: ...
        def put(
            self, url: str, data: str | bytes | dict | None = None, **kwargs: Unpack[FastJsonKeywords]
        ) -> ResponseContextManager: ...

    # --- what the engine asks

    def _settings(self) -> None:
        """Tells the engine how to send, or that geventhttpclient has to."""
        options = self._agent_options
        agent = self.__dict__.get("client")
        if (
            self._ssl_context_factory is not None
            or options.get("max_retries")
            or self._overridden()
            or not self._is_plain(
                agent.default_headers if agent is not None else options.get("headers") or {}
            )
            or (agent is not None and (type(agent) is not LocustUserAgent or agent.customised()))
        ):
            self._touch(foreign=True)
            return
        # geventhttpclient's own header, unless the script has put another in its place; then the compressions.
        headers = dict(UserAgent.default_headers) if hasattr(UserAgent, "default_headers") else {}
        headers = {"User-Agent": user_agent_name(), **headers, **(options.get("headers") or {})}
        redirects = options.get("max_redirects", 3)
        if agent is not None:
            self._known_headers = list(agent.default_headers.items())
            headers, redirects = dict(self._known_headers), agent.max_redirects
        # A request's own, always; so it comes before these.
        headers = {name: value for name, value in headers.items() if name.lower() != "accept-encoding"}
        headers["Accept-Encoding"] = "gzip, deflate, br"
        host, port = options.get("proxy_host"), options.get("proxy_port")
        proxy = f"http://{host}:{port}" if host and port else None
        limits = (redirects, options.get("connection_timeout"), options.get("network_timeout"))
        verify = not self._insecure
        key = repr((headers, self.auth_header, limits, verify, proxy))
        watched = agent is not None
        try:
            self._configure(
                key, list(headers.items()), self.auth_header or None, *limits, verify, None, proxy, watched
            )
        except (ValueError, TypeError, OverflowError):
            # Something that cannot be sent: geventhttpclient says what, when it is used.
            self._touch(foreign=True)

    def _is_plain(self, headers: Any) -> bool:
        """Whether geventhttpclient has no way of its own to send these headers."""
        fields = list(headers.items())
        return (
            all(isinstance(value, str) and is_plain_header(name, value) for name, value in fields)
            and len({name.lower() for name, _ in fields}) == len(fields)
            and (
                headers is not getattr(self.__dict__.get("client"), "default_headers", None)
                or "user-agent" in headers
            )
            and not any(
                name.lower() in _FRAMING or (name.lower() == "content-type" and not value)
                for name, value in fields
            )
            and (
                self.auth_header is None
                or (
                    isinstance(self.auth_header, str)
                    and self.auth_header.isascii()
                    and is_plain_header("Authorization", self.auth_header)
                )
            )
        )

    def _overridden(self) -> bool:
        """Whether a step of a request is a script's own: overridden, replaced on the object, or patched."""
        cls = type(self)
        return (
            _classes_replaced()
            or not agents_are_usual()
            or not self.__dict__.keys().isdisjoint(_STEPS)
            or any(getattr(cls, name) is not step for name, step in _STEPS.items())
        )

    def _still_usual(self) -> bool:
        """Whether the headers of the user agent, which a script may fill without our notice, are in the settings."""
        if list(self.client.default_headers.items()) != self._known_headers:
            self._settings()
        return True

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
    ) -> ResponseContextManager:
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
        """A request that only geventhttpclient can make, step by step."""
        if self.request_name and not name:
            name = self.request_name
        full_url = self._build_url(url)
        start_time = time()
        if self.user:
            context = {**self.user.context(), **(context or {})}
        headers = dict(headers) if headers else {}
        given = {str(key).lower() for key in headers}
        if auth:
            headers["Authorization"] = basic_auth(auth[0], auth[1])
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
        response = self._send_request_safe_mode(method, full_url, payload=data, headers=headers, **kwargs)
        where = urlsplit(full_url)
        if where.scheme.lower() == "https":
            error = None if response.status_code else response.error
            tls.answered(str(where.hostname), where.port or 443, None, error)
        meta = {
            "request_type": method,
            "name": name or _shown.value(url),
            "context": context or {},
            "response": response,
            "exception": None,
            "start_time": start_time,
            "url": full_url,
            "response_length": 0,
        }
        if stream:
            if response.headers is not None:
                meta["response_length"] = int(response.headers.get("content-length") or 0)
        else:
            try:
                meta["response_length"] = len(response.content or b"")
            except FAILURE_EXCEPTIONS as error:
                response.error = error
        meta["response_time"] = (perf_counter() - started) * 1000
        try:
            response.raise_for_status()
        except FAILURE_EXCEPTIONS as error:
            meta["exception"] = error
        response._user = self.user
        if catch_response:
            meta["response"] = response = ResponseContextManager(response, self.request_event, meta, True)
            response._user = self.user
            return response
        self.request_event.fire(**meta)
        return response

    def _send_request_safe_mode(self, method: str, url: str, **kwargs: Any) -> Any:
        """Sends a request by the user agent; one that failed gives a response with an `error`."""
        try:
            return self.client.urlopen(url, method=method, **kwargs)
        except FAILURE_EXCEPTIONS as error:
            response = getattr(error, "response", None)
            if response is None:
                headers = Headers(kwargs.get("headers") or {})
                payload, params = kwargs.get("payload"), kwargs.get("params")
                asked = self.client._make_request(
                    url, method, headers=headers, payload=payload, params=params
                )
                return ErrorResponse(asked, error)
            response.error = error
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

    if TYPE_CHECKING:

        def rest(
            self, method: str, url: str, headers: dict[str, str] | None = None, **kwargs: Any
        ) -> _GeneratorContextManager[RestResponseContextManager]: ...
        def rest_(
            self, method: str, url: str, name: str | None = None, **kwargs: Any
        ) -> _GeneratorContextManager[RestResponseContextManager]: ...

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


parsed_here(
    FastResponse,
    ResponseContextManager,
    steps=[
        (sys.modules[__name__], "json"),
        *(
            (owner, name)
            for owner in (FastResponse, ResponseContextManager)
            for name in ("content", "text", "encoding", "headers")
        ),
    ],
    fast=True,
)
encoded_here(sys.modules[__name__], "unshadowed_json", fast=True)

# What geventhttpclient decides in ways of its own.
_FRAMING = frozenset({"content-length", "transfer-encoding", "expect"})

_construct_basic_auth_str = basic_auth

_STEPS = {name: getattr(FastHttpSession, name) for name in ("_send_request_safe_mode", "_build_url")}
"""The steps of a request that scripts put their own in the place of."""

_TOLD = frozenset((*_STEPS, "auth_header", "client"))
"""Attributes whose change changes how requests are sent."""

_REQUEST = FastHttpSession.request
watch_responses(True, FastResponse, ResponseContextManager)
_classes_replaced = watch_module(__name__, ("ErrorResponse", "ResponseContextManager"))

__all__ = [
    "FAILURE_EXCEPTIONS",
    "CompatResponse",
    "ErrorResponse",
    "FastHttpLocust",
    "FastHttpSession",
    "FastHttpUser",
    "FastRequest",
    "FastResponse",
    "LocustBadStatusCode",
    "LocustUserAgent",
    "ResponseContextManager",
    "RestResponseContextManager",
    "absolute_http_url_regexp",
]
