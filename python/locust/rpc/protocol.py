"""The message that nodes of a test send each other, and a local run sends itself.

On the wire it is a msgpack array `[type, data, node id]`. Two kinds of values that msgpack does not know travel as maps with a
mark: `datetime.datetime` (without its time zone) and, where bson is installed, `bson.ObjectId`.
"""

from __future__ import annotations

import datetime
from typing import Any

_TIME = "%Y%m%dT%H:%M:%S.%f"


class Message:
    """A message: its type, what it carries, and the node it came from or goes to."""

    overtook = False
    """Whether other messages of the node, sent before, have not been received yet."""
    waited = 0.0
    """For how many seconds it had been at this machine when it was received."""

    def __init__(self, message_type: str, data: Any, node_id: str | None) -> None:
        self.type = message_type
        self.data = data
        self.node_id = node_id

    def __repr__(self) -> str:
        return f"<Message {self.type}:{self.node_id}>"

    def serialize(self) -> bytes:
        """The message as bytes. `TypeError` if it carries what cannot be sent."""
        import msgpack

        return msgpack.dumps((self.type, self.data, self.node_id), default=encode)

    @classmethod
    def unserialize(cls, data: bytes) -> Message:
        """The message that `serialize` made these bytes of. `ValueError`, or what msgpack raises, if they are none."""
        import msgpack

        match msgpack.loads(data, raw=False, strict_map_key=False, object_hook=decode):
            case [str() as message_type, content, str() | None as node_id]:
                return cls(message_type, content, node_id)
        raise ValueError("a message is an array of a type, data and a node id")


def encode(obj: Any) -> Any:
    """What stands for a value that msgpack does not know; the value itself if there is nothing."""
    if isinstance(obj, datetime.datetime):
        return {"__datetime__": True, "as_str": obj.strftime(_TIME)}
    # By name: bson is an option, and none of it is needed to see that something is not of it.
    if type(obj).__name__ == "ObjectId" and type(obj).__module__.partition(".")[0] == "bson":
        return {"__ObjectId__": True, "as_str": str(obj)}
    return obj


def decode(obj: dict[Any, Any]) -> Any:
    """What a map stands for, if it has one of the marks. An exception if that needs bson and it is not installed."""
    if "__datetime__" in obj:
        return datetime.datetime.strptime(obj["as_str"], _TIME)
    if "__ObjectId__" in obj:
        try:
            from bson import ObjectId
        except ImportError:
            raise Exception(
                "You need to install pymongo or at least bson to be able to send/receive ObjectIds"
            ) from None
        return ObjectId(obj["as_str"])
    return obj
