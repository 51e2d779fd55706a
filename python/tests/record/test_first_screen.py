"""What the first screen of a report is made of: answers by status, bands, percentiles over time and users by class."""

from __future__ import annotations

import json
import re
from pathlib import Path

from servers import TestkitServer, free_port, run_locust

SCRIPT = """
import os
from locust import FastHttpUser, HttpUser, User, constant, events, task

if os.environ.get("LISTENS"):
    @events.request.add_listener
    def heard(**kwargs):
        pass

def ask(user):
    for path in ["/status/200"] * 4 + ["/status/404"] * 2 + ["/status/503"]:
        user.client.get(path)
    with user.client.get("/status/404", catch_response=True) as response:
        response.success()
    # Nobody listens there.
    user.client.get("http://127.0.0.1:%(closed)d/", name="closed")

class Fast(FastHttpUser):
    wait_time = constant(3600)
    tasks = [ask]

class Requests(HttpUser):
    wait_time = constant(3600)
    tasks = [ask]

class Idle(User):
    wait_time = constant(3600)

    @task
    def rest(self):
        # No client that knows a status.
        self.environment.events.request.fire(
            request_type="OWN", name="own", response_time=7, response_length=0, exception=None, context={}
        )
"""
USERS = {"Fast": 2, "Requests": 2, "Idle": 2}
PER_USER = {"200": 4, "404": 3, "503": 1, "0": 1}
ASKING = USERS["Fast"] + USERS["Requests"]


def report(folder: Path, server: TestkitServer, *options: str, listens: bool) -> dict:
    folder.mkdir()
    result = run_locust(
        "--headless", "-u", "6", "-r", "6", "-t", "5s", "-H", server.url, "--html", "r.html",
        "--threshold", "max < 4s", "--threshold", "/status/200: max < 2s", *options,
        folder=folder, locustfile=SCRIPT % {"closed": free_port()}, **({"LISTENS": "1"} if listens else {}),
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    page = (folder / "r.html").read_text()
    return json.loads(re.search(r'id="reportArgs">(.*?)</script>', page, re.DOTALL)[1])["run"]


def test_a_report_has_each_request_on_its_first_screen(tmp_path: Path) -> None:
    cluster = ["--processes", "2", "--master-bind-port", str(free_port())]
    with TestkitServer("misbehave") as server:
        runs = {
            "alone": report(tmp_path / "alone", server, listens=False),
            "with a listener, of two workers": report(tmp_path / "cluster", server, *cluster, listens=True),
        }
    for where, run in runs.items():
        requests = run["summary"]["requests"]
        assert requests == ASKING * sum(PER_USER.values()) + USERS["Idle"], where
        expected = {status: count * ASKING for status, count in PER_USER.items()}
        assert run["statuses"] == expected, where
        bands = run["bands"]
        assert sum(bands["requests"]) + bands["untimed"] == requests, where
        assert 4000 in bands["bounds"] and 2000 not in bands["bounds"], (where, bands)
        assert sum(run["fan"]["requests"]) == requests, where
        longest = max(ms for ms in run["fan"]["percentiles"][-1] if ms is not None)
        assert longest <= run["total"]["max"][0], where
        classes = run["classes"]
        most = {name: max(users) for name, users in zip(classes["classes"], classes["users"], strict=True)}
        assert most == USERS, (where, classes)
