"""Counts the instructions of whole requests: everything the process does for one, from the script's call to the sample.

    .venv/bin/python bench/path.py            what each shape takes now, beside bench/instructions.json
    .venv/bin/python bench/path.py --write    makes that the baseline

callgrind counts, so the figures are the same however busy the machine is. They belong to one compiler and one Python, which stand
beside them; on others there is nothing to compare. One user, one connection, a server in this process, which is not counted: what
batches of many users save is not in here, and neither are system calls.
"""

from __future__ import annotations

import argparse
import gc
import glob
import gzip
import importlib.metadata
import itertools
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BASELINE = Path(__file__).with_name("instructions.json")
REQUESTS = 200
# Each is counted so often, and the least taken: now and then a second begins in between, with work of its own.
TIMES = 5
# What two counts may be apart: addresses, the seeds of hash tables, and who wakes whom differ from start to start; measured: up to
# 3.5 % for the shortest.
TOLERANCE = 0.05

DOCUMENT = json.dumps(
    {"id": 17, "name": "a name", "tags": ["a", "b", "c"], "items": [{"n": n} for n in range(20)]}
)
PAGE = "".join(f"<p>line {n} of the page with some words</p>" for n in range(2300))[:20_000].encode()
ANSWERS = {
    b"/json": ("application/json", DOCUMENT.encode()),
    b"/page": ("text/html; charset=utf-8", PAGE),
    b"/gzip": ("text/html\r\nContent-Encoding: gzip", gzip.compress(PAGE, 1)),
    b"/": ("text/html", b"<html>hello world</html>\n"),
}


def _json(client: Any) -> None:
    client.get("/json").json()


def _other_json(client: Any) -> None:
    """Documents that have never come before."""
    client.get(f"/json?{next(_numbers)}", name="/json").json()


def _other_gzip(client: Any) -> None:
    assert client.get(f"/gzip?{next(_numbers)}", name="/gzip").content


def _checked(client: Any) -> None:
    with client.get("/json", catch_response=True) as response:
        if response.json()["id"] != 17:
            response.failure("another one")


def _decided(client: Any) -> None:
    with client.get("/json", catch_response=True) as response:
        if response.json()["id"] != 17:
            response.failure("another one")
        else:
            response.success()


_numbers = itertools.count(100_000)
SHAPES: dict[str, Callable[[Any], Any]] = {
    "hello": lambda client: client.get("/"),
    "named": lambda client: client.get("/?page=1", name="/?page=[n]"),
    "post": lambda client: client.post("/", json={"id": 17, "name": "a name"}, headers={"X-Trace": "1"}),
    "form": lambda client: client.post("/", data={"user": "ann", "n": 17}),
    "json": _json,
    "json anew": _other_json,
    "checked": _checked,
    "decided": _decided,
    "text": lambda client: client.get("/page").text,
    "gzip": lambda client: client.get("/gzip").content,
    "gzip anew": _other_gzip,
    "listener": lambda client: client.get("/"),
}


def _listener(request_type: str, name: str, response_time: float, exception: Any, **kwargs: Any) -> None:
    """A listener of the event `request` that does nothing."""


def _other(path: bytes, body: bytes, number: bytes) -> bytes:
    """A page like `body` that only this number has."""
    if path == b"/gzip":
        return gzip.compress(PAGE.replace(b"some words", number), 1)
    return body.replace(b"a name", number)


def serve() -> tuple[str, Callable[[], None]]:
    """A server that answers each request with fixed bytes; its URL, and what ends it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer(connection: socket.socket) -> None:
        with connection:
            unread = b""
            while piece := connection.recv(65536):
                unread += piece
                while (end := unread.find(b"\r\n\r\n")) >= 0:
                    head = unread[:end]
                    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
                    whole = end + 4 + (int(length[1]) if length else 0)
                    if len(unread) < whole:
                        break
                    unread = unread[whole:]
                    path, _, query = head.split(b" ", 2)[1].partition(b"?")
                    kind, body = ANSWERS[path]
                    if query.isdigit():
                        body = _other(path, body, query)
                    connection.sendall(
                        f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                        + body
                    )

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}", listener.close


def child(url: str) -> None:
    """What is counted: makes requests as the lines of standard input say: client, shape and count with tabs between."""
    from locust import FastHttpUser, HttpUser
    from locust.env import Environment

    classes = {
        kind.__name__: type(kind.__name__, (kind,), {"host": url, "abstract": False})
        for kind in (HttpUser, FastHttpUser)
    }
    environment = Environment(user_classes=list(classes.values()))
    environment.create_local_runner()
    users = {name: made(environment) for name, made in classes.items()}

    def make(client: str, shape: str, count: int) -> None:
        call, its = SHAPES[shape], users[client].client
        if shape == "listener":
            environment.events.request.add_listener(_listener)
        for _ in range(count):
            call(its)
        if shape == "listener":
            environment.events.request.remove_listener(_listener)

    for client in users:
        for shape in SHAPES:
            make(client, shape, 60)
    gc.collect()
    gc.disable()
    print("ready", flush=True)
    for line in sys.stdin:
        client, shape, count = line.rstrip("\n").split("\t")
        make(client, shape, int(count))
        print("done", flush=True)
    if environment.stats.num_failures:
        sys.exit("some of the requests failed: nothing of this counts")


def count(python: str = sys.executable) -> dict[str, int]:
    """Instructions per request, by "client shape". `RuntimeError` where they cannot be counted."""
    if not (shutil.which("valgrind") and shutil.which("callgrind_control")):
        raise RuntimeError("there is no valgrind (on Debian the package valgrind)")
    url, close = serve()
    order = [(client, shape) for client in ("HttpUser", "FastHttpUser") for shape in SHAPES]
    with tempfile.TemporaryDirectory(prefix="instructions-") as folder:
        process = subprocess.Popen(
            [
                "valgrind",
                "--tool=callgrind",
                "--instr-atstart=no",
                f"--callgrind-out-file={folder}/out",
                f"--log-file={folder}/log",
                *(python, __file__, "--child", url),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # The order of sets and dictionaries of classes is the same each time, and so is what is looked up when.
            env=os.environ | {"PYTHONHASHSEED": "0"},
        )

        def said(word: str) -> None:
            line = process.stdout.readline().strip()
            if line != word:
                process.kill()
                raise RuntimeError(f"the counted process said {line!r}, not {word!r}")

        def control(*arguments: str) -> None:
            subprocess.run(
                ["callgrind_control", *arguments, str(process.pid)],
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

        said("ready")
        control("-i", "on")
        for client, shape in order:
            for number in [REQUESTS] * TIMES:
                control("-z")
                process.stdin.write(f"{client}\t{shape}\t{number}\n")
                process.stdin.flush()
                said("done")
                control("-d")
        process.stdin.close()
        if process.wait(60) != 0:
            raise RuntimeError("the counted process failed")
        close()
        dumps = [read_total(f"{folder}/out.{n + 1}") for n in range(TIMES * len(order))]
    return {
        f"{client} {shape}": min(dumps[TIMES * index : TIMES * (index + 1)]) // REQUESTS
        for index, (client, shape) in enumerate(order)
    }


def read_total(pattern: str) -> int:
    """The sum of a dump; with several threads its parts are files of their own."""
    total = 0
    for path in glob.glob(pattern) + glob.glob(pattern + "-*"):
        found = re.search(r"^(?:totals|summary): (\d+)", Path(path).read_text(), re.MULTILINE)
        total += int(found[1]) if found else 0
    if not total:
        raise RuntimeError(f"callgrind left no {pattern}")
    return total


def made_by() -> dict[str, str]:
    """What the figures depend on besides our own code."""
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.split()
    versions = {name: importlib.metadata.version(name) for name in ("gevent", "greenlet", "requests")}
    return {"rustc": rustc[1] if rustc else "none", "python": platform.python_version(), **versions}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--child", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true", help=f"keep the figures in {BASELINE.name}")
    options = parser.parse_args()
    if options.child:
        child(options.child)
        return 0
    baseline = json.loads(BASELINE.read_text()) if BASELINE.exists() else {"made_by": {}, "instructions": {}}
    counted = count()
    print(f"{'Instructions per request':30}{'now':>10}{'before':>10}")
    for name, instructions in counted.items():
        before = baseline["instructions"].get(name)
        change = f"{instructions / before - 1:+8.2%}" if before else ""
        print(f"{name:30}{instructions:>10,}{before or 0:>10,}{change}")
    if made_by() != baseline["made_by"]:
        print(f"before: {baseline['made_by']}, now: {made_by()}: not comparable")
    if options.write:
        BASELINE.write_text(json.dumps({"made_by": made_by(), "instructions": counted}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
