"""Sends all that it has to send at once, and then runs on without sending: every figure stands still and can be read everywhere."""

from locust import HttpUser, constant, task


class Reader(HttpUser):
    wait_time = constant(3600)

    @task
    def read(self):
        for number in range(60):
            self.client.get("/")
            self.client.get(f"/post/{number % 3 + 1}", name=" /post/[id]")
            if number % 10 == 0:
                self.client.get("/missing")
        self.client.get("/slow?ms=30", name="/slow")
        raise KeyError("missing key")
