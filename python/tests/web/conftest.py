"""Fixtures of the web interface's tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from servers import ROOT

UNPACKED = ROOT / "target" / "compat" / "sources" / "locust-2.29.1" / "examples"


@pytest.fixture(scope="session")
def recipes() -> Path:
    """The examples of Locust's manual: of the release that the scoreboard unpacks, or where `GREGARIA_RECIPES`
    says."""
    folder = Path(os.environ.get("GREGARIA_RECIPES", UNPACKED))
    if not folder.exists():
        pytest.fail(f"missing: Locust's examples at {folder} (scripts/setup --test gets them)")
    return folder
