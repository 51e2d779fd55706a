"""Bodies that come again: what was made of one serves for the next with the same bytes, and for no other."""

from __future__ import annotations

import locust  # noqa: F401  (patches before anything else is imported)

# isort: split
import gzip
import random
import zlib
from typing import Any

import pytest
from http_recording import RecordingServer
from http_sessions import opened

from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession


def _bodies(chance: random.Random) -> list[bytes]:
    """Packed bodies, whole and damaged, many of one length and with one trailer."""
    bodies = []
    for number in range(12):
        plain = b"".join(b"line %d of page %d\n" % (line, number) for line in range(chance.randrange(1, 200)))
        packed = bytearray(gzip.compress(plain, chance.randrange(10), mtime=0))
        bodies.append(bytes(packed))
        for _ in range(2):
            damaged = packed[:]
            damaged[chance.randrange(10, len(packed) - 8)] ^= 1 << chance.randrange(8)
            bodies.append(bytes(damaged))
    # Longer than what is kept, packed and unpacked.
    bodies.append(gzip.compress(chance.randbytes(100_000), mtime=0))
    bodies.append(gzip.compress(bytes(600_000), mtime=0))
    return bodies


def _unpacked(body: bytes) -> bytes | None:
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error):
        return None


@pytest.mark.parametrize("client", [HttpSession, FastHttpSession])
def test_what_comes_again_is_what_it_was(client: Any, recording: RecordingServer) -> None:
    chance = random.Random(20261130)
    session = opened(client, recording)
    bodies = _bodies(chance)
    whole = 0
    first: dict[bytes, Any] = {}
    for _ in range(600):
        body = chance.choice(bodies[: chance.choice((3, 9, len(bodies)))])
        response = session.post("/echo?encoding=packed", data=body)
        outcome: Any
        try:
            outcome = (response.status_code, response.content, str(response.error))
        except (OSError, zlib.error) as error:
            outcome = repr(error)
        # What it was the first time, damaged ones included.
        assert first.setdefault(body, outcome) == outcome
        if (expected := _unpacked(body)) is not None:
            assert outcome == (200, expected, "None")
            whole += 1
    assert whole > 150 and len(first) > 20
