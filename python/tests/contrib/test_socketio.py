"""SocketIOUser against python-socketio's server."""

from __future__ import annotations

from contrib_events import assert_events
from contrib_servers import Server

SCRIPT = """
from locust import HttpUser
from locust.contrib.socketio import SocketIOUser

class Talker(SocketIOUser, HttpUser):
    host = "http://127.0.0.1"
    options = {"reconnection": False}

user = Talker(environment)
assert user.client.base_url == "http://127.0.0.1"
user.sio.emit("too early", "x")
user.sio.connect(ADDRESS, wait_timeout=30)
assert user.sio.call("ping", {"a": 1}) == {"a": 1}
user.sio.emit("say", "hello")
until(lambda: any(event["request_type"] == "WSR" for event in seen))
user.sio.on("said", lambda data: user.sio.on_message("renamed", data))
user.sio.emit("say", "again")
until(lambda: any(event["name"] == "renamed" for event in seen))
user.sio.send("text", name="a message")
until(lambda: any((event["request_type"], event["name"]) == ("WSR", "message") for event in seen))
assert user.sio.call("never answered", timeout=0.1) is None
user.sio.disconnect()
"""


def test_what_is_sent_and_what_arrives_is_counted():
    with Server("socketio") as server:
        assert_events(
            SCRIPT,
            server.address,
            [
                ("WSE", "too early", 1, "BadNamespaceError('/ is not a connected namespace.')"),
                ("WS", "connect", 0, None),
                # A call emits.
                ("WSE", "ping", 1, None),
                ("WSC", "ping", 0, None),
                ("WSE", "say", 5, None),
                ("WSR", "said", 5, None),
                ("WSE", "say", 5, None),
                ("WSR", "renamed", 5, None),
                # So does a message.
                ("WSE", "message", 4, None),
                ("WSS", "a message", 4, None),
                ("WSR", "message", 9, None),
                ("WSE", "never answered", 0, None),
                ("WSC", "never answered", 0, "TimeoutError()"),
            ],
        )


def test_a_server_that_is_not_there_is_a_failed_connection():
    script = (
        SCRIPT.split("user.sio.emit")[0]
        + """
user.sio.connect(ADDRESS, wait_timeout=30)
[event] = seen
assert "Connection refused" in event["exception"]
event["exception"] = event["exception"].partition("(")[0]
"""
    )
    assert_events(script, "http://127.0.0.1:1", [("WS", "connect", 0, "ConnectionError")])
