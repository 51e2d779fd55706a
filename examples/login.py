"""Log in once per user with the form's CSRF token, then write posts; cookies are kept per user."""

import re

from locust import HttpUser, between, task
from locust.exception import StopUser

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Author(HttpUser):
    wait_time = between(1, 3)

    def token(self, path):
        found = TOKEN.search(self.client.get(path).text)
        if found is None:
            raise StopUser()
        return found.group(1)

    def on_start(self):
        form = {"csrf_token": self.token("/login"), "username": "demo", "password": "demo"}
        with self.client.post("/login", data=form, catch_response=True) as response:
            if "Log out" not in response.text:
                response.failure("not logged in")
                raise StopUser()

    @task(5)
    def read(self):
        self.client.get("/")

    @task
    def write(self):
        form = {"csrf_token": self.token("/post/new"), "title": "Written under load", "text": "…"}
        self.client.post("/post/new", data=form)

    def on_stop(self):
        self.client.get("/logout")
