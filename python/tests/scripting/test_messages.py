"""`locust.rpc.Message`: what its bytes are, and that they come back."""

from __future__ import annotations

import builtins
import datetime
import sys
from typing import Any

import pytest

from locust.rpc import Message
from locust.rpc.protocol import decode, encode


def back(data: Any) -> Any:
    message = Message.unserialize(Message("a type", data, "a node").serialize())
    assert (message.type, message.node_id, repr(message)) == ("a type", "a node", "<Message a type:a node>")
    return message.data


@pytest.mark.parametrize(
    "data",
    [
        None,
        True,
        -1,
        2**63,
        0.5,
        "é😀",
        b"\x00\xff",
        [1, [2, {"three": 3}]],
        {"text": 1, 5: "number"},
        datetime.datetime(2024, 5, 6, 7, 8, 9, 123456),
        [{"name": "User0", "at": datetime.datetime(2024, 1, 1)}],
    ],
    ids=repr,
)
def test_what_is_sent_comes_back(data: Any) -> None:
    assert back(data) == data


def test_tuples_come_back_as_lists_and_times_without_their_zone() -> None:
    assert back((1, (2,))) == [1, [2]]
    zoned = datetime.datetime(2024, 5, 6, 7, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    assert back(zoned) == datetime.datetime(2024, 5, 6, 7)


def test_the_bytes_are_locusts() -> None:
    message = Message("test_users", [{"at": datetime.datetime(2024, 5, 6, 7, 8, 9, 123456)}], "vm")
    assert message.serialize() == (
        b"\x93\xaatest_users\x91\x81\xa2at\x82\xac__datetime__\xc3\xa6as_str\xb820240506T07:08:09.123456\xa2vm"
    )


@pytest.mark.parametrize(
    "data", [object(), {1, 2}, datetime.date(2024, 1, 1)], ids=lambda data: type(data).__name__
)
def test_what_cannot_be_sent_is_a_type_error(data: Any) -> None:
    with pytest.raises(TypeError):
        Message("a", data, None).serialize()


def test_bytes_that_are_no_message_are_refused() -> None:
    for wrong in (b"", b"\xc1", b"\x92\xa1a\xc0"):
        with pytest.raises((ValueError, TypeError)):
            Message.unserialize(wrong)


def test_object_ids_need_bson(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = type("ObjectId", (), {"__module__": "bson.objectid", "__str__": lambda self: "0" * 24})
    sent = encode(kind())
    assert sent == {"__ObjectId__": True, "as_str": "0" * 24}
    monkeypatch.setitem(
        sys.modules, "bson", type("bson", (), {"ObjectId": staticmethod(lambda text: ("id", text))})
    )
    assert decode(sent) == ("id", "0" * 24)

    original = builtins.__import__

    def without_bson(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "bson":
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_bson)
    with pytest.raises(Exception, match="You need to install pymongo or at least bson"):
        decode(sent)
