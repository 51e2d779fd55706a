"""The option table of the native module, as objects.

It is the only description of the command line: the parser, the checks and the tests read it from here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from .. import _engine

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
CHOICES = {
    "log_level": LOG_LEVELS,
    "run_time_from": ("start", "ramp-end", "warmup-end"),
    "arrivals": ("constant", "poisson"),
    "latency": ("intended", "service"),
}


@dataclass(frozen=True, slots=True)
class Option:
    """A row of the table. The words used in `action` and `kind` are those of `crates/cli`."""

    flags: tuple[str, ...]
    dest: str
    group: str
    action: str
    kind: str
    default: Any
    env: str | None
    metavar: str | None
    help: str | None
    hint: str | None
    ours: bool = False
    """Whether Locust does not have it."""

    @property
    def long_flag(self) -> str:
        """The spelling that names the option in messages and, without dashes, in configuration files."""
        return next(flag for flag in self.flags if flag.startswith("--"))


@dataclass(frozen=True, slots=True)
class Group:
    """A section of `--help`."""

    key: str
    title: str
    description: str | None


@dataclass(frozen=True, slots=True)
class Table:
    """Everything that is known about the command line."""

    usage: str
    examples: tuple[tuple[str, str | None], ...]
    documentation: str
    groups: tuple[Group, ...]
    options: tuple[Option, ...]
    config_files: tuple[str, ...]
    toml_section: str
    exit_codes: dict[str, int]
    env_vars: tuple[str, ...]

    def by_dest(self, dest: str) -> Option:
        """The option with this key; `KeyError` if there is none."""
        for option in self.options:
            if option.dest == dest:
                return option
        raise KeyError(dest)


@cache
def table() -> Table:
    """The table of this build, read once."""
    raw = json.loads(_engine.option_table())
    return Table(
        usage=raw["usage"],
        examples=tuple((command, remark) for command, remark in raw["examples"]),
        documentation=raw["documentation"],
        groups=tuple(Group(**group) for group in raw["groups"]),
        options=tuple(_option(row) for row in raw["options"]),
        config_files=tuple(raw["config_files"]),
        toml_section=raw["toml_section"],
        exit_codes={code["name"]: code["code"] for code in raw["exit_codes"]},
        env_vars=tuple(variable["name"] for variable in raw["env_vars"]),
    )


def exit_code(name: str) -> int:
    """The number of an exit code by its name, e.g. `exit_code("USAGE")`."""
    return table().exit_codes[name]


def _option(row: dict[str, Any]) -> Option:
    flags = tuple(row.pop("flags"))
    return Option(flags=flags, **row)
