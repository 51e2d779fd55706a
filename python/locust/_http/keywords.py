"""The keyword arguments of requests, for editors and type checkers only: nothing imports this when a test runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any, TypedDict

from requests import Response


class HttpKeywords(TypedDict, total=False):
    """Of `HttpUser.client`: those of `requests.Session.request`, and three of Locust's."""

    params: Any
    headers: Mapping[str, str | bytes | None] | None
    cookies: MutableMapping[str, str] | None
    files: Any
    auth: Any
    timeout: float | tuple[float | None, float | None] | None
    allow_redirects: bool
    proxies: MutableMapping[str, str] | None
    hooks: Mapping[str, Iterable[Callable[[Response], Any]] | Callable[[Response], Any]] | None
    stream: bool | None
    verify: bool | str | None
    cert: str | tuple[str, str] | None
    name: str | None
    catch_response: bool
    context: dict[str, Any]


class HttpBodyKeywords(HttpKeywords, total=False):
    """The same where a body may be given, too."""

    data: Any
    json: Any


class FastKeywords(TypedDict, total=False):
    """Of `FastHttpUser.client`."""

    name: str | None
    catch_response: bool
    stream: bool
    headers: dict[str, str] | None
    auth: tuple[str | bytes, str | bytes] | None
    allow_redirects: bool
    context: dict[str, Any]
    params: dict[str, Any] | None
    files: dict[str, Any] | None


class FastJsonKeywords(FastKeywords, total=False):
    """The same where a JSON body may be given, too."""

    json: Any


class FastBodyKeywords(FastJsonKeywords, total=False):
    """The same where any body may be given."""

    data: str | bytes | dict[str, Any] | None
