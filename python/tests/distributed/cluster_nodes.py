"""Masters and workers as processes of their own, ours and real Locust's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from servers import ROOT, clean_environment, free_port, locust_command

# Seconds; far more than anything takes, on a busy machine too.
PATIENCE = 60.0

# `FAST` makes everything that waits for other nodes wait less. Only silence is given more time: a machine that does something
# else for a second must not look like a node that has died. `COUNTER` counts requests without a server.
FAST = """
from locust import runners
runners.HEARTBEAT_INTERVAL = 0.2
runners.HEARTBEAT_LIVENESS = 100
runners.WORKER_REPORT_INTERVAL = 0.5
runners.WORKER_LOG_REPORT_INTERVAL = 0.5
runners.CONNECT_TIMEOUT = 0.5
"""
# For tests in which a node does die: three seconds of silence.
WATCHFUL = "\nrunners.HEARTBEAT_LIVENESS = 15\n"
COUNTER = (
    FAST
    + """
from locust import User, constant, events, task

class Counter(User):
    wait_time = constant(0.05)

    @task
    def count(self):
        self.environment.events.request.fire(
            request_type="GET", name="/", response_time=7, response_length=1, exception=None, context={}
        )
"""
)
# The same, and each worker says when it has done enough for a test, and at its end how much.
TELLING = COUNTER.replace(
    "    def count(self):",
    """    def count(self):
        Counter.counted += 1
        if Counter.counted == 20:
            print("twenty requests are done\\n", end="")""",
)
TELLING += """
    counted = 0

@events.quit.add_listener
def tell(**_):
    # In one piece: processes of one parent write to the same file.
    print(f"counted {Counter.counted}\\n", end="")
"""
ENOUGH = "twenty requests are done"


def oracle_command() -> str:
    """Real Locust's command; skips the test if it is left out deliberately."""
    command = os.environ.get("GREGARIA_ORACLE", str(ROOT / ".venv-oracle" / "bin" / "locust"))
    if command == "none":
        pytest.skip("without an oracle (GREGARIA_ORACLE=none)")
    if not Path(command).exists():
        pytest.fail(
            f"no oracle at {command}: run scripts/setup --test, or set GREGARIA_ORACLE=none to do without"
        )
    return command


class Node:
    """A process whose log is at hand."""

    def __init__(
        self, folder: Path, name: str, arguments: list[str], command: str, **environment: str
    ) -> None:
        self.name, self._log = name, folder / f"{name}.log"
        with open(self._log, "wb") as log:
            self.process = subprocess.Popen(
                [command, *arguments],
                cwd=folder,
                env=clean_environment(HOME=str(folder), **environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def says(self, text: str, seconds: float = PATIENCE, times: int = 1) -> None:
        """Waits until it has logged this."""
        deadline = time.monotonic() + seconds
        while self.log.count(text) < times:
            if time.monotonic() > deadline:
                pytest.fail(f"{self.name} did not say {text!r} within {seconds:g} seconds, but:\n{self.log}")
            time.sleep(0.02)

    def ends(self, code: int | None = 0, seconds: float = PATIENCE) -> None:
        """Waits for its end."""
        try:
            ended = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            pytest.fail(f"{self.name} did not end within {seconds:g} seconds:\n{self.log}")
        if code is not None:
            assert ended == code, f"{self.name} ended with {ended}:\n{self.log}"

    def told(self, what: str) -> int:
        """The number that it has printed after that word."""
        self.says(f"{what} ")
        return int(self.log.rpartition(f"{what} ")[2].split()[0])

    @property
    def counted(self) -> int:
        """How many requests a worker with `TELLING` made until its end."""
        return self.told("counted")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> None:
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


class Cluster:
    """Nodes that find each other: one port, one folder, one locustfile. Whatever is left of them ends with it."""

    def __init__(self, folder: Path, locustfile: str = COUNTER) -> None:
        self.folder, self.port = folder, free_port()
        (folder / "locustfile.py").write_text(locustfile)
        self._nodes = ExitStack()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self._nodes.close()

    def node(self, name: str, *arguments: str, command: str | None = None, **environment: str) -> Node:
        """Any process."""
        node = Node(self.folder, name, list(arguments), command or locust_command(), **environment)
        self._nodes.callback(node.end)
        return node

    def master(
        self, *arguments: str, command: str | None = None, headless: bool = True, **environment: str
    ) -> Node:
        ours = ["--master", "--master-bind-port", str(self.port), *(["--headless"] if headless else [])]
        return self.node("master", *ours, *arguments, command=command, **environment)

    def worker(
        self, *arguments: str, name: str = "worker", command: str | None = None, **environment: str
    ) -> Node:
        ours = ["--worker", "--master-port", str(self.port)]
        return self.node(name, *ours, *arguments, command=command, **environment)

    def rows(self, file: str = "out.json") -> dict[str, Any]:
        """The master's statistics by name, as it wrote them at its end."""
        return {row["name"]: row for row in json.loads((self.folder / file).read_text())}


def wait_until(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """The first true answer."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} seconds"
        time.sleep(0.05)
    return answer


def ask(url: str, **form: Any) -> Any:
    """What a web interface answers."""
    data = urllib.parse.urlencode(form).encode() if form else None
    with urllib.request.urlopen(url, data, timeout=PATIENCE) as response:
        return json.load(response)


def alive(pid: int) -> bool:
    """Whether a process is there and does something."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
