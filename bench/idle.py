"""Spawns COUNT users that then wait, and prints as JSON what they cost. Runs with Locust and with gregaria.

usage: idle.py {user,http,fast} COUNT [URL]

With a URL each user makes one request before it waits, so it holds a connection.
"""

from __future__ import annotations

import gc
import json
import logging
import resource
import sys
import time

import gevent

from locust import FastHttpUser, HttpUser, User, constant, task
from locust.env import Environment


def resident() -> int:
    """Bytes of this process in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def main() -> None:
    kind, count = sys.argv[1], int(sys.argv[2])
    url = sys.argv[3] if len(sys.argv) > 3 else None
    base = {"user": User, "http": HttpUser, "fast": FastHttpUser}[kind]

    class Idle(base):
        host = url or "http://127.0.0.1:9"
        wait_time = constant(3600)

        @task
        def once(self):
            if url:
                self.client.get("/")

    logging.disable(logging.CRITICAL)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    environment = Environment(user_classes=[Idle])
    runner = environment.create_local_runner()
    # One user warms everything up that is loaded on first use.
    runner.start(1, spawn_rate=1)
    gevent.sleep(1)
    gc.collect()
    before, cpu = resident(), time.process_time()
    began = time.perf_counter()
    runner.start(count, spawn_rate=count)
    while runner.user_count < count:
        gevent.sleep(0.02)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - began
    # Until each has done its first task, and made its request if it was to.
    deadline = time.perf_counter() + 60
    while url and environment.stats.total.num_requests < count and time.perf_counter() < deadline:
        gevent.sleep(0.1)
    gevent.sleep(2)
    gc.collect()
    result = {
        "users": count,
        "bytes_per_user": (resident() - before) / (count - 1),
        "cpu_s": cpu,
        "wall_s": wall,
        "requests": environment.stats.total.num_requests,
        "failures": environment.stats.total.num_failures,
    }
    print(json.dumps(result), flush=True)
    runner.quit()


if __name__ == "__main__":
    main()
