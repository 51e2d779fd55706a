"""What the sessions of both clients share: where a URL leads, what a request is called, whose connections it takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlparse, urlunparse

from .. import _engine
from .steps import Watched

absolute_http_url_regexp = re.compile(r"^https?://", re.IGNORECASE)

# Connections that sessions share because a script gave them one library's pool, by its id; the pool is kept so that the
# id stays its own.
_shared_pools: dict[int, tuple[Any, _engine.SharedPool]] = {}


def shared_pool(library_pool: Any, keep: int, limit: int | None) -> _engine.SharedPool | None:
    """The engine's connections in place of a pool of urllib3 or geventhttpclient; None without one.

    :param keep: how many are kept to each host
    :param limit: how many there may be at a time
    """
    if library_pool is None:
        return None
    known = _shared_pools.get(id(library_pool))
    if known is None:
        known = _shared_pools[id(library_pool)] = (library_pool, _engine.SharedPool(keep, limit))
    return known[1]


@lru_cache(maxsize=64)
def split_credentials(base_url: str) -> tuple[str, str | None, str | None]:
    """`base_url` without a user and password in it, and those, decoded."""
    parsed = urlparse(base_url)
    if not (parsed.username and parsed.password):
        return base_url, None, None
    # What follows the last @ is kept as it is: an IPv6 host has its brackets there.
    bare = parsed._replace(netloc=parsed.netloc.rpartition("@")[2])
    return str(urlunparse(bare)), unquote(parsed.username), unquote(parsed.password)


class SessionBase(_engine.SessionCore, metaclass=Watched):
    """A native session with what Python adds to it, whichever library it follows."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "request":
            # Plugins put a function of their own in its place; the verbs have to go through it then.
            self._touch(replaced=True)

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        if name == "request":
            self._touch(replaced=False)

    def _build_url(self, path: Any) -> str:
        """`path` appended to `base_url`, unless it is a whole URL; a TypeError if it is no text."""
        return path if absolute_http_url_regexp.match(path) else f"{self.base_url}{path}"

    @contextmanager
    def rename_request(self, name: str) -> Iterator[None]:
        """Counts the requests of a with-block under `name`."""
        self.request_name = name
        try:
            yield
        finally:
            self.request_name = None
