"""Messages between the nodes of a test."""

from .protocol import Message

__all__ = ("Message",)
