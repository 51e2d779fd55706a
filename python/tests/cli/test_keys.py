"""The keys w, W, s and S in a real terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import clean_environment, free_port, locust_command

SCRIPT = """
from locust import User, constant, task
class U(User):
    wait_time = constant(1)
    @task
    def t(self): pass
"""


class Terminal:
    """`locust` in a terminal: one that controls it, or one it was only given; what it writes is kept."""

    def __init__(self, folder: Path, of_its_own: bool, *arguments: str, **environment: str) -> None:
        (folder / "locustfile.py").write_text(SCRIPT)
        self.ours, theirs = pty.openpty()
        self.before = termios.tcgetattr(theirs)
        self.theirs = theirs
        self.process = subprocess.Popen(
            [locust_command(), *(arguments or ("--headless", "-u", "1", "--only-summary"))],
            cwd=folder, env=clean_environment(HOME=str(folder), **environment), stdin=theirs, stdout=theirs, stderr=theirs,
            preexec_fn=self._own_terminal if of_its_own else None,
        )  # fmt: skip
        self.shown = ""

    def _own_terminal(self) -> None:
        # In this order: the first terminal that the leader of a session opens becomes the session's.
        os.setsid()
        os.close(os.open(os.ttyname(self.theirs), os.O_RDWR))

    def wait_for(self, pattern: str, timeout: float = 60) -> None:
        deadline = time.monotonic() + timeout
        while not re.search(pattern, self.shown):
            if not select.select([self.ours], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"{pattern!r} did not appear in:\n{self.shown}")
            self.shown += os.read(self.ours, 65536).decode(errors="replace")

    def press(self, keys: str) -> None:
        os.write(self.ours, keys.encode())

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)


@pytest.fixture(params=[True, False], ids=["controlling", "lent"])
def terminal(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path, request.param)
    yield terminal
    terminal.close()


def test_keys_change_the_number_of_users_and_the_terminal_is_restored(terminal: Terminal):
    terminal.wait_for(r'All users spawned: {"U": 1}')
    for key, users in (("w", 2), ("W", 12), ("s", 11), ("S", 1), ("S", 0)):
        terminal.press(key)
        terminal.wait_for(rf'All users spawned: {{"U": {users}}} \({users} total users\)')
        terminal.shown = ""
    assert termios.tcgetattr(terminal.theirs)[3] & termios.ECHO == 0
    if os.getsid(terminal.process.pid) == terminal.process.pid:
        terminal.press("\x03")
    else:
        # Only the terminal that controls a process turns the key into a signal.
        terminal.process.send_signal(signal.SIGINT)
    terminal.wait_for(r"Shutting down \(exit code 0\)")
    terminal.wait_for(r"Response time percentiles")
    deadline = time.monotonic() + 60
    while terminal.process.poll() is None and time.monotonic() < deadline:
        if select.select([terminal.ours], [], [], 0.1)[0]:
            terminal.shown += os.read(terminal.ours, 65536).decode(errors="replace")
    assert terminal.process.returncode == 0
    assert termios.tcgetattr(terminal.theirs)[3] == terminal.before[3]


def test_enter_opens_the_page_without_a_token_in_anybody_s_process_list(tmp_path: Path):
    told = tmp_path / "told"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$@" > {told}.part\nmv {told}.part {told}\n')
    browser.chmod(0o755)
    port = free_port()
    terminal = Terminal(tmp_path, True, "--web-port", str(port), BROWSER=f"{browser} %s")
    try:
        terminal.wait_for("press enter to open")
        until = time.monotonic() + 60
        # The key is heard from the moment the listener has the terminal.
        while not told.exists() and time.monotonic() < until:
            terminal.press("\r")
            time.sleep(0.2)
        opened = told.read_text().strip()
        assert re.fullmatch(rf"http://(localhost|127\.0\.0\.1):{port}/?", opened), opened
    finally:
        terminal.close()
