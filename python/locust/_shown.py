"""What is shown of the settings of a run: the one place that decides it.

Pages, streams, reports, JUnit and Markdown files, names of downloads, kept runs and the log show hosts and command lines. None of
them is to show a password, so all of them get the text from here. What is sent to the system under test is not changed.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

HIDDEN = "***"

# User and password end at the last "@" before the path.
_USERINFO = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^/?#\s\"'<>]*)@")
_NUMBER = re.compile(r"-\d+$|-\d*\.\d+$")

_tokens: list[str] = []


def hide(token: str | None) -> None:
    """Has `text` leave out this token from now on."""
    if token and token not in _tokens:
        _tokens.append(token)


def url(value: str) -> str:
    """The same without the passwords of the URLs in it: `http://user:***@host`."""
    return _USERINFO.sub(_without_password, value) if "@" in value and "://" in value else value


def value(given: Any) -> Any:
    """The same of what is perhaps a text, or has some in it."""
    if isinstance(given, str):
        return url(given)
    if isinstance(given, (list, tuple)):
        return [value(element) for element in given]
    if isinstance(given, dict):
        return {key: value(element) for key, element in given.items()}
    return given


def meant(given: Any, present: Any) -> Any:
    """What somebody means who gives back what was shown of `present`: that it stays as it is. ValueError: a URL as it is shown, but
    of another one, whose password nobody knows."""
    if given == value(present):
        return present
    if isinstance(given, str) and is_hidden(given):
        raise ValueError(f"'{HIDDEN}' stands in place of a password: type the password anew")
    return given


def text(value: str) -> str:
    """The same without passwords of URLs and without the tokens of this program."""
    for token in _tokens:
        if token in value:
            value = value.replace(token, HIDDEN)
    return url(value)


def _without_password(found: re.Match[str]) -> str:
    user, colon, _password = found[2].partition(":")
    return f"{found[1]}{user}:{HIDDEN}@" if colon else f"{found[1]}{HIDDEN}@"


def is_hidden(value: str) -> bool:
    """Whether this is a URL as it is shown, whose password is not in it."""
    return any(found[2].rpartition(":")[2] == HIDDEN for found in _USERINFO.finditer(value))


def is_secret(action: argparse.Action) -> bool:
    """Whether the values of an option are nobody's business."""
    return bool(getattr(action, "is_secret", False))


def command(words: Sequence[str], parser: argparse.ArgumentParser | None) -> str | None:
    """A command line of this parser's program, without the values of its secret options wherever they stand in it: the parser is
    asked what belongs to which option, not what the values are. Without a parser it is that of another program, and none is
    shown."""
    if parser is None:
        return None
    program, *arguments = words
    shown = [os.path.basename(program), *_Words(arguments, parser)]
    return shlex.join(text(word) for word in shown)


class _Words:
    """The words of a command line, those of secret options hidden."""

    def __init__(self, words: Sequence[str], parser: argparse.ArgumentParser) -> None:
        self._words = words
        self._options: dict[str, argparse.Action] = parser._option_string_actions
        self._abbreviates = getattr(parser, "allow_abbrev", True)

    def __iter__(self) -> Iterator[str]:
        # How many words of the secret option before may still be values; None: all up to the next option.
        values: int | None = 0
        positional = False
        for word in self._words:
            found = None if positional else self._option(word)
            if found is not None:
                action, flag, given = found
                if not is_secret(action):
                    values = 0
                    yield word
                    continue
                values = _most_values(action)
                if given is not None:
                    yield f"{flag}{HIDDEN}"
                    values = 0 if values == 1 else values
                else:
                    yield word
            elif word == "--" and not positional:
                positional = True
                yield word
            elif values is None:
                yield HIDDEN
            elif values:
                values -= 1
                yield HIDDEN
            else:
                yield word

    def _option(self, word: str) -> tuple[argparse.Action, str, str | None] | None:
        """The option that a word stands for, the word up to its value, and the value in the word if there is one. Where a word
        could stand for several options, a secret one is meant."""
        if not word.startswith("-") or word == "-" or word == "--":
            return None
        if action := self._options.get(word):
            return action, word, None
        flag, equals, value = word.partition("=")
        if equals and (action := self._options.get(flag)):
            return action, f"{flag}=", value
        if word.startswith("--"):
            return self._abbreviated(flag, value if equals else None)
        return self._joined(word)

    def _abbreviated(self, flag: str, value: str | None) -> tuple[argparse.Action, str, str | None] | None:
        if not self._abbreviates:
            return None
        meant = [action for known, action in self._options.items() if known.startswith(flag)]
        if not meant:
            return None
        action = next(filter(is_secret, meant), meant[0])
        return action, flag if value is None else f"{flag}=", value

    def _joined(self, word: str) -> tuple[argparse.Action, str, str | None] | None:
        """`-kVALUE`, also behind switches of one letter: `-vkVALUE`; or a long option with one dash."""
        longest = sorted((known for known in self._options if word.startswith(known)), key=len)
        if longest and len(longest[-1]) > 2:
            return self._options[longest[-1]], longest[-1], word[len(longest[-1]) :]
        for at in range(1, len(word)):
            action = self._options.get(f"-{word[at]}")
            if action is None:
                break
            if action.nargs != 0:
                rest = word[at + 1 :]
                return action, word[: at + 1], rest or None
            if at + 1 == len(word):
                return action, word, None
        return None if _NUMBER.match(word) else self._abbreviated(word, None)


def _most_values(action: argparse.Action) -> int | None:
    if action.nargs is None or action.nargs == argparse.OPTIONAL:
        return 1
    return action.nargs if isinstance(action.nargs, int) else None
