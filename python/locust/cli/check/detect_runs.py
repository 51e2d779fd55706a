"""What a script does with users, runs, statistics and names of Locust itself."""

from __future__ import annotations

import ast
import importlib
import re
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from ... import _internals
from .detect_requests import Found, assigned, patch_target
from .source import Source, keyword, shown

_USERS = {"User", "HttpUser", "FastHttpUser"}


def stop_test(source: Source) -> Found:
    """`raise StopTest`."""
    for node in source.walk():
        if isinstance(node, ast.Raise) and node.exc is not None:
            raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            if source.resolve(raised) == "locust.exception.StopTest":
                yield "stop-test", node, "raise StopTest"


def greenlets(source: Source) -> Found:
    """Greenlets of users."""
    for node in source.walk():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "start":
            group = shown(node.args[0]) if len(node.args) == 1 else ""
            used = not isinstance(source.parent(node), ast.Expr)
            if group.endswith("user_greenlets") and used:
                yield "greenlet-of-start", node, shown(node)
        elif isinstance(node, ast.Attribute) and node.attr == "greenlet" and _is_user(source, node.value):
            yield "own-greenlet", node, shown(node)


def _is_user(source: Source, node: ast.expr) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr == "user" and isinstance(node.value, ast.Name) and node.value.id == "self"
    if not (isinstance(node, ast.Name) and node.id == "self"):
        return False
    around = source.inside(node, ast.ClassDef)
    return isinstance(around, ast.ClassDef) and bool(source.bases(around) & _USERS)


def events(source: Source) -> Found:
    """Own sets of hooks, and request events that say something impossible."""
    for node in source.walk():
        if isinstance(node, ast.ClassDef) and "Events" in source.bases(node):
            if any(isinstance(entry, ast.AnnAssign) for entry in node.body):
                yield "annotated-events", node, f"class {node.name}"
        elif isinstance(node, ast.Call) and shown(node.func).endswith("request.fire"):
            yield from _event_values(node)


def _event_values(call: ast.Call) -> Found:
    for name, allowed in (
        ("response_time", (int, float, type(None))),
        ("response_length", (int, float)),
        ("request_type", (str,)),
        ("name", (str,)),
    ):
        value = keyword(call, name)
        if (
            isinstance(value, ast.Constant) and not isinstance(value.value, allowed)
        ) or _is_none_where_refused(name, value):
            yield "request-event-types", value, f"{name}={shown(value)}"


def _is_none_where_refused(name: str, value: ast.expr | None) -> bool:
    return name == "response_length" and isinstance(value, ast.Constant) and value.value is None


def statistics(source: Source) -> Found:
    """Numbers that are not quite the same."""
    for node in source.walk():
        if isinstance(node, ast.Assign):
            if (
                isinstance(node.value, ast.Attribute)
                and node.value.attr in ("response_times", "num_reqs_per_sec", "num_fail_per_sec")
                and any(isinstance(target, ast.Attribute) for target in node.targets)
            ):
                yield "kept-response-times", node, shown(node)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            if node.attr in ("current_rps", "current_fail_per_sec"):
                yield "current-rate", node, shown(node)
            elif node.attr == "current_cpu_usage":
                yield "cpu-usage", node, shown(node)


def names(source: Source) -> Found:
    """Names of Locust that a script imports or uses and that are not there. What Locust does not have either is no difference."""
    reported: set[str] = set()
    for node in source.walk():
        wanted: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            if node.module.partition(".")[0] == "locust":
                wanted = [f"{node.module}.{alias.name}" for alias in node.names if alias.name != "*"]
        elif isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names if alias.name.partition(".")[0] == "locust"]
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            if (source.resolve(node) or "").startswith("locust."):
                wanted = [source.resolve(node) or ""]
        for name in wanted:
            missing = _missing(name)
            if missing in lacking() and missing not in reported:
                reported.add(missing)
                yield "internal-name", node, missing


@cache
def lacking() -> frozenset[str]:
    """Names that Locust has and we do not (compat/golden/lacking.py writes the list)."""
    return frozenset(Path(__file__).with_name("lacking.txt").read_text(encoding="utf-8").split())


def steps(source: Source) -> Found:
    """Methods that a script gives a class of Locust, or puts in the place of its own, and that nothing here calls."""
    for node in source.walk():
        if isinstance(node, ast.ClassDef):
            for base in node.bases:
                yield from _overridden(node, _value(source.resolve(base)))
        for target in assigned(node):
            if isinstance(target, ast.Attribute) and (name := source.resolve(target)):
                yield from _replaced(node, name)
        if isinstance(node, ast.Call) and (name := patch_target(source, node)):
            yield from _replaced(node, name)


def _overridden(node: ast.ClassDef, base: Any) -> Found:
    if not isinstance(base, type):
        return
    for method in node.body:
        name = getattr(method, "name", None)
        if name in _not_called(base):
            yield "not-called", method, f"{node.name}.{name}"


def _replaced(node: ast.AST, name: str) -> Found:
    owner, _, attribute = name.rpartition(".")
    if not owner.startswith("locust"):
        return
    value = _value(owner)
    internal = isinstance(value, ModuleType) and attribute in _internals.elsewhere(owner)
    if name in lacking() or internal or (isinstance(value, type) and attribute in _not_called(value)):
        yield "not-called", node, f"{name} is replaced"


def _not_called(cls: type) -> tuple[str, ...]:
    """The names on a class of ours that nothing calls."""
    return getattr(cls, "not_called", ())


def _value(dotted: str | None) -> Any:
    """What a dotted name of ours stands for; None if it stands for nothing."""
    if dotted is None or not dotted.startswith("locust"):
        return None
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            value: Any = importlib.import_module(".".join(parts[:cut]))
        except Exception:
            continue
        for part in parts[cut:]:
            value = getattr(value, part, None)
        return value
    return None


def _missing(dotted: str) -> str | None:
    """The first part of the name that is not there, if it is a name of a module of ours; attributes of anything else are
    not judged."""
    parts = dotted.split(".")
    try:
        value: object = importlib.import_module(parts[0])
    except ImportError:
        return None
    for number, part in enumerate(parts[1:], 2):
        if not isinstance(value, ModuleType):
            return None
        name = ".".join(parts[:number])
        if hasattr(value, part):
            value = getattr(value, part)
            continue
        try:
            value = importlib.import_module(name)
        except ModuleNotFoundError as error:
            # A library that one of our modules needs is another matter.
            return name if error.name == name or not hasattr(value, "__path__") else None
        except Exception:
            return None
    return None


# Calls that ask for an installed distribution by its name.
_ASKS_FOR_DISTRIBUTION = {
    "importlib.metadata.distribution",
    "importlib.metadata.metadata",
    "importlib.metadata.requires",
    "importlib.metadata.version",
    "pkg_resources.get_distribution",
    "pkg_resources.require",
}


def surroundings(source: Source) -> Found:
    """Things around a script that are not where Locust has them."""
    for node in source.walk():
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if "window.templateArgs" in node.value and not isinstance(source.parent(node), ast.Expr):
                yield "page-data", node, "window.templateArgs"
        elif isinstance(node, ast.Call) and source.resolve(node.func) in _ASKS_FOR_DISTRIBUTION:
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and re.match(r"locust\b(?!-)", str(first.value)):
                yield "distribution", node, shown(node)


def weights(source: Source) -> Found:
    """Weights of tasks with a fraction."""
    for node in source.walk():
        if isinstance(node, ast.Call) and source.resolve(node.func) in (
            "locust.task",
            "locust.user.task.task",
        ):
            given = [*node.args[:1], keyword(node, "weight")]
        elif isinstance(node, ast.Assign) and isinstance(source.parent(node), ast.ClassDef):
            given = _weights_of_tasks(node)
        else:
            continue
        for value in given:
            if isinstance(value, ast.Constant) and isinstance(value.value, float):
                yield "float-weight", value, f"weight {shown(value)}"


def _weights_of_tasks(node: ast.Assign) -> list[ast.expr | None]:
    if not any(isinstance(target, ast.Name) and target.id == "tasks" for target in node.targets):
        return []
    if isinstance(node.value, ast.Dict):
        return list(node.value.values)
    if isinstance(node.value, ast.List | ast.Tuple):
        return [
            entry.elts[1]
            for entry in node.value.elts
            if isinstance(entry, ast.Tuple) and len(entry.elts) == 2
        ]
    return []


ALL = (surroundings, weights, stop_test, greenlets, events, statistics, names, steps)
