"""Routes that locust_plugins adds to the web interface, asked for in the same run: not by a user's client, which refuses that here."""

import requests
from locust_plugins.listeners.jmeter import JmeterListener
from locust_plugins.transaction_manager import TransactionManager

from locust import HttpUser, constant, events, task


@events.init.add_listener
def listen(environment, **_kwargs):
    JmeterListener(env=environment, results_filename="all.csv", flush_size=10_000)


class Reader(HttpUser):
    host = "http://127.0.0.1:8089"
    wait_time = constant(0.3)

    def on_start(self):
        self.transactions = TransactionManager()

    @task
    def read(self):
        self.transactions.start_transaction("reading")
        for path, begin in (
            ("/stats/transactions/csv", "Type,Name,"),
            ("/stats/transactions/all/csv", "start_time,duration,"),
            ("/csv_results.csv", "timeStamp,elapsed,"),
        ):
            response = requests.get(self.host + path, timeout=10)
            good = response.text.startswith(begin) and "text/csv" in response.headers["content-type"]
            self.environment.events.request.fire(
                request_type="GET",
                name=path,
                response_time=response.elapsed.total_seconds() * 1000,
                response_length=len(response.content),
                exception=None if good else Exception(response.text[:80]),
                context={},
            )
        self.transactions.end_transaction("reading")
