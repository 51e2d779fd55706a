"""What installers say where the wheel is not for the machine: docs/install.md has it word by word, and what to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from installs import pack
from servers import ROOT, TOOLS

# A glibc that is newer than any machine's, for which this one's is too old; Alpine's library; another processor.
TAGS = ("manylinux_2_99_x86_64", "musllinux_1_2_s390x", "manylinux_2_28_s390x")


@pytest.fixture(scope="module", params=TAGS)
def wheel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("wheels")
    info = "gregaria-9.9.9.dist-info"
    files = {
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: gregaria\nVersion: 9.9.9\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: false\nTag: cp311-abi3-{request.param}\n".encode(),
    }
    made = pack(place, "gregaria", "9.9.9", files)
    return made.rename(place / f"gregaria-9.9.9-cp311-abi3-{request.param}.whl")


def told(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode != 0, done.stdout
    return " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize("installer, by_file, by_name", [
    ("pip", "is not a supported wheel on this platform", "No matching distribution found for gregaria"),
    ("uv", "is incompatible with the current platform", "has no wheels with a matching platform tag"),
])  # fmt: skip
def test_a_wheel_for_another_machine_is_refused_in_words_that_the_page_has(
    installer: str, by_file: str, by_name: str, wheel: Path
):
    start = {
        "pip": [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--no-index"],
        "uv": [
            TOOLS / "uv",
            "pip",
            "install",
            "--python",
            sys.executable,
            "--dry-run",
            "--no-deps",
            "--no-index",
        ],
    }[installer]
    again = ["--upgrade", "--find-links", wheel.parent, "gregaria==9.9.9"]
    page = (ROOT / "docs" / "install.md").read_text()
    for words, arguments in ((by_file, [wheel]), (by_name, again)):
        said = told(*start, *arguments)
        assert words in said, said
        assert words in page, words
