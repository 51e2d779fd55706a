"""What goes to the native side: JSON that every reader understands, and text that is text.

Scripts put anything into names, messages and options: numbers that JSON does not have, bytes that were no text, objects of
their own. A report must not fail for that.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

_SURROGATE = re.compile("[\ud800-\udfff]")


def text(value: str) -> str:
    """The same without lone surrogates, which stand for bytes that were no text: no encoding has them."""
    return value if value.isascii() else _SURROGATE.sub("\ufffd", value)


def as_json(value: Any, sort_keys: bool = False) -> str:
    """JSON; what it has no word for is text."""
    return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False, sort_keys=sort_keys)


def _plain(value: Any) -> Any:
    # Plain ones first: the state of a run goes through here once a second, on the thread that begins users' tasks.
    kind = type(value)
    if kind is str:
        return text(value)
    if value is None or kind is bool or kind is int:
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, dict):
        return {_word(key): _plain(element) for key, element in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(element) for element in value]
    return _word(value)


def _word(value: Any) -> str:
    if isinstance(value, str):
        return text(str(value))
    try:
        return text(str(value))
    except Exception:
        return f"<{type(value).__name__}>"
