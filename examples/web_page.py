"""A page of your own in the web interface: http://localhost:8089/longest, beside Locust's. Needs `pip install flask`."""

from locust import HttpUser, constant, events, task

longest = {}


@events.request.add_listener
def remember(name, response_time, **kwargs):
    longest[name] = max(longest.get(name, 0), response_time or 0)


@events.init.add_listener
def add_page(environment, **kwargs):
    if environment.web_ui:

        @environment.web_ui.app.route("/longest")
        def page():
            return {name: round(ms) for name, ms in longest.items()}


class Visitor(HttpUser):
    wait_time = constant(0.2)

    @task
    def home(self):
        self.client.get("/")
