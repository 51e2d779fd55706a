"""Choose tasks by tag: locust -f examples/tags.py --headless -T read ... or -E slow"""

from locust import HttpUser, constant, tag, task


class Tagged(HttpUser):
    wait_time = constant(1)

    @tag("read")
    @task(3)
    def home(self):
        self.client.get("/")

    @tag("read", "slow")
    @task
    def slow(self):
        self.client.get("/slow?seconds=0.3", name="/slow")

    @tag("failing")
    @task
    def error(self):
        self.client.get("/error")
