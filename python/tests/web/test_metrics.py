"""`/metrics`, as a real Prometheus server reads it, with the names that dashboards of locust_exporter ask for."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from servers import ROOT, TestkitServer, clean_environment, free_port, locust_command

LOCUSTFILE = """
from locust import HttpUser, constant, events, task

class Visitor(HttpUser):
    wait_time = constant(0.05)

    @task
    def home(self):
        self.client.get("/")

    @task
    def missing(self):
        self.client.get("/missing", name='a "b"')
"""
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "gregaria.json").read_text())
# What Grafana's dashboard 11985, made for locust_exporter, asks.
OTHERS_DASHBOARD = [
    "locust_running",
    "locust_users",
    "sum(locust_requests_current_rps)",
    'locust_requests_num_requests{method=~""}',
    "locust_requests_fail_ratio",
    "locust_workers_count",
    'locust_requests_num_failures{method=~""}',
    *(
        f'sum(locust_requests_{name}{{method=~".+"}}) by (method, name)'
        for name in (
            "avg_content_length min_response_time max_response_time avg_response_time median_response_time num_failures "
            "current_fail_per_sec num_requests current_rps"
        ).split()
    ),
    "sum(locust_errors) by (method, name, error)",
    *(f"avg(locust_requests_{name}_response_time)" for name in ("max", "min", "avg", "median")),
    "locust_requests_current_response_time_percentile_95",
    "locust_requests_current_response_time_percentile_50",
    'rate(locust_requests_num_requests{method=~".+"}[1m])',
    'sum(rate(locust_requests_num_requests{method=~".+"}[1m]))',
    "locust_requests_fail_ratio * 100",
]
OWN_ROUTE = """
@events.init.add_listener
def add(environment, **_):
    if environment.web_ui:
        @environment.web_ui.app.route("/metrics")
        def metrics():
            return "mine"
"""
# What locust_exporter 0.5.0 tells, one name a line of its source.
EXPORTER = {
    *("locust_up locust_running locust_users locust_workers_count locust_workers_running_count".split()),
    *(
        "locust_workers_hatching_count locust_workers_missing_count locust_worker_detail locust_errors".split()
    ),
    *(
        "locust_requests_" + name
        for name in (
            "num_requests num_failures avg_response_time current_fail_per_sec min_response_time max_response_time current_rps "
            "median_response_time avg_content_length fail_ratio current_response_time_percentile_95 "
            "current_response_time_percentile_50"
        ).split()
    ),
}


def get(url: str, **headers: str) -> str:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as response:
        return response.read().decode()


def until(condition: Callable[[], Any], within: float = 40) -> Any:
    end = time.monotonic() + within
    while True:
        try:
            found = condition()
        except (OSError, ValueError, LookupError):
            found = None
        if found:
            return found
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.1)


def required(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.fail(f"{program} is missing (on Debian the package prometheus)")
    return found


@pytest.fixture
def running(tmp_path: Path, blog: TestkitServer):
    """Starts `locust`; all that was started ends with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, script: str = LOCUSTFILE) -> subprocess.Popen[str]:
        (tmp_path / "locustfile.py").write_text(script)
        process = subprocess.Popen(
            [locust_command(), "-H", blog.url, "--only-summary", *arguments],
            cwd=tmp_path,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
    for process in started:
        process.communicate(timeout=30)


def test_prometheus_reads_it_and_finds_what_dashboards_of_the_exporter_ask_for(running, tmp_path: Path):
    port, its_port = free_port(), free_port()
    running("--headless", "-u", "3", "-r", "3", "--metrics-port", str(port))
    text = until(
        lambda: found if 'name="a \\"b' in (found := get(f"http://127.0.0.1:{port}/metrics")) else None
    )
    lint = subprocess.run(
        [required("promtool"), "check", "metrics"], input=text, capture_output=True, text=True
    )
    complaints = [line for line in (lint.stdout + lint.stderr).splitlines() if not line.startswith("locust_")]
    assert complaints == [], "names of the exporter are as they are; ours are as they should be"
    assert {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE locust_")} == EXPORTER
    assert get(f"http://127.0.0.1:{port}/").startswith("The numbers")

    config = {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [{"job_name": "load", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}],
    }
    (tmp_path / "prometheus.yml").write_text(json.dumps(config))
    prometheus = subprocess.Popen(
        [
            required("prometheus"),
            f"--config.file={tmp_path}/prometheus.yml",
            f"--storage.tsdb.path={tmp_path}/tsdb",
            f"--web.listen-address=127.0.0.1:{its_port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def query(expression: str) -> list[float]:
        url = f"http://127.0.0.1:{its_port}/api/v1/query?query={urllib.parse.quote(expression)}"
        return [float(found["value"][1]) for found in json.loads(get(url))["data"]["result"]]

    try:
        assert until(lambda: query("locust_users")) == [3]
        assert until(lambda: [rate for rate in query("sum(rate(gregaria_requests_total[10s]))") if rate > 1])
        [median] = until(
            lambda: query("histogram_quantile(0.5, sum by (le) (gregaria_request_duration_seconds_bucket))")
        )
        assert 0 < median < 5
        [failures] = query('locust_requests_num_failures{name="Aggregated"}')
        assert failures == sum(query("locust_errors"))
        # Each query of the dashboard in deploy/grafana finds something; of workers there is none here.
        expressions = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
        assert len(expressions) > 12
        expressions += OTHERS_DASHBOARD
        for expression in (one.replace("$__rate_interval", "10s") for one in expressions):
            assert until(lambda asked=expression: query(asked)), expression
    finally:
        prometheus.terminate()
        prometheus.wait(20)


def test_the_web_interface_has_it_behind_the_same_door(running):
    port = free_port()
    running("--web-port", str(port), "--autostart", "-u", "1")
    url = f"http://127.0.0.1:{port}/metrics"
    assert "locust_up 1" in until(lambda: get(url))
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(url, Host="load.example")
    assert refused.value.code == 401


def test_a_route_of_the_script_wins(running):
    port = free_port()
    running("--web-port", str(port), script=LOCUSTFILE + OWN_ROUTE)
    assert until(lambda: get(f"http://127.0.0.1:{port}/metrics")) == "mine"


def test_a_port_that_is_taken_is_a_warning_and_a_worker_serves_its_own_numbers(running, tmp_path: Path):
    port, master_port = free_port(), free_port()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        master = running(
            *("--master", "--headless", "-u", "2", "--expect-workers", "1", "-t", "60"),
            *(
                "--master-bind-port",
                str(master_port),
                "--metrics-port",
                str(taken.getsockname()[1]),
                "--web-host",
                "127.0.0.1",
            ),
        )
        running("--worker", "--master-port", str(master_port), "--metrics-port", str(port))
        text = until(
            lambda: (
                found if "locust_users 2\n" in (found := get(f"http://127.0.0.1:{port}/metrics")) else None
            )
        )
        assert "gregaria_requests_total{" in text
        os.kill(master.pid, signal.SIGTERM)
        _, log = master.communicate(timeout=30)
    assert "The metrics are not served" in log and "choose another port with --metrics-port" in log
