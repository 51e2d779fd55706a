"""Locust as a library: python examples/library.py http://127.0.0.1:8001"""

import sys

import gevent

from locust import HttpUser, constant, task
from locust.env import Environment
from locust.log import setup_logging
from locust.stats import print_stats, stats_history


class Visitor(HttpUser):
    wait_time = constant(0.2)

    @task
    def home(self):
        self.client.get("/")


if __name__ == "__main__":
    setup_logging("INFO")
    environment = Environment(user_classes=[Visitor], host=sys.argv[1])
    runner = environment.create_local_runner()
    gevent.spawn(stats_history, runner)
    runner.start(user_count=5, spawn_rate=5)
    gevent.spawn_later(3, runner.quit)
    runner.greenlet.join()
    print_stats(environment.stats, current=False)
    sys.exit(1 if environment.stats.total.fail_ratio > 0 else 0)
