"""What can be known before a test: which User classes will have nothing to send, and why."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from . import _shown
from .contrib.fasthttp import FastHttpUser
from .user.users import HttpUser

if TYPE_CHECKING:
    from .env import Environment
    from .user.users import User

_CLIENTS = (HttpUser, FastHttpUser)
_USABLE = re.compile(r"https?://[^/]", re.IGNORECASE)


def of_http(classes: Iterable[type[User]]) -> list[str]:
    """Names of those that send to a host by HTTP, so that it needs a scheme."""
    return [user_class.__name__ for user_class in classes if issubclass(user_class, _CLIENTS)]


def without_host(classes: Iterable[type[User]]) -> list[str]:
    """Names of those that raise when they are made, unless somebody gives them a host."""
    return [
        user_class.__name__
        for user_class in classes
        # One with a constructor or a property of its own may find a host there.
        if issubclass(user_class, _CLIENTS)
        and user_class.__init__ in [client.__init__ for client in _CLIENTS]
        and inspect.getattr_static(user_class, "host") is None
    ]


def complaints(environment: Environment) -> list[str]:
    """A line for each reason for which users of this environment will send nothing. That a class has no tasks is said where
    tasks are filtered."""
    classes = environment.user_classes
    lines = []
    if not environment.host and (names := without_host(classes)):
        lines.append(
            f"There is no host for {_listed(names)}: give one with --host, e.g. -H http://127.0.0.1:5000, or as `host` of "
            "the class"
        )
    for host, names in _hosts(environment).items():
        if not _USABLE.match(host):
            shown = _shown.url(f"http://{host}")
            lines.append(
                f"The host {shown.removeprefix('http://')!r} of {_listed(names)} has no scheme, so requests to relative URLs "
                f"cannot be sent: did you mean '{shown}'?"
            )
    return lines


def _hosts(environment: Environment) -> dict[str, list[str]]:
    """The hosts of HTTP users, each with the names of the classes that have it."""
    hosts: dict[str, list[str]] = {}
    for user_class in environment.user_classes:
        if issubclass(user_class, _CLIENTS):
            host = environment.host or inspect.getattr_static(user_class, "host")
            if isinstance(host, str) and host:
                hosts.setdefault(host, []).append(user_class.__name__)
    return hosts


def _listed(names: list[str]) -> str:
    few = ", ".join(names[:5])
    return few if len(names) <= 5 else f"{few} and {len(names) - 5} more"
