"""The check that the original Locust is not installed in the same place.

Both distributions own the package `locust`: whichever was installed last has overwritten files of the other,
and nothing that happens then can be trusted.
"""

from __future__ import annotations

import sys
from importlib import metadata

from .table import exit_code

OURS = "gregaria"
ORIGINAL = "locust"


def refuse_original_beside_us() -> None:
    """Ends the program with exit code 1 if the distribution `locust` is installed too."""
    try:
        version = metadata.version(ORIGINAL)
    except metadata.PackageNotFoundError:
        return
    sys.stderr.write(
        f"{OURS}: error: the original {ORIGINAL} {version} is installed in this environment too, and both "
        f"provide the package '{ORIGINAL}', so files of one have overwritten files of the other.\n"
        f"Keep one: 'pip uninstall {ORIGINAL} {OURS}', then 'pip install {OURS}' (or '{ORIGINAL}').\n"
    )
    raise SystemExit(exit_code("STARTUP"))
