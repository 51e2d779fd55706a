"""Locustfiles on their way from a master to workers that were started with `-f -`."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import sys
import tempfile
from typing import Any, NoReturn
from uuid import uuid4

import gevent

import locust

from .. import rpc as transport
from .. import runners
from ..cli.table import exit_code
from ..rpc import Message
from ..util.directory import get_abspaths_in
from ..util.url import is_url
from . import checks
from .access import worker_keywords
from .messages import TRANSPORT_ERRORS

MOST_FILES = 1000
_DISTRIBUTABLE = (
    "locustfile must be a full path to a single locustfile, a comma-separated list of .py files, or a URL for file "
    "distribution to work"
)


# ------------------------------------------------------------------------------------------------------- master


def pack(locustfiles: list[str] | None) -> dict[str, Any]:
    """The answer to a worker that asks for the locustfiles: their texts by name, or an error."""
    if not locustfiles:
        return {"error": f"{_DISTRIBUTABLE} (there is none)"}
    packed: list[Any] = []
    for entry in map(str.strip, locustfiles):
        try:
            packed += _pack(entry)
        except (OSError, UnicodeDecodeError) as e:
            return {"error": f"{_DISTRIBUTABLE} (was '{entry}')", "reason": str(e)}
    return {"locustfiles": packed}


def _pack(entry: str) -> list[Any]:
    if is_url(entry):
        return [entry]
    if os.path.isdir(entry):
        return [packed for path in get_abspaths_in(entry, extension=".py") for packed in _pack(path)]
    with open(entry, encoding="utf-8") as file:
        return [{"filename": os.path.basename(entry), "contents": file.read()}]


# ------------------------------------------------------------------------------------------------------- worker


def fetch(host: str, port: int) -> list[str]:
    """Gets the locustfiles from the master, waiting for it if need be, and returns their paths (or URLs).

    Ends the program if the master has none to give or does not answer.
    """
    return _unpack(_ask(host, port))


def _ask(host: str, port: int) -> dict[Any, Any]:
    identity = f"{socket.gethostname()}_download_locustfile_{uuid4().hex}"
    client = transport.rpc.Client(host, port, identity, **worker_keywords())
    asking = gevent.spawn(_ask_on, client, identity)
    telling = gevent.spawn(_tell_on)
    patience = runners.CONNECT_TIMEOUT * runners.CONNECT_RETRY_COUNT
    try:
        answer = gevent.spawn(client.recv).get(timeout=patience)
    except gevent.Timeout:
        _stop(f"Got no locustfile response from master, gave up after {patience}s")
    except TRANSPORT_ERRORS as e:
        _stop(f"Could not get the locustfile from the master: {e}")
    finally:
        gevent.killall([asking, telling])
        client.close()
    if answer.type != "locustfile" or not isinstance(answer.data, dict):
        _stop(f"Got wrong message type from master {answer.type}")
    if "error" in answer.data:
        _stop(f"Got error from master: {answer.data['error']}")
    return answer.data


def _ask_on(client: Any, identity: str) -> NoReturn:
    while True:
        try:
            client.send(Message("locustfile", {"version": locust.__version__}, identity))
        except TRANSPORT_ERRORS as e:
            sys.stderr.write(f"Could not ask the master for the locustfile: {e}\n")
        gevent.sleep(1)


def _tell_on() -> NoReturn:
    gevent.sleep(10)
    while True:
        sys.stderr.write("Waiting to connect to master to receive locustfile...\n")
        gevent.sleep(60)


def _unpack(data: dict[Any, Any]) -> list[str]:
    """Writes the files into a directory of their own, which is removed at exit."""
    sources = data.get("locustfiles")
    if not isinstance(sources, list) or not sources or len(sources) > MOST_FILES:
        _stop("Got no locustfiles from the master")
    directory = tempfile.mkdtemp(prefix="locustfile-")
    _remove_at_exit(directory)
    paths: list[str] = []
    for source in sources:
        path = source if isinstance(source, str) else _write(source, directory)
        if path not in paths:
            paths.append(path)
    return paths


def _write(source: Any, directory: str) -> str:
    try:
        name = checks.text(checks.mapping(source), "filename")
        contents = checks.text(source, "contents", most=sys.maxsize)
    except checks.Malformed as e:
        _stop(f"Got a locustfile from the master that is none: {e}")
    # The name is the master's choice, the place is not.
    if os.path.basename(name) != name or name in ("", ".", ".."):
        _stop(f"Got a locustfile from the master with a name that is none: {name!r}")
    path = os.path.join(directory, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(contents)
    return path


def _remove_at_exit(directory: str) -> None:
    owner = os.getpid()

    def remove() -> None:
        # Not by forked processes, which use it too.
        if os.getpid() == owner:
            shutil.rmtree(directory, ignore_errors=True)

    atexit.register(remove)


def _stop(message: str) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    raise SystemExit(exit_code("STARTUP"))
