"""Peers by hand: whoever reaches a master's port, with bytes of their own choice. Run as a program, it floods one."""

from __future__ import annotations

import socket
import struct
import sys
import threading
from typing import Any

import msgpack

GREETING = b"\xff" + b"\0" * 8 + b"\x7f\x03\x01NULL".ljust(55, b"\0")


def introduction(identity: str) -> bytes:
    """What a worker of that identity sends first."""
    properties = b"".join(
        bytes([len(name)]) + name + struct.pack(">I", len(value)) + value
        for name, value in ((b"Socket-Type", b"DEALER"), (b"Identity", identity.encode()))
    )
    ready = b"\x05READY" + properties
    return GREETING + bytes([4, len(ready)]) + ready


def framed(body: bytes) -> bytes:
    """A message of one frame."""
    return (bytes([0, len(body)]) if len(body) < 256 else b"\x02" + struct.pack(">Q", len(body))) + body


def message(kind: str, data: Any, identity: str) -> bytes:
    """A message of Locust's, as it goes over the wire."""
    return framed(msgpack.dumps((kind, data, identity)))


class Peer:
    """A connection to a master."""

    def __init__(self, port: int, identity: str, host: str = "127.0.0.1", seconds: float = 30) -> None:
        self.identity = identity
        self.socket = socket.create_connection((host, port), timeout=seconds)
        self.socket.sendall(introduction(identity))

    def says(self, kind: str, data: Any = None) -> None:
        self.socket.sendall(message(kind, data, self.identity))

    def hears(self) -> tuple[str, Any]:
        """The next message of the master: its type and what it carries."""
        if not hasattr(self, "_file"):
            self._file = self.socket.makefile("rb")
            self._file.read(64)
            self._frame()
        kind, data, _node = msgpack.loads(self._frame(), strict_map_key=False)
        return kind, data

    def _frame(self) -> bytes:
        flags = self._file.read(1)[0]
        length = struct.unpack(">Q", self._file.read(8))[0] if flags & 2 else self._file.read(1)[0]
        return self._file.read(length)

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def flood(port: int, count: int, kind: str, data: Any) -> None:
    """So many peers that send the same message as fast as it is taken, until they are killed."""

    def send(number: int) -> None:
        peer = Peer(port, f"flood_{number}", seconds=600)
        peer.socket.sendall(message("client_ready", -1, peer.identity) if kind == "stats" else b"")
        many = message(kind, data, peer.identity) * 1000
        print("flooding", flush=True)
        while True:
            peer.socket.sendall(many)

    for number in range(count):
        threading.Thread(target=send, args=(number,)).start()


if __name__ == "__main__":
    flood(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], {"state": "ready", "current_cpu_usage": 1.0})
