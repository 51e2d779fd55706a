"""One request every three seconds: what a smoke test, or a slow page, looks like."""

from locust import FastHttpUser, constant_pacing, task


class Rare(FastHttpUser):
    wait_time = constant_pacing(3)

    @task
    def look(self):
        self.client.get("/")
