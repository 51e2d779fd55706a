"""locust_plugins.wait_time: a number of iterations per second for all users together."""

from locust_plugins import constant_total_ips

from locust import User, task


class Paced(User):
    wait_time = constant_total_ips(10)

    @task
    def tick(self):
        self.environment.events.request.fire(
            request_type="X", name="tick", response_time=1, response_length=0
        )
