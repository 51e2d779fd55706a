"""Imports one locustfile in a process of its own, as a run would, and writes down what came of it.

`python -m locust.cli.check.child SCRIPT RESULT`; the result is JSON. The process is the script's: it may print, exit or hang,
and the check itself goes on.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from dataclasses import asdict
from typing import Any

from locust import log, main  # main imports locust_plugins too, as a run does
from locust.argument_parser import get_parser
from locust.cli.check import detect
from locust.cli.check.finding import Finding, Verdict
from locust.cli.check.loaded import classes, own_files, replaced, watched
from locust.cli.locustfiles import part_of_script
from locust.util.load_locustfile import load_locustfile_pytest


def examine(script: str) -> Verdict:
    """Imports the script and says what it found."""
    verdict = Verdict(script)
    modules, values = set(sys.modules), watched()
    findings: set[Finding] = set()
    patches: list[Finding] = []
    try:
        user_classes, shapes = main.load_locustfile(script)
        patches = list(replaced(values, script))
        user_classes = user_classes or load_locustfile_pytest(script)
        get_parser()  # listeners of scripts add their options now
        if log.unhandled_greenlet_exception:
            verdict.problem = "A listener of init_command_line_parser raised; its traceback is above."
        findings |= set(classes(user_classes, script))
        verdict.users = list(user_classes)
        verdict.shapes = [type(shape).__name__ for shape in shapes]
        main.Environment(user_classes=list(user_classes.values()), shape_class=shapes[0] if shapes else None)
    except SystemExit as end:
        verdict.problem = f"The script ends the program (sys.exit({end.code!r})) when it is imported."
    except Exception as error:
        frames = part_of_script(error.__traceback__, script)
        verdict.problem = "".join(traceback.format_exception(error.with_traceback(frames))).rstrip()
        if isinstance(error, ModuleNotFoundError) and error.name == "locust_plugins":
            verdict.problem += "\nInstall it without the original Locust: pip install --no-deps locust-plugins (docs/plugins.md)"
    beside = [os.path.dirname(script), os.getcwd()]
    for path in own_files(script, modules, beside):
        findings |= set(detect.findings(path))
    # The text shows where a patch is made, the import only that there is one.
    shown = {finding.rule for finding in findings}
    findings |= {patch for patch in patches if patch.rule not in shown}
    verdict.findings = sorted(findings)
    return verdict


def as_json(verdict: Verdict) -> dict[str, Any]:
    """All of it, for the parent."""
    return asdict(verdict)


if __name__ == "__main__":
    path, result = sys.argv[1:]
    sys.argv = ["locust", "-f", path]
    found = examine(path)
    with open(result, "w", encoding="utf-8") as file:
        json.dump(as_json(found), file)
    # Threads and greenlets that the script has started are not waited for.
    sys.stdout.flush()
    os._exit(0)
