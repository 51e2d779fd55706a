"""Environment variables that switch something on or off, read in one way: the words are those that ConfigArgParse takes for options
without a value. Imported before anything is patched: nothing but `os` here."""

from __future__ import annotations

import os

ON = ("true", "yes", "on", "1")
OFF = ("false", "no", "off", "0", "")


def meaning(word: str) -> bool | None:
    """What a word says; None: nothing. An empty one is a variable that is not set, as compose files and charts leave it."""
    plain = word.strip().lower()
    return True if plain in ON else False if plain in OFF else None


def is_on(name: str, other: bool | None = None) -> bool:
    """Whether the variable `name` is on. Of a word that says neither, `other` is the meaning; without one it is a `ValueError`."""
    word = os.environ.get(name, "")
    said = meaning(word)
    if said is not None:
        return said
    if other is None:
        raise ValueError(
            f"Unexpected value for {name}: '{word}'. Expecting 'true', 'false', 'yes', 'no', 'on', 'off', '1' or '0'"
        )
    return other
