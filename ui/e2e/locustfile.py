"""What the browser tests drive: some requests of the sample blog, a failure, an exception, and options of every kind."""

import random

from locust import HttpUser, between, events, task


@events.init_command_line_parser.add_listener
def options(parser):
    parser.add_argument("--env", choices=["dev", "staging", "prod"], default="dev", help="Environment")
    parser.add_argument("--arg10", type=int, default=5, help="A number")
    parser.add_argument("--my-flag", action="store_true", default=False, help="A switch")
    parser.add_argument("--api-key", default="s3cret-value", is_secret=True, help="A secret")
    parser.add_argument("--needed", default="x", is_required=True, help="This is required")


@events.test_start.add_listener
def started(environment, **kwargs):
    print(f"options: {environment.parsed_options.env} {environment.parsed_options.arg10}", flush=True)


class Reader(HttpUser):
    wait_time = between(0.05, 0.15)

    @task(6)
    def home(self):
        self.client.get("/")

    @task(3)
    def post(self):
        self.client.get(f"/post/{random.randint(1, 3)}", name="/post/[id]")

    @task(1)
    def missing(self):
        self.client.get("/missing")

    @task(1)
    def broken(self):
        self.client.get("/style.css")
        raise ValueError("the <b>script</b> broke")
