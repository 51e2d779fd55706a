"""Counts all that it has to count at once, in an open run too, and then stands still: every figure can be read everywhere."""

from locust import HttpUser, constant, task


class Measurer(HttpUser):
    wait_time = constant(3600)

    @task
    def measure(self):
        metrics = self.environment.metrics
        for number in range(20):
            with self.client.get("/", catch_response=True) as response:
                response.check("has a title", number % 4 > 0)
            metrics.trend("words").add(100 * number)
            metrics.counter("posts <b>").add(3)
            metrics.rate("even").add(number % 2 == 0)
