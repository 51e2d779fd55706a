import os
from itertools import count

from locust import FastHttpUser, task

names = int(os.environ["NAMES"])
number = count()


class Visitor(FastHttpUser):
    @task
    def visit(self):
        self.client.get("/", name=f"/page/{next(number) % names}")
