"""What stands in fences of the pages, and what each fence says of itself.

The words after the language are for the tests; GitHub and the site do not show them:

    ```python                      a locustfile: run against the sample blog (by real Locust, too), headless, for a second
    ```python ours                 the same, but real Locust cannot run it
    ```python options="-T slow"    with these options; exit=1: with this exit code
    ```python program              a program: run with python
    ```python pytest name="…"      a test: run with pytest
    ```console                     "$ " before a command, which is run; what it prints must come in this order (figures are figures)
    ```sh                          commands, which are run
    ```… not-run="reason"          not run, for a reason. Python is compiled, and options of our commands are parsed, all the same
    ```yaml schema="…"             read against a schema that check-jsonschema brings along
    ```text, json, toml, …         no program; what has a parser is parsed
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from servers import ROOT

_FENCE = re.compile(r"^( *)```([^\n`]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
# Languages whose fences are run, or say why not.
RUN = ("python", "console", "sh")


@dataclass
class Snippet:
    page: str
    line: int
    language: str
    text: str
    words: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def is_run(self) -> bool:
        return self.language in RUN and "not-run" not in self.words

    def commands(self) -> list[str]:
        """What is typed, continued lines in one."""
        joined = self.text.replace("\\\n", " ")
        lines = joined.splitlines()
        if self.language == "console":
            return [line[2:].strip() for line in lines if line.startswith("$ ")]
        return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def pages() -> list[Path]:
    folders = (ROOT / "docs", ROOT / "docs" / "reference")
    found = [page for folder in folders for page in sorted(folder.glob("*.md"))]
    return [ROOT / "README.md", ROOT / "examples" / "README.md", *found]


def of_page(page: Path) -> list[Snippet]:
    text = page.read_text()
    name = page.relative_to(ROOT).as_posix()
    found = []
    for match in _FENCE.finditer(text):
        indent, head, body = match.groups()
        language, _, rest = head.strip().partition(" ")
        body = re.sub(f"^{indent}", "", body, flags=re.MULTILINE)
        pairs = (word.partition("=") for word in shlex.split(rest))
        line = text.count("\n", 0, match.start()) + 1
        found.append(Snippet(name, line, language, body, {key: value for key, _, value in pairs}))
    return found


def everything() -> list[Snippet]:
    return [snippet for page in pages() for snippet in of_page(page)]
