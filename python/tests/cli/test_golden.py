"""The parser against golden outputs of real Locust 2.47: every column of every option, and what it makes of values."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from locust.cli.table import table
from servers import ROOT, clean_environment

SCRIPT = ROOT / "compat" / "golden" / "cli.py"
GOLDEN: dict[str, Any] = json.loads(SCRIPT.with_suffix(".json").read_text())
# argparse words some of its messages differently from version to version.
SAME_PYTHON = list(sys.version_info[:2]) == GOLDEN["made by"]["python"]


@pytest.fixture(scope="module")
def ours() -> dict[str, Any]:
    result = subprocess.run(
        [sys.executable, SCRIPT],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return json.loads(result.stdout)


@pytest.mark.parametrize("expected", GOLDEN["options"], ids=lambda option: option["dest"])
def test_an_option_has_the_columns_of_the_original(ours: dict[str, Any], expected: dict[str, Any]) -> None:
    ours_by_dest = {option["dest"]: option for option in ours["options"]}
    assert ours_by_dest[expected["dest"]] == expected


def test_options_come_in_the_order_of_the_original(ours: dict[str, Any]) -> None:
    added = {option.dest for option in table().options if option.ours}
    dests = [option["dest"] for option in ours["options"]]
    assert [dest for dest in dests if dest not in added] == [option["dest"] for option in GOLDEN["options"]]
    assert not added & {option["dest"] for option in GOLDEN["options"]}


@pytest.mark.parametrize("name", GOLDEN["cases"])
def test_a_command_line_is_read_as_by_the_original(ours: dict[str, Any], name: str) -> None:
    expected, found = GOLDEN["cases"][name], ours["cases"][name]
    if "values" in found:
        added = {option.dest for option in table().options if option.ours}
        values = {dest: value for dest, value in found["values"].items() if dest not in added}
        found = {**found, "values": values}
    if name.endswith("with an unknown key"):
        # Ours names the place besides.
        *said, place = found["stderr"].splitlines()
        assert re.fullmatch(r"\S+:\d+: no option has the key 'frobnicate'\.", place), place
        found = {**found, "stderr": "\n".join([*said, ""])}
    if not SAME_PYTHON:
        expected, found = ({k: v for k, v in case.items() if k != "stderr"} for case in (expected, found))
    assert found == expected
