"""Importing a locustfile and picking out what it defines."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import inspect
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from .._internals import module_attributes
from ..shape import LoadTestShape
from ..user import User


def is_user_class(item: Any) -> bool:
    """Whether `item` is a User class that can be run: one that is not abstract."""
    return inspect.isclass(item) and issubclass(item, User) and item.abstract is False


def is_shape_class(item: Any) -> bool:
    """Whether `item` is a shape class that can be used: one that is not abstract."""
    return inspect.isclass(item) and issubclass(item, LoadTestShape) and not getattr(item, "abstract", True)


def load_locustfile(path: str) -> tuple[dict[str, type[User]], list[LoadTestShape]]:
    """Imports the file and returns its User classes, by the names it gives them, and an instance of each of
    its shapes. Classes that it imported count as its own.

    Raises whatever the file raises. The working directory goes to the front of `sys.path` and stays there;
    the directory of the file is at the front only while it is imported.
    """
    sys.path.insert(0, os.getcwd())
    with _first_on_path(os.path.dirname(path)):
        module = _import(path)
    names = vars(module)
    user_classes = {name: value for name, value in names.items() if is_user_class(value)}
    return user_classes, [value() for value in names.values() if is_shape_class(value)]


def _import(path: str) -> ModuleType:
    name = os.path.splitext(os.path.basename(path))[0]
    if name == "locust":
        name = "locustfile"  # This package has the name already.
    loader = importlib.machinery.SourceFileLoader(name, path)
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None:
        raise ImportError(f"Unable to get module spec for {name} in {path}", name=name, path=path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)
    return module


@contextmanager
def _first_on_path(directory: str) -> Iterator[None]:
    """Puts the directory first, so that the neighbours of a script are found before namesakes elsewhere; puts
    everything back where it was."""
    before = sys.path.index(directory) if directory in sys.path else None
    if before is not None:
        del sys.path[before]
    sys.path.insert(0, directory)
    try:
        yield
    finally:
        if directory in sys.path:
            sys.path.remove(directory)
        if before is not None:
            sys.path.insert(before, directory)


def load_locustfile_pytest(path: str) -> dict[str, type[User]]:
    """Makes a User class of each pytest test function in the file, named after it; their fixtures are those
    of `pytest_locust.plugin` and of the file.

    Empty if pytest is not installed, since then nothing can be such a file. Raises `ValueError` for a
    parameter that is no fixture.
    """
    try:
        import pytest
        from _pytest.config import Config

        from ..user.users import PytestUser
    except ImportError:
        return {}

    # -q: no headings on the terminal. -s: stdin stays ours, for the keys.
    config = Config.fromdictargs({}, ["-q", "-s", path])
    config._do_configure()
    session = pytest.Session.from_config(config)
    config.hook.pytest_sessionstart(session=session)
    session.perform_collect()
    config.hook.pytest_collection_modifyitems(session=session, config=config, items=session.items)

    user_classes: dict[str, Any] = {}
    for function in session.items:
        if not isinstance(function, pytest.Function):
            continue
        _attach_fixture(session, function)
        if function.name not in user_classes:
            user_classes[function.name] = type(
                function.name, (PytestUser,), {"functions": [], "abstract": False}
            )
        user_classes[function.name].functions.append(function)
    return user_classes


def _attach_fixture(session: Any, function: Any) -> None:
    function.kwargs = {}
    for name in inspect.signature(function.obj).parameters:
        fixtures = session._fixturemanager.getfixturedefs(name, function)
        if not fixtures:
            raise ValueError(f"Could not find fixture for parameter {name!r} in {function.name}")
        if len(fixtures) > 1:
            raise ValueError(f"Multiple fixtures found for parameter {name!r} in {function.name}: {fixtures}")
        function.fixturedef = fixtures[0]


__getattr__ = module_attributes(__name__)
