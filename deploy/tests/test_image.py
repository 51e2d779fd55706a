"""The image: what deploy/docker/Dockerfile makes, started in the ways in which images are."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import dockerfile
from servers import ROOT, TestkitServer, free_port

CACHE = ROOT / "target" / "deploy"
SCRIPT = """
from locust import HttpUser, constant, task

class Visitor(HttpUser):
    wait_time = constant(0.1)

    @task
    def home(self):
        self.client.get("/")
"""
RUN = ["--headless", "-u", "2", "-r", "2", "-t", "2s", "--only-summary"]

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can change its root"),
]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dockerfile.Stage]:
    place = CACHE / "stages"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    yield dockerfile.build(ROOT / "deploy" / "docker" / "Dockerfile", ROOT / "target" / "dist", place, CACHE)
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """A folder as Kubernetes mounts a ConfigMap: files are links into a folder with a date for a name."""
    folder = tmp_path / "scripts"
    real = folder / "..2026_11_29_12_00_00.1"
    real.mkdir(parents=True)
    (real / "main.py").write_text(SCRIPT)
    (folder / "..data").symlink_to(real.name)
    (folder / "main.py").symlink_to("..data/main.py")
    for path in (tmp_path, folder, real):
        path.chmod(0o755)
    tmp_path.parent.chmod(0o755)
    return folder


def measured(run: subprocess.CompletedProcess[str]) -> None:
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"^GET +/ +[1-9]\d* +0\(", run.stderr, re.MULTILINE), run.stderr


def test_it_is_where_and_what_charts_and_operators_expect(image: dockerfile.Stage):
    assert image.entrypoint == ["locust"] and image.user == "1000" and image.folder == "/home/locust"
    assert {"8089", "5557"} <= set(image.ports)
    assert list((image.root / "home" / "locust").iterdir()) == []
    for program in ("opt/venv/bin/locust", "opt/venv/bin/pip", "bin/sh"):
        assert os.access(image.root / program, os.X_OK) or (image.root / program).is_symlink(), program
    # Nothing of what built it.
    assert not (image.root / "usr/bin/gcc").exists() and not list(
        (image.root / "var/lib/apt/lists").glob("*Packages*")
    )
    said = dockerfile.run(image, "--help")
    assert said.returncode == 0 and "--spawn-rate" in said.stdout
    assert dockerfile.run(image, "-V").stdout.startswith("locust 2.47.0 from /opt/venv/")
    assert (
        dockerfile.run(image, "pip", "check", entrypoint=[]).stdout.strip() == "No broken requirements found."
    )


@pytest.mark.parametrize(
    ("user", "read_only"),
    [(None, False), ("0", False), ("1000660000:0", True), ("4711:4711", True)],
    ids=["as it is", "root", "an arbitrary uid of group 0", "no group, no name"],
)
def test_any_user_runs_it(
    image: dockerfile.Stage, scripts: Path, blog: TestkitServer, user: str | None, read_only: bool
):
    mounts = {"/mnt/locust": scripts}
    run = dockerfile.run(
        image,
        "-f",
        "/mnt/locust/main.py",
        "-H",
        blog.url,
        *RUN,
        user=user,
        mounts=mounts,
        read_only=read_only,
    )
    measured(run)
    # Runs cannot be kept everywhere, which is no news to anybody.
    # A busy machine has its verdict, which is about the machine.
    said = "\n".join(line for line in run.stderr.splitlines() if "/locust.verdict:" not in line)
    assert "WARNING" not in said and "ERROR" not in said, said


def test_a_folder_of_a_configmap_is_a_folder_of_scripts(
    image: dockerfile.Stage, scripts: Path, blog: TestkitServer
):
    measured(
        dockerfile.run(
            image, "-f", "/mnt/locust", "-H", blog.url, *RUN, mounts={"/mnt/locust": scripts}, read_only=True
        )
    )


def test_a_folder_without_a_script_is_told_in_a_line(image: dockerfile.Stage, tmp_path: Path):
    empty = tmp_path / "empty"
    empty.mkdir(mode=0o755)
    for arguments, mounts in (
        ([], {}),
        (["-f", "/mnt/locust"], {"/mnt/locust": empty}),
        (["-f", "/mnt/none/main.py"], {}),
    ):
        run = dockerfile.run(image, *arguments, *RUN, mounts=mounts)
        assert run.returncode == 1 and "Traceback" not in run.stderr, run
        assert re.search(r"(?i)locustfile|could not find", run.stderr), run.stderr


def test_what_the_chart_has_its_pods_do(
    image: dockerfile.Stage, scripts: Path, blog: TestkitServer, tmp_path: Path
):
    """The chart's entry script, with its defaults: an optional list of packages, then our program by its path."""
    config = tmp_path / "config"
    config.mkdir(mode=0o755)
    (config / "docker-entrypoint.sh").write_text(
        "#!/bin/sh\nset -eu\n"
        "[ -f /packages/requirements.txt ] && pip install --no-cache-dir -r /packages/requirements.txt || echo none\n"
        "exec /opt/venv/bin/locust $@\n"
    )
    mounts = {"/mnt/locust": scripts, "/config": config}
    run = dockerfile.run(
        image, "/config/docker-entrypoint.sh", *RUN, entrypoint=["sh"], mounts=mounts,
        LOCUST_HOST=blog.url, LOCUST_LOGLEVEL="INFO", LOCUST_LOCUSTFILE="/mnt/locust/main.py",
    )  # fmt: skip
    measured(run)


def test_a_master_is_ready_for_a_probe_and_has_its_workers(
    image: dockerfile.Stage, scripts: Path, blog: TestkitServer
):
    web, port = free_port(), free_port()
    mounts = {"/mnt/locust": scripts}
    common = ["-f", "/mnt/locust/main.py"]
    token = "a-token-of-more-than-22-characters"
    options = {"mounts": mounts, "read_only": True, "user": "4711:0"}
    master = dockerfile.start(
        image, *common, "--master", "--web-port", str(web), "--master-bind-port", str(port), "-H", blog.url,
        "--expect-workers", "1", "--autostart", "--autoquit", "1", "-u", "2", "-r", "2", "-t", "2s",
        extra={"LOCUST_CLUSTER_TOKEN": token}, **options,
    )  # fmt: skip
    try:
        address = next(
            iter({found[4][0] for found in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}),
            "127.0.0.1",
        )
        for path in ("/", "/healthz", "/readyz"):
            _answers(f"http://{address}:{web}{path}")
        worker = dockerfile.run(
            image,
            *common,
            "--worker",
            "--master-host",
            address,
            "--master-port",
            str(port),
            LOCUST_CLUSTER_TOKEN=token,
            **options,
        )
        assert worker.returncode == 0, worker.stderr
        said, _ = master.communicate(timeout=60)
        assert master.returncode == 0 and re.search(r"^GET +/ +[1-9]\d* +0\(", said, re.MULTILINE), said
    finally:
        master.kill()


def test_plugins_come_beside_it_and_an_image_made_from_it_stays_ours(image: dockerfile.Stage):
    """What somebody writes below `FROM` of this image, as the user that it has."""
    added = dockerfile.build_on(image, "pip install --no-cache-dir locust-plugins")
    assert added.returncode == 0, added.stdout + added.stderr
    assert "Successfully installed" in added.stdout and " locust-2" not in added.stdout, added.stdout
    assert dockerfile.run(image, "-V").stdout.startswith("locust 2.47.0 from /opt/venv/")
    assert dockerfile.run(image, "-V", entrypoint=["gregaria"]).returncode == 0


def _answers(url: str) -> None:
    """Waits for a 200, as who probes does."""
    end = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError as error:
            assert time.monotonic() < end, f"{url}: {error}"
            time.sleep(0.1)
