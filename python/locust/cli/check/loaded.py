"""What shows only after the import: classes as they came out, and functions that were replaced."""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from collections.abc import Iterator
from typing import Any

from .finding import Finding

# What imports of scripts replace, with or without naming it: (module, attributes, rule).
_WATCHED = (
    ("socket", "getaddrinfo", "name-resolution"),
    ("urllib3.util.connection", "create_connection", "name-resolution"),
    ("urllib3.util.connection", "allowed_gai_family", "name-resolution"),
    ("socket", "create_connection", "below-requests"),
    ("socket", "socket", "below-requests"),
    ("http.client", "HTTPConnection", "below-requests"),
    ("requests.adapters", "HTTPAdapter.send", "below-requests"),
    ("urllib3.connectionpool", "HTTPConnectionPool.urlopen", "below-requests"),
    ("ssl", "SSLContext", "replaced-certificates"),
)


def watched() -> dict[str, Any]:
    """The present values of what is watched, by name."""
    values = {}
    for module, path, _rule in _WATCHED:
        loaded = importlib.import_module(module)
        values[f"{module}.{path}"] = functools.reduce(
            lambda owner, name: inspect.getattr_static(owner, name), path.split("."), loaded
        )
    return values


def replaced(before: dict[str, Any], script: str) -> Iterator[Finding]:
    """What is not as it was."""
    after = watched()
    for module, path, rule in _WATCHED:
        name = f"{module}.{path}"
        if after[name] is not before[name]:
            yield Finding(*_place(after[name], script), rule, f"{name} is replaced")


def _place(value: Any, script: str) -> tuple[str, int]:
    """Where the value was defined; the script's first line if nobody can tell."""
    try:
        value = inspect.unwrap(value)
        return inspect.getsourcefile(value) or script, inspect.getsourcelines(value)[1]
    except (TypeError, OSError, ValueError):
        return script, 1


def classes(user_classes: dict[str, type], script: str) -> Iterator[Finding]:
    """What the classes to be run look like."""
    seen: set[Any] = set()
    waiting: list[Any] = list(user_classes.values())
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        tasks = list(getattr(one, "tasks", None) or ())
        waiting += [task for task in tasks if inspect.isclass(task)]
        yield from _overridden(one, tasks, script)
        if not tasks and one in user_classes.values() and _draws_from_tasks(one):
            yield Finding(*_place(one, script), "no-tasks", f"class {one.__name__}")


def _draws_from_tasks(user_class: Any) -> bool:
    from ...user import User

    return user_class.run is User.run


def _overridden(one: Any, tasks: list[Any], script: str) -> Iterator[Finding]:
    by_name: dict[str, Any] = {}
    for task in dict.fromkeys(tasks):
        name = getattr(task, "__name__", "")
        base = by_name.setdefault(name, task)
        # Two functions of one name are an override only if the class has just one of them.
        if base is not task and inspect.getattr_static(one, name, None) is task:
            yield Finding(*_place(task, script), "overridden-task", f"{one.__name__}.{name}")


def own_files(script: str, before: set[str], roots: list[str]) -> list[str]:
    """The script, and the modules it has imported that lie beside it: they are as much the author's."""
    files = [script]
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if name in before or not isinstance(path, str) or not path.endswith(".py") or path in files:
            continue
        if "site-packages" in path or "dist-packages" in path:
            continue
        if any(path.startswith(root.rstrip("/") + "/") for root in roots):
            files.append(path)
    return files
