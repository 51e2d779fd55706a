"""locust_plugins.transaction_manager: durations over several tasks, into files."""

import glob

from locust_plugins.transaction_manager import TransactionManager

from locust import HttpUser, SequentialTaskSet, constant, events, task


@events.quit.add_listener
def show(**_kwargs):
    for name in sorted(glob.glob("out_transactions*.csv")):
        with open(name) as file:
            for line in file:
                print("FILE", name, line.rstrip())


class Steps(SequentialTaskSet):
    def on_start(self):
        self.transactions = TransactionManager()

    @task
    def first(self):
        self.transactions.start_transaction("both")
        self.client.get("/")

    @task
    def second(self):
        self.client.get("/stats/requests")
        self.transactions.end_transaction("both", success=False, failure_message="as an example")


class Visitor(HttpUser):
    wait_time = constant(0.2)
    tasks = [Steps]
