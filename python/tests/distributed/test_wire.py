"""Messages as bytes: what real masters and workers sent is read, and written again in the same way."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import msgpack
import pytest

from locust.rpc import Message

# Captured between nodes of Locust 2.47, and boomer where the name says so; "…": too long to be shown twice.
SAMPLES: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("wire_samples.json").read_text())
EXACT = [name for name in SAMPLES if "boomer" not in name]


def sample(name: str) -> tuple[dict[str, Any], bytes]:
    return SAMPLES[name], bytes.fromhex(SAMPLES[name]["hex"])


@pytest.mark.parametrize("name", SAMPLES)
def test_messages_of_real_nodes_are_read(name: str) -> None:
    expected, data = sample(name)
    message = Message.unserialize(data)
    assert (message.type, message.node_id) == (expected["type"], expected["node_id"])
    if expected["data"] != "…" and "__datetime__" not in json.dumps(expected["data"]):
        assert message.data == expected["data"]


@pytest.mark.parametrize("name", EXACT)
def test_messages_are_written_as_real_nodes_write_them(name: str) -> None:
    _, data = sample(name)
    assert Message.unserialize(data).serialize() == data


def test_numbers_are_keys_also_in_boomers_forms() -> None:
    """Positive numbers with a sign, and text of the format's first version."""
    text = b"\xda\x00\x23" + b"x" * 35
    message = Message.unserialize(b"\x93\xa5stats\x82\xd1\x00\xc0\x05\xd2\x6b\x03\xaa\xda\xd0\x07" + text)
    assert message.data == {192: 5, 0x6B03AADA: 7}
    assert message.node_id == "x" * 35


def test_times_travel_without_their_zone() -> None:
    message = Message.unserialize(sample("from master: test_users")[1])
    assert message.data == [{"name": "User0", "at": datetime.datetime(2024, 5, 6, 7, 8, 9, 123456)}]
    zoned = datetime.datetime(2024, 5, 6, 7, 8, 9, tzinfo=datetime.UTC)
    again = Message.unserialize(Message("m", {"at": zoned}, "w").serialize())
    assert again.data == {"at": zoned.replace(tzinfo=None)}


@pytest.mark.parametrize("value", [{1, 2}, Path("x"), datetime.date(2024, 5, 6), object()])
def test_what_cannot_be_sent_is_named(value: object) -> None:
    with pytest.raises(TypeError, match=type(value).__name__):
        Message("m", value, "w").serialize()


def test_numbers_of_more_than_64_bits_cannot_be_sent() -> None:
    with pytest.raises(OverflowError):
        Message("m", 1 << 64, "w").serialize()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x93",
        b"\xc1",
        msgpack.packb("abc"),
        msgpack.packb({"a": 1, "b": 2, "c": 3}),
        msgpack.packb(["a", 1]),
        msgpack.packb(["a", 1, "w", 2]),
        msgpack.packb([b"a", 1, "w"]),
        msgpack.packb(["a", 1, ["w"]]),
        msgpack.packb(["a", 1, "w"]) + b"\x00",
        msgpack.packb(["a", b"\xff", "w"], use_bin_type=False),
        msgpack.packb(["a", {"__datetime__": True}, "w"]),
        b"\x93\xa1a" + b"\x91" * 2_000 + b"\x00\xa1w",
    ],
)
def test_what_is_no_message_is_an_exception(body: bytes) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        Message.unserialize(body)
