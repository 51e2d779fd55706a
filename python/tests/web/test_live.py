"""The live endpoints of the page that Locust does not have, driven by a real run."""

from __future__ import annotations

from pathlib import Path

from servers import TestkitServer
from web_runs import WebRun

SCRIPT = """
from locust import HttpUser, constant, task

class Visitor(HttpUser):
    wait_time = constant(0.05)

    @task
    def slow(self):
        self.client.get("/us/30000", name="slow")
"""


def test_phases_say_where_the_time_of_a_request_went(tmp_path: Path, delay: TestkitServer):
    """The server waits 30 ms before it answers: that is time spent waiting, and not connecting or sending."""
    with WebRun(tmp_path, "--host", delay.url, script=SCRIPT) as run:
        run.post("/swarm", {"user_count": 2, "spawn_rate": 2})
        run.wait_for(lambda: run.get("/stats/requests").json()["stats"][0]["num_requests"] >= 20)
        # From then on all numbers are of the same requests.
        assert run.post("/stop").json()["success"]
        [slow, total] = run.get("/stats/requests").json()["stats"]
        phases = run.get("/live/phases").json()
        window = run.wait_for(
            lambda: (now := run.get("/live/window").json())["requests"] == total["num_requests"] and now
        )
    row = phases["name"].index("slow")
    assert phases["count"][row] == slow["num_requests"]
    assert phases["wait"][row] >= 30
    # Nothing is counted twice: all phases together are the response time, in which waiting for a thread is not.
    all_phases = sum(phases[name][row] for name in ("dns", "connect", "tls", "send", "wait", "receive"))
    assert phases["wait"][row] < all_phases <= slow["avg_response_time"] + 0.05
    fractions = dict(zip(window["fractions"], window["percentiles"], strict=True))
    assert fractions[0.5] >= 30
    assert sum(count for _low, _high, count in window["bins"]) == window["requests"]
