"""Fail a build by more than failed requests: exit code 3 if too much failed or the 95 % percentile is too high."""

import logging

from locust import HttpUser, constant, events, task


@events.quitting.add_listener
def judge(environment, **kwargs):
    total = environment.stats.total
    slow = total.get_response_time_percentile(0.95)
    if total.fail_ratio > 0.1 or slow > 800:
        logging.error(f"Too bad: {total.fail_ratio:.0%} failed, 95 % took up to {slow} ms")
        environment.process_exit_code = 3
    else:
        environment.process_exit_code = 0


class Visitor(HttpUser):
    wait_time = constant(0.2)

    @task(3)
    def home(self):
        self.client.get("/")

    @task
    def error(self):
        self.client.get("/error")
