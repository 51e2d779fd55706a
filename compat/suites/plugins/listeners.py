"""The listeners of locust_plugins.listeners that act on a failure, the one that LISTENER names."""

import os

from locust_plugins import listeners

from locust import HttpUser, TaskSet, constant, events, task

KIND = os.environ["LISTENER"]


@events.init.add_listener
def listen(environment, **_kwargs):
    kind = getattr(listeners, KIND)
    if KIND in ("RunOnFail", "RunOnUserError"):
        kind(
            environment,
            lambda *args, **kwargs: print("CALLED", len(args), type(args[-1] if args else None).__name__),
        )
    else:
        kind(environment)


class Visitor(HttpUser):
    wait_time = constant(0.1)

    @task
    class Inner(TaskSet):
        @task
        def visit(self):
            print("BEGUN")
            self.client.get("/")
            self.client.get("/does_not_exist")
            print("AFTER THE FAILURE")
            if KIND == "RunOnUserError":
                raise ValueError("on purpose")

        def on_stop(self):
            print("INNER STOPPED")

    def on_stop(self):
        print("STOPPED")
