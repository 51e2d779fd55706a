"""What tests of open runs share: a script, starting it, and reading what it printed."""

from __future__ import annotations

import re
import subprocess
import urllib.request
from pathlib import Path

from servers import TestkitServer, clean_environment, locust_command

LOCUSTFILE = """
import os, time
from locust import FastHttpUser, between, task

class Buyer(FastHttpUser):
    weight = 3
    wait_time = between(50, 100)

    def on_start(self):
        self.client.get("/", name="login")

    @task
    def buy(self):
        self.client.get("/us/1000", name="buy")

class Visitor(FastHttpUser):
    wait_time = between(50, 100)

    @task
    def look(self):
        self.client.get("/us/1000", name="look")
"""


def start(
    folder: Path, server: TestkitServer, *arguments: str, script: str = LOCUSTFILE, **variables: str
) -> subprocess.Popen[str]:
    (folder / "locustfile.py").write_text(script)
    return subprocess.Popen(
        [locust_command(), "--headless", "-H", server.url, "-s", "5", *arguments],
        cwd=folder,
        env=clean_environment() | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return str(answer.read().decode())


def arrivals(text: str) -> dict[str, int]:
    """The rows of the table of arrivals."""
    found = re.findall(r"^(due|begun|late|dropped) +([\d,]+) ", text, re.MULTILINE)
    assert [name for name, _count in found] == ["due", "begun", "late", "dropped"], text
    return {name: int(count.replace(",", "")) for name, count in found}


def requests(text: str) -> dict[str, int]:
    """Requests of each name in the last table."""
    return {name: int(count) for name, count in re.findall(r"^GET +(\S+) +(\d+) +\d+\(", text, re.MULTILINE)}


def fetch_metrics(port: int) -> str:
    try:
        return fetch(f"http://127.0.0.1:{port}/metrics")
    except OSError:
        return ""
