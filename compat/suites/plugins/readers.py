"""locust_plugins.csvreader and .distributor: test data that users share."""

import csv
import tempfile

from locust_plugins.csvreader import CSVDictReader, CSVReader
from locust_plugins.distributor import Distributor

from locust import User, constant, events, task

with tempfile.NamedTemporaryFile("w", suffix=".csv", delete=False) as file:
    csv.writer(file).writerows([("name", "age"), ("a", 1), ("b", 2), ("c", 3)])
rows = CSVReader(file.name)
people = CSVDictReader(file.name)
distributor = None


@events.init.add_listener
def distribute(environment, **_kwargs):
    global distributor
    distributor = Distributor(environment, (f"item {i}" for i in range(1000)))


class Reader(User):
    wait_time = constant(0.1)

    @task
    def read(self):
        print("ROW", next(rows), next(people)["name"], next(distributor))
