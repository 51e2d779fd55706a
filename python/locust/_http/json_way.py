"""When the engine may parse the JSON of a response: as long as nothing that the libraries go by has been replaced."""

from __future__ import annotations

import json
from types import FunctionType
from typing import Any

from .. import _engine

Step = tuple[Any, str]
"""A module, class or object, and a name that is looked up in its own namespace."""


def parsed_here(*classes: type, steps: list[Step], fast: bool = False) -> None:
    """Has the engine parse for these classes, which go by `steps`, the first of which leads to a module, and, if that is
    `json`, by what is in there. Whatever is replaced after this, the engine notices."""
    owner, name = steps[0]
    if not _as_it_came() or getattr(owner, name) is not json:
        return
    decoder = json._default_decoder  # type: ignore[attr-defined]
    inside = [
        (json, "loads"),
        (json, "_default_decoder"),
        (decoder, "decode"),
        (decoder, "scan_once"),
        (json.JSONDecoder, "decode"),
        (json.JSONDecoder, "raw_decode"),
    ]
    _engine.parse_json_of(fast, classes, [(vars(owner), name) for owner, name in [*steps, *inside]])


def _as_it_came() -> bool:
    """Whether nobody has put anything into the module `json` before this was imported."""
    functions = (
        (json, json.loads),
        (json.decoder, json.JSONDecoder.decode),
        (json.decoder, json.JSONDecoder.raw_decode),
    )
    return type(json._default_decoder) is json.JSONDecoder and all(  # type: ignore[attr-defined]
        type(function) is FunctionType and function.__globals__ is vars(module)
        for module, function in functions
    )
