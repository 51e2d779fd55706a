"""Routes that locust_plugins adds to the web interface, asked for by a user of the same run."""

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
            with self.client.get(path, catch_response=True) as response:
                if not response.text.startswith(begin) or "text/csv" not in response.headers["content-type"]:
                    response.failure(response.text[:80])
        self.transactions.end_transaction("reading")
