"""Cookie jars over the engine's: what a script sees at `self.client.cookies` and `self.client.cookiejar`.

The engine holds a session's cookies and keeps them up to date while it follows redirects. The jars here are views:
they read its cookies when they have changed, and write each change through.
"""

from __future__ import annotations

from http.cookiejar import Cookie, CookieJar, CookiePolicy, DefaultCookiePolicy
from typing import Any

from requests.cookies import RequestsCookieJar

from .. import _engine


class _View(CookieJar):
    """A jar whose contents are those of a session of the engine."""

    _session: Any = None
    _version = -1
    _found: dict[str, dict[str, dict[str, Cookie]]]

    @property
    def _cookies(self) -> dict[str, dict[str, dict[str, Cookie]]]:
        # The standard library's jar, and requests', read this dictionary in all that they do.
        if self._session is not None:
            version = _engine.cookies_version(self._session)
            if version != self._version:
                self._found = _nested(_engine.cookies(self._session))
                self._version = version
        return self._found

    @_cookies.setter
    def _cookies(self, found: dict[str, dict[str, dict[str, Cookie]]]) -> None:
        self._found = found

    def set_cookie(self, cookie: Cookie, *args: Any, **kwargs: Any) -> Any:
        """Adds or replaces a cookie."""
        value = cookie.value
        if value is not None and value.startswith('"') and value.endswith('"'):
            # As requests does: quotes inside are sent bare.
            cookie.value = value.replace('\\"', "")
        with self._cookies_lock:
            _engine.set_cookie(self._session, _fields(cookie))

    def clear(self, domain: str | None = None, path: str | None = None, name: str | None = None) -> None:
        """Removes all cookies, or those of a domain, path or name; `KeyError` if there are none such."""
        if name is not None and (domain is None or path is None):
            raise ValueError("domain and path must be given to remove a cookie by name")
        if path is not None and domain is None:
            raise ValueError("domain must be given to remove cookies by path")
        _engine.clear_cookies(self._session, domain, path, name)


class SessionCookies(_View, RequestsCookieJar):
    """The cookies of an `HttpSession`."""

    has_own_policy = False
    """Whether a script's policy says which cookies are kept and sent. The engine knows the usual one only."""

    def __init__(self, session: Any, initial: CookieJar | None = None) -> None:
        super().__init__()
        self._session = session
        if initial is not None:
            policy = initial._policy  # type: ignore[attr-defined]
            if not _is_the_usual(policy):
                self.set_policy(policy)
            _engine.clear_cookies(session)
            for cookie in initial:
                self.set_cookie(cookie)

    def set_policy(self, policy: CookiePolicy) -> None:
        """Has `policy` decide which cookies are kept and sent. The session's requests go the way requests sends them."""
        super().set_policy(policy)
        # Also if it is the usual one: the script may change it later.
        self.has_own_policy = True
        self._session._touch(foreign=False)

    def copy(self) -> RequestsCookieJar:
        """A jar of its own with the same cookies."""
        jar = RequestsCookieJar(self.get_policy())
        jar.update(self)
        return jar

    def __reduce_ex__(self, protocol: Any) -> Any:
        # A copy has no session to be a view of.
        return _itself, (self.copy(),)


def _is_the_usual(policy: CookiePolicy) -> bool:
    """Whether it is what a jar has that was told of none."""
    usual = DefaultCookiePolicy()
    return type(policy) is DefaultCookiePolicy and {**vars(policy), "_now": 0} == {**vars(usual), "_now": 0}


def _itself(jar: RequestsCookieJar) -> RequestsCookieJar:
    return jar


class FastCookies(_View):
    """The cookies of a `FastHttpSession`."""

    def __init__(self, session: Any) -> None:
        super().__init__()
        self._session = session


def _fields(cookie: Cookie) -> tuple[Any, ...]:
    rest = [(str(key), None if value is None else str(value)) for key, value in cookie._rest.items()]  # type: ignore[attr-defined]
    return (
        cookie.name,
        cookie.value,
        cookie.port,
        (cookie.domain, bool(cookie.domain_specified)),
        (cookie.path, bool(cookie.path_specified)),
        (bool(cookie.secure), None if cookie.expires is None else int(cookie.expires), bool(cookie.discard)),
        (cookie.comment, cookie.comment_url),
        rest,
    )


def _nested(cookies: list[tuple[Any, ...]]) -> dict[str, dict[str, dict[str, Cookie]]]:
    found: dict[str, dict[str, dict[str, Cookie]]] = {}
    for name, value, port, (domain, domain_given), (path, path_given), limits, comments, rest in cookies:
        secure, expires, discard = limits
        cookie = Cookie(
            0,
            name,
            value,
            port,
            port is not None,
            domain,
            domain_given,
            domain.startswith("."),
            path,
            path_given,
            secure,
            expires,
            discard,
            *comments,
            dict(rest),
        )
        found.setdefault(domain, {}).setdefault(path, {})[name] = cookie
    return found
