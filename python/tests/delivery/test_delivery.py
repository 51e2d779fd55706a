"""What publishes: scripts/release in a clone, and the stand-in for the original that scripts/dist makes."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from servers import ROOT


def git(place: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"]
    done = subprocess.run(
        ["git", *who, "-C", place, *arguments], check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What is here, committed in a place of its own."""
    place = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--no-hardlinks", str(ROOT), str(place))
    for name in git(ROOT, "ls-files", "--modified", "--others", "--exclude-standard").splitlines():
        if (ROOT / name).exists():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes((ROOT / name).read_bytes())
            (place / name).chmod((ROOT / name).stat().st_mode)
        else:
            (place / name).unlink()
    git(place, "config", "user.name", "Somebody")
    git(place, "config", "user.email", "somebody@example.org")
    git(place, "add", "--all")
    git(place, "commit", "--quiet", "--allow-empty", "--message", "as it is here")
    return place


def release(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [clone / "scripts" / "release", *arguments],
        env=os.environ | {"PATH": tools}, capture_output=True, text=True, timeout=100,
    )  # fmt: skip


def test_a_release_bumps_tells_and_tags(clone: Path):
    told = next((clone / "changelog.d").glob("*.added.md")).read_text().split(":")[0].strip()
    done = release(clone, "7.8.9-rc.1", "--check", "grep -q 7.8.9-rc.1 Cargo.toml")
    assert done.returncode == 0, done.stderr
    assert (
        tomllib.loads((clone / "Cargo.toml").read_text())["workspace"]["package"]["version"] == "7.8.9-rc.1"
    )
    locked = tomllib.loads((clone / "Cargo.lock").read_text())["package"]
    assert {one["version"] for one in locked if one["name"].startswith("gregaria-")} == {"7.8.9-rc.1"}
    changes = (clone / "CHANGELOG.md").read_text()
    assert "## 7.8.9-rc.1 (" in changes and "### Added" in changes and f"- {told}" in changes
    assert sorted(path.name for path in (clone / "changelog.d").iterdir()) == [
        "README.md",
        "template.md.jinja",
    ]
    assert git(clone, "describe", "--exact-match").strip() == "v7.8.9-rc.1"
    assert git(clone, "status", "--porcelain") == ""
    # The next one asks for changes.
    assert "tells of no change" in release(clone, "7.8.9", "--check", "true").stderr


def test_a_release_that_is_none_leaves_everything_as_it_was(clone: Path):
    before = git(clone, "rev-parse", "HEAD")
    for arguments, words in (
        ((), "VERSION must be like 1.2.3"),
        (("next",), "VERSION must be like 1.2.3"),
        (("0.0.1", "--check", "true"), "comes before"),
        (("7.8.9", "--check", "false"), "the check failed"),
    ):
        done = release(clone, *arguments)
        assert done.returncode != 0 and words in done.stderr, done
        assert (git(clone, "status", "--porcelain"), git(clone, "rev-parse", "HEAD")) == ("", before)
    assert git(clone, "tag", "--list", "v7*") == ""
    (clone / "README.md").write_text("changed")
    assert "not committed" in release(clone, "7.8.9", "--check", "true").stderr


def test_the_stand_in_is_a_wheel_of_what_the_data_say(tmp_path: Path):
    done = subprocess.run(
        [ROOT / "scripts" / "stub-wheel", tmp_path], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    (info,) = (ROOT / "python" / "data" / "purelib").iterdir()
    with zipfile.ZipFile(tmp_path / f"{info.name.removesuffix('.dist-info')}-py3-none-any.whl") as wheel:
        assert wheel.read(f"{info.name}/METADATA") == (info / "METADATA").read_bytes()
        assert {name.partition("/")[0] for name in wheel.namelist()} == {info.name}
        assert f"{info.name}/RECORD" in wheel.namelist()
