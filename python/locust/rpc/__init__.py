"""Messages between the nodes of a test, and the sockets that carry them."""

from . import zmqrpc as rpc
from .protocol import Message

__all__ = ("Message", "rpc")
