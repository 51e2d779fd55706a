"""The message that nodes of a test send each other, and a local run sends itself."""

from __future__ import annotations

from typing import Any


class Message:
    """A message: its type, what it carries, and the node it came from or goes to."""

    def __init__(self, message_type: str, data: Any, node_id: str | None) -> None:
        self.type = message_type
        self.data = data
        self.node_id = node_id

    def __repr__(self) -> str:
        return f"<Message {self.type}:{self.node_id}>"
