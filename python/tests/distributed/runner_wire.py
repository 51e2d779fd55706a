"""The other side of a master or a worker as a queue, without a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
from gevent.queue import Queue

from locust import User, constant, task
from locust.rpc import Message
from locust.stats import RequestStats


def until(condition: Callable[[], Any]) -> None:
    with gevent.Timeout(30):
        while not condition():
            gevent.sleep(0.001)


class Wire:
    """Stands for both ends of the transport."""

    port = 5557

    def __init__(self) -> None:
        self.arriving: Queue[Any] = Queue()
        # Whether the runner asks for the next message; it has done with the last one then.
        self.asked = False
        self.sent: list[Message] = []
        self.keywords: dict[str, Any] = {}
        self.closed = 0

    def __call__(self, *_arguments: Any, **keywords: Any) -> Wire:
        self.keywords = keywords
        return self

    def recv_from_client(self) -> tuple[str, Message]:
        self.asked = True
        arrived = self.arriving.get()
        self.asked = False
        if isinstance(arrived, Exception):
            raise arrived
        return arrived[0], Message.unserialize(arrived[1].serialize())

    def recv(self) -> Message:
        return self.recv_from_client()[1]

    def send_to_client(self, message: Message) -> None:
        self.sent.append(Message.unserialize(message.serialize()))

    send = send_to_client

    def close(self, linger: Any = None) -> None:
        self.closed += 1

    def arrives(self, kind: Any, data: Any = None, sender: str = "host_a") -> None:
        """Returns when the runner has acted on it."""
        self.arriving.put((sender, Message(kind, data, sender)))
        until(lambda: self.asked and self.arriving.empty())

    def types(self, receiver: str | None = None) -> list[str]:
        return [m.type for m in self.sent if receiver in (None, m.node_id)]


class Idle(User):
    wait_time = constant(60)

    @task
    def idle(self) -> None:
        pass


class Other(Idle):
    pass


def report(requests: int = 3) -> dict[str, Any]:
    stats = RequestStats(False)
    for _ in range(requests):
        stats.log_request("GET", "/", 12, 100)
    stats.log_error("GET", "/", "no")
    return {**stats.take_report(), "user_classes_count": {"Idle": 1}, "user_count": 1}
