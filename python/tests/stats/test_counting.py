"""Steps of counting that a script takes over are called for each request, as Locust calls them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from http_comparing import oracle

from servers import clean_environment

SCRIPT = Path(__file__).with_name("counting_steps.py")


def outcome(python: Path | str) -> dict[str, Any]:
    command = [python, "-W", "ignore", SCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, env=clean_environment(), timeout=120)
    assert done.returncode == 0, done.stderr
    assert "is replaced, but nothing here calls it" not in done.stderr
    return json.loads(done.stdout)


def test_each_step_is_called_and_what_it_does_counts() -> None:
    real = oracle()
    if real is None:
        pytest.skip("no Locust to compare with")
    ours, theirs = outcome(sys.executable), outcome(real)
    assert ours.keys() == theirs.keys() and len(ours) == 57
    assert theirs["RequestStats.log_request, on the class, handing on"][0]
    differing = {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]}
    assert not differing, "\n".join(f"{name}:\n  ours {o}\n  real {t}" for name, (o, t) in differing.items())
