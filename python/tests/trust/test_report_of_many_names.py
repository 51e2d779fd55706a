"""Ten thousand names, and somebody who fetches the report and looks at the charts: the users' thread is nobody's for long."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import threading
import time
from pathlib import Path

from servers import clean_environment, free_port, locust_command

# CPU of the users' thread at a stretch. The wait that a user sees depends on the machine; this does not.
MOST_SECONDS = 0.050
SCRIPT = """
import json, os, time
import gevent
from locust import User, constant, events, task

class Idle(User):
    wait_time = constant(1)
    @task
    def nothing(self):
        pass

longest = {"before": 0.0, "report": 0.0}
now = "before"

def watch():
    last = time.thread_time()
    while True:
        gevent.sleep(0.001)
        this = time.thread_time()
        longest[now] = max(longest[now], this - last)
        last = time.thread_time()

@events.test_start.add_listener
def fill(environment, **_):
    for number in range(10_000):
        for millis in (number % 97, number % 13):
            environment.stats.log_request("GET", f"/name/{number}", millis, number)

@events.init.add_listener
def routes(environment, **_):
    @environment.web_ui.app.route("/watch")
    def begin():
        global now
        now = "report"
        return "ok"
    @environment.web_ui.app.route("/longest")
    def tell():
        return json.dumps(longest)
    gevent.spawn(watch)
"""


def get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_the_report_of_ten_thousand_names_is_made_beside_the_users(tmp_path: Path) -> None:
    (tmp_path / "locustfile.py").write_text(SCRIPT)
    port = free_port()
    process = subprocess.Popen(
        [locust_command(), "--autostart", "--only-summary", "-u", "1", "--web-port", str(port)],
        cwd=tmp_path,
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                # As many names as this document has at most: the others are there, too.
                if len(json.loads(get(port, "/stats/requests")[1])["stats"]) > 500:
                    break
            except (OSError, ValueError):
                pass
            time.sleep(0.2)
        time.sleep(2)
        assert get(port, "/watch") == (200, b"ok")
        done = threading.Event()

        def look_at_charts() -> None:
            while not done.wait(0.02):
                get(port, "/live/window")

        lookers = [threading.Thread(target=look_at_charts) for _ in range(2)]
        for looker in lookers:
            looker.start()
        for _ in range(3):
            status, page = get(port, "/stats/report")
            assert status == 200 and page.count(b'"/name/9999"') >= 3
        done.set()
        for looker in lookers:
            looker.join()
        longest = json.loads(get(port, "/longest")[1])
        print(longest)
        assert 0 < longest["report"] < MOST_SECONDS, longest
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
