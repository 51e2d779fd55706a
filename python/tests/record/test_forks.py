"""A script may fork while runs are recorded: the child has the statistics' lock as it was, but not the thread that held it."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import os, signal, sys
{before}
import gevent
import locust
from gevent.monkey import get_original
from locust._recorder import Recorder
from locust.env import Environment

environment = Environment(user_classes=[])
runner = environment.create_local_runner()
recorder = Recorder(environment)
recorder.start()
stats = environment.stats
for i in range(20_000):
    stats.log_request("GET", f"/{{i}}", 10, 1)
# Those of the system: gevent's wait for a signal that may come before they do.
fork, waitpid = get_original("os", "fork"), get_original("os", "waitpid")
stuck = 0
for attempt in range({attempts}):
    recorder.notify()
    # The question about the state is answered here; the look at the 20,000 names follows.
    gevent.sleep(0.001 * (attempt % 7))
    child = fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm({patience})
        stats.log_request("GET", "/", 10, 1)
        # All of this is the parent's.
        recorder.notify()
        recorder.stop()
        os._exit(0)
    _, status = waitpid(child, 0)
    if status != 0:
        stuck += 1
        if {until_first}:
            break
recorder.stop()
print("stuck", stuck)
"""

# What was there before: nobody takes the lock before a fork.
WITHOUT = "os.register_at_fork = lambda **hooks: None"


def forks(before: str = "", **values: object) -> str:
    script = SCRIPT.format(before=before, **values)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_child_counts_requests_although_the_parent_was_being_recorded():
    assert forks(attempts=60, patience=60, until_first=False) == "stuck 0"


def test_a_child_gets_stuck_without_what_is_done_before_a_fork():
    # So that the test above is one that can fail.
    assert forks(WITHOUT, attempts=600, patience=1, until_first=True) == "stuck 1"
