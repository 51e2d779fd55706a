"""What there is on the objects that scripts touch, by introspection: names, and the types of what is behind them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

OBJECTS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "both": {
        "session": lambda s: (s.get("/x"), s)[1],
        "response": lambda s: s.get("/headers"),
        "response of a bad status": lambda s: s.get("/status/404"),
        "response of a redirect": lambda s: s.get("/redirect/302?to=/landed"),
        "response without an answer": lambda s: s.get("http://127.0.0.1:1/"),
        "response of a stream": lambda s: s.get("/chunked", stream=True),
        "caught response": lambda s: s.get("/x", catch_response=True).__enter__(),
        "caught response without an answer": lambda s: s.get("http://127.0.0.1:1/", catch_response=True).__enter__(),
        "request": lambda s: s.post("/d", data="b").request,
        "request of a redirect": lambda s: s.post("/redirect/302?to=/landed", data="b").request,
        "hop": lambda s: s.get("/redirect/302?to=/landed").history[0],
        "headers": lambda s: s.get("/headers").headers,
        "elapsed": lambda s: s.get("/x").elapsed,
        "class of sessions": type,
        "class of responses": lambda s: type(s.get("/x")),
        "class of caught responses": lambda s: type(s.get("/x", catch_response=True).__enter__()),
    },
    "http": {
        "raw": lambda s: s.get("/x").raw,
        "raw of a stream": lambda s: s.get("/chunked", stream=True).raw,
        "cookies": lambda s: (s.get("/cookies?set=a=1"), s.cookies)[1],
        "cookies of a response": lambda s: s.get("/cookies?set=a=1").cookies,
        "headers of a session": lambda s: s.headers,
        "adapter": lambda s: s.get_adapter("http://x"),
        "connection": lambda s: s.get("/x").connection,
        "hop's request": lambda s: s.get("/redirect/302?to=/landed").history[0].request,
        "reply by hand": lambda s: (s.get("/x"), s.send(s.prepare_request(__import__("requests").Request("GET", s.base + "/p"))))[1],
    },
    "fast": {
        "agent": lambda s: s.client,
        "cookiejar": lambda s: s.cookiejar,
        "stream": lambda s: s.get("/chunked", stream=True).stream,
        "error": lambda s: (setattr(s, "kept", s.get("/status/404")), s.kept.error)[1],
        "pool": lambda s: s.client.clientpool,
        "class of agents": lambda s: type(s.client),
        "class of errors": lambda s: type(s.get("http://127.0.0.1:1/")),
    },
}  # fmt: skip

OWN = ("log", "port", "base", "make", "gates", "caught", "fired", "path", "kept")
"""Attributes that the comparison itself has put on the session."""


def cases(client: str) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    for name, find in (OBJECTS["both"] | OBJECTS[client]).items():
        yield name, functools.partial(_surface, find)
        yield f"{name}, imitated", functools.partial(_imitated, find)


def _surface(find: Callable[[Any], Any], s: Any) -> Any:
    thing = find(s)
    return {"": type(thing).__name__} | {
        name: _kind(thing, name) for name in sorted(dir(thing)) if name not in OWN and not _special(name)
    }


def _special(name: str) -> bool:
    return name.startswith("__") and name not in ("__enter__", "__exit__", "__iter__", "__len__", "__bool__")


def _kind(thing: Any, name: str) -> str:
    try:
        value = getattr(thing, name)
    except Exception as error:
        return f"raises {type(error).__name__}"
    if isinstance(thing, type):
        return "method" if callable(value) else "attribute"
    return "method" if inspect.isroutine(value) else type(value).__name__


def _imitated(find: Callable[[Any], Any], s: Any) -> Any:
    """What a mock that is made after the object has, and whether each of its attributes can be patched."""
    thing = find(s)
    imitation = mock.MagicMock(spec=thing)
    names = [name for name in sorted(dir(thing)) if name not in OWN and not name.startswith("_")]
    return {
        name: [hasattr(imitation, name), isinstance(thing, type) and _patchable(thing, name)]
        for name in names
    }


def _patchable(cls: type, name: str) -> bool:
    before = inspect.getattr_static(cls, name)
    with mock.patch.object(cls, name, "mine"):
        if getattr(cls, name) != "mine":
            return False
    return inspect.getattr_static(cls, name) is before
