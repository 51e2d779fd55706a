"""gregaria and the original installed into one environment by pip and by uv, in both orders."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import locust
from installs import Place, original_wheel, our_wheel, plugin_wheel
from servers import ROOT

SCRIPT = "from locust import User\nclass Idle(User):\n    tasks = [lambda user: None]\n"
REFUSAL = "gregaria: error: the original locust 2.46.3 is installed in this environment too"
PIP_REFUSES = "Cannot uninstall locust 2.47.0+gregaria"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("wheels")
    our_wheel(place)
    plugin_wheel(place)
    for version in ("2.47.0", "2.46.3"):
        original_wheel(place, version)
    return place


# pip alone takes seconds for each call on a busy machine.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(params=["pip", "uv"])
def place(request: pytest.FixtureRequest, tmp_path: Path, wheels: Path) -> Place:
    place = Place(tmp_path / "env", wheels, request.param)
    (place.folder / "locustfile.py").write_text(SCRIPT)
    return place


def works(place: Place) -> None:
    for program, arguments in (("locust", ["--list"]), ("gregaria", ["check", "locustfile.py"])):
        result = place.run(program, *arguments)
        assert (result.returncode, "Idle" in result.stdout) == (0, True), (program, arguments, result)


def refuses(place: Place, words: str) -> None:
    for program, arguments in (
        ("gregaria", ["--list"]),
        ("gregaria", ["check", "locustfile.py"]),
        ("gregaria", ["blog"]),
        ("gregaria", ["ab", "locustfile.py"]),
        ("python", ["-m", "gregaria", "-V"]),
    ):
        result = place.run(program, *arguments)
        assert result.returncode == 1 and words in result.stderr, (program, arguments, result)
        assert "Traceback" not in result.stderr and result.stdout == ""


def test_ours_then_the_original(place: Place) -> None:
    result = place.install("gregaria")
    assert result.returncode == 0, result
    # What asks for the distribution `locust` finds one, and fetches nothing.
    result = place.install("locust", "some-plugin")
    assert result.returncode == 0, result
    assert "locust" not in place.check().stdout
    result = place.install("locust==2.46.3")
    if place.installer == "pip":
        assert result.returncode == 1 and PIP_REFUSES in result.stderr, result
        works(place)
        assert place.install("--ignore-installed", "--no-deps", "locust==2.46.3").returncode == 0
    refuses(place, REFUSAL)
    # The command `locust` is the original's own then, which nothing of ours can guard.
    assert place.run("locust", "-V").stdout.startswith("locust 2.47.0")
    # As the message says: neither installer takes the original away as long as there is what stands in for it.
    for name in ("gregaria", "locust"):
        assert place.uninstall(name).returncode == 0
    assert place.install("--no-deps", "gregaria").returncode == 0
    works(place)
    shutil.rmtree(next(place.folder.glob("lib/python3*/site-packages/locust/cli")))
    refuses(place, "gregaria: error: files of the package 'locust' are missing")


def test_the_original_then_ours(place: Place) -> None:
    assert place.install("locust==2.46.3").returncode == 0
    assert place.install("gregaria").returncode == 0
    refuses(place, REFUSAL)
    result = place.run("locust", "--list")
    assert result.returncode == 1 and REFUSAL in result.stderr


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """What scripts/dist makes of it: the constraints, beside the wheel that they name."""
    folder = tmp_path / "dist"
    subprocess.run([ROOT / "scripts" / "stub-wheel", folder], check=True, capture_output=True, timeout=60)
    (wheel,) = folder.iterdir()
    constraints = folder / "constraints.txt"
    constraints.write_text(f"locust @ file://{folder}/{wheel.name.replace('+', '%2B')}\n")
    return constraints


@pytest.mark.parametrize("order", ["all at once", "ours first"])
def test_files_that_name_the_original_get_ours_by_the_stand_in(
    place: Place, stand_in: Path, tmp_path: Path, order: str
) -> None:
    wanted = tmp_path / "requirements.txt"
    # gregaria is not named: the stand-in brings it.
    wanted.write_text("locust>=2.40\nsome-plugin\n")
    steps = [["-c", str(stand_in), "-r", str(wanted)]]
    for arguments in [["gregaria"], *steps] if order == "ours first" else steps:
        result = place.install(*arguments)
        assert result.returncode == 0, result
    works(place)
    assert "locust" not in place.check().stdout


def test_what_uv_can_leave_out_and_write_down(wheels: Path, stand_in: Path, tmp_path: Path) -> None:
    place = Place(tmp_path / "env", wheels, "uv")
    (place.folder / "locustfile.py").write_text(SCRIPT)
    excludes = tmp_path / "excludes.txt"
    excludes.write_text("locust\n")
    result = place.install("--excludes", str(excludes), "gregaria", "some-plugin")
    assert result.returncode == 0, result
    works(place)
    wanted = tmp_path / "requirements.in"
    wanted.write_text("locust>=2.40\nsome-plugin\n")
    without_index = ["--offline", "--no-index", "--find-links", wheels]
    compiled = subprocess.run(
        [
            sys.executable,
            "-m",
            "uv",
            "pip",
            "compile",
            "-q",
            "--no-deps",
            *without_index,
            "-c",
            stand_in,
            wanted,
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert compiled.returncode == 0 and re.search(
        r"^locust @ file://.*%2Bgregaria", compiled.stdout, re.MULTILINE
    ), compiled


def test_what_stands_in_for_the_original_says_the_version_that_is_followed() -> None:
    (info,) = (ROOT / "python" / "data" / "purelib").iterdir()
    text = (info / "METADATA").read_text()
    assert info.name == f"locust-{locust.__version__}+gregaria.dist-info"
    assert f"\nVersion: {locust.__version__}+gregaria\n" in text and "\nRequires-Dist: gregaria\n" in text
    assert sorted(path.name for path in info.iterdir()) == ["INSTALLER", "METADATA"]
