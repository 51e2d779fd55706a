"""FastHttpUser: the lean client, for as many requests as one core gives."""

from locust import FastHttpUser, task


class Hammer(FastHttpUser):
    @task
    def home(self):
        self.client.get("/")
