"""Wheels and throw-away environments, without a network: the wheels are packed from what is installed here."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

from servers import ROOT, clean_environment

SITE = Path(metadata.distribution("pytest").locate_file(""))
ORACLE_SITE = next((ROOT / ".venv-oracle" / "lib").glob("python3*/site-packages"), None)
# What is tested, and what installs.
_NOT_SHARED = ("gregaria", "locust", "pytest_locust", "pip", "uv", "_virtualenv", "_distutils_hack", "__")
_OF_AN_INSTALLER = ("INSTALLER", "RECORD", "REQUESTED", "direct_url.json")


def pack(place: Path, name: str, version: str, files: dict[str, bytes]) -> Path:
    """A wheel of these files, with a RECORD."""
    place.mkdir(exist_ok=True)
    wheel = place / f"{name}-{version}-py3-none-any.whl"
    record = f"{name}-{version}.dist-info/RECORD"
    rows = []
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            rows.append(f'"{path}",sha256={digest},{len(content)}')
        archive.writestr(record, "\n".join([*rows, f"{record},,", ""]))
    return wheel


def _info(name: str, version: str, source: Path) -> dict[str, bytes]:
    """The `.dist-info` of a wheel, out of the installed one, with that version."""
    texts = {path.name: path.read_bytes() for path in source.iterdir() if path.is_file()}
    kept = {key: text for key, text in texts.items() if key not in _OF_AN_INSTALLER}
    head, rest = kept["METADATA"].split(b"\nVersion: ", 1)
    kept["METADATA"] = head + f"\nVersion: {version}\n".encode() + rest.split(b"\n", 1)[1]
    kept["WHEEL"] = b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    return {f"{name}-{version}.dist-info/{key}": text for key, text in kept.items()}


def _tree(folder: Path, name: str) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in (folder / name).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def our_wheel(place: Path) -> Path:
    """gregaria as it is in this clone, with the native module that is installed here."""
    found = metadata.distribution("gregaria")
    info = next(path for path in SITE.glob("gregaria-*.dist-info"))
    files = _info("gregaria", found.version, info)
    for package in ("gregaria", "locust", "pytest_locust"):
        files |= _tree(ROOT / "python", package)
    engine = next((SITE / "locust").glob("_engine.*"), None)
    if engine is not None:
        files[f"locust/{engine.name}"] = engine.read_bytes()
    data = ROOT / "python" / "data"
    files |= {
        f"gregaria-{found.version}.data/{path}": content
        for path, content in _tree(data.parent, "data").items()
        for path in [path.removeprefix("data/")]
    }
    return pack(place, "gregaria", found.version, files)


def original_wheel(place: Path, version: str) -> Path:
    """Real Locust, calling itself that version."""
    assert ORACLE_SITE is not None, "no real Locust: run scripts/setup --test"
    info = next(path for path in ORACLE_SITE.glob("locust-[0-9]*.dist-info"))
    return pack(place, "locust", version, _info("locust", version, info) | _tree(ORACLE_SITE, "locust"))


def plugin_wheel(place: Path) -> Path:
    """A plugin that needs the distribution `locust`, as they all do."""
    text = "Metadata-Version: 2.1\nName: some-plugin\nVersion: 1.0\nRequires-Dist: locust>=2.40\n"
    wheel = b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = {"some_plugin.py": b"", "some_plugin-1.0.dist-info/METADATA": text.encode()}
    return pack(place, "some_plugin", "1.0", files | {"some_plugin-1.0.dist-info/WHEEL": wheel})


def libraries(folder: Path) -> Path:
    """A folder for PYTHONPATH: what the program needs, as it is installed here, without the program."""
    folder.mkdir()
    for entry in SITE.iterdir():
        if not entry.name.startswith(_NOT_SHARED) and entry.suffix != ".pth":
            (folder / entry.name).symlink_to(entry)
    return folder


class Place:
    """A virtual environment that has all that both programs need, but neither of them; `wheels` is what can be installed."""

    def __init__(self, folder: Path, wheels: Path, installer: str) -> None:
        self.folder, self.wheels, self.installer = folder, wheels, installer
        subprocess.run(
            [sys.executable, "-m", "uv", "venv", "-q", "--python", sys.executable, folder],
            check=True,
            timeout=100,
        )
        site = next((folder / "lib").glob("python3*/site-packages"))
        known = set()
        for source in filter(None, (SITE, ORACLE_SITE)):
            for entry in sorted(source.iterdir()):
                # Of two versions of a distribution the one that gregaria is tested with.
                is_info = entry.suffix == ".dist-info"
                name = f"{entry.name.partition('-')[0].lower()}.info" if is_info else entry.name
                if name not in known and not entry.name.startswith(_NOT_SHARED) and entry.suffix != ".pth":
                    known.add(name)
                    # uv does not follow links to what describes a distribution.
                    shutil.copytree(entry, site / entry.name) if is_info else (site / entry.name).symlink_to(
                        entry
                    )

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.folder / "bin" / program, *arguments],
            cwd=self.folder,
            env=clean_environment(HOME=str(self.folder), VIRTUAL_ENV=str(self.folder)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
        )

    def install(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._installer("install", "--no-index", "--find-links", str(self.wheels), *arguments)

    def uninstall(self, name: str) -> subprocess.CompletedProcess[str]:
        return self._installer("uninstall", *(["-y"] if self.installer == "pip" else []), name)

    def check(self) -> subprocess.CompletedProcess[str]:
        return self._installer("check")

    def _installer(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        python = str(self.folder / "bin" / "python")
        command = {
            "pip": [sys.executable, "-m", "pip", "--python", python, arguments[0], *arguments[1:]],
            "uv": [sys.executable, "-m", "uv", "pip", arguments[0], "--python", python, *arguments[1:]],
        }[self.installer]
        return subprocess.run(
            command,
            env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "UV_OFFLINE": "1"},
            capture_output=True,
            text=True,
            timeout=100,
        )
