"""Test something that is not HTTP: any Python client works, report what it did by firing the request event."""

import socket
import time
from urllib.parse import urlsplit

from locust import User, constant, task


class PortClient:
    """Measures how long it takes to open a TCP connection."""

    def __init__(self, host, request_event):
        target = urlsplit(host)
        self.address = (target.hostname, target.port or 80)
        self.request_event = request_event

    def connect(self):
        start, began = time.time(), time.perf_counter()
        error = None
        try:
            socket.create_connection(self.address, timeout=2).close()
        except OSError as problem:
            error = problem
        self.request_event.fire(
            request_type="TCP",
            name="connect",
            start_time=start,
            response_time=(time.perf_counter() - began) * 1000,
            response_length=0,
            exception=error,
            context={},
        )


class Knocker(User):
    wait_time = constant(0.5)

    def __init__(self, environment):
        super().__init__(environment)
        self.client = PortClient(self.host, environment.events.request)

    @task
    def knock(self):
        self.client.connect()
