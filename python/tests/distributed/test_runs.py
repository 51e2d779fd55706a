"""Distributed runs as users start them: every pairing of ours and real Locust, the web interface, what travels."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from cluster_nodes import COUNTER, FAST, TELLING, Cluster, ask, oracle_command, wait_until

from servers import free_port

PAIRS = [("ours", "ours"), ("ours", "theirs"), ("theirs", "ours")]

HTTP = (
    FAST
    + """
from locust import HttpUser, constant, task

class Reader(HttpUser):
    wait_time = constant(0.01)

    @task
    def read(self):
        self.client.get("/us/200", name="/read")
        self.client.get("/nothing", name="/missing")
"""
)


def command_of(side: str) -> str | None:
    return oracle_command() if side == "theirs" else None


@pytest.mark.parametrize(("master_is", "workers_are"), PAIRS)
def test_every_request_of_every_worker_is_counted_once(
    tmp_path: Path, master_is: str, workers_are: str, counting_server
):
    with Cluster(tmp_path, HTTP) as cluster:
        master = cluster.master(
            *("-u", "4", "-r", "100", "-t", "2", "-s", "5", "--expect-workers", "2"),
            *(
                "--host",
                counting_server.url,
                "--json-file",
                "out",
                "--exit-code-on-error",
                "0",
                "--csv",
                "out",
            ),
            command=command_of(master_is),
        )
        workers = [cluster.worker(name=f"worker{n}", command=command_of(workers_are)) for n in (1, 2)]
        master.ends()
        for worker in workers:
            worker.ends()
        rows = cluster.rows()
    served = counting_server.counts
    assert rows["/read"]["num_requests"] == served["/us/200"] > 0
    assert rows["/missing"]["num_requests"] == rows["/missing"]["num_failures"] == served["/nothing"]
    assert sum(rows["/read"]["response_times"].values()) == served["/us/200"]
    aggregated = (tmp_path / "out_stats.csv").read_text().splitlines()[-1].split(",")
    assert int(aggregated[2]) == served["/us/200"] + served["/nothing"]
    assert 'All users spawned: {"Reader": 4} (4 total users)' in master.log
    for node in (master, *workers):
        assert "Traceback" not in node.log


def test_the_web_interface_of_a_master_shows_its_workers(tmp_path: Path):
    port = free_port()
    with Cluster(tmp_path) as cluster:
        master = cluster.master("--web-port", str(port), "--web-open", headless=False)
        for n in (1, 2):
            cluster.worker(name=f"worker{n}")
        url = f"http://127.0.0.1:{port}"
        master.says("2 workers connected")
        assert ask(f"{url}/worker-count") == {"worker_count": 2}
        assert ask(f"{url}/swarm", user_count=5, spawn_rate=100)["success"]
        report = wait_until(lambda: (r := ask(f"{url}/stats/requests"))["user_count"] == 5 and r)
        assert report["worker_count"] == 2
        assert sorted(worker["user_count"] for worker in report["workers"]) == [2, 3]
        assert {worker["state"] for worker in report["workers"]} <= {"spawning", "running"}
        wait_until(lambda: ask(f"{url}/stats/requests")["total_rps"] > 0)
        logs = wait_until(lambda: len((r := ask(f"{url}/logs"))["workers"]) == 2 and r)
        assert set(logs["workers"]) == {worker["id"] for worker in report["workers"]}
        assert all("Starting Locust" in lines[0] for lines in logs["workers"].values())
        assert ask(f"{url}/stop")["success"]
        stopped = wait_until(lambda: (r := ask(f"{url}/stats/requests"))["state"] == "stopped" and r)
        assert [worker["user_count"] for worker in stopped["workers"]] == [0, 0]
        # And again, with the same workers.
        assert ask(f"{url}/swarm", user_count=2, spawn_rate=100)["success"]
        wait_until(lambda: ask(f"{url}/stats/requests")["user_count"] == 2)


TRAVELS = (
    COUNTER
    + """
from locust import tag
from locust.runners import MasterRunner, WorkerRunner

@events.init_command_line_parser.add_listener
def add(parser):
    parser.add_argument("--colour", default="grey")

@events.init.add_listener
def register(environment, **_):
    def colour(environment, msg):
        print("asked for", msg.data, "on", type(environment.runner).__name__)
        environment.runner.send_message("answer", {"colour": environment.parsed_options.colour})
    def answer(environment, msg):
        print("answered", msg.data, "by a known worker:", msg.node_id in environment.runner.clients)
    def broken(environment, msg):
        raise ValueError("broken listener")
    runner = environment.runner
    if isinstance(runner, MasterRunner):
        runner.register_message("answer", answer)
    else:
        runner.register_message("question", colour, concurrent=True)
        runner.register_message("broken", broken)

@events.spawning_complete.add_listener
def complete(user_count, **_):
    print("spawning_complete", user_count)

@events.test_start.add_listener
def started(environment, **_):
    print("test_start", type(environment.runner).__name__, environment.parsed_options.colour)

@events.spawning_complete.add_listener
def ask(**_):
    runner = Counter.runner
    if isinstance(runner, MasterRunner):
        runner.send_message("broken")
        runner.send_message("question", {"n": 1}, client_id=list(runner.clients)[0])

@events.init.add_listener
def keep(environment, **_):
    Counter.runner = environment.runner

class Tagged(User):
    @tag("wanted")
    @task
    def wanted(self):
        print("task wanted", self.environment.runner.worker_index)
        self.wait()
    @tag("other")
    @task
    def other(self):
        print("task other")
    wait_time = constant(0.1)
"""
)


@pytest.mark.parametrize(("master_is", "worker_is"), PAIRS)
def test_options_tags_and_messages_reach_the_worker(tmp_path: Path, master_is: str, worker_is: str):
    with Cluster(tmp_path, TRAVELS) as cluster:
        master = cluster.master(
            *("-u", "2", "-r", "10", "--colour", "blue", "Tagged", "--tags", "wanted"),
            command=command_of(master_is),
        )
        worker = cluster.worker(command=command_of(worker_is))
        worker.says("asked for {'n': 1} on WorkerRunner")
        worker.says("Uncaught exception in handler for broken")
        worker.says("spawning_complete 2")
        worker.says("task wanted 0")
        master.says("answered {'colour': 'blue'} by a known worker: True")
        master.signal(signal.SIGTERM)
        master.ends()
        worker.ends(code=None)
    assert worker.process.returncode in (0, 2)
    assert "test_start MasterRunner blue" in master.log
    assert "test_start WorkerRunner blue" in worker.log
    assert "spawning_complete 2" in master.log
    assert "task other" not in worker.log


SHAPE = (
    COUNTER
    + """
from locust import LoadTestShape

# Each step lasts until its users are there, however long that takes.
class Steps(LoadTestShape):
    target = 2

    def tick(self):
        if self.get_current_user_count() == self.target:
            self.target += 2
        return (self.target, 10) if self.target <= 4 else None
"""
)


def test_a_shape_leads_the_workers(tmp_path: Path):
    with Cluster(tmp_path, SHAPE) as cluster:
        master = cluster.master("--expect-workers", "2")
        for n in (1, 2):
            cluster.worker(name=f"worker{n}")
        master.says('All users spawned: {"Counter": 2} (2 total users)')
        master.says('All users spawned: {"Counter": 4} (4 total users)')
        master.says("Shape test completed, shutting down")
        master.ends()


# A locustfile as a worker gets it cannot import what lies beside it on the master, so it has all it needs.
@pytest.mark.parametrize(("master_is", "worker_is"), PAIRS)
def test_a_worker_gets_its_locustfile_from_the_master(tmp_path: Path, master_is: str, worker_is: str):
    with Cluster(tmp_path) as cluster:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        with Cluster(elsewhere, "raise RuntimeError('not this one')") as other:
            other.port = cluster.port
            worker = other.worker("-f", "-", command=command_of(worker_is))
            master = cluster.master(
                *("-f", "locustfile.py", "-u", "1", "--json-file", "out"),
                command=command_of(master_is),
            )
            # A user begins with a request.
            master.says("All users spawned")
            master.signal(signal.SIGTERM)
            master.ends()
            worker.ends()
        assert cluster.rows()["/"]["num_requests"] > 0


ANEW = (
    TELLING.replace(
        "        Counter.counted += 1", "        Counter.counted += 1\n        Counter.since += 1"
    )
    + """
    print(f"since {Counter.since}\\nreported {Counter.reported}\\n", end="")

Counter.since = Counter.reported = 0

@events.worker_report.add_listener
def add(data, **_):
    Counter.reported += data["stats_total"]["num_requests"]

@events.spawning_complete.add_listener
def again(**_):
    Counter.since = Counter.reported = 0
"""
)


def test_statistics_begin_anew_when_all_users_are_there(tmp_path: Path):
    with Cluster(tmp_path, ANEW) as cluster:
        master = cluster.master("-u", "2", "-r", "1", "--reset-stats", "--json-file", "out")
        worker = cluster.worker("--reset-stats")
        worker.says("Resetting stats")
        # The table of a moment later is not empty.
        already = master.log.count("GET      /  ")
        master.says("GET      /  ", times=already + 1)
        master.signal(signal.SIGINT)
        master.ends()
        worker.ends()
        # What the first user did before the second was there is not among them, on either side.
        requests = cluster.rows()["/"]["num_requests"]
        assert worker.told("since") <= requests == master.told("reported") < worker.counted
