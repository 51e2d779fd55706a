"""Reads the literate cases of compat/*.md. The format is described in compat/README.md."""

from __future__ import annotations

import re
import shlex
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KEYS = {
    "server",
    "exit",
    "same",
    "contains",
    "lacks",
    "timeout",
    "signal",
    "signal_after",
    "env",
    "differs",
    "ours",
    "oracle",
}
SERVERS = ("blog", "flask", "delay", "misbehave", "none")


class CaseError(ValueError):
    """A case that does not follow the format."""


@dataclass(frozen=True)
class Case:
    """One case: files, a command, what is expected."""

    chapter: str
    title: str
    line: int
    files: dict[str, str]
    command: list[str]
    expect: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.chapter}: {self.title}"

    @property
    def server(self) -> str:
        return self.expect.get("server", "blog")

    def expected(self, side: str, key: str) -> Any:
        """What is expected of "ours" or "oracle": its own entry, or the common one."""
        return self.expect.get(side, {}).get(key, self.expect.get(key))


def read_chapter(path: Path) -> list[Case]:
    """The cases of one file, in order. Raises CaseError with the place of the fault."""
    cases: list[Case] = []
    title, title_line, blocks = None, 0, []
    lines = path.read_text().splitlines()
    at = 0

    def finish() -> None:
        if title is not None and blocks:
            cases.append(make_case(path, title, title_line, blocks))

    while at < len(lines):
        line = lines[at]
        if heading := re.fullmatch(r"## +(.+)", line):
            finish()
            title, title_line, blocks = heading[1].strip(), at + 1, []
        elif fence := re.match(r"(`{3,})(.*)", line):
            end = next((n for n in range(at + 1, len(lines)) if lines[n].strip() == fence[1]), None)
            if end is None:
                raise CaseError(f"{path.name}:{at + 1}: a fence that is never closed")
            body = "".join(text + "\n" for text in lines[at + 1 : end])
            if title is not None:
                blocks.append((fence[2].split(), body, at + 1))
            at = end
        at += 1
    finish()
    return cases


def make_case(path: Path, title: str, line: int, blocks: list[tuple[list[str], str, int]]) -> Case:
    files: dict[str, str] = {}
    commands: list[str] = []
    expect: dict[str, Any] = {}
    for words, body, at in blocks:
        match words:
            case ["command"]:
                commands.append(body)
            case ["expect"]:
                try:
                    expect = tomllib.loads(body)
                except tomllib.TOMLDecodeError as error:
                    raise CaseError(f"{path.name}:{at}: {error}") from error
            case [_, name]:
                files[name] = body
    where = f"{path.name}:{line}: case {title!r}"
    if len(commands) != 1:
        raise CaseError(f"{where} has {len(commands)} commands")
    if unknown := set(expect) - KEYS:
        raise CaseError(f"{where} expects unknown things: {', '.join(sorted(unknown))}")
    if expect.get("server", "blog") not in SERVERS:
        raise CaseError(f"{where}: no server {expect['server']!r}")
    command = shlex.split(commands[0].replace("\\\n", " "))
    if command[0] not in ("locust", "python"):
        raise CaseError(f"{where}: the command must be locust or python, not {command[0]}")
    return Case(path.stem, title, line, files, command, expect)
