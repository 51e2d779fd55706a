"""What `--help` ends with, and what `--version` says."""

from __future__ import annotations

import os
import platform
import sys

import locust

from .._version import gregaria_version
from .subcommands import PROGRAM, help_lines
from .table import Table


def version_line() -> str:
    """Locust's line; our own command says which version of ours it is, too."""
    where = os.path.dirname(os.path.abspath(locust.__file__))
    rest = f"from {where} (Python {platform.python_version()})"
    if os.path.basename(sys.argv[0]) == PROGRAM:
        return f"{PROGRAM} {gregaria_version}, compatible with locust {locust.__version__}, {rest}"
    return f"locust {locust.__version__} {rest}"


def epilog(known: Table) -> str:
    """Examples, and what else the command does."""
    lines = ["Examples:", ""]
    for command, remark in known.examples:
        lines += [f"    {command}"] + ([f"    ({remark})"] if remark else []) + [""]
    lines += ["Beside running a test:", "", *(f"    {line}" for line in help_lines()), ""]
    lines.append(f"More, with the options as settings in files and in the environment: {known.documentation}")
    return "\n".join(lines)
