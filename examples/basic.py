"""The smallest useful test: two pages, one visited three times as often. Try it on the sample blog:

gregaria blog --port 8001 &
locust -f examples/basic.py --headless -u 20 -r 5 -t 20s -H http://127.0.0.1:8001
"""

from locust import HttpUser, between, task


class Visitor(HttpUser):
    wait_time = between(0.5, 2)

    @task(3)
    def home(self):
        self.client.get("/")

    @task
    def post(self):
        # All posts share one row of the tables.
        self.client.get("/post/1", name="/post/[id]")
