"""What a recorded run says of itself is said at once."""

from __future__ import annotations

import json

import gevent

from locust import User, task
from locust._web.recording import Recording
from locust.env import Environment


class Idle(User):
    @task
    def nothing(self) -> None:
        pass


def test_it_is_answered_without_a_turn_of_the_hub() -> None:
    """The server asks for it when it ends, too, while the main thread waits for that and lets nobody else run."""
    environment = Environment(user_classes=[Idle])
    environment.create_local_runner()
    answer = gevent.spawn(Recording(environment).info)
    gevent.sleep(0)
    assert answer.dead
    assert json.loads(answer.value)["platform"].startswith("Linux-")
