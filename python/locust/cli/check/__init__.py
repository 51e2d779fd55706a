"""`gregaria check`: whether a locustfile runs here as it runs on Locust, and what will differ.

rules             what is known to differ, and what to do about it
source            a script's syntax tree, and what its names stand for
detect…           what the text of a script shows
loaded            what only shows once it is imported
child             imports one script in a process of its own
show              tables and JSON
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from typing import Any

from .. import children
from ..locustfiles import parse_locustfile_paths
from ..subcommands import PROGRAM
from ..table import exit_code
from . import detect, show
from .finding import Finding, Verdict

IMPORT_SECONDS = 60.0


def command(args: list[str]) -> int:
    """The subcommand: 0 if every file can be run (with `--strict`: runs as is), 1 if one cannot, 2 for bad arguments."""
    wanted = _arguments(args)
    verdicts = [check(path, wanted.timeout) for path in parse_locustfile_paths(wanted.locustfiles)]
    _judge_together(verdicts)
    print(show.as_json(verdicts) if wanted.json else show.text(verdicts), flush=True)
    failed = any(verdict.problem is not None or (wanted.strict and verdict.differs) for verdict in verdicts)
    return exit_code("STARTUP") if failed else exit_code("OK")


def _arguments(args: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=f"{PROGRAM} check",
        description="Say whether locustfiles run as they do on Locust, and what will differ. Each file is imported, as a "
        "run would import it; nothing is sent.",
    )
    parser.add_argument(
        "locustfiles", nargs="+", metavar="<locustfile>", help="a .py file, a folder or a URL"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--strict", action="store_true", help="exit code 1 if anything will differ")
    parser.add_argument(
        "--timeout", type=_seconds, default=IMPORT_SECONDS, metavar="<seconds>",
        help="how long an import may take (default %(default)g)",
    )  # fmt: skip
    return parser.parse_args(args)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"not a number: {text!r}") from None
    if not 0 < value < 86400:
        raise argparse.ArgumentTypeError("must be above 0 and below a day")
    return value


def check(path: str, timeout: float = IMPORT_SECONDS) -> Verdict:
    """The verdict about one locustfile."""
    if call := detect.begins_a_run(path):
        verdict = Verdict(path, findings=sorted(set(detect.findings(path))))
        verdict.skipped = f"a program of its own ({call}), so run it with python; it was read, not imported"
        return verdict
    with tempfile.TemporaryDirectory(prefix="gregaria-check-") as folder:
        result = os.path.join(folder, "result.json")
        problem = _import_in_child(path, result, timeout)
        if problem is None:
            with open(result, encoding="utf-8") as file:
                return _verdict(json.load(file))
    return Verdict(path, problem=problem, findings=sorted(set(detect.findings(path))))


def _import_in_child(path: str, result: str, timeout: float) -> str | None:
    """Why there is no result; None if there is one."""
    # What the script prints goes to stderr: stdout is ours.
    child = children.start(
        [sys.executable, "-m", f"{__name__}.child", path, result], stdin=subprocess.DEVNULL, stdout=sys.stderr
    )
    try:
        code = child.wait(timeout)
    except subprocess.TimeoutExpired:
        return f"Its import did not end within {timeout:g} seconds (--timeout)."
    finally:
        children.kill(child)
    if os.path.exists(result):
        return None
    return f"The process that imported it ended with exit code {code}."


def _verdict(raw: dict[str, Any]) -> Verdict:
    findings = [Finding(**one) for one in raw.pop("findings")]
    return Verdict(**raw, findings=findings)


def _judge_together(verdicts: list[Verdict]) -> None:
    """Files without users are fine beside one that has some, and not alone, as for `-f`."""
    runnable = [verdict for verdict in verdicts if verdict.problem is None and not verdict.skipped]
    if runnable and not any(verdict.users for verdict in runnable):
        for verdict in runnable:
            verdict.problem = "No User class found!"
