"""Users whose tasks leave the generator no moment to spare."""

import time

from locust import User, constant, task


class Burning(User):
    wait_time = constant(0.01)

    @task
    def burn(self):
        end = time.thread_time() + 0.02
        while time.thread_time() < end:
            pass
        self.environment.events.request.fire(
            request_type="GET", name="/", response_time=1, response_length=1, exception=None, context={}
        )
