"""What operators and charts for Kubernetes start, poll and probe, word by word, against real masters and workers.

The words are those of their sources, as they were in 2026; `PORT` stands where they have 5557, which a test cannot have for itself.
Instead of by a Service's name the nodes find each other on loopback, and polls bear that name as `Host`. So a poll comes from nobody
whom the master knows, as in a cluster.
"""

from __future__ import annotations

import json
import shlex
import signal
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cluster_nodes import Cluster, wait_until

from servers import TestkitServer, free_port

SCRIPT = """
from locust import HttpUser, constant, task

class Visitor(HttpUser):
    wait_time = constant(0.1)

    @task
    def home(self):
        self.client.get("/")
"""
TOKENS = {
    "LOCUST_WEB_TOKEN": "the-token-of-the-web-interface",
    "LOCUST_CLUSTER_TOKEN": "the-token-of-the-cluster",
}


@dataclass(frozen=True)
class Row:
    """What one of them does. `ends`: by itself; otherwise it is started by the page and ended by a signal, as a pod is."""

    source: str
    master: str
    worker: str
    host: str
    variables: dict[str, str] = field(default_factory=dict)
    of_worker: dict[str, str] = field(default_factory=dict)
    ends: bool = True


ROWS = {
    "locust-k8s-operator": Row(
        source="AbdelrhmanHamouda/locust-k8s-operator, LocustTest v2: both run masterCommand/workerCommand, split on blanks",
        master="-f SCRIPTS/main.py -H TARGET -u 2 -r 2 -t 5s --master --master-port=PORT --expect-workers=1 --autostart --autoquit 3 "
        "--enable-rebalancing --only-summary",
        worker="-f SCRIPTS/main.py -H TARGET -u 2 -r 2 -t 5s --worker --master-port=PORT --master-host=127.0.0.1",
        host="demo-master:8089",
        variables={"KAFKA_BOOTSTRAP_SERVERS": "", "KAFKA_SECURITY_ENABLED": "false", "KAFKA_USERNAME": ""},
    ),
    "k8s-operator": Row(
        source="locustio/k8s-operator, LocustTest v1: the same args for both, so a worker is told of users and times, too",
        master="--master --headless -f SCRIPTS -H TARGET -u 2 -r 2 -t 2s --expect-workers 1",
        worker="--worker --master-host 127.0.0.1 --headless -f SCRIPTS -H TARGET -u 2 -r 2 -t 2s --expect-workers 1",
        host="demo-webui.load.svc.cluster.local:8089",
    ),
    "locust-operator": Row(
        source="amila-ku/locust-operator, v1alpha1: `command` with locust itself",
        master="-f SCRIPTS/main.py --master -H TARGET",
        worker="--worker --master-host 127.0.0.1 -f SCRIPTS/main.py",
        host="demo-service:8089",
        variables={"TARGET_HOST": "http://not-the-one-that-counts"},
        ends=False,
    ),
    "chart": Row(
        source="deliveryhero/helm-charts, locust 0.35.0: settings are variables, workers find the master by two more",
        master="--master",
        worker="--worker",
        host="load-test-locust:8089",
        variables={
            "LOCUST_HOST": "TARGET",
            "LOCUST_LOGLEVEL": "INFO",
            "LOCUST_LOCUSTFILE": "SCRIPTS/main.py",
        },
        of_worker={"LOCUST_MASTER_NODE_HOST": "127.0.0.1", "LOCUST_MASTER_NODE_PORT": "PORT"},
        ends=False,
    ),
}


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """A folder as a ConfigMap is mounted: files are links into a folder with a date for a name."""
    folder = tmp_path / "scripts"
    real = folder / "..2026_11_29_12_00_00.1234567890"
    real.mkdir(parents=True)
    (real / "main.py").write_text(SCRIPT)
    (folder / "..data").symlink_to(real.name)
    (folder / "main.py").symlink_to("..data/main.py")
    return folder


@pytest.mark.parametrize("name", ROWS)
def test_what_it_starts_runs_and_what_it_polls_answers(
    name: str, tmp_path: Path, scripts: Path, blog: TestkitServer
):
    row, web = ROWS[name], free_port()
    with Cluster(tmp_path) as cluster:

        def filled(text: str) -> str:
            return (
                text.replace("SCRIPTS", str(scripts))
                .replace("TARGET", blog.url)
                .replace("PORT", str(cluster.port))
            )

        def variables(of: dict[str, str]) -> dict[str, str]:
            return {key: filled(value) for key, value in of.items()} | TOKENS

        listens = {
            "LOCUST_MASTER_BIND_PORT": str(cluster.port),
            "LOCUST_WEB_PORT": str(web),
            "LOCUST_WEB_READ_OPEN": "1",
        }
        finds = (
            {}
            if "PORT" in row.worker + str(row.of_worker)
            else {"LOCUST_MASTER_NODE_PORT": str(cluster.port)}
        )
        # A Job's pods start when they like.
        worker = cluster.node(
            "worker", *shlex.split(filled(row.worker)), **variables(row.variables | row.of_worker | finds)
        )
        worker.says(f"No master answers at 127.0.0.1:{cluster.port}")
        master = cluster.node(
            "master", *shlex.split(filled(row.master)), **variables(row.variables), **listens
        )
        headless = "--headless" in row.master
        if not headless:
            kubelet = wait_until(lambda: ask(web, "/", row.host))
            assert kubelet[0] == 200
            assert ask(web, "/swarm", row.host, b"user_count=1&spawn_rate=1")[0] == 401
            wait_until(lambda: polled(web, row.host)["worker_count"] == 1)
        if not row.ends:
            started = ask(web, "/swarm", row.host, b"user_count=2&spawn_rate=2", TOKENS["LOCUST_WEB_TOKEN"])
            assert started[0] == 200, started
        if not headless:
            # The official operator's, KEDA's and the exporter's fields, in the kinds of numbers that Go takes.
            busy = wait_until(lambda: found if (found := polled(web, row.host))["user_count"] == 2 else None)
            assert busy["state"] in ("spawning", "running") and type(busy["user_count"]) is int
            assert busy["fail_ratio"] == 0 and isinstance(busy["total_rps"], int | float)
            assert [type(one["user_count"]) for one in busy["workers"]] == [int]
            assert "locust_users" in ask(web, "/metrics", row.host)[1]
        if not row.ends:
            master.signal(signal.SIGTERM)
        master.ends(0)
        worker.ends(0)
        assert "Aggregated" in master.log and "Traceback" not in master.log + worker.log


def test_a_headless_master_answers_a_probe_where_it_is_asked_to(
    tmp_path: Path, scripts: Path, blog: TestkitServer
):
    """The chart's readiness probe is `GET / :8089` also with `headless: true`."""
    web = free_port()
    with Cluster(tmp_path) as cluster:
        arguments = ("-f", str(scripts), "-H", blog.url, "-t", "2s", "--metrics-port", str(web))
        master = cluster.master(*arguments, **TOKENS, LOCUST_WEB_READ_OPEN="1")
        for path in ("/", "/healthz", "/readyz", "/metrics"):
            wait_until(lambda path=path: (ask(web, path, "load-test-locust:8089") or (0, ""))[0] == 200)
        worker = cluster.worker("-f", str(scripts), **TOKENS)
        master.ends(0)
        worker.ends(0)


def ask(
    port: int, path: str, host: str, form: bytes | None = None, token: str | None = None
) -> tuple[int, str] | None:
    """As a pod asks another: its status and text; None while nobody listens."""
    headers = {"Host": host, "User-Agent": "Go-http-client/1.1"} | (
        {"Authorization": f"Bearer {token}"} if token else {}
    )
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", form, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return None


def polled(port: int, host: str) -> dict[str, Any]:
    status, text = ask(port, "/stats/requests", host) or (0, "")
    assert status == 200, text
    return json.loads(text)
