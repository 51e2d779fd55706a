"""For `accuracy.py`: users that ask one path each, wait, and burn Python; at the end, the exact percentiles and the verdict."""

import json
import os
import time

from locust import FastHttpUser, constant, events, task

WAIT, BURN, SECONDS = (float(os.environ[name]) for name in ("WAIT", "BURN", "SECONDS"))


def visitor(path):
    class Visitor(FastHttpUser):
        wait_time = constant(WAIT)

        def on_start(self):
            # Connecting is part of a response time, and none of the server's log.
            self.client.get("/?first")

        @task
        def visit(self):
            self.client.get(path + "?ours")
            end = time.thread_time() + BURN
            while time.thread_time() < end:
                pass

    Visitor.__name__ = "Visitor" + path.strip("/")
    return Visitor


for _path in os.environ["PATHS"].split(","):
    _made = visitor(_path)
    globals()[_made.__name__] = _made
del _made


@events.quitting.add_listener
def write(environment, **kwargs):
    recorder = environment._recorder
    verdict = recorder.verdict()
    told = recorder.recording
    detail = json.loads(
        recorder.native.report_args(told.status(), told.info(), told.exceptions(), None, None)
    )
    # The thread that has the most to do, in the mean of all whole seconds; not of those in which only what was under way was waited for.
    points = detail["run"]["generator"][1 : int(SECONDS) - 1]
    threads = {name for point in points for name in point["cpu"] if name in ("main", "io")}
    busiest = max((sum(p["cpu"].get(name, 0) for p in points) / len(points) for name in threads), default=0.0)
    names = {
        name: {"percentiles": entry.exact_percentiles([0.5, 0.99, 0.999]), "requests": entry.num_requests}
        for (name, _), entry in environment.stats.entries.items()
    }
    found = {"names": names, "verdict": verdict["level"], "busiest": busiest}
    with open(os.environ["RESULT"], "w") as file:
        json.dump(found, file)
