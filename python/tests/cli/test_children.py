"""Child processes and a Ctrl-C that comes at the worst moment."""

from __future__ import annotations

import subprocess
import sys

import pytest

# A terminal's Ctrl-C reaches parent and child. gevent forks in Python, so an interrupt can be raised in the middle of it.
PROGRAM = """
import os, signal, sys
import gevent.monkey, psutil
gevent.monkey.patch_all()
from locust.cli import children

def interrupted():
    os.kill(os.getpid(), signal.SIGINT)

os.register_at_fork(**{sys.argv[1]: interrupted})
try:
    print(*children.output([sys.executable, "-c", "print('ran')"]))
except KeyboardInterrupt:
    print("interrupted")
print("left:", psutil.Process().children())
"""


@pytest.mark.parametrize(
    ("moment", "printed"),
    [
        ("after_in_child", "0 ran\n \nleft: []\n"),
        ("before", "interrupted\nleft: []\n"),
        ("after_in_parent", "interrupted\nleft: []\n"),
    ],
)
def test_ctrl_c_in_the_middle_of_a_start_is_quiet_and_leaves_nobody(moment: str, printed: str) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, moment], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == (printed, "")
