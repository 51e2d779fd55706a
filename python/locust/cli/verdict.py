"""The verdict on a run: whether the generator was its limit. What it is comes from crates/record."""

from __future__ import annotations

import json
import logging
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from .. import _engine
from . import tables

if TYPE_CHECKING:
    from ..env import Environment

logger = logging.getLogger("locust.verdict")


def of(environment: Environment, options: Namespace) -> dict[str, Any]:
    """The verdict on the run that is over; empty if there is none: on a worker, which its master judges."""
    recorder = environment._recorder
    if recorder is None or options.worker:
        return {}
    try:
        found: dict[str, Any] = recorder.verdict()
    except Exception:
        logger.exception("There is no verdict on this run")
        return {}
    return found


def warn(verdict: dict[str, Any]) -> None:
    """Says in the log what speaks against the numbers, and nothing if nothing does."""
    if verdict.get("reasons"):
        logger.warning(
            f"Verdict {verdict['level']}: {verdict['summary']}. {_sentence(verdict['reasons'][0]['advice'])}"
        )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def is_broken(verdict: dict[str, Any], options: Namespace) -> bool:
    """Whether the run fails for it."""
    return bool(options.fail_on_invalid) and verdict.get("level") == "red"


def show(verdict: dict[str, Any]) -> None:
    """Prints it, if there is one."""
    tables.show(_engine.verdict_lines(json.dumps({"verdict": verdict})))
