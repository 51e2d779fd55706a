"""What of a report can be sent, where listeners of scripts have put in what cannot."""

from __future__ import annotations

import logging
from typing import Any

from ..rpc import Message

logger = logging.getLogger("locust.runners")

# Deeper than this nothing is sent: msgpack refuses much before Python's own stack ends.
_DEEPEST = 64


class Sieve:
    """Leaves out of reports what cannot be sent, and says so once of each."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def sift(self, data: dict[str, Any]) -> dict[str, Any]:
        """A copy of `data` without the keys and elements, at whatever depth, that cannot be sent."""
        return self._dict(data, "", 0)

    def _value(self, value: Any, path: str, depth: int) -> Any:
        if depth == _DEEPEST or _is_sendable(value):
            return value
        if isinstance(value, dict):
            return self._dict(value, path, depth)
        path += "[]"
        return [self._value(item, path, depth + 1) for item in value if self._fits(item, path, depth + 1)]

    def _dict(self, value: dict[Any, Any], path: str, depth: int) -> dict[Any, Any]:
        return {
            key: self._value(item, f"{path}[{key!r}]", depth + 1)
            for key, item in value.items()
            if _is_sendable(key) and self._fits(item, f"{path}[{key!r}]", depth + 1)
        }

    def _fits(self, value: Any, path: str, depth: int) -> bool:
        """Whether it can be sent, at least in part."""
        if _is_sendable(value) or (depth < _DEEPEST and isinstance(value, (dict, list, tuple))):
            return True
        if path not in self._told:
            self._told.add(path)
            logger.error(
                "A listener of report_to_master has put in what cannot be sent to the master, so it is left out: "
                f"data{path} is a {type(value).__name__}"
            )
        return False


def _is_sendable(value: Any) -> bool:
    try:
        Message("stats", value, None).serialize()
    except Exception:
        return False
    return True
