"""The original Locust beside us: refused, with the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from servers import run_locust

SCRIPT = "from locust import User\nclass Idle(User):\n    tasks = [lambda user: None]\n"


def distribution(folder: Path, name: str, *requirements: str) -> None:
    info = folder / f"{name.replace('-', '_')}-1.2.3.dist-info"
    info.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.2.3"]
    (info / "METADATA").write_text(
        "\n".join([*lines, *(f"Requires-Dist: {text}" for text in requirements), ""])
    )


def test_it_is_refused_and_names_what_brought_it(tmp_path: Path):
    packages = tmp_path / "packages"
    packages.mkdir()
    distribution(packages, "locust")
    distribution(packages, "locust-plugins", "locust>=2.35.0", "typing-extensions")
    distribution(packages, "har2locust", "locust (>=2.14.0)")
    distribution(packages, "innocent", "locust ; extra == 'load'", "locust-something")
    result = run_locust("--list", folder=tmp_path, locustfile=SCRIPT, PYTHONPATH=str(packages))
    assert result.returncode == 1
    first, second, third = result.stderr.splitlines()
    assert first.startswith("gregaria: error: the original locust 1.2.3 is installed in this environment too")
    assert second.startswith(
        "Keep one: 'pip uninstall gregaria', then 'pip uninstall locust', then 'pip install"
    )
    assert third == (
        "It may have come as a dependency of har2locust, locust-plugins: install such plugins with "
        "'pip install --no-deps har2locust locust-plugins', and what else they need by name."
    )


@pytest.mark.parametrize("name", ["locust-plugins", "locust-cloud"])
def test_its_plugins_alone_are_welcome(tmp_path: Path, name: str):
    packages = tmp_path / "packages"
    packages.mkdir()
    distribution(packages, name, "locust>=2.35.0")
    result = run_locust("--list", folder=tmp_path, locustfile=SCRIPT, PYTHONPATH=str(packages))
    assert (result.returncode, result.stdout) == (0, "Available Users:\n    Idle\n")
