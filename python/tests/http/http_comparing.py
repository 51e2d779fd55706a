"""What two sides' outcomes of a call have to share, and where the other side is."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from servers import ROOT


def oracle() -> Path | None:
    """The Python of real Locust; None if it is to be done without."""
    command = os.environ.get("GREGARIA_ORACLE", str(ROOT / ".venv-oracle" / "bin" / "locust"))
    if command == "none":
        return None
    python = Path(command).parent / "python"
    if not python.exists():
        pytest.fail(
            f"no oracle at {command}: run scripts/setup --test, or set GREGARIA_ORACLE=none to do without"
        )
    return python


def comparable(what: dict[str, Any], *parts: str) -> dict[str, Any]:
    """Without what may differ: the order of headers and, for the fast client, the spelling of their names."""
    kept = {part: what[part] for part in parts}
    if "wire" in kept:
        kept["wire"] = [
            [number, line, *sorted(fields[:-1]), fields[-1]] for number, line, *fields in kept["wire"]
        ]
    return kept


def lowered(value: Any) -> Any:
    """With the names of header fields in lower case, without what geventhttpclient adds to a request's own, and without passwords
    in the names under which requests are counted."""
    if isinstance(value, dict):
        if "request_type" in value and isinstance(name := value.get("name"), str):
            shown = re.sub(
                r"://(?:([^/:@]*):)?[^/@]*@",
                lambda user: f"://{user[1]}:***@" if user[1] is not None else "://***@",
                name,
            )
            value = {**value, "name": shown}
        return {
            key: sorted(
                ([name.lower(), field] for name, field in item if name.lower() != "content-length"), key=str
            )
            if key == "headers" and isinstance(item, list)
            else lowered(item)
            for key, item in value.items()
            # The chain of exceptions, but for the one that is raised, is an accident of geventhttpclient's code.
            if key != "chain"
        }
    if isinstance(value, list):
        if (
            len(value) > 2
            and isinstance(value[0], int)
            and isinstance(value[1], str)
            and "HTTP/1.1" in value[1]
        ):
            head = sorted(
                f"{name.lower()}:{field}" for name, _, field in (f.partition(":") for f in value[2:-1])
            )
            return [*value[:2], *head, value[-1]]
        return [lowered(item) for item in value]
    return value
