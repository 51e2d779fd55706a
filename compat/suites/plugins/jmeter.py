"""locust_plugins.listeners.jmeter: results as JMeter writes them."""

from locust_plugins.listeners.jmeter import JmeterListener

from locust import FastHttpUser, constant, events, task


@events.init.add_listener
def listen(environment, **_kwargs):
    JmeterListener(env=environment, testplan="plan", results_filename="results/all.csv", flush_size=3)


@events.quit.add_listener
def show(**_kwargs):
    with open("results/all.csv") as file:
        for line in file:
            print("CSV", line.rstrip())


class Visitor(FastHttpUser):
    wait_time = constant(0.3)

    @task
    def visit(self):
        self.client.get("/", name="home")
        self.client.get("/does_not_exist", name="gone")
