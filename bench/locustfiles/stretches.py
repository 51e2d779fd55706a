"""`names.py`, with the processor time of the thread that runs the users measured between each two of its switches."""

import json
import os
import sys
import time
from array import array
from pathlib import Path

import gevent
import greenlet

from locust import events

sys.path.insert(0, str(Path(__file__).parent))
from names import Visitor  # noqa: F401

WARM_UP, SECONDS = (float(os.environ[name]) for name in ("WARM_UP", "SECONDS"))

stretches = array("Q")
since = 0


def switched(_event, _switch, now=time.thread_time_ns):
    global since
    here = now()
    stretches.append(here - since)
    # What the list took is no part of the next.
    since = now()


def measure():
    global since
    gevent.sleep(WARM_UP)
    since = time.thread_time_ns()
    greenlet.settrace(switched)
    gevent.sleep(SECONDS)
    greenlet.settrace(None)
    found = sorted(stretches)
    at = {f"p{p}": found[min(int(len(found) * p / 100), len(found) - 1)] / 1e6 for p in (50, 99, 99.9, 99.99)}
    busy = {f"over {ms} ms": sum(one > ms * 1e6 for one in found) for ms in (1, 5, 20)}
    print(
        "STRETCHES", json.dumps({"count": len(found), "longest": found[-1] / 1e6, **at, **busy}), flush=True
    )
    runner.quit()


runner = None


@events.test_start.add_listener
def start(environment, **_event):
    global runner
    runner = environment.runner
    gevent.spawn(measure)
