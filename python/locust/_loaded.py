"""Loads the native module before all others do, so that a system for which it is not built says so in plain words."""

from __future__ import annotations

import sys
from pathlib import Path

try:
    from . import _engine  # noqa: F401
except ImportError as error:
    _WORDS = (
        f"the engine cannot be loaded on this system: {error}\n"
        "The wheel was made for another one, or is damaged. On Linux it needs glibc 2.28 or newer ('ldd --version' says which there is) "
        "and the right processor ('uname -m').\n"
        "Install it on this system itself, use the image, or build it from source: docs/install.md tells how."
    )
    # For a command that is all there is to say. A program of somebody's own may have an answer to it.
    if Path(sys.argv[0]).name in ("locust", "gregaria"):
        sys.exit(f"gregaria: error: {_WORDS}")
    raise ImportError(_WORDS) from error
