"""The wheel as somebody gets it: what is in it, and that it runs the guide where there is neither Rust nor Node nor a clone, on
each Python that this machine has. It is the one that scripts/setup has built, or the one that `GREGARIA_WHEEL` names."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest

import locust
from servers import ROOT, clean_environment, free_port

OLDEST = (3, 11)
# pip's and uv's own downloads may take their time.
INSTALL_S = 240
SAYS_WHICH = "import sys; print(*sys.version_info[:2], sys.prefix == sys.base_prefix)"


def the_wheel() -> Path:
    if named := os.environ.get("GREGARIA_WHEEL"):
        return Path(named)
    built = sorted((ROOT / "target" / "wheels").glob("gregaria-*.whl"), key=lambda path: path.stat().st_mtime)
    if not built and not os.environ.get("CI"):
        pytest.skip("no wheel: scripts/setup builds one, scripts/quick does not")
    assert built, "scripts/setup has built no wheel"
    return built[-1]


def pythons() -> dict[str, str]:
    """The interpreters of this machine that the wheel is for, one of each version."""
    folders = [Path(place) for place in os.environ["PATH"].split(os.pathsep) if place]
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates = [Path(sys.executable)]
    candidates += [path for place in folders for path in sorted(place.glob("python3.[1-9][0-9]"))]
    candidates += sorted(root.glob("versions/*/bin/python3"))
    found: dict[str, str] = {}
    for candidate in candidates:
        # pyenv's shims are there for versions that are not.
        said = subprocess.run([candidate, "-c", SAYS_WHICH], capture_output=True, text=True)
        if said.returncode == 0 and tuple(map(int, said.stdout.split()[:2])) >= OLDEST:
            found.setdefault(".".join(said.stdout.split()[:2]), str(candidate))
    return found


@pytest.fixture(scope="module")
def wheel() -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(the_wheel()) as archive:
        yield archive


def of_info(wheel: zipfile.ZipFile, name: str) -> bytes:
    """A file of the wheel's own description."""
    (found,) = (path for path in wheel.namelist() if re.fullmatch(rf"gregaria-[^/]+\.dist-info/{name}", path))
    return wheel.read(found)


def test_it_has_what_belongs_into_it_and_nothing_else(wheel: zipfile.ZipFile):
    names = wheel.namelist()
    parts = {name.partition("/")[0] for name in names}
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    info, data = f"gregaria-{version}.dist-info", f"gregaria-{version}.data"
    assert parts == {"gregaria", "locust", "pytest_locust", info, data}
    assert not [name for name in names if re.search(r"(^|/)(tests?|__pycache__)/|\.(rs|pdb|whl)$", name)]
    modules = {
        path.relative_to(ROOT / "python").as_posix() for path in (ROOT / "python" / "locust").rglob("*.py")
    }
    assert modules <= set(names), modules - set(names)
    assert "locust/_engine.abi3.so" in names and "locust/py.typed" in names
    licences = {name.rpartition("/")[2] for name in names if name.startswith(f"{info}/licenses/")}
    assert licences == {"LICENSE-APACHE", "LICENSE-MIT", "THIRD-PARTY-NOTICES.txt"}
    stand_in = [name for name in names if name.startswith(f"{data}/purelib/")]
    folder = f"{data}/purelib/locust-{locust.__version__}+gregaria.dist-info"
    assert {f"{data}/data/share/man/man1/{name}.1" for name in ("locust", "gregaria")} <= set(names)
    assert sorted(stand_in) == [f"{folder}/INSTALLER", f"{folder}/METADATA"]


def test_it_says_of_itself_what_installers_go_by(wheel: zipfile.ZipFile):
    metadata = message_from_bytes(of_info(wheel, "METADATA"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert metadata["Requires-Python"] == ">=3.11" and metadata["License-Expression"] == project["license"]
    wanted = {re.split(r"[<>=!~ ]", line)[0].lower() for line in project["dependencies"]}
    always = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert {re.split(r"[<>=!~ ]", line)[0].lower() for line in always} == wanted
    assert "Tag: cp311-abi3-manylinux" in of_info(wheel, "WHEEL").decode()
    commands = of_info(wheel, "entry_points.txt").decode()
    assert "locust=locust.main:main" in commands and "gregaria=gregaria.command:main" in commands


def test_its_bill_of_materials_names_each_crate_that_is_linked_in(wheel: zipfile.ZipFile):
    bill = json.loads(of_info(wheel, "sboms/gregaria-python.cyclonedx.json"))
    assert bill["bomFormat"] == "CycloneDX"
    listed = {f"{part['name']} {part['version']}" for part in bill["components"]}
    head = (ROOT / "THIRD-PARTY-NOTICES.txt").read_text().partition("-" * 40)[0]
    crates = {line.partition(":")[0] for line in head.splitlines() if ": " in line} - _of_the_page()
    assert len(crates) > 50 and crates <= listed, crates - listed


def _of_the_page() -> set[str]:
    packages = json.loads((ROOT / "ui" / "package-lock.json").read_text())["packages"]
    return {f"{path.rpartition('/')[2]} {entry['version']}" for path, entry in packages.items() if path}


class Bare:
    """An environment that has the wheel, what it asks for, and nothing on PATH but its own commands."""

    def __init__(self, folder: Path, python: str) -> None:
        self.bin = folder / "bin"
        self._uv("venv", "-q", "--python", python, str(folder))
        # What the guide's script needs, and what runs a few of our tests there.
        self._uv(
            "pip",
            "install",
            "-q",
            "--python",
            str(self.bin / "python"),
            str(the_wheel()),
            "pyquery",
            "pytest",
            "pytest-timeout",
        )

    @staticmethod
    def _uv(*arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "uv", *arguments], capture_output=True, text=True, timeout=INSTALL_S
        )
        assert done.returncode == 0, done.stderr

    def environment(self, **extra: str) -> dict[str, str]:
        return clean_environment(PATH=str(self.bin), **extra)

    def run(self, program: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.bin / program, *arguments],
            cwd=cwd, env=self.environment(HOME=str(cwd)), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100,
        )  # fmt: skip


@pytest.mark.timeout(INSTALL_S + 120)
@pytest.mark.parametrize("version", pythons())
def test_it_runs_the_guide_in_a_bare_environment(version: str, tmp_path: Path):
    bare = Bare(tmp_path / "env", pythons()[version])
    for tool in ("cargo", "node", "cc"):
        assert shutil.which(tool, path=str(bare.bin)) is None
    place = tmp_path / "place"
    shutil.copytree(ROOT / "examples" / "guide", place)
    assert f"Python {version}." in bare.run("locust", "-V", cwd=place).stdout
    port = free_port()
    blog = [bare.bin / "gregaria", "blog", "--port", str(port)]
    with subprocess.Popen(blog, cwd=place, env=bare.environment(), stdout=subprocess.PIPE, text=True) as site:
        try:
            assert "is at http://" in site.stdout.readline()
            host = f"http://127.0.0.1:{port}"
            run = bare.run(
                "locust",
                "--headless",
                "-u",
                "5",
                "-r",
                "5",
                "-t",
                "3s",
                "-H",
                host,
                "--html",
                "report.html",
                cwd=place,
            )
        finally:
            site.terminate()
    assert run.returncode == 0, run.stderr
    assert re.search(r"^GET +/ +[1-9]\d* +0\(0\.00%\)", run.stderr, re.MULTILINE), run.stderr
    assert re.search(r"^GET +/post/\d ", run.stderr, re.MULTILINE), run.stderr
    # The report is made of the page's parts, which Node has built.
    report = (place / "report.html").read_text()
    assert "Svelte" in report and len(report) > 50_000
    few = [
        str(ROOT / "python" / "tests" / name) for name in ("scripting/test_util.py", "stats/test_stats.py")
    ]
    tests = bare.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *few, cwd=ROOT)
    assert tests.returncode == 0, tests.stdout[-3000:]


@pytest.mark.timeout(INSTALL_S + 120)
def test_its_page_is_built_in(tmp_path: Path):
    bare = Bare(tmp_path / "env", sys.executable)
    (tmp_path / "locustfile.py").write_text(
        "from locust import User\nclass Idle(User):\n    tasks = [lambda user: None]\n"
    )
    port = free_port()
    command = [bare.bin / "locust", "--web-host", "127.0.0.1", "--web-port", str(port)]
    with subprocess.Popen(
        command, cwd=tmp_path, env=bare.environment(HOME=str(tmp_path)), stderr=subprocess.PIPE, text=True
    ) as program:
        try:
            for line in program.stderr:
                if "Starting web interface" in line:
                    break
            page = _get(f"http://127.0.0.1:{port}/")
            scripts = set(re.findall(r'src="(?:\./)?(assets/[^"]+\.js)"', page))
            assert max(len(_get(f"http://127.0.0.1:{port}/{name}")) for name in scripts) > 50_000
        finally:
            program.terminate()


def _get(url: str) -> str:
    """Asks until somebody listens there."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.read().decode()
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionRefusedError) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
