"""A load that changes as you say: 5 users, then 20, then 5 again, 4 seconds each. Leave out -u, -r and -t."""

from locust import HttpUser, LoadTestShape, constant, task


class Visitor(HttpUser):
    wait_time = constant(0.5)

    @task
    def home(self):
        self.client.get("/")


class Peak(LoadTestShape):
    stages = ((4, 5), (8, 20), (12, 5))  # until which second, how many users

    def tick(self):
        now = self.get_run_time()
        for until, users in self.stages:
            if now < until:
                return users, 10  # and how many of them start or stop per second
        return None  # the end
