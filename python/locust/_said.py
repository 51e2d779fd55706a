"""The command line is read more than once: what a listener has done wrong with it is said the first time only."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

_said: set[str] = set()


def _is_new(record: logging.LogRecord) -> bool:
    text = record.getMessage()
    is_new = text not in _said
    _said.add(text)
    return is_new


@contextmanager
def said_once() -> Iterator[None]:
    """What is logged to the root logger meanwhile is left out if it was logged so before."""
    root = logging.getLogger()
    root.addFilter(_is_new)
    try:
        yield
    finally:
        root.removeFilter(_is_new)
