"""Streamed answers, read in every way, as with Locust: the pieces, and when each of them comes out. `make test-http-all`: all cases."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import http_streams
import pytest

from servers import ROOT, clean_environment

SCRIPT = Path(http_streams.__file__)
ORACLE = os.environ.get("GREGARIA_ORACLE", str(ROOT / ".venv-oracle" / "bin" / "locust"))
EACH = 1 if os.environ.get("GREGARIA_HTTP_ALL") else 8
"""Of how many cases one is tried."""

PAUSES = (0.1, 0.4, 1.5, 4.0)
"""Seconds between what the server writes; the longer ones for what a busy machine has delayed."""

AS_IT_COMES = ("raw.read1", "raw.read1 5", "raw.read1 decoded", "raw.readline")
"""Ways whose pieces depend on what the kernel hands over at once."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = subprocess.Popen(
        [sys.executable, SCRIPT, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdin is not None and server.stdout is not None
    yield int(server.stdout.readline())
    server.stdin.close()
    server.wait(timeout=30)
    server.stdout.close()


def read(python: Path | str, client: str, port: int, pause: float, cases: list[int]) -> dict[str, Any]:
    done = subprocess.run(
        [python, SCRIPT, "read", client, str(port), str(pause)],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        env=clean_environment(),
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def joined(seen: list[Any]) -> list[Any]:
    """With what came in one pause as one piece."""
    out: list[Any] = []
    for when, pieces in itertools.groupby(seen[:-1], key=lambda piece: piece[0]):
        out.append([when, "".join(piece for _, piece in pieces)])
    return [*out, seen[-1]]


def same(client: str, way: str, ours: list[Any], theirs: list[Any]) -> bool:
    if client == "fast" and way.startswith(http_streams.EARLIER):
        return not_later(ours, theirs)
    if way in AS_IT_COMES:
        return joined(ours) == joined(theirs)
    return ours == theirs


def as_sent(piece: str) -> bytes:
    """The bytes of a piece, which geventhttpclient makes text of where it is UTF-8: so the whole may stay what its parts do not."""
    try:
        return piece.encode("latin-1")
    except UnicodeEncodeError:
        return piece.encode()


def not_later(ours: list[Any], theirs: list[Any]) -> bool:
    """Whether all that Locust's client hands out comes out here by then. What it has taken in and waits for more of it keeps."""
    text, their_text = (b"".join(as_sent(piece) for _, piece in seen[:-1]) for seen in (ours, theirs))
    if (ours[-1][-1] == "the end" and text != their_text) or not text.startswith(their_text):
        return False
    arrived = [when for when, piece in ours[:-1] for _ in as_sent(piece)]
    asked = [when for when, piece in theirs[:-1] for _ in as_sent(piece)]
    return ours[-1][1:] == theirs[-1][1:] and all(a <= b for a, b in zip(arrived, asked, strict=False))


@pytest.mark.timeout(900 if EACH == 1 else 200)
@pytest.mark.parametrize("client", ["http", "fast"])
def test_streams_come_out_as_with_locust_and_when_they_do(client: str, port: int) -> None:
    python = Path(ORACLE).parent / "python"
    if ORACLE == "none":
        pytest.skip("no Locust to compare with")
    every = http_streams.cases(client)
    left = list(range(0, len(every), EACH))
    for pause in PAUSES:
        with ThreadPoolExecutor(2) as threads:
            asked = [threads.submit(read, by, client, port, pause, left) for by in (sys.executable, python)]
            ours, theirs = (answers.result() for answers in asked)
        left = [case for case in left if not same(client, every[case][0], ours[str(case)], theirs[str(case)])]
    assert not left, "\n".join(
        f"{every[case]}\n  ours   {str(ours[str(case)])[:500]}\n  theirs {str(theirs[str(case)])[:500]}"
        for case in left[:5]
    )
