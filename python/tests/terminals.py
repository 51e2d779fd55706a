"""A terminal for tests: a program runs in it, and what is to be seen can be asked for at any time."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pyte

from servers import clean_environment


class Screen(pyte.HistoryScreen):
    """pyte's, which changes its size as terminals do: lines keep their place relative to the cursor, and leave at the top."""

    def __init__(self, columns: int, lines: int) -> None:
        super().__init__(columns, lines, history=100_000, ratio=0.5)
        # pyte keeps as many lines as it shows.
        self.gone: list[str] = []

    def _row(self, y: int) -> str:
        line = self.buffer[y]
        return "".join(line[x].data for x in range(self.columns)).rstrip()

    def index(self) -> None:
        top, bottom = self.margins or pyte.screens.Margins(0, self.lines - 1)
        if self.cursor.y == bottom and top == 0:
            self.gone.append(self._row(0))
        super().index()

    def resize(self, lines: int | None = None, columns: int | None = None) -> None:
        lines, columns = lines or self.lines, columns or self.columns
        up = max(0, self.cursor.y - (lines - 1))
        self.gone += [self._row(y) for y in range(up)]
        rows = {y - up: line for y, line in self.buffer.items() if up <= y < up + lines}
        self.buffer.clear()
        self.buffer.update(rows)
        self.cursor.y -= up
        self.lines, self.columns = lines, columns
        self.cursor.x = min(self.cursor.x, columns - 1)
        self.margins = None
        self.dirty.update(range(lines))


class Terminal:
    """A program in a terminal that controls it. What is written is taken at once."""

    def __init__(
        self, command: list[str], folder: Path, columns: int = 80, rows: int = 24, **environment: str
    ) -> None:
        self._ours, self.theirs = pty.openpty()
        self._lock = threading.Lock()
        self.screen = Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.bytes = b""
        self._set_size(columns, rows)
        self.before = termios.tcgetattr(self.theirs)
        settings = {"HOME": str(folder), "TERM": "xterm-256color", "CI": "", "COLUMNS": "", "LINES": ""}
        settings |= {"LANG": "C.UTF-8", "LC_ALL": "", "LC_CTYPE": ""}
        self.process = subprocess.Popen(
            command, cwd=folder, env=clean_environment(**(settings | environment)),
            stdin=self.theirs, stdout=self.theirs, stderr=self.theirs, preexec_fn=self._own_terminal,
        )  # fmt: skip
        self._is_open = True
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _own_terminal(self) -> None:
        # As a terminal starts its shell, whoever runs the tests: under nohup, or behind a shell's `&`, some are ignored.
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)
        # In this order: the first terminal that the leader of a session opens becomes the session's.
        os.setsid()
        os.close(os.open(os.ttyname(self.theirs), os.O_RDWR))

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _read(self) -> None:
        while self._is_open:
            if not select.select([self._ours], [], [], 0.1)[0]:
                continue
            try:
                some = os.read(self._ours, 65536)
            except OSError:
                return
            with self._lock:
                self.bytes += some
                self._stream.feed(some)

    def resize(self, columns: int, rows: int) -> None:
        with self._lock:
            self.screen.resize(rows, columns)
        self._set_size(columns, rows)

    def rows(self) -> list[str]:
        """What is on the screen."""
        with self._lock:
            return [line.rstrip() for line in self.screen.display]

    def lines(self) -> list[str]:
        """All that can be seen by scrolling back, then the screen."""
        with self._lock:
            return self.screen.gone + [line.rstrip() for line in self.screen.display]

    def text(self) -> str:
        return "\n".join(self.rows())

    def wait_for(self, seen: str | Callable[[list[str]], object], limit: float = 60) -> list[str]:
        """Waits until the screen matches the expression, or the function finds its rows right; the rows."""
        finds = seen if callable(seen) else lambda rows: re.search(seen, "\n".join(rows))
        until = time.monotonic() + limit
        while not finds(rows := self.rows()):
            assert time.monotonic() < until and self.process.poll() is None, (
                f"{seen!r} was not seen:\n" + "\n".join(rows)
            )
            time.sleep(0.02)
        return rows

    def wait_for_line(self, pattern: str, limit: float = 60) -> None:
        """Waits until a line matches, on the screen or above it."""
        until = time.monotonic() + limit
        while not any(re.search(pattern, line) for line in self.lines()):
            assert time.monotonic() < until, f"{pattern!r} was not seen:\n" + "\n".join(self.lines())
            time.sleep(0.02)

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def ended(self, limit: float = 60) -> int:
        """Waits for the end of the program, and until all is shown that it has written; its exit code."""
        code = self.process.wait(limit)
        known = -1
        while known != len(self.bytes):
            known = len(self.bytes)
            time.sleep(0.2)
        return code

    def is_restored(self) -> bool:
        """Whether it scrolls as a whole, wraps, shows its cursor, and hands over lines."""
        with self._lock:
            modes = self.screen.mode
            whole = self.screen.margins is None and pyte.modes.DECAWM in modes and pyte.modes.DECTCEM in modes
        return whole and termios.tcgetattr(self.theirs)[3] == self.before[3]

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self._is_open = False
        self._reader.join(5)
        os.close(self._ours)
        os.close(self.theirs)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
