"""What the pictures show: readers and writers of the sample blog, and a page that is not there."""

import random
import re

from locust import HttpUser, between, task

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Reader(HttpUser):
    wait_time = between(0.5, 2)
    weight = 5

    @task(6)
    def home(self):
        self.client.get("/")

    @task(4)
    def post(self):
        self.client.get(f"/post/{random.randint(1, 3)}", name="/post/[id]")

    @task(1)
    def slow(self):
        self.client.get("/slow?seconds=0.2", name="/search")

    @task(1)
    def moved(self):
        self.client.get("/about")


class Author(HttpUser):
    wait_time = between(1, 3)

    def token(self, path):
        return TOKEN.search(self.client.get(path).text).group(1)

    def on_start(self):
        form = {"csrf_token": self.token("/login"), "username": "demo", "password": "demo"}
        self.client.post("/login", data=form)

    @task
    def write(self):
        form = {"csrf_token": self.token("/post/new"), "title": "Under load", "text": "…"}
        self.client.post("/post/new", data=form)
