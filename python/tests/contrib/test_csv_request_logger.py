"""CsvRequestLogger: in a run of ours, and row by row as real Locust's."""

from __future__ import annotations

import csv
from pathlib import Path

from contrib_events import assert_events
from servers import TestkitServer, run_locust

LOCUSTFILE = """
from locust import HttpUser, constant, events, task
from locust.contrib.csv_request_logger import CsvRequestLogger

@events.init.add_listener
def log_requests(environment, **kwargs):
    CsvRequestLogger("requests.csv").register(environment)

class Visitor(HttpUser):
    wait_time = constant(0.1)

    @task
    def visit(self):
        self.client.get("/")
        self.client.get("/missing", name="gone")
"""
SCRIPT = """
import tempfile, os
from types import SimpleNamespace
from locust.contrib import csv_request_logger
from locust.contrib.csv_request_logger import CSV_COLUMNS, CsvRequestLogger

path = os.path.join(tempfile.mkdtemp(), "x.csv")
logger = CsvRequestLogger(path, flush_interval=2)
own = Environment()
logger.register(own)
event = dict(request_type="GET", name="a, b", response_time=1.23456, response_length=3, start_time=12.3456789)
lines = lambda: open(path, newline="").read()
own.events.request.fire(**event, response=SimpleNamespace(status_code="201"))
buffered = lines()
own.events.request.fire(**{**event, "response_time": None}, exception=ValueError("no"))
flushed = lines()
own.events.request.fire(**event, response=object(), exception="text")
own.events.quitting.fire(environment=own)
own.events.request.fire(**event)
logger.close()
for text in (",".join(CSV_COLUMNS), buffered, flushed, lines()):
    events.request.fire(request_type="", name=text, response_time=0, response_length=0)
"""


def test_rows_are_those_of_locust():
    header = "timestamp,request_type,name,response_time_ms,response_length,status_code,exception"
    first, second = 'GET,"a, b",*,3,201,', 'GET,"a, b",,3,0,no'
    third = 'GET,"a, b",*,3,0,text'
    begin = header + "\r\n"
    flushed = f"{begin}*,{first}\r\n*,{second}\r\n"
    texts = [header, begin, flushed, f"{flushed}*,{third}\r\n"]
    assert_events(SCRIPT, "", [("", text, 0, None) for text in texts])


def test_every_request_of_a_run_has_its_row(tmp_path: Path, blog: TestkitServer):
    result = run_locust(
        "--headless", "-u", "2", "-r", "2", "-t", "1", "-H", blog.url, folder=tmp_path, locustfile=LOCUSTFILE
    )
    assert result.returncode == 1
    rows = list(csv.DictReader((tmp_path / "requests.csv").open(newline="")))
    total = next(line for line in result.stderr.splitlines()[::-1] if "Aggregated" in line and "(" in line)
    assert len(rows) == int(total.split()[1])
    assert {(row["name"], row["status_code"]) for row in rows} == {("/", "200"), ("gone", "404")}
    assert all(("404 Client Error" in row["exception"]) == (row["name"] == "gone") for row in rows)
