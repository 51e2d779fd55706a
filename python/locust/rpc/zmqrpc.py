"""The sockets between master and workers: one that listens and one that connects.

On the wire they are ZeroMQ's ROUTER and DEALER, as Locust's are; the engine runs them on threads of its own. Sending hands a message
over, receiving lets other greenlets run until one has arrived.
"""

from __future__ import annotations

import atexit
import time
import weakref
from importlib import import_module
from typing import Any

import gevent
from gevent import get_hub

from locust import _engine
from locust.exception import RPCError, RPCReceiveError, RPCSendError

from .interfaces import addresses_of
from .protocol import Message

# How long the process may take at its end to send what waits, in seconds.
_AT_EXIT = 1.0
# How long messages may be taken without a pause, in seconds. As long as one follows the other nobody waits for anything, and
# the hub with all other greenlets, timers and signals gets no turn.
_WITHOUT_PAUSE = 0.005

_open: weakref.WeakSet[BaseSocket] = weakref.WeakSet()


def __getattr__(name: str) -> Any:
    # Nothing here uses pyzmq. Tests of scripts put something else in the place of its calls, and know it by this name.
    if name == "zmq":
        try:
            return import_module(name)
        except ImportError:
            pass
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class BaseSocket:
    """What both ends have in common. `socket` is the engine's."""

    socket: Any

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self._paused = 0.0
        _open.add(self)

    def close(self, linger: float | None = None) -> None:
        """Closes it. What waits to be sent is sent within `linger` milliseconds; without a number, for as long as it takes."""
        self.socket.close(None if linger is None or linger < 0 else linger / 1000)

    def _next(self) -> Any:
        """What the engine hands over; other greenlets run until there is something, and now and then if there always is."""
        if time.monotonic() - self._paused > _WITHOUT_PAUSE:
            gevent.sleep(0)
            self._paused = time.monotonic()
        try:
            while (arrived := self.socket.receive()) is None:
                self._wait()
                self._paused = time.monotonic()
        except ConnectionError as e:
            raise RPCError("ZMQ network broken") from e
        return arrived

    def _wait(self) -> None:
        hub = get_hub()
        watcher = hub.loop.io(self.socket.fileno(), 1)
        try:
            hub.wait(watcher)
        finally:
            watcher.close()


def _send(send: Any, *arguments: Any) -> None:
    try:
        send(*arguments)
    except (OSError, ValueError) as e:
        raise RPCSendError("ZMQ sent failure") from e


class Server(BaseSocket):
    """The master's end. `host` is an address, a name, an interface (`eth0`), or `*` for all addresses; `port` is the one it
    listens on, also where 0 (any) was asked for.

    Workers on this machine may connect; others have to show `token`, unless the server is `open`.
    """

    def __init__(self, host: str, port: int, token: str | None = None, open: bool = False) -> None:
        try:
            socket = _engine.ClusterServer(addresses_of(host), port, token=token, open_door=open)
        except OSError as e:
            raise RPCError(f"Socket bind failure: {e.strerror or e}") from e
        super().__init__(socket)
        self.port: int = socket.port

    def send_to_client(self, msg: Message) -> None:
        """Sends to the worker of the message's node id. To one that is not connected nothing is sent, without an error."""
        _send(self.socket.send, msg.node_id, msg.serialize())

    def recv_from_client(self) -> tuple[str, Message]:
        """Waits for a message; the identity of the worker it came from, and the message.

        `RPCReceiveError` with the identity as `addr` if it cannot be read, `RPCError` if the socket is closed.
        """
        addr, data, overtook, waited = self._next()
        try:
            message = Message.unserialize(data)
        except Exception as e:
            raise RPCReceiveError("ZMQ interrupted or corrupted message", addr=addr) from e
        message.overtook, message.waited = overtook, waited
        return addr, message

    def backlog(self) -> tuple[int, int, float]:
        """What has arrived and was not received yet: messages, reports among them, and the seconds that the first one waits."""
        backlog: tuple[int, int, float] = self.socket.backlog()
        return backlog

    def is_pending(self, identity: str) -> bool:
        """Whether something that the worker sent has arrived, at this machine at least, and was not received yet."""
        return bool(self.socket.is_pending(identity))


class Client(BaseSocket):
    """A worker's end. It connects, and connects again whenever the connection is lost, for as long as it is open."""

    def __init__(self, host: str, port: int, identity: str, token: str | None = None) -> None:
        super().__init__(_engine.ClusterClient(host, port, identity, token=token))

    def send(self, msg: Message) -> None:
        """Sends to the master, as soon as there is a connection."""
        _send(self.socket.send, msg.serialize())

    def recv(self) -> Message:
        """Waits for a message. `RPCReceiveError` if it cannot be read, `RPCError` if the socket is closed."""
        data = self._next()
        try:
            return Message.unserialize(data)
        except Exception as e:
            raise RPCReceiveError("ZMQ interrupted message") from e


@atexit.register
def _finish() -> None:
    """Sends what waits before the process ends: the last message of a worker says that it quits."""
    sockets = list(_open)
    for socket in sockets:
        socket.socket.close(_AT_EXIT)
    deadline = time.monotonic() + _AT_EXIT
    for socket in sockets:
        socket.socket.finish(max(0.0, deadline - time.monotonic()))
