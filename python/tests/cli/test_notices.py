"""The licences of what the wheel contains of others are named, and all of them."""

from __future__ import annotations

import subprocess

from servers import ROOT


def test_the_notices_name_all_that_the_wheel_contains():
    checked = subprocess.run(
        [ROOT / "scripts" / "notices", "--check"], capture_output=True, text=True, timeout=120
    )
    assert checked.returncode == 0, checked.stderr
