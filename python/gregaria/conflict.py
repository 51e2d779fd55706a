"""The check that the original Locust is not installed in the same place.

Both distributions own the package `locust`: whichever was installed last has overwritten files of the other, and nothing that
happens then can be trusted. So nothing here uses that package.

Usually nobody asked for the original: plugins depend on the distribution `locust`, and an installer fetches it. Our wheel brings
a distribution of that name along, `2.47.0+gregaria`, which says that it is there already; docs/plugins.md tells where that is not
enough.
"""

from __future__ import annotations

import re
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

OURS = "gregaria"
ORIGINAL = "locust"
# The local version of what stands in for the original.
MARK = "+gregaria"

# `STARTUP` in crates/cli/src/exit.rs, which is read by way of the package that may be another's.
_EXIT_CODE = 1


def refuse_original_beside_us() -> None:
    """Ends the program with exit code 1 if a distribution `locust` is installed that is not ours, or if our package is gone."""
    if versions := _foreign_versions():
        _stop(
            f"the original {ORIGINAL} {', '.join(versions)} is installed in this environment too, and both provide the "
            f"package '{ORIGINAL}', so files of one have overwritten files of the other.\n"
            f"Keep one: 'pip uninstall {OURS}', then 'pip uninstall {ORIGINAL}', then 'pip install {OURS}' (or "
            f"'{ORIGINAL}').\n" + _who_wanted_it()
        )
    if not _is_complete():
        _stop(
            f"files of the package '{ORIGINAL}' are missing: something has removed them, probably 'pip uninstall "
            f"{ORIGINAL}' after the original had been installed over them.\n"
            f"Put them back: 'pip uninstall {OURS}', then 'pip install {OURS}'.\n"
        )


def _stop(words: str) -> None:
    sys.stderr.write(f"{OURS}: error: {words}")
    raise SystemExit(_EXIT_CODE)


def _foreign_versions() -> list[str]:
    found = {distribution.version or "?" for distribution in metadata.distributions(name=ORIGINAL)}
    return sorted(version for version in found if MARK not in version)


def _is_complete() -> bool:
    """Whether the package is there with the native module; looks without importing anything."""
    package = find_spec(ORIGINAL)
    places = (package.submodule_search_locations or ()) if package is not None else ()
    return any(
        any(Path(place).glob("_engine.*")) and (Path(place) / "cli" / "subcommands.py").exists()
        for place in places
    )


def _who_wanted_it() -> str:
    wanted_by = _dependents()
    if not wanted_by:
        return ""
    return (
        f"It may have come as a dependency of {', '.join(wanted_by)}: install such plugins with 'pip install --no-deps "
        f"{' '.join(wanted_by)}', and what else they need by name.\n"
    )


def _dependents() -> list[str]:
    """The installed distributions that ask for the original."""
    found = set()
    for distribution in metadata.distributions():
        for requirement in distribution.requires or ():
            name = re.match(r"[\w.-]+", requirement)
            if name and name[0].lower() == ORIGINAL and "extra ==" not in requirement:
                found.add(distribution.metadata["Name"])
    return sorted(found)
