"""What a user costs. The bounds are several times what a release build needs on a quiet machine, so that they hold on a
busy one and in a debug build; `make bench` measures."""

from __future__ import annotations

from pathlib import Path

import pytest

from servers import TestkitServer, run_locust

LOCUSTFILE = """
import gc, os, time
import gevent
from locust import FastHttpUser, HttpUser, User, constant, events, task

class Visitor({base}):
    wait_time = constant(1000)
    visits = 0

    @task
    def visit(self):
        {act}
        Visitor.visits += 1

def memory():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

@events.init.add_listener
def measure(environment, **kwargs):
    def reached(visits):
        while Visitor.visits < visits:
            gevent.sleep(0.05)

    def work():
        runner = environment.runner
        # The program starts its one user after this listener.
        while runner.state != "running":
            gevent.sleep(0.01)
        # The first users bring what is loaded once.
        runner.start(20, 100)
        reached(20)
        gc.collect()
        before, cpu = memory(), time.process_time()
        runner.start({users} + 20, {rate})
        runner.spawning_greenlet.join()
        spawned = time.process_time() - cpu
        reached({users} + 20)
        # What was needed for the spawning only is given back.
        gevent.sleep(0.3)
        assert runner.user_count == {users} + 20
        assert runner.stats.total.num_requests == {requests}
        print("MEASURED", (memory() - before) / {users}, spawned, flush=True)
        os._exit(0)
    gevent.spawn(work)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize(
    ("base", "act", "users", "bytes_each", "cpu"),
    [
        ("User", "pass", 10_000, 1500, 2),
        ("HttpUser", "pass", 10_000, 4000, 3),
        ("FastHttpUser", "pass", 10_000, 4000, 3),
        ("HttpUser", "self.client.get('/')", 2000, 8000, 4),
        ("FastHttpUser", "self.client.get('/')", 2000, 8000, 4),
    ],
)
def test_a_user_costs_little(
    blog: TestkitServer, tmp_path: Path, base: str, act: str, users: int, bytes_each: int, cpu: float
) -> None:
    requests = users + 20 if "get" in act else 0
    locustfile = LOCUSTFILE.format(
        base=base, act=act, users=users, requests=requests, rate=2000 if requests else 20_000
    )
    done = run_locust("--headless", "-u", "1", "-H", blog.url, folder=tmp_path, locustfile=locustfile)
    line = next(line for line in done.stdout.splitlines() if line.startswith("MEASURED"))
    memory, seconds = map(float, line.split()[1:])
    assert memory < bytes_each, f"{memory:.0f} bytes for each {base}"
    assert seconds < cpu, f"{seconds:.2f} s to spawn {users} of {base}"
