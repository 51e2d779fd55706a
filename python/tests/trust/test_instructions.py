"""What a request takes, in instructions: the same on every machine, so that growth shows before anybody feels it."""

from __future__ import annotations

import json
import sys

import pytest

from servers import ROOT

sys.path.insert(0, str(ROOT / "bench"))
import path as whole_path


@pytest.mark.timeout(300)
def test_no_shape_of_a_request_takes_more_instructions_than_recorded():
    if not (ROOT / ".venv" / ".wheel-built").exists():
        pytest.skip(
            "the engine in .venv is a quick build: only the release wheel's instructions are recorded"
        )
    baseline = json.loads(whole_path.BASELINE.read_text())
    if whole_path.made_by() != baseline["made_by"]:
        pytest.skip(f"recorded with {baseline['made_by']}, this is {whole_path.made_by()}")
    counted = whole_path.count()
    assert counted.keys() == baseline["instructions"].keys()
    grown = {
        name: f"{baseline['instructions'][name]:,} -> {now:,}"
        for name, now in counted.items()
        if now > baseline["instructions"][name] * (1 + whole_path.TOLERANCE)
    }
    assert not grown, f"{grown}: make it cheaper, or say why and run bench/path.py --write"
