"""Sessions as users have them, and what came of a call: for tests that compare with the library."""

from __future__ import annotations

from typing import Any

from http_recording import RecordingServer

from locust.clients import HttpSession
from locust.event import EventHook


def opened(client: Any, recording: RecordingServer) -> Any:
    """A session as users have it."""
    session = client(recording.url, EventHook(), None)
    if client is HttpSession:
        session.trust_env = False
    return session


def outcome(make: Any) -> Any:
    try:
        return make()
    except Exception as error:
        return type(error), str(error)
