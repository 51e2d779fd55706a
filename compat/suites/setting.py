"""Where the suites run: an environment with everything their tests need, and a tree per suite and side.

Both sides use the same interpreter with the same packages (compat/requirements.txt); only the package `locust` differs,
and comes from a folder in front of the others:

    target/compat/env                    the environment, without any `locust`
    target/compat/real                   the wheel of real Locust, unpacked
    target/compat/real-VERSION           another one, which a package pins
    target/compat/plugins                plugins of Locust
    target/compat/others                 packages built on Locust, and what they need
    target/compat/sources/NAME           the sdists of the suites, unpacked
    target/compat/trees/NAME/SIDE        `locust` (links into the package), `locust/test` (a copy), `examples`, `bin`
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "target" / "compat"
ENV = WORK / "env"
REQUIREMENTS = ROOT / "compat" / "requirements.txt"
# Packages whose own requirements contradict those.
WITHOUT_THEIRS = ROOT / "compat" / "requirements-alone.txt"
# Those that only some suites may see.
PLUGINS = ROOT / "compat" / "requirements-plugins.txt"
OTHERS = ROOT / "compat" / "requirements-others.txt"
SDISTS = ROOT / "compat" / "sdists.txt"
INSIDE = Path(__file__).resolve().parent / "inside"
LOCUST = "2.47.0"
# Which packages pin.
OTHER_LOCUSTS = ("2.46.3",)
SIDES = ("real", "ours")
# Importable beside `locust` itself: its pytest plugin.
PACKAGES = ("locust", "pytest_locust", "gregaria")


class SettingError(RuntimeError):
    """Something the suites need cannot be had; the text says what."""


@dataclass(frozen=True)
class Side:
    """One of the two implementations as a suite sees it: "real" or "ours"."""

    name: str
    tree: Path
    python: Path = ENV / "bin" / "python"
    # The packages whose entries the tree links to.
    packages: tuple[Path, ...] = ()
    # Of pytest, beside those that all modules get.
    arguments: tuple[str, ...] = ()
    # Folders with further packages.
    path: tuple[Path, ...] = ()

    def refresh(self) -> None:
        """Links what the packages have got since the tree was made: somebody may be at work on them."""
        for package in self.packages:
            link_entries(package, self.tree / package.name)

    def environment(self, **more: str) -> dict[str, str]:
        """The environment variables of a process of this side."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("LOCUST_", "GREGARIA_", "PYTEST_", "PYTHON", "OTEL_", "COMPAT_"))
            and not name.lower().endswith("_proxy")
        }
        path = os.pathsep.join([str(self.tree / "bin"), str(ENV / "bin"), kept.get("PATH", "")])
        packages = os.pathsep.join(map(str, (self.tree, *self.path)))
        kept.update(PATH=path, PYTHONPATH=packages, VIRTUAL_ENV=str(ENV), TERM="xterm", COLUMNS="80")
        return kept | more


def prepare() -> None:
    """Makes the environment and unpacks real Locust, unless they are there from the same requirements."""
    stamp = WORK / "made-from"
    lists = b"".join(one.read_bytes() for one in (REQUIREMENTS, WITHOUT_THEIRS, PLUGINS, OTHERS))
    wanted = hashlib.sha256(lists + f"{LOCUST} {OTHER_LOCUSTS} {sys.version}".encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    homes = {version: real_home(version) for version in (LOCUST, *OTHER_LOCUSTS)}
    for folder in (ENV, *homes.values(), WORK / "plugins", WORK / "others"):
        shutil.rmtree(folder, ignore_errors=True)
    WORK.mkdir(parents=True, exist_ok=True)
    call([sys.executable, "-m", "venv", ENV], "a working 'python -m venv'")
    pip = [ENV / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    call([*pip, "-r", REQUIREMENTS], "the packages of compat/requirements.txt from PyPI")
    call([*pip, "--no-deps", "-r", WITHOUT_THEIRS], "the packages of compat/requirements-alone.txt from PyPI")
    for version, home in homes.items():
        call([*pip, "--target", home, "--no-deps", f"locust=={version}"], f"Locust {version} from PyPI")
    for name, packages in (("plugins", PLUGINS), ("others", OTHERS)):
        alone = ["--target", WORK / name, "--no-deps", "-r", packages]
        call([*pip, *alone], f"the packages of compat/{packages.name} from PyPI")
    stamp.write_text(wanted)


def unpack_all() -> None:
    """Every sdist that compat/sdists.txt pins; other tests read them, too."""
    for line in SDISTS.read_text().splitlines():
        if "==" in line and not line.startswith("#"):
            source("-".join(line.split()[0].split("==")))


def source(name: str) -> Path:
    """The unpacked sdist `name` ("locust-2.29.1") of those that compat/sdists.txt pins."""
    folder = WORK / "sources" / name
    if folder.exists():
        return folder
    project, _, version = name.rpartition("-")
    line = next(
        (one for one in SDISTS.read_text().splitlines() if one.startswith(f"{project}=={version} ")), None
    )
    if line is None:
        raise SettingError(f"compat/sdists.txt pins no {name}")
    downloads = WORK / "downloads" / name
    downloads.mkdir(parents=True, exist_ok=True)
    # pip would build what it downloads, and some sdists cannot be built.
    index = ["--index-url", url] if (url := os.environ.get("PIP_INDEX_URL")) else []
    fetch = [ENV / "bin" / "unearth", "--no-binary", *index, "--download", downloads]
    call([*fetch, f"{project}=={version}"], f"the sdist {name} from PyPI")
    archive = next(downloads.glob("*.tar.gz"))
    if f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}" not in line.split("--hash="):
        raise SettingError(f"{archive} is not the sdist that compat/sdists.txt pins")
    unpacking = folder.with_name(folder.name + ".unpacking")
    shutil.rmtree(unpacking, ignore_errors=True)
    with tarfile.open(archive) as tar:
        tar.extractall(unpacking, filter="data")
    (only,) = unpacking.iterdir()
    only.rename(folder)
    unpacking.rmdir()
    return folder


def make_side(
    name: str,
    suite: str,
    copies: Mapping[str, Path],
    arguments: Sequence[str] = (),
    path: Sequence[Path] = (),
    locust: str = LOCUST,
) -> Side:
    """A tree for one side: its `locust` package, and copies of files and folders under the names they are given. `locust` is
    the version on the real side."""
    tree = WORK / "trees" / suite / name
    shutil.rmtree(tree, ignore_errors=True)
    (tree / "bin").mkdir(parents=True)
    home, metadata = package_home(name, locust)
    packages = tuple(home / one for one in PACKAGES if (home / one).is_dir())
    side = Side(name, tree, packages=packages, arguments=tuple(arguments), path=tuple(path))
    side.refresh()
    (tree / metadata.name).symlink_to(metadata)
    for command in ("locust", "gregaria") if name == "ours" else ("locust",):
        program = tree / "bin" / command
        program.write_text(
            f"#!{ENV}/bin/python\nimport sys\nfrom locust.main import main\nsys.exit(main())\n"
        )
        program.chmod(0o755)
    for place, origin in copies.items():
        if origin.is_dir():
            shutil.copytree(origin, tree / place, ignore=shutil.ignore_patterns("__pycache__"))
        elif origin.exists():
            shutil.copy(origin, tree / place)
    return side


def link_entries(package: Path, into: Path) -> None:
    """A package folder whose entries are links: another one may be put beside them."""
    into.mkdir(exist_ok=True)
    for entry in package.iterdir():
        link = into / entry.name
        if entry.name not in ("__pycache__", "test") and not link.is_symlink():
            # Another thread may have had the same thought.
            with suppress(FileExistsError):
                link.symlink_to(entry)


def real_home(version: str) -> Path:
    """Where a wheel of real Locust is unpacked."""
    return WORK / ("real" if version == LOCUST else f"real-{version}")


def package_home(side: str, version: str) -> tuple[Path, Path]:
    """The folder in which the side's `locust` package is, and its metadata (which names its pytest plugin)."""
    if side == "real":
        home = real_home(version)
        return home, next(home.glob("locust-*.dist-info"))
    spec = importlib.util.find_spec("locust")
    if spec is None or spec.origin is None:
        raise SettingError("gregaria is not installed here: run 'make build' first")
    files = importlib.metadata.distribution("gregaria").files or []
    metadata = next(Path(str(one.locate())).parent for one in files if one.name == "METADATA")
    return Path(spec.origin).parent.parent, metadata


def call(command: list[str | Path], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SettingError(f"missing: {what}\n{(done.stderr or done.stdout).strip()[-2000:]}")
