"""Configuration files: `locust.conf` and its like, and `[tool.locust]` in TOML files."""

from __future__ import annotations

import tomllib
from collections import OrderedDict
from typing import Any, TextIO

import configargparse

from .table import table

read: dict[str, OrderedDict[str, Any]] = {}
"""The files that were read, by their names, with what stands in them."""


class LocustTomlConfigParser(configargparse.TomlConfigParser):
    """Reads the first of its sections that a TOML file has.

    Lists stay lists, everything else becomes text, as if it came from the command line.
    """

    def parse(self, stream: TextIO) -> OrderedDict[str, Any]:
        """The keys and values of the section; `ConfigFileParserException` if this is not TOML."""
        try:
            content = tomllib.loads(stream.read())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
            raise configargparse.ConfigFileParserException(f"Couldn't parse TOML file: {e}") from None
        for section in self.sections:
            if settings := configargparse.get_toml_section(content, section):
                return OrderedDict(
                    (key, value if isinstance(value, list) else str(value)) for key, value in settings.items()
                )
        if not _is_toml(stream):
            raise configargparse.ConfigFileParserException(
                "Not a TOML file, or one without a locust section."
            )
        # A pyproject.toml that says nothing about Locust.
        return OrderedDict()


class LocustConfigParser(configargparse.ConfigFileParser):
    """Reads a configuration file in the format that its name tells."""

    def parse(self, stream: TextIO) -> OrderedDict[str, Any]:
        """The keys and values of the file; `ConfigFileParserException` if it cannot be read."""
        settings = self._settings(stream)
        read[str(getattr(stream, "name", ""))] = settings
        return settings

    def _settings(self, stream: TextIO) -> OrderedDict[str, Any]:
        try:
            if _is_toml(stream):
                return LocustTomlConfigParser([table().toml_section]).parse(stream)
            return configargparse.DefaultConfigFileParser().parse(stream)
        except UnicodeDecodeError as e:
            raise configargparse.ConfigFileParserException(f"{stream.name} is not UTF-8 text: {e}") from None

    def get_syntax_description(self) -> str:
        """How such a file is written, in one sentence."""
        return (
            "Each line is `key = value`, `key: value`, `key value` or a bare `key` for switches; lists are "
            f"written [a, b]. Files named *.toml hold the same keys in [{table().toml_section}]."
        )


def _is_toml(stream: TextIO) -> bool:
    return str(getattr(stream, "name", "")).endswith("toml")
