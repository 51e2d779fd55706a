"""Starts the test kit's servers and the program under test; the fixtures are in conftest.py."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(sys.executable).parent


def testkit_path() -> Path:
    """The built `gregaria-testkit`; `GREGARIA_TESTKIT` names another one."""
    named = os.environ.get("GREGARIA_TESTKIT")
    if named:
        return Path(named)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    for profile in ("release", "debug"):
        if (path := target / profile / "gregaria-testkit").exists():
            return path
    raise FileNotFoundError("gregaria-testkit is not built: run scripts/setup --test")


class TestkitServer:
    """One server of the test kit, running until `stop()`; it also ends when this process does."""

    __test__ = False

    def __init__(self, kind: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [testkit_path(), kind, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError(f"gregaria-testkit {kind} did not start (exit code {self.process.wait()})")
        self.port = int(self.url.rpartition(":")[2])

    def stop(self) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=10)
        self.process.stdout.close()

    def __enter__(self) -> TestkitServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def locust_command() -> str:
    """The `locust` command of the environment that runs the tests."""
    return str(TOOLS / "locust")


def clean_environment(**extra: str) -> dict[str, str]:
    """This environment without what would change a run, and with `extra`."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LOCUST_", "GREGARIA_", "PYTEST_"))}
    for proxy in ("http_proxy", "https_proxy", "all_proxy"):
        kept.pop(proxy, None)
        kept.pop(proxy.upper(), None)
    kept.update(PYTHONUNBUFFERED="1", PYTHONDONTWRITEBYTECODE="1", COLUMNS="80")
    # Runs of tests are not to be kept among the user's.
    kept.update(LOCUST_NO_STORE="1")
    kept.update(extra)
    return kept


def ended(process: subprocess.Popen[str], limit: float = 60) -> tuple[int, str]:
    """Waits for a process; its exit code, and all that it has printed."""
    try:
        out, err = process.communicate(timeout=limit)
    finally:
        process.kill()
    return process.returncode, out + err


def own_cluster() -> list[str]:
    """Options for `--processes`: a port of one's own for the master, or workers of other tests join."""
    port = str(free_port())
    return ["--master-bind-port", port, "--master-port", port]


def free_port() -> int:
    """A port on which nobody listens.

    Not one that the system chooses: it hands those out to every outgoing connection, and would do so before the program
    under test gets there. These are below them, and taken at random so that no two tests try the same.
    """
    while True:
        port = random.randrange(12_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                continue
            return port


def run_locust(
    *arguments: str, folder: Path, locustfile: str | None = None, timeout: float = 60, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs our `locust` in `folder`, with `locustfile` written there as locustfile.py."""
    if locustfile is not None:
        (folder / "locustfile.py").write_text(locustfile)
    return subprocess.run(
        [locust_command(), *arguments],
        cwd=folder,
        env=clean_environment(HOME=str(folder), **environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
