"""What modules/node renders, done as cloud-init and systemd would do it: three machines in network namespaces finish a run."""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import dockerfile
from servers import ROOT

MODULE = ROOT / "deploy" / "terraform" / "modules" / "node"
CACHE = ROOT / "target" / "deploy"
MASTER, WORKERS = "10.203.0.1", ("10.203.0.2", "10.203.0.3")

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make networks"),
    pytest.mark.skipif(
        shutil.which("terraform") is None,
        reason="terraform is not here: nothing of deploy/terraform was tried",
    ),
]


@pytest.fixture
def network() -> Iterator[dict[str, str]]:
    """Three namespaces on one bridge, which is in a fourth; by their addresses."""
    made = [f"gregaria-{os.getpid()}-{number}" for number in range(4)]
    hub, *nodes = made

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True, timeout=20)

    try:
        for name in made:
            ip("netns", "add", name)
        ip("-n", hub, "link", "add", "bridge", "type", "bridge")
        ip("-n", hub, "link", "set", "bridge", "up")
        for number, (name, address) in enumerate(zip(nodes, (MASTER, *WORKERS), strict=True)):
            ip(
                "-n",
                hub,
                "link",
                "add",
                f"port{number}",
                "type",
                "veth",
                "peer",
                "name",
                "eth0",
                "netns",
                name,
            )
            ip("-n", hub, "link", "set", f"port{number}", "master", "bridge", "up")
            ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            for link in ("lo", "eth0"):
                ip("-n", name, "link", "set", link, "up")
        yield dict(zip((MASTER, *WORKERS), nodes, strict=True))
    finally:
        for name in made:
            subprocess.run(
                ["ip", "netns", "delete", name], check=False, stderr=subprocess.DEVNULL, timeout=20
            )


def rendered(place: Path, **settings: Any) -> list[dict[str, Any]]:
    """The files of a node's cloud-init."""
    place.mkdir()
    module = {"module": {"node": {"source": str(MODULE), **settings}}}
    module["output"] = {
        "user_data": {"value": "${jsonencode(yamldecode(module.node.user_data))}", "sensitive": True}
    }
    (place / "main.tf.json").write_text(json.dumps(module))
    for words in (["init", "-input=false"], ["apply", "-auto-approve", "-input=false"]):
        done = subprocess.run(
            ["terraform", f"-chdir={place}", *words, "-no-color"], capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
    text = subprocess.run(
        ["terraform", f"-chdir={place}", "output", "-raw", "user_data"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    found = json.loads(text)
    assert found["runcmd"][-1] == ["systemctl", "enable", "--now", "gregaria.service"]
    return found["write_files"]


def machine(root: Path, files: list[dict[str, Any]], dist: Path) -> dockerfile.Stage:
    """A Debian on which cloud-init has written the files and run `install`."""
    shutil.rmtree(root, ignore_errors=True)
    root.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", dockerfile.debian("trixie", CACHE), root], check=True, timeout=300)
    for file in files:
        path = root / file["path"].lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(file["content"]))
        path.chmod(int(file["permissions"], 8))
    stage = dockerfile.Stage(root, {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"})
    done = dockerfile.build_on(stage, "/srv/gregaria/install", mounts={"/dist": dist})
    assert done.returncode == 0, done.stdout + done.stderr
    return stage


def started(stage: dockerfile.Stage, namespace: str) -> subprocess.Popen[str]:
    """The unit's program, with its user and environment, in that network."""
    unit = (stage.root / "etc/systemd/system/gregaria.service").read_text()
    (line,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    (file,) = re.findall(r"^EnvironmentFile=(.*)$", unit, re.MULTILINE)
    variables = dict(word.split("=", 1) for word in shlex.split((stage.root / file.lstrip("/")).read_text()))
    words = [word.replace("$$", "$").replace("%%", "%") for word in shlex.split(line)]
    uid = next(
        line.split(":")[2]
        for line in (stage.root / "etc/passwd").read_text().splitlines()
        if line.startswith("gregaria:")
    )
    stage.folder, stage.entrypoint, stage.user = "/srv/gregaria/scripts", words, uid
    return dockerfile.start(stage, extra=variables, network=namespace)


def test_a_master_and_two_workers_come_up_and_finish_a_run(network: dict[str, str], tmp_path: Path):
    dist = ROOT / "target" / "dist"
    (wheel,) = dist.glob("gregaria-*.whl")
    common = {
        "locustfile_dir": str(MODULE / "tests" / "scripts"),
        "package": f"/dist/{wheel.name}",
        "token": "a-cluster-token-of-22-characters",
    }
    arguments = [
        "--headless",
        "-u",
        "4",
        "-r",
        "4",
        "-t",
        "3s",
        "--expect-workers",
        "2",
        "--only-summary",
        "-H",
        f"http://{MASTER}:8001",
    ]
    master = rendered(
        tmp_path / "master", role="master", web_token="a-web-token-of-22-characters", locust_args=arguments,
        environment={"NOTE": 'it costs $5 "or so"'}, **common,
    )  # fmt: skip
    worker = rendered(tmp_path / "worker", role="worker", master_host=MASTER, processes=1, **common)
    place = CACHE / "machines"
    stages = {MASTER: machine(place / "master", master, dist)}
    for number, address in enumerate(WORKERS):
        stages[address] = machine(place / f"worker-{number}", worker, dist)
    site = dockerfile.Stage(stages[MASTER].root, dict(stages[MASTER].environment))
    site.entrypoint = ["/srv/gregaria/venv/bin/gregaria", "blog", "--host", MASTER, "--port", "8001"]
    running = [dockerfile.start(site, network=network[MASTER])]
    try:
        assert "is at http://" in running[0].stdout.readline()
        running += [started(stages[address], network[address]) for address in (*WORKERS, MASTER)]
        said, _ = running[-1].communicate(timeout=120)
        assert running[-1].returncode == 0, said
        assert re.search(r"^GET +/ +[1-9]\d* +0\(", said, re.MULTILINE), said
        assert len(set(re.findall(r"(\S+) \(index \d\) reported as ready", said))) == 2, said
        of_workers = [one.communicate(timeout=60)[0] for one in running[1:-1]]
        assert all(one.returncode == 0 for one in running[1:-1]), of_workers
    finally:
        for one in running:
            one.kill()
        shutil.rmtree(place, ignore_errors=True)
