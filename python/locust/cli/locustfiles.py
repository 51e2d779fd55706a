"""The scripts to run: from the value of `-f` to the classes that they define."""

from __future__ import annotations

import ast
import atexit
import inspect
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NoReturn
from urllib.parse import unquote, urljoin, urlparse

import gevent
import requests

from .. import _shown
from ..util.directory import get_abspaths_in
from ..util.load_locustfile import load_locustfile, load_locustfile_pytest
from ..util.url import is_url
from .table import exit_code

# A locustfile is a page of text; what is larger or slower than this is not one.
DOWNLOAD_LIMIT_BYTES = 10 * 1024 * 1024
DOWNLOAD_CONNECT_SECONDS = 10.0
DOWNLOAD_TOTAL_SECONDS = 60.0


@dataclass
class Definitions:
    """What all locustfiles together define, in the order of definition."""

    user_classes: dict[str, type] = field(default_factory=dict)
    shapes: dict[str, Any] = field(default_factory=dict)
    user_tasks: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def shape(self) -> Any | None:
        """The shape to follow: the first."""
        return next(iter(self.shapes.values()), None)

    def add_users(self, user_classes: dict[str, type]) -> None:
        """Adds User classes; ends the program if two files define different ones under one name."""
        for name, user_class in user_classes.items():
            if known := self.user_classes.get(name):
                before, now = inspect.getfile(known), inspect.getfile(user_class)
                if before != now:
                    _stop(f"Duplicate user class names: {name} is defined in both {before} and {now}")
                continue  # One file imported the other.
            self.user_classes[name] = user_class
            self.user_tasks[name] = user_class.tasks  # type: ignore[attr-defined]

    def add_shapes(self, shapes: list[Any]) -> None:
        """Adds shapes; ends the program if two files define different ones under one name."""
        for shape in shapes:
            name = type(shape).__name__
            if known := self.shapes.get(name):
                if inspect.getfile(type(known)) != inspect.getfile(type(shape)):
                    _stop(f"Duplicate shape classes: {name}")
                continue
            self.shapes[name] = shape


def load(paths: list[str]) -> Definitions:
    """Imports the locustfiles and collects what they define.

    Ends the program if one cannot be imported; of the traceback it shows the part that is the script's.
    Files without any User class are read as pytest modules.
    """
    found = Definitions()
    for path in paths:
        user_classes, shapes = _import(load_locustfile, path)
        found.add_shapes(shapes)
        found.add_users(user_classes)
    if not found.user_classes:
        for path in paths:
            found.add_users(_import(load_locustfile_pytest, path))
    return found


def _import(loader: Callable[[str], Any], path: str) -> Any:
    try:
        return loader(path)
    except Exception as e:
        traceback.print_exception(e.with_traceback(part_of_script(e.__traceback__, path)))
        raise SystemExit(exit_code("STARTUP")) from None


def part_of_script(tb: TracebackType | None, path: str) -> TracebackType | None:
    """The part of the traceback that begins in the script: how we came to import it is not its author's
    business. What does not even compile has no part of its own; its message names the line."""
    while tb is not None and tb.tb_frame.f_code.co_filename != path:
        tb = tb.tb_next
    return tb


def parse_locustfile_paths(paths: list[str]) -> list[str]:
    """The files that the entries of `-f` stand for, in order.

    An entry is a URL, a directory or a `.py` file. Ends the program with exit code 1 if there is none there.
    """
    return [file for path in paths for file in _resolve(path)]


def _resolve(path: str) -> list[str]:
    if is_url(path):
        return [download_locustfile_from_url(path)]
    if os.path.isdir(path):
        return get_abspaths_in(path, extension=".py") or _stop(
            f"Could not find any locustfiles in directory '{path}'"
        )
    if os.path.exists(path) and path.endswith(".py"):
        return [os.path.abspath(path)]
    _stop(
        f"Could not find '{path}'. Ensure your locustfile ends with '.py' or is a directory with "
        "locustfiles. See --help for available options."
    )


def download_locustfile_from_url(url: str) -> str:
    """Fetches a script into a directory of its own, which is removed at exit, and returns its path.

    Ends the program with exit code 1 if there is no script of a sensible size within a sensible time.
    """
    try:
        source = _download(url)
    except (requests.exceptions.RequestException, _DownloadError) as e:
        _stop(_shown.url(f"Failed to get locustfile from: {url}. Exception: {e}"))
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        shown = source[:100].decode(errors="replace")
        _stop(
            f"Failed to get locustfile from: {_shown.url(url)}. Response was not valid python code: '{shown}'"
        )
    # A directory that only we can write to: the name is the server's choice, the place is not.
    directory = tempfile.mkdtemp(prefix="locustfile-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    name = os.path.basename(unquote(urlparse(url).path)) or "locustfile.py"
    path = os.path.join(directory, name)
    with open(path, "wb") as file:
        file.write(source)
    return path


class _DownloadError(Exception):
    pass


class _Downloads(requests.Session):
    """Follows no redirect from https down to http: what it leads to will be run, and anybody on the way could replace it."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Where a redirect leads."""
        target = super().get_redirect_target(resp)
        is_safe = urlparse(str(resp.url)).scheme == "https"
        if target and is_safe and urlparse(urljoin(str(resp.url), target)).scheme == "http":
            raise _DownloadError(
                f"it redirects from https to {_shown.url(target)}, where others could change it"
            )
        return target


def _download(url: str) -> bytes:
    received = bytearray()
    too_long = _DownloadError(f"not finished after {DOWNLOAD_TOTAL_SECONDS:g} seconds")
    # Around everything: a server that sends a byte now and then keeps a single read going for ever.
    with (
        gevent.Timeout(DOWNLOAD_TOTAL_SECONDS, too_long),
        _Downloads() as session,
        session.get(url, stream=True, timeout=DOWNLOAD_CONNECT_SECONDS) as response,
    ):
        response.raise_for_status()
        for chunk in response.iter_content(64 * 1024):
            received += chunk
            if len(received) > DOWNLOAD_LIMIT_BYTES:
                raise _DownloadError(f"more than {DOWNLOAD_LIMIT_BYTES} bytes")
    return bytes(received)


def _stop(message: str) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    raise SystemExit(exit_code("STARTUP"))
