"""When the engine may parse and encode JSON itself: as long as nothing that the libraries go by has been replaced."""

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


def encoded_here(owner: Any, name: str, fast: bool = False) -> None:
    """Has the engine encode `json=` in place of the module that `owner` has under `name`, if that is `json`."""
    if not _as_it_came() or getattr(owner, name) is not json:
        return
    encoder = json._default_encoder  # type: ignore[attr-defined]
    inside = [
        (json, "dumps"),
        (json, "_default_encoder"),
        (json, "JSONEncoder"),
        *((json.JSONEncoder, name) for name in ("__init__", "encode", "iterencode")),
        *((json.JSONEncoder, name) for name in ("item_separator", "key_separator")),
        *(
            (encoder, name)
            for name in (*vars(encoder), "encode", "iterencode", "item_separator", "key_separator")
        ),
        (json.encoder, "c_make_encoder"),
        (json.encoder, "encode_basestring_ascii"),
    ]
    _engine.encode_json_of(fast, [(vars(owner), name) for owner, name in [(owner, name), *inside]])


def _as_it_came() -> bool:
    """Whether nobody has put anything into the module `json` before this was imported."""
    functions = (
        (json, json.loads),
        (json, json.dumps),
        *((json.decoder, getattr(json.JSONDecoder, name)) for name in ("decode", "raw_decode")),
        *((json.encoder, getattr(json.JSONEncoder, name)) for name in ("__init__", "encode", "iterencode")),
    )
    own = type(json._default_decoder) is json.JSONDecoder and type(json._default_encoder) is json.JSONEncoder  # type: ignore[attr-defined]
    return own and all(
        type(function) is FunctionType and function.__globals__ is vars(module)
        for module, function in functions
    )
