"""Runs one case on one side and keeps what it did."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from compat_case import Case
from servers import clean_environment, free_port

# What both programs log when they are ready to run, and how long is waited for it.
STARTED = b"Starting Locust"
START = 20.0


@dataclass(frozen=True)
class Side:
    """One of the two implementations: "ours" or "oracle", its `locust` command and its version."""

    name: str
    locust: Path
    version: str
    package: str


@dataclass(frozen=True)
class Outcome:
    """What a run left behind."""

    side: Side
    code: int
    stdout: str
    stderr: str
    folder: Path
    places: dict[str, str]

    def filtered(self, text: str) -> str:
        """`text` without what differs from run to run, whatever the program."""
        for value, word in self.places.items():
            text = text.replace(value, word)
        text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[,.]\d{3}", "TIME", text)
        text = re.sub(r"(127\.0\.0\.1|localhost):\d+", r"\1:PORT", text)
        text = re.sub(r"port=\d+", "port=PORT", text)
        text = text.replace(self.side.version, "VERSION")
        # Frames of the two programs' own inside, with the source lines below them.
        text = text.replace(self.side.package, "PACKAGE")
        text = re.sub(r' *File "(?:PACKAGE|[^"]*/site-packages)/[^\n]*\n(?: {4}[^\n]*\n)*', "", text)
        text = re.sub(r"0x[0-9a-f]{6,}", "0xADDRESS", text)
        return re.sub(r"(?<![\w.])\d+\.\d+(?![\w.]*\w)", "N.N", text)


def run(case: Case, side: Side, folder: Path, url: str) -> Outcome:
    """Runs the case's command in the empty folder `folder`."""
    refused = f"http://127.0.0.1:{free_port()}"
    port = url.rpartition(":")[2]

    def fill(text: str) -> str:
        return text.replace("{host}", url).replace("{port}", port).replace("{refused}", refused)

    for name, text in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(fill(text))
    program = side.locust if case.command[0] == "locust" else side.locust.parent / "python"
    environment = clean_environment(HOME=str(folder))
    environment.update({key: fill(str(value)) for key, value in case.expect.get("env", {}).items()})
    said = {name: folder.parent / name for name in ("stdout", "stderr")}
    with open(said["stdout"], "wb") as out, open(said["stderr"], "wb") as errors:
        process = subprocess.Popen(
            [program, *map(fill, case.command[1:])],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            start_new_session=True,
        )
    threading.Thread(target=send_signals, args=(case, process, said["stderr"]), daemon=True).start()
    killed = ""
    try:
        process.wait(timeout=case.expect.get("timeout", 30))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        killed = "\n(killed: the case's timeout was over)\n"
    stdout, stderr = said["stdout"].read_text(), said["stderr"].read_text() + killed
    host = socket.gethostname()
    places = {str(folder): "RUN", url: "{host}" if url else "", refused: "{refused}"}
    places = {value: word for value, word in places.items() if value}
    places |= {f" {name}/": " HOST/" for name in (host, host.split(".")[0])}
    return Outcome(side, process.returncode, stdout, stderr, folder, places)


def send_signals(case: Case, process: subprocess.Popen[bytes], log: Path) -> None:
    """Sends the case's signals. The time until the first begins when the program has started: a busy machine needs long."""
    names = case.expect.get("signal", [])
    end = time.monotonic() + START
    while names and process.poll() is None and time.monotonic() < end and STARTED not in log.read_bytes():
        time.sleep(0.05)
    for name in [names] if isinstance(names, str) else names:
        time.sleep(case.expect.get("signal_after", 2.0))
        if process.poll() is not None:
            return
        process.send_signal(signal.Signals[name])
