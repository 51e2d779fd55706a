"""Options of your own beside Locust's: locust -f examples/custom_arguments.py --page /slow --headless ..."""

from locust import HttpUser, constant, events, task


@events.init_command_line_parser.add_listener
def add_arguments(parser):
    parser.add_argument("--page", type=str, default="/", env_var="LOCUST_PAGE", help="Page to visit")


@events.test_start.add_listener
def announce(environment, **kwargs):
    print(f"Visiting {environment.parsed_options.page}")


class Visitor(HttpUser):
    wait_time = constant(1)

    @task
    def visit(self):
        self.client.get(self.environment.parsed_options.page)
