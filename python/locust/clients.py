"""The HTTP client of `HttpUser`: a `requests.Session` whose requests the engine sends.

A call that needs nothing but what the engine knows (which is nearly every call) never leaves native code
(`_engine.SessionCore`). Anything else runs through requests' own code, hooks and custom authentication included, and
only its last step, the transfer, is the engine's (`LocustHttpAdapter`); if a script mounts an adapter of its own,
not even that. So does everything once a script has taken over one of the steps (`_STEPS`, `_http/steps.py`).
"""

from __future__ import annotations

from math import isfinite
from time import perf_counter, time
from types import FunctionType
from typing import TYPE_CHECKING, Any

import requests
from requests import Session as RequestsSession
from requests.auth import HTTPBasicAuth, _basic_auth_str
from requests.cookies import RequestsCookieJar
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema, RequestException
from requests.structures import CaseInsensitiveDict

from . import _shown
from ._http.adapter import LocustHttpAdapter, can_be_read, is_plain_header
from ._http.cookies import SessionCookies
from ._http.raw import with_library_defaults
from ._http.response import ResponseContextManager, RestResponseContextManager
from ._http.session import SessionBase, absolute_http_url_regexp, shared_pool, split_credentials
from ._http.steps import watch_module, watch_responses
from .event import EventHook
from .exception import CatchResponseError as CatchResponseError
from .exception import LocustError
from .exception import ResponseError as ResponseError

if TYPE_CHECKING:
    from typing import Unpack

    from urllib3 import PoolManager

    from ._http.keywords import HttpBodyKeywords, HttpKeywords

# What `requests.Session.__init__` sets. Sessions that never touch them never make them.
_SESSION_ATTRIBUTES = frozenset(RequestsSession.__attrs__)


# What requests and urllib3 decide together, in ways of their own.
_FRAMING = frozenset({"content-length", "transfer-encoding"})


class _Headers(CaseInsensitiveDict):
    """A session's headers, which tell the session, and copies of it, when they change."""

    _sessions: tuple[HttpSession, ...] = ()

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        self._tell()

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        self._tell()

    def _tell(self) -> None:
        for session in self._sessions:
            session._touch(foreign=False)


class HttpSession(SessionBase, RequestsSession):
    """Sends requests and keeps cookies, headers and connections between them; reports each request.

    Every method that sends takes two arguments more than in requests: `name`, under which the request is counted
    instead of its path, and `catch_response`, with which it is used in a with-block that decides whether it counts
    as a success (see :py:class:`ResponseContextManager`). A URL that is only a path is appended to `base_url`.
    """

    # How long the transfers of the present request by requests have taken, as the engine saw them.
    _transfer_seconds: float | None = None
    explicit_name: str | None = None
    _pool_manager: PoolManager | None = None
    # What the settings were made of, of that which may change without our notice.
    _usual_auth: Any = None
    _usual_adapters: Any = None

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
        # A PoolManager of urllib3's keeps `maxsize` connections to each host, and opens more unless it is to block.
        pools = getattr(pool_manager, "connection_pool_kw", {})
        keep = pools.get("maxsize", 1)
        shared = shared_pool(pool_manager, keep, keep if pools.get("block") else None)
        self._open(False, base_url, request_event, user, pool_of=shared)
        self._pool_manager = pool_manager
        if args or kwargs or RequestsSession.__init__ is not _SESSION_INIT:
            # A script's own beginning of sessions, or arguments that requests refuses.
            self._begin(*args, **kwargs)
        if username is not None and password is not None:
            self.auth = HTTPBasicAuth(username, password)

    # --- requests' attributes, made when one of them is first read or set

    def __getattr__(self, name: str) -> Any:
        if name not in _SESSION_ATTRIBUTES or "adapters" in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self._begin()
        return self.__dict__[name]

    def _begin(self, *args: Any, **kwargs: Any) -> None:
        """Makes what `requests.Session.__init__` makes."""
        early = {key: value for key, value in self.__dict__.items() if key in _SESSION_ATTRIBUTES}
        RequestsSession.__init__(self, *args, **kwargs)
        if type(self.__dict__["cookies"]) is RequestsCookieJar and not self.__dict__["cookies"]:
            # The jar that requests has just put there is empty; the engine's cookies stay.
            self.__dict__["cookies"] = SessionCookies(self)
        for prefix in ("https://", "http://"):
            adapter = LocustHttpAdapter(self._pool_manager)
            adapter._session = self
            self.mount(prefix, adapter)
        for key, value in early.items():
            setattr(self, key, value)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _STEPS:
            self._touch(foreign=False)
        elif name in _SESSION_ATTRIBUTES:
            if name == "headers":
                if type(value) is CaseInsensitiveDict:
                    value = _Headers(value)
                if isinstance(value, _Headers) and self not in value._sessions:
                    value._sessions = (*value._sessions, self)
            elif name == "cookies" and type(value) is RequestsCookieJar and "adapters" in self.__dict__:
                value = SessionCookies(self, value)
            self._touch(foreign=False)
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        if name in _STEPS or name in _SESSION_ATTRIBUTES:
            self._touch(foreign=False)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_SESSION_ATTRIBUTES})

    def mount(self, prefix: str, adapter: Any) -> None:
        """As `requests.Session.mount`; requests through an adapter other than Locust's go the way requests sends them."""
        super().mount(prefix, adapter)
        self._touch(foreign=False)

    def close(self) -> None:
        """Closes all connections."""
        if "adapters" in self.__dict__:
            super().close()
        self._close_connections()

    def __setstate__(self, state: dict[str, Any]) -> None:
        # As in requests, a copy has the attributes and no connections; nobody counts its requests.
        self._open(False, "", EventHook(), None)
        super().__setstate__(state)
        for adapter in self.adapters.values():
            if isinstance(adapter, LocustHttpAdapter) and adapter._session is None:
                adapter._session = self

    if TYPE_CHECKING:
        # The engine's own methods, as editors should know them.
        # mypy: disable-error-code="override"
        def delete(self, url: str | bytes, **kwargs: Unpack[HttpBodyKeywords]) -> ResponseContextManager: ...
        def get(self, url: str | bytes, **kwargs: Unpack[HttpBodyKeywords]) -> ResponseContextManager: ...
        def head(self, url: str | bytes, **kwargs: Unpack[HttpBodyKeywords]) -> ResponseContextManager: ...
        def options(self, url: str | bytes, **kwargs: Unpack[HttpBodyKeywords]) -> ResponseContextManager: ...
        def patch(
            self, url: str | bytes, data: Any = None, *, json: Any = None, **kwargs: Unpack[HttpKeywords]
        ) -> ResponseContextManager: ...
        def post(
            self, url: str | bytes, data: Any = None, json: Any = None, **kwargs: Unpack[HttpKeywords]
        ) -> ResponseContextManager: ...
        def put(
            self, url: str | bytes, data: Any = None, *, json: Any = None, **kwargs: Unpack[HttpKeywords]
        ) -> ResponseContextManager: ...

    # --- what the engine asks

    def _settings(self) -> None:
        """Tells the engine how to send, or that requests has to."""
        own = self.__dict__
        if self._overridden():
            self._touch(foreign=True)
            return
        touched = own.keys() & _SESSION_ATTRIBUTES
        if touched == {"trust_env"} and own["trust_env"] is False:
            self._configure("", _default_headers(), None, 30, None, None, None, None, None, False)
            return
        auth = self.auth
        if type(auth) is HTTPBasicAuth:
            auth = (auth.username, auth.password)
        self._usual_auth, self._usual_adapters = auth, [*self.adapters.values()]
        usual = (
            not self.trust_env
            and not self.stream
            and isinstance(self.max_redirects, int)
            and self.max_redirects > 0
            and isinstance(self.hooks, dict)
            and type(self.headers) is _Headers
            and "accept-encoding" in self.headers
            and isinstance(self.cookies, SessionCookies)
            and self.cookies._session is self
            and not self.cookies.has_own_policy
            and (auth is None or (isinstance(auth, tuple) and len(auth) == 2))
            and all(
                type(adapter) is LocustHttpAdapter and adapter.is_usual()
                for adapter in self.adapters.values()
            )
            and set(self.adapters) == {"http://", "https://"}
            and self._still_usual()
            and isinstance(self.verify, bool)
            and (self.cert is None or can_be_read(self.cert))
            and all(map(is_plain_header, self.headers.keys(), self.headers.values()))
            and all(isinstance(value, str) for value in self.headers.values())
            and not any(name.lower() in _FRAMING for name in self.headers)
        )
        if not usual:
            self._touch(foreign=True)
            return
        headers = with_library_defaults(list(self.headers.items()))
        try:
            authorization = _basic_auth_str(*auth) if auth is not None else None
            key = repr((headers, authorization, self.max_redirects, self.verify, self.cert))
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
        except (ValueError, TypeError, OverflowError):
            # Something that cannot be sent: requests says what, when it is used.
            self._touch(foreign=True)

    def _overridden(self) -> bool:
        """Whether a step of a request is no longer requests' own: overridden, replaced on the object, or patched."""
        cls = type(self)
        return (
            _PATCHED_EARLIER
            or _classes_replaced()
            or LocustHttpAdapter.send is not _ADAPTER_SEND
            or not self.__dict__.keys().isdisjoint(_STEPS)
            or any(getattr(cls, name) is not step for name, step in _STEPS.items())
        )

    def _still_usual(self) -> bool:
        """Whether what a script may change without our notice is as it was."""
        auth = self.auth
        if type(auth) is HTTPBasicAuth and (auth.username, auth.password) != self._usual_auth:
            self._settings()
        return (
            not (self.params or self.proxies or any(self.hooks.values()))
            and [*self.adapters.values()] == self._usual_adapters
        )

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
        name: str | None = None,
        catch_response: bool = False,
        context: dict[str, Any] | None = None,
        *,
        data: Any = None,
        json: Any = None,
        **kwargs: Any,
    ) -> ResponseContextManager:
        """A request that the engine cannot take over as a whole: requests makes it, step by step."""
        if self.request_name and not name:
            name = self.request_name
        self.explicit_name = name
        full_url = self._build_url(url)
        self._transfer_seconds = None
        started, start_time = perf_counter(), time()
        response = self._send_request_safe_mode(method, full_url, data=data, json=json, **kwargs)
        seconds = perf_counter() - started
        if (
            self._transfer_seconds is not None
            and isfinite(self._transfer_seconds)
            and not self._owns("_send_request_safe_mode")
        ):
            # The engine's own transfers were timed on the I/O thread, where a busy script cannot delay them.
            seconds = self._transfer_seconds
        first = (response.history[0] if response.history else response).request
        if first is not None:
            full_url = str(first.url)
            name = name or first.path_url
        if self.user:
            context = {**self.user.context(), **(context or {})}
        meta = {
            "request_type": method,
            "response_time": seconds * 1000,
            "name": name or _shown.url(str(url)),
            "context": context or {},
            "response": response,
            "exception": None,
            "start_time": start_time,
            "url": full_url,
        }
        if kwargs.get("stream"):
            meta["response_length"] = int(response.headers.get("content-length") or 0)
        else:
            meta["response_length"] = len(response.content or b"")
        wrapped = ResponseContextManager.wrap_response(response, self.request_event, meta, catch_response)
        wrapped._user = self.user
        if not catch_response:
            wrapped.__exit__(None, None, None)
        return wrapped

    def _owns(self, step: str) -> bool:
        """Whether this step is a script's own."""
        return step in self.__dict__ or getattr(type(self), step) is not _STEPS[step]

    def _send_request_safe_mode(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        """Sends a request as `requests.Session.request` does; one without an answer gives a response with an `error`."""
        try:
            return super().request(method, url, **kwargs)
        except (MissingSchema, InvalidSchema, InvalidURL):
            raise
        except RequestException as error:
            return ResponseContextManager(error)

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """As `requests.Session.prepare_request`; keeps the request's explicit name for tracing."""
        prepared = super().prepare_request(request)
        if self.explicit_name:
            prepared._explicit_name = self.explicit_name  # type: ignore[attr-defined]
        return prepared


_STEPS = {
    name: getattr(HttpSession, name)
    for name in (
        "_send_request_safe_mode",
        "_build_url",
        "send",
        "prepare_request",
        "get_adapter",
        "merge_environment_settings",
        "resolve_redirects",
        "get_redirect_target",
        "should_strip_auth",
        "rebuild_auth",
        "rebuild_proxies",
        "rebuild_method",
    )
}
"""The steps of a request that scripts, and tracing libraries, put their own in the place of."""

_PATCHED_EARLIER = any(
    type(step) is not FunctionType or step.__globals__ is not vars(requests.sessions)
    for step in (
        RequestsSession.prepare_request,
        *(
            step
            for name, step in _STEPS.items()
            if hasattr(RequestsSession, name) and name != "prepare_request"
        ),
    )
)
"""Whether somebody had done so before this module was imported (`opentelemetry-instrument`, for one)."""

_REQUEST = HttpSession.request
_SESSION_INIT = RequestsSession.__init__
_ADAPTER_SEND = LocustHttpAdapter.send


def _default_headers() -> list[tuple[str, str]]:
    return list(requests.utils.default_headers().items())


def _missing_catch_response_True(self: Any, *_args: Any, **_kwargs: Any) -> None:
    raise LocustError(
        "If you want to change the state of the request using .success() or .failure(), you must pass "
        "catch_response=True. See "
        "http://docs.locust.io/en/stable/writing-a-locustfile.html#validating-responses"
    )


# A plain response of requests says what is missing rather than that it has no such attribute.
requests.Response.success = _missing_catch_response_True  # type: ignore[attr-defined]
requests.Response.failure = _missing_catch_response_True  # type: ignore[attr-defined]

watch_responses(False, ResponseContextManager)
_classes_replaced = watch_module(__name__, ("LocustHttpAdapter", "ResponseContextManager"))

__all__ = [
    "HttpSession",
    "LocustHttpAdapter",
    "ResponseContextManager",
    "RestResponseContextManager",
    "absolute_http_url_regexp",
]
