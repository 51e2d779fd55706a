"""What installers, and the program, say where the wheel is not for the machine: docs/install.md and docs/troubleshooting.md have it word
by word, and what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from installs import pack
from servers import ROOT, TOOLS, clean_environment

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
    assert by_file in " ".join((ROOT / "docs" / "troubleshooting.md").read_text().split())


@pytest.fixture(scope="module")
def too_new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our package with a native module that needs a newer glibc than any machine has: the real loader refuses it."""
    place = tmp_path_factory.mktemp("too-new")
    for name in ("gregaria", "locust"):
        shutil.copytree(
            ROOT / "python" / name, place / name, ignore=shutil.ignore_patterns("*.so", "__pycache__")
        )
    (place / "versions").write_text("GLIBC_2.99 { global: of_the_future; local: *; };")
    (place / "libc.c").write_text("void of_the_future(void) {}")
    (place / "engine.c").write_text(
        "void of_the_future(void); void PyInit__engine(void) { of_the_future(); }"
    )
    for words in (
        ["libc.c", "-nostdlib", "-Wl,--version-script=versions,-soname=libc.so.6", "-o", "future.so"],
        ["engine.c", "-nostdlib", "future.so", "-o", "locust/_engine.abi3.so"],
    ):
        subprocess.run(["cc", "-shared", "-fPIC", *words], cwd=place, check=True, timeout=60)
    return place


@pytest.mark.parametrize("command", ["locust", "gregaria"])
def test_a_glibc_that_is_too_old_is_told_in_the_loaders_words_and_with_the_way_out(
    command: str, too_new: Path
):
    env = clean_environment(PATH=os.environ["PATH"], HOME=str(too_new), PYTHONPATH=str(too_new))
    done = subprocess.run(
        [TOOLS / command, "-V"], cwd=too_new, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1 and done.stdout == "", done
    assert (
        done.stderr.startswith("gregaria: error: the engine cannot be loaded on this system: ")
        and "Traceback" not in done.stderr
    )
    assert "version `GLIBC_2.99' not found" in done.stderr and "docs/install.md" in done.stderr, done.stderr
    own = subprocess.run(
        [sys.executable, "-c", "import locust"],
        cwd=too_new,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert own.returncode == 1 and "ImportError: the engine cannot be loaded on this system" in own.stderr
    for page in ("install.md", "troubleshooting.md"):
        text = " ".join((ROOT / "docs" / page).read_text().split())
        assert "the engine cannot be loaded on this system" in text and "version 'GLIBC_" in text, page
