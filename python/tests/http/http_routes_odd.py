"""Answers that are odd in what they say of their length or encoding."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from typing import Any


def add(route: Callable[[str], Any]) -> None:
    """Adds them to the recording server."""

    @route("/identity")
    def _identity(x: Any) -> None:
        x.answer("200 OK", b"abc", "Transfer-Encoding: identity")

    @route("/coded")
    def _coded(x: Any) -> None:
        x.answer("200 OK", b"abc", "Transfer-Encoding: gzip")
        x.hang_up()

    @route("/odd-length")
    def _odd_length(x: Any) -> None:
        """/odd-length?is=LENGTH"""
        x.answer("200 OK", b"abcdef", f"Content-Length: {x.query['is']}", length=False)
        x.hang_up()

    @route("/cut-encoded")
    def _cut_encoded(x: Any) -> None:
        """/cut-encoded?by=BYTES&as=ENCODING"""
        packer = zlib.compressobj(9, zlib.DEFLATED, 31 if x.query["as"] == "gzip" else 15)
        body = packer.compress(b"hello gzip " * 1000) + packer.flush()
        x.answer("200 OK", body[: -int(x.query["by"])], f"Content-Encoding: {x.query['as']}")

    @route("/unread")
    def _unread(x: Any) -> None:
        # The body is left where it is.
        time.sleep(1.5)
        x.hang_up(reset=True)

    @route("/two-lengths")
    def _two_lengths(x: Any) -> None:
        x.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 4\r\n\r\nbody")
