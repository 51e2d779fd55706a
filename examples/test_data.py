"""Data of which each user takes its own: rows of a CSV file; a user that gets none stops."""

import csv
import io

from locust import HttpUser, constant, task
from locust.exception import StopUser

# In a file of your own: rows = csv.DictReader(open("accounts.csv"))
rows = csv.DictReader(io.StringIO("name,page\nanna,/post/1\nbert,/post/2\ncleo,/post/3\n"))


class Reader(HttpUser):
    wait_time = constant(0.5)

    def on_start(self):
        self.row = next(rows, None)

    @task
    def read(self):
        if self.row is None:
            raise StopUser()
        self.client.get(self.row["page"], name=f"page of {self.row['name']}")
