"""Child processes that Ctrl-C ends cleanly, whenever it comes."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def start(command: Sequence[str | Path], **options: Any) -> subprocess.Popen[Any]:
    """What `subprocess.Popen` does, with Ctrl-C held back until the child runs.

    Whoever is interrupted in between does not know which process to end. The child has our handler, too, until it runs
    its own program: there an interrupt would be raised in the middle of the fork and complain on our stderr. A Ctrl-C
    that came meanwhile kills the child and is raised here.
    """
    early: list[int] = []
    usual = signal.signal(signal.SIGINT, lambda number, _frame: early.append(number))
    try:
        process = subprocess.Popen(command, **options)
    finally:
        signal.signal(signal.SIGINT, usual)
    if early:
        kill(process, group=bool(options.get("start_new_session")))
        raise KeyboardInterrupt
    return process


def kill(process: subprocess.Popen[Any], *, group: bool = False) -> None:
    """Ends it, and with `group` all that it started; returns when it has ended."""
    if process.poll() is None:
        try:
            if group:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        except ProcessLookupError:
            pass
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def output(command: Sequence[str | Path], **options: Any) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command that gets no input. If this is interrupted, so is the command."""
    process = start(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whatever it starts in turn has to end with it, and Ctrl-C is for us to answer.
        start_new_session=True,
        **options,
    )
    try:
        printed, complained = process.communicate()
    except BaseException:
        kill(process, group=True)
        raise
    return process.returncode, printed, complained
