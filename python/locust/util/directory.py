"""Files below a folder."""

from __future__ import annotations

import os


def get_abspaths_in(path: str, extension: str | None = None) -> list[str]:
    """Absolute paths of the files below `path`, those named `_*` left out, with `extension` if given.

    Sorted within each folder, files before subfolders, so that a run does not depend on the file system's
    order.
    """
    found = []
    for root, folders, files in os.walk(path):
        folders.sort()
        for name in sorted(files):
            full = os.path.join(root, name)
            if (
                not name.startswith("_")
                and (extension is None or name.endswith(extension))
                and os.path.isfile(full)
            ):
                found.append(os.path.abspath(full))
    return found
