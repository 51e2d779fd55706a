"""Whether a worker runs the script of its master: told apart by what is in their locustfiles, not by where they are."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path


def fingerprint(locustfiles: Sequence[str] | None) -> str:
    """A short text that is the same for the same locustfiles; empty, if they cannot be read (any more)."""
    if not locustfiles:
        return ""
    try:
        # As text: a worker that was sent the file may end its lines in another way.
        texts = [Path(path).read_text(encoding="utf-8", errors="surrogateescape") for path in locustfiles]
    except OSError:
        # One that came from an address, or from a master whose folder is gone.
        return ""
    digest = hashlib.sha256()
    for text in sorted(texts):
        digest.update(f"{len(text)}\0{text}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:16]
