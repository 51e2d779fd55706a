"""Peers by hand: whoever reaches a master's port, with bytes of their own choice. Run as a program, it floods one."""

from __future__ import annotations

import socket
import struct
import sys
import threading
from pathlib import Path
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
        many = message(kind, data, peer.identity) * 1000
        print("flooding", flush=True)
        while True:
            peer.socket.sendall(many)

    for number in range(count):
        threading.Thread(target=send, args=(number,)).start()


def overload(port: int, count: int, reports: int, file: str) -> None:
    """So many workers that send so many reports as fast as they are taken, and say goodbye when they are told to."""
    data = msgpack.loads(Path(file).read_bytes(), strict_map_key=False)

    def work(number: int) -> None:
        peer = Peer(port, f"busy_{number}", seconds=600)
        peer.says("client_ready", -1)
        peer.hears()
        report = message("stats", data, peer.identity)
        beat = message("heartbeat", {"state": "running", "current_cpu_usage": 1.0}, peer.identity)
        for sent in range(reports):
            peer.socket.sendall(report + beat)
            if sent == 100:
                print("on its way", flush=True)
        print("all is sent", flush=True)
        while peer.hears()[0] != "quit":
            pass
        peer.says("quit")
        # Closed at once it would be reset, with answers unread, and what is on its way would be lost.
        peer.socket.shutdown(socket.SHUT_WR)
        while peer.socket.recv(1 << 16):
            pass
        print("goodbye", flush=True)

    for number in range(count):
        threading.Thread(target=work, args=(number,)).start()


def loiter(port: int, count: int) -> None:
    """So many that connect, greet and say no more; who is sent away comes back at once."""

    def stay(first: list[bool]) -> None:
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port)) as stranger:
                    stranger.sendall(GREETING)
                    if first:
                        print("loitering", flush=True)
                        first.clear()
                    while stranger.recv(1 << 10):
                        pass
            except OSError:
                pass

    threading.stack_size(128 << 10)
    for _ in range(count):
        threading.Thread(target=stay, args=([True],)).start()


if __name__ == "__main__":
    what, port, count, *rest = sys.argv[1:]
    if what == "overload":
        overload(int(port), int(count), int(rest[0]), rest[1])
    elif what == "loiter":
        loiter(int(port), int(count))
    else:
        flood(int(port), int(count), what, {"state": "ready", "current_cpu_usage": 1.0})
