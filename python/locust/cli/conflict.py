"""The check that the original Locust is not installed in the same place.

Both distributions own the package `locust`: whichever was installed last has overwritten files of the other,
and nothing that happens then can be trusted.

Usually nobody asked for it: plugins depend on the distribution `locust`, and pip, which cannot know that we stand in
for it, fetches it. docs/plugins.md says how to install plugins without.
"""

from __future__ import annotations

import re
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
    wanted_by = _dependents()
    sys.stderr.write(
        f"{OURS}: error: the original {ORIGINAL} {version} is installed in this environment too, and both "
        f"provide the package '{ORIGINAL}', so files of one have overwritten files of the other.\n"
        f"Keep one: 'pip uninstall {ORIGINAL} {OURS}', then 'pip install {OURS}' (or '{ORIGINAL}').\n"
    )
    if wanted_by:
        sys.stderr.write(
            f"It may have come as a dependency of {', '.join(wanted_by)}: install such plugins with "
            f"'pip install --no-deps {' '.join(wanted_by)}', and what else they need by name.\n"
        )
    raise SystemExit(exit_code("STARTUP"))


def _dependents() -> list[str]:
    """The installed distributions that ask for the original."""
    found = set()
    for distribution in metadata.distributions():
        for requirement in distribution.requires or ():
            name = re.match(r"[\w.-]+", requirement)
            if name and name[0].lower() == ORIGINAL and "extra ==" not in requirement:
                found.add(distribution.metadata["Name"])
    return sorted(found)
