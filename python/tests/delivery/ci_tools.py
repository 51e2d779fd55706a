"""Programs of others that read files for CI systems and clusters, and what the systems themselves do with lines of a shell."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from servers import ROOT, TOOLS, clean_environment

# Programs from npm, where scripts/setup puts them.
NPM = ROOT / "target" / "ci-tools" / "node_modules"
PROGRAMS = NPM / ".bin"
_EXPRESSION = re.compile(r"\$\{\{ *([^}]+?) *\}\}")


def program(name: str) -> Path:
    path = PROGRAMS / name
    assert path.exists(), f"{name} is not there: run scripts/setup --test"
    return path


def load(text: str) -> dict[Any, Any]:
    return yaml.safe_load(text)


def expanded(value: Any, known: Mapping[str, str]) -> Any:
    """With GitHub's expressions replaced by what is known of them; another one is an error."""
    if isinstance(value, str):
        return _EXPRESSION.sub(lambda found: known[found[1]], value)
    if isinstance(value, dict):
        return {key: expanded(inner, known) for key, inner in value.items()}
    if isinstance(value, list):
        return [expanded(inner, known) for inner in value]
    return value


def matrix(job: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """What a job's matrix stands for, one time each; once nothing without one."""
    included = job.get("strategy", {}).get("matrix", {}).get("include", [{}])
    for one in included:
        yield {f"matrix.{key}": str(value) for key, value in one.items()}


def on_github(line: str, folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """A step's `run`, as GitHub's runner on Linux has bash read it."""
    script = folder / ".step.sh"
    script.write_text(line)
    try:
        return _run(["bash", "-e", str(script)], folder, environment)
    finally:
        script.unlink()


def on_azure(text: str, folder: Path, environment: Mapping[str, str]) -> list[int]:
    """The `script` steps: bash without -e. A step after one that failed is not run, unless it says `always()`."""
    codes = []
    for step in load(text)["steps"]:
        if "script" in step and not any(codes):
            # $(name) is a variable of the pipeline; it knows none but those that are given.
            line = re.sub(r"\$\((\w+)\)", lambda found: environment[found[1]], step["script"])
            codes.append(_run(["bash", "--noprofile", "--norc", "-c", line], folder, environment).returncode)
    return codes


def jenkinsfile(file: Path) -> list[dict[str, Any]]:
    """What it says, by the Groovy that Jenkins has."""
    java = shutil.which("java")
    assert java, "java is missing (on Debian the package default-jre-headless)"
    home = str(Path(java).resolve().parents[1])
    harness = Path(__file__).parent / "ci" / "jenkins.groovy"
    done = subprocess.run(
        ["groovy", harness, file],
        env={**os.environ, "JAVA_HOME": home},
        capture_output=True,
        text=True,
        timeout=100,
    )
    if done.returncode:
        raise ValueError(done.stderr)
    return json.loads(done.stdout)


def of_jenkins(said: list[dict[str, Any]], *way: str) -> list[dict[str, Any]]:
    """What stands at the end of a way through sections."""
    for word in way:
        said = [inner for one in said if one["word"] == word for inner in one.get("inside", [])]
    return said


def on_jenkins(line: str, folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """A step `sh`, as Jenkins starts it."""
    return _run(["sh", "-xe", "-c", line], folder, environment)


def on_gitlab(
    folder: Path, environment: Mapping[str, str], **variables: str
) -> subprocess.CompletedProcess[str]:
    """The folder's .gitlab-ci.yml, run by gitlab-ci-local; what its jobs keep lies in .gitlab-ci-local/artifacts."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-C", str(folder)]
    for words in (["init", "-q", "."], ["add", "--all"], ["commit", "-q", "-m", "scripts"]):
        subprocess.run([*git, *words], check=True, timeout=60)
    given = [word for key, value in variables.items() for word in ("--variable", f"{key}={value}")]
    command = [program("gitlab-ci-local"), "--force-shell-executor", "--home", str(folder / "home"), *given]
    return _run(command, folder, environment)


def _run(
    command: list[Any], folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([environment.get("PATH", str(TOOLS)), os.environ["PATH"]])
    return subprocess.run(
        command, cwd=folder, env=clean_environment(HOME=str(folder), **{**environment, "PATH": path}),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=100,
    )  # fmt: skip
