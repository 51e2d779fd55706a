"""A row in requests.csv for each request, and a listener of your own that sees each of them, too."""

from locust import HttpUser, constant, events, task
from locust.contrib.csv_request_logger import CsvRequestLogger

longest = {}


@events.init.add_listener
def log_requests(environment, **kwargs):
    CsvRequestLogger("requests.csv").register(environment)


@events.request.add_listener
def remember(name, response_time, **kwargs):
    longest[name] = max(longest.get(name, 0), response_time or 0)


@events.quit.add_listener
def tell(**kwargs):
    print("longest:", ", ".join(f"{name} {ms:.0f} ms" for name, ms in sorted(longest.items())))


class Visitor(HttpUser):
    wait_time = constant(0.2)

    @task
    def visit(self):
        self.client.get("/")
        self.client.get("/post/1", name="/post/[id]")
