"""Shapes of which something is known before a test, and one that must not be asked."""

from locust import LoadTestShape, User, constant, task


class Visitor(User):
    host = "http://127.0.0.1:9"
    wait_time = constant(1)

    @task
    def wait(self):
        pass


class Stages(LoadTestShape):
    """Morning, noon and evening.

    Each stage has its users & its <b>rate</b>.
    """

    stages = [
        {"duration": 60, "users": 10, "spawn_rate": 10},
        {"duration": 120, "users": 50, "spawn_rate": 2},
        {"duration": 180, "users": 20, "spawn_rate": 10},
    ]

    def tick(self):
        print("tick was called")
        for stage in self.stages:
            if self.get_run_time() < stage["duration"]:
                return stage["users"], stage["spawn_rate"]
        return None


class Wave(LoadTestShape):
    time_limit = 600

    @property
    def stages(self):
        print("stages was read")
        return [{"duration": 1, "users": 1, "spawn_rate": 1}]

    def tick(self):
        print("tick was called")
        return (5, 5) if self.get_run_time() < self.time_limit else None
