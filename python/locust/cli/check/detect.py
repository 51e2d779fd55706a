"""All detectors over one file, and whether the file is a locustfile at all."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from . import detect_requests, detect_runs
from .finding import Finding
from .source import Source, shown

# Calls that begin a run or a debug session; at the top of a module they make it a program.
_BEGINS = ("run_single_user", "create_local_runner", "create_master_runner", "create_worker_runner")


def findings(path: str) -> Iterator[Finding]:
    """What the text of a file tells; nothing if it cannot be read, since its import tells that better."""
    try:
        source = Source(path)
    except (SyntaxError, ValueError, OSError):
        return
    for detector in (*detect_requests.ALL, *detect_runs.ALL):
        for rule, node, what in detector(source):
            yield Finding(path, getattr(node, "lineno", 1), rule, what)


def begins_a_run(path: str) -> str | None:
    """The call at the top of the file that would begin a run if it were imported; None if it is a locustfile."""
    try:
        source = Source(path)
    except (SyntaxError, ValueError, OSError):
        return None
    for statement in source.tree.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if isinstance(statement, ast.If) and "__name__" in shown(statement.test):
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and shown(node.func).rpartition(".")[2] in _BEGINS:
                return f"{shown(node.func)}() in line {node.lineno}"
    return None
