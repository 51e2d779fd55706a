"""Lines in the log about messages of others: readable, and not without end."""

from __future__ import annotations

import logging
import unicodedata

import pytest

from locust._distributed import words
from locust._distributed.words import Words, printable


def test_every_character_that_is_obeyed_is_written_out():
    for code in range(0x11_0000):
        character = chr(code)
        shown = printable(character)
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
            assert shown.isascii() and shown.startswith("\\"), hex(code)
    assert printable("grün 水 \n\x1b[31m") == "grün 水 \\n\\x1b[31m"


def test_what_is_long_is_cut():
    assert printable("x" * 10_000_000) == "x" * 500 + "… (10000000 characters)"


def test_all_lines_together_have_one_limit(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    now = 100.0
    monkeypatch.setattr(words.time, "monotonic", lambda: now)
    caplog.set_level(logging.INFO)
    said = Words()
    for number in range(5_000):
        said.say(logging.INFO, f"line {number}")
        said.say(logging.DEBUG, "takes no room where it is not shown")
    assert len(caplog.records) == words.BURST
    now += 2
    for number in range(5):
        said.say(logging.WARNING, f"later {number}")
    assert [record.getMessage() for record in caplog.records[words.BURST :]] == [
        "4000 lines about messages of other nodes were left out",
        "later 0",
        "later 1",
    ]
    now += 1
    said.say_exception("later")
    assert caplog.records[-2].getMessage().startswith("3 lines")


def test_a_traceback_is_bounded_and_keeps_its_lines(caplog: pytest.LogCaptureFixture):
    try:
        raise ValueError("\x1b[31m" + "x" * 100_000)
    except ValueError:
        Words().say_exception("Could not do it")
    [record] = caplog.records
    first, *_, last = record.getMessage().splitlines()
    assert first == "Could not do it" and last.startswith(r"ValueError: \x1b[31mxxx") and len(last) < 600
