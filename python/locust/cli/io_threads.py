"""`--io-threads`: what may be given."""

from __future__ import annotations

import argparse

MOST_IO_THREADS = 16


def io_threads(text: str) -> int | str:
    """A number of I/O threads, or `auto`."""
    if text == "auto":
        return text
    try:
        count = int(text)
    except ValueError:
        count = 0
    if not 1 <= count <= MOST_IO_THREADS:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {MOST_IO_THREADS}, or auto")
    return count
