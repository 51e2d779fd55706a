"""What users do in which order: steps one after another, and a walk whose next step depends on the present one."""

from locust import HttpUser, MarkovTaskSet, SequentialTaskSet, between, task, transition, transitions


class Walk(MarkovTaskSet):
    """From the list to a post; from a post mostly back to the list."""

    @transition("post")
    def listing(self):
        self.client.get("/", name="/ (walk)")

    @transitions({"listing": 3, "post": 1})
    def post(self):
        self.client.get("/post/1", name="/post/[id] (walk)")


class Tour(SequentialTaskSet):
    @task
    def first(self):
        self.client.get("/", name="/ (tour)")

    @task
    def second(self):
        self.client.get("/post/1", name="/post/[id] (tour)")

    @task
    def leave(self):
        self.interrupt()


class Walker(HttpUser):
    wait_time = between(0.2, 0.5)
    tasks = {Walk: 1}


class Tourist(HttpUser):
    wait_time = between(0.2, 0.5)
    tasks = [Tour]
