"""Options from configuration files and variables: which came from where, how lists are written there, and keys that are none."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from typing import Any

import configargparse

from . import config_files, nearest


class FromFiles(configargparse.ArgumentParser):
    """The part of a parser that knows of them."""

    def parse_args(self, *args: Any, **kwargs: Any) -> argparse.Namespace:
        """As ConfigArgParse's. A key of a file that is none, and has a value with a blank in it, is no unknown option for argparse, but
        one more User class: it is told here, if one of the options that Locust does not have may have been meant."""
        options = super().parse_args(*args, **kwargs)
        for word in getattr(options, "user_classes", None) or ():
            if isinstance(word, str) and word.startswith("--"):
                meant = self._option_string_actions.get(f"--{nearest.nearest(_key_of(word), self._keys())}")
                if getattr(meant, "ours", False) and (found := self.place_of_unknown(word)):
                    self.error(found)
        return options

    # Locust's and ConfigArgParse's other name of it.
    parse = parse_args

    def place_of(self, dest: str) -> str | None:
        """The variable, or the line and key of a file, that the last `parse_args` took an option from; None: neither."""
        for source, settings in self._sources():
            kind, _, path = source.partition("|")
            for key, (action, _value) in settings.items():
                if getattr(action, "dest", None) != dest:
                    continue
                if kind == "environment_variables":
                    return key
                if kind == "config_file":
                    return f"{nearest.place_of(path, key)}: {key}"
        return None

    def place_of_unknown(self, word: str) -> str | None:
        """What there is to say of a key that no option has, if it came from a file: where it is, and what may have been meant."""
        key = _key_of(word)
        for source, settings in self._sources():
            kind, _, path = source.partition("|")
            if kind == "config_file" and key in settings and settings[key][0] is None:
                hint = nearest.hint(key, self._keys())
                return f"{nearest.place_of(path, key)}: no option has the key '{key}'. {hint}".rstrip()
        return None

    def _sources(self) -> Iterable[tuple[str, dict[str, Any]]]:
        """What the last `parse_args` found, by where; nothing before the first."""
        return getattr(self, "_source_to_settings", {}).items()

    def _keys(self) -> list[str]:
        """Those that a file can have."""
        flags = [flag for action in self._actions for flag in action.option_strings]
        return [flag.removeprefix("--") for flag in flags if flag.startswith("--")]

    def convert_item_to_command_line_arg(self, action: Any, key: str, value: Any) -> list[str]:
        """As ConfigArgParse's; a variable that switches something and is empty is one that is not set."""
        takes_none = action is not None and action.nargs == 0
        if (
            takes_none
            and isinstance(value, str)
            and key == getattr(action, "env_var", None)
            and not value.strip()
        ):
            return []
        if getattr(action, "ours", False) and isinstance(action, argparse._AppendAction):
            # Values with commas and brackets in them: ConfigArgParse's lists are none of theirs.
            if isinstance(value, list) and (odd := [one for one in value if not isinstance(one, str)]):
                self.error(f"{_place_of_value(key, value)} is to be a list of texts, and {odd[0]!r} is none")
            return [f"{action.option_strings[-1]}={one}" for one in _each(value)]
        return super().convert_item_to_command_line_arg(action, key, value)

    def dests_from_files_and_environment(self) -> set[str]:
        """Keys of the options that the last `parse_args` took from a file or a variable."""
        return {
            action.dest
            for source, settings in self.get_source_to_settings_dict().items()
            if source.startswith(("environment_variables", "config_file"))
            for action, _value in settings.values()
            if action is not None
        }


def _key_of(word: str) -> str:
    """The key of a file that became this word of the command line."""
    return word.removeprefix("--").partition("=")[0]


def _place_of_value(key: str, value: Any) -> str:
    """Where a key of a file has this value, while files are read; of a variable its name."""
    paths = [path for path, settings in config_files.read.items() if settings.get(key) is value]
    return f"{nearest.place_of(paths[0], key)}: {key}" if paths else key


# A name in quotation marks, with which a threshold may begin, lasts until the next of the same kind: crates/record reads it so.
_PART = re.compile(r"""\s*((?:"[^"]*"|'[^']*')?[^;]*)""")


def _each(value: str | list[str]) -> list[str]:
    """The values of an option that takes any number of them, from a file or a variable: a list, lines, or parts between `;`."""
    if isinstance(value, list):
        return value
    parts = value.splitlines() if "\n" in value.strip() else _PART.findall(value)
    return [part.strip() for part in parts if part.strip()]
