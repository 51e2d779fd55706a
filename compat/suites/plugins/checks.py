"""locust_plugins' own options: thresholds, iterations and iterations per second."""

from locust import HttpUser, constant, task


class Visitor(HttpUser):
    wait_time = constant(0.2)

    @task
    def page(self):
        self.client.get("/")
        self.client.get("/does_not_exist")
