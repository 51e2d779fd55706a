"""What locustfiles write, for `test_types.py` to ask a type checker about; never run."""

# ruff: noqa
from __future__ import annotations

from locust import (
    HttpUser,
    FastHttpUser,
    User,
    TaskSet,
    SequentialTaskSet,
    LoadTestShape,
    task,
    tag,
    between,
    constant,
    constant_pacing,
    constant_throughput,
    events,
    run_single_user,
)
from locust.env import Environment
from locust.runners import Runner, LocalRunner, MasterRunner, WorkerRunner
from locust.stats import RequestStats, StatsEntry
from locust.exception import StopUser


class U(HttpUser):
    wait_time = between(1, 2)

    @task
    def t(self) -> None:
        reveal_type(self.client)
        reveal_type(self.client.get("/"))
        reveal_type(self.client.get("/", name="x"))
        reveal_type(self.client.post("/", json={}, name="x", catch_response=True))
        reveal_type(self.client.put("/", data=b"", headers={}))
        reveal_type(self.client.patch("/"))
        reveal_type(self.client.delete("/"))
        reveal_type(self.client.head("/"))
        reveal_type(self.client.options("/"))
        reveal_type(self.client.request("GET", "/", name="x", catch_response=True))
        with self.client.get("/", catch_response=True) as r:
            reveal_type(r)
            reveal_type(r.text)
            reveal_type(r.json())
            reveal_type(r.status_code)
            reveal_type(r.failure("x"))
            reveal_type(r.success())
            reveal_type(r.headers)
            reveal_type(r.elapsed)
            reveal_type(r.ok)
            reveal_type(r.content)
        with self.client.rename_request("x"):
            pass
        reveal_type(self.client.base_url)
        reveal_type(self.client.headers)
        reveal_type(self.client.cookies)
        reveal_type(self.client.auth)
        reveal_type(self.client.verify)
        reveal_type(self.environment)
        reveal_type(self.host)
        reveal_type(self.wait())
        reveal_type(self.wait_time())
        reveal_type(self.environment.runner)
        reveal_type(self.environment.parsed_options)
        reveal_type(self.environment.stats)
        reveal_type(self.environment.events)
        reveal_type(self.environment.host)


class F(FastHttpUser):
    @task
    def t(self) -> None:
        reveal_type(self.client)
        reveal_type(self.client.get("/"))
        reveal_type(self.client.post("/", json={}, name="x", catch_response=True))
        reveal_type(self.client.request("GET", "/"))
        reveal_type(self.rest("GET", "/"))
        with self.rest("GET", "/") as resp:
            reveal_type(resp)
            reveal_type(resp.js)
        with self.client.get("/", catch_response=True) as r:
            reveal_type(r)
            reveal_type(r.text)
            reveal_type(r.json())
            reveal_type(r.status_code)
            reveal_type(r.failure("x"))
            reveal_type(r.headers)
            reveal_type(r.url)
            reveal_type(r.content)
            reveal_type(r.error)


class S(SequentialTaskSet):
    @task
    def a(self) -> None:
        reveal_type(self.user)
        reveal_type(self.client)
        reveal_type(self.parent)
        self.interrupt()


class Sh(LoadTestShape):
    def tick(self):
        reveal_type(self.get_run_time())
        reveal_type(self.get_current_user_count())
        reveal_type(self.runner)
        return (1, 1.0)


def f(e: Environment, r: Runner, s: RequestStats, se: StatsEntry) -> None:
    reveal_type(e.create_local_runner())
    reveal_type(e.create_master_runner("*", 5557))
    reveal_type(e.create_worker_runner("*", 5557))
    reveal_type(e.create_web_ui())
    reveal_type(e.process_exit_code)
    reveal_type(r.stats)
    reveal_type(r.user_count)
    reveal_type(r.state)
    reveal_type(r.quit())
    reveal_type(s.total)
    reveal_type(s.get("a", "b"))
    reveal_type(s.entries)
    reveal_type(s.errors)
    reveal_type(se.avg_response_time)
    reveal_type(se.get_response_time_percentile(0.9))
    reveal_type(se.num_requests)
    reveal_type(se.fail_ratio)
    reveal_type(se.total_rps)
    reveal_type(se.median_response_time)
    reveal_type(events.request)
    reveal_type(events.test_start.add_listener)
    reveal_type(between(1, 2))
    reveal_type(constant(1))
    reveal_type(task(lambda l: None))
    reveal_type(run_single_user)
