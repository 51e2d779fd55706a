"""Sends all that it has to send at once, and then runs on without sending: every figure stands still and can be read everywhere."""

from locust import HttpUser, User, constant, task


class Reader(HttpUser):
    weight = 2
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


class Idler(User):
    wait_time = constant(3600)

    @task
    def rest(self):
        pass
