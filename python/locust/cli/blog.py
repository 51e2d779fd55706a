"""`gregaria blog`: serves the sample blog of the package, to practise on."""

from __future__ import annotations

import argparse
import sys

import gevent

from .. import _engine
from .subcommands import PROGRAM
from .table import exit_code

COMMAND = "blog"


def command(args: list[str]) -> int:
    """The subcommand; returns its exit code."""
    try:
        serve(args)
    except OSError as e:
        sys.stderr.write(f"{PROGRAM}: error: {e}\n")
        return exit_code("STARTUP")
    return exit_code("OK")


def serve(args: list[str]) -> None:
    """Serves the blog until Ctrl-C. Raises `OSError` if the address cannot be had, `SystemExit` for bad
    arguments."""
    parser = argparse.ArgumentParser(
        prog=f"{PROGRAM} {COMMAND}", description="Serve the sample blog until Ctrl-C."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--port", type=int, default=5000, help="port, 0 for any (default %(default)s)")
    where = parser.parse_args(args)
    if not 0 <= where.port <= 65535:
        parser.error(f"argument --port: not a port: {where.port}")
    try:
        server = _engine.serve_blog(where.host, where.port)
    except OSError as e:
        raise OSError(
            f"cannot serve the blog at {where.host}:{where.port}: {e}. --port and --host take another address"
        ) from e
    with server as blog:
        print(f"The sample blog is at {blog.url} (Ctrl-C ends it).", flush=True)
        try:
            while True:
                gevent.sleep(3600)
        except KeyboardInterrupt:
            print()
