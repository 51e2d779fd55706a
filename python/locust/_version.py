"""The versions, in one place.

Two numbers exist. `version` is the release of Locust whose behaviour this package follows: masters and
workers compare its first four characters, plugins parse it, so it has Locust's form. `gregaria_version` is
our own; it is compiled into the native module from the Cargo workspace and never written by hand.
"""

from __future__ import annotations

from ._engine import __version__ as gregaria_version

__all__ = [
    "__commit_id__",
    "__version__",
    "__version_tuple__",
    "commit_id",
    "gregaria_version",
    "version",
    "version_tuple",
]

__version__ = version = "2.47.0"
__version_tuple__ = version_tuple = tuple(int(part) for part in version.split("."))
# Locust's build writes a commit here for unreleased versions; we follow releases only.
__commit_id__ = commit_id = None
