"""`--otel`: what reaches a collector, and that real Locust sends it the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from contrib_events import LIBRARIES, oracle_python
from contrib_servers import Server
from servers import TestkitServer, clean_environment, run_locust

LOCUSTFILE = """
from locust import FastHttpUser, HttpUser, constant, events, task

class Visitor(HttpUser):
    wait_time = constant(0.1)
    fixed_count = 1

    @task
    def visit(self):
        self.client.get("/")
        self.client.get("/post/1?x=1")
        self.client.get("/missing", name="gone")
        self.environment.events.request.fire(
            request_type="own", name="untimed", response_time=None, response_length=0, exception=ValueError("x"))

class Fast(FastHttpUser):
    wait_time = constant(0.1)
    fixed_count = 2

    @task
    def visit(self):
        self.client.get("/", name="fast")
"""


class Collector(ThreadingHTTPServer):
    """Receives what is exported by OTLP over HTTP."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver)
        self.traces: list[Any] = []
        self.metrics: list[Any] = []
        self.logs: list[Any] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def spans(self) -> list[Any]:
        return [s for e in self.traces for r in e.resource_spans for g in r.scope_spans for s in g.spans]

    def metric(self, name: str) -> list[Any]:
        found = [
            m for e in self.metrics for r in e.resource_metrics for g in r.scope_metrics for m in g.metrics
        ]
        return [metric for metric in found if metric.name == name]

    def records(self) -> list[Any]:
        return [x for e in self.logs for r in e.resource_logs for g in r.scope_logs for x in g.log_records]


class Receiver(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        signal = self.path.rpartition("/")[2]
        kind = {
            "traces": ExportTraceServiceRequest,
            "metrics": ExportMetricsServiceRequest,
            "logs": ExportLogsServiceRequest,
        }[signal]
        getattr(self.server, signal).append(kind.FromString(body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def attributes(of: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in of.attributes}


def exporting(collector: Collector) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_METRIC_EXPORT_INTERVAL": "400",
    }


def summary(collector: Collector) -> dict[str, Any]:
    """What was exported, without what depends on time."""
    # The end of a run cuts a request off now and then.
    spans = [span for span in collector.spans() if "http.status_code" in attributes(span)]
    durations = collector.metric("locust.client.duration")
    gauges = collector.metric("locust.users.count")
    return {
        "resource": attributes(collector.traces[0].resource_spans[0].resource),
        "spans": {(s.name, s.kind, tuple(sorted(attributes(s)))) for s in spans},
        "status": {(s.name, s.status.code) for s in spans},
        "unit": {(m.unit, m.description) for m in durations + gauges},
        "series": {str(sorted(attributes(p).items())) for m in durations for p in m.histogram.data_points},
        "users": {
            (attributes(p)["user_class"], p.as_int)
            for m in gauges[:-1]
            for p in m.gauge.data_points
            if p.as_int
        },
        "log": {x.body.string_value.partition(" 2.")[0] for x in collector.records()},
    }


def run_oracle(python: str, folder: Path, *arguments: str, **environment: str) -> int:
    """Runs real Locust with the libraries of ours."""
    start = f"import sys; sys.path.extend({LIBRARIES!r}); from locust.main import main; main()"
    (folder / "locustfile.py").write_text(LOCUSTFILE)
    command = [python, "-c", start, *arguments]
    return subprocess.run(
        command, cwd=folder, env=clean_environment(**environment), capture_output=True, timeout=60
    ).returncode


def test_a_run_exports_what_locusts_does(tmp_path: Path, blog: TestkitServer, collector: Collector):
    arguments = (
        "--headless",
        "-u",
        "3",
        "-r",
        "3",
        "-t",
        "2",
        "-H",
        blog.url,
        "--otel",
        "--profile",
        "nightly",
    )
    result = run_locust(
        *arguments, folder=tmp_path, locustfile=LOCUSTFILE, timeout=90, **exporting(collector)
    )
    assert result.returncode == 1
    assert ", OpenTelemetry enabled" in result.stderr
    assert "Traceback" not in result.stderr
    ours = summary(collector)
    assert {name for name, _, _ in ours["spans"]} == {"GET /", "GET /post/1", "GET gone"}
    assert ours["status"] == {("GET /", 0), ("GET /post/1", 0), ("GET gone", 2)}
    assert ours["series"] == {
        "[('name', '/')]",
        "[('name', '/post/1?x=1')]",
        "[('error.type', 'HTTPError'), ('name', 'gone')]",
        "[('name', 'fast')]",
    }
    assert ours["users"] == {("Visitor", 1), ("Fast", 2)}
    assert ours["resource"]["profile"] == "nightly"
    assert ours["resource"]["service.name"] == "locust"
    assert "Starting Locust" in ours["log"]
    # Every request has its span, and its series counts it.
    counts = {
        attributes(point)["name"]: point.count
        for point in collector.metric("locust.client.duration")[-1].histogram.data_points
    }
    ended = [span for span in collector.spans() if "http.status_code" in attributes(span)]
    assert counts["/"] == len([span for span in ended if span.name == "GET /"])
    if python := oracle_python():
        for kept in (collector.traces, collector.metrics, collector.logs):
            kept.clear()
        run_oracle(python, tmp_path, *arguments, **exporting(collector))
        theirs = summary(collector)
        # Lines of the log are compared elsewhere; these two programs differ in a few.
        for side in (ours, theirs):
            side.pop("log")
            side["resource"].pop("service.instance.id", None)
        assert ours == theirs


def test_requests_go_the_native_way_without_it(tmp_path: Path, blog: TestkitServer):
    script = LOCUSTFILE + "import sys\nassert 'opentelemetry' not in sys.modules\n"
    result = run_locust(
        "--headless", "-t", "1", "-H", blog.url, "Visitor", folder=tmp_path, locustfile=script
    )
    assert result.returncode == 1 and "OpenTelemetry" not in result.stderr


COUNTING = """
from locust import FastHttpUser, HttpUser, constant, events, task
from locust.event import EventHook

fired = 0
fire = EventHook.fire

def counted(hook, **arguments):
    global fired
    fired += hook is events.request
    fire(hook, **arguments)

EventHook.fire = counted

@events.quitting.add_listener
def tell(environment, **_event):
    from requests import Session
    listeners = [type(listener).__module__ for listener in events.request._handlers]
    print("FIRED", fired, environment.stats.total.num_requests, set(listeners), Session.send.__module__)

class Visitor(HttpUser):
    wait_time = constant(0.05)

    @task
    def visit(self):
        self.client.get("/")
        self.client.get("/missing", name="gone")

class Fast(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def visit(self):
        self.client.get("/", name="fast")
        self.client.get("/missing", name="fast, gone")
        with self.client.get("/", name="judged", catch_response=True) as response:
            response.failure(KeyError("x"))
        with self.client.get("/", name="judged", catch_response=True) as response:
            response.success()
"""


def points(collector: Collector) -> dict[tuple[str, str | None], Any]:
    """What was exported last of each series, by name and kind of failure."""
    found = {}
    for metric in collector.metric("locust.client.duration"):
        for point in metric.histogram.data_points:
            labels = attributes(point)
            found[labels["name"], labels.get("error.type")] = point
    return found


def test_metrics_call_no_listener_in_python_and_requests_stay_native(
    tmp_path: Path, blog: TestkitServer, collector: Collector
):
    result = run_locust(
        "--headless", "-u", "2", "-r", "2", "-t", "2", "-H", blog.url, "--otel", "--json",
        folder=tmp_path, locustfile=COUNTING, OTEL_TRACES_EXPORTER="none", OTEL_LOGS_EXPORTER="none",
        **exporting(collector),
    )  # fmt: skip
    assert "Traceback" not in result.stderr, result.stderr
    words = next(line for line in result.stdout.splitlines() if line.startswith("FIRED ")).split(None, 3)
    assert words[3] == "{'locust._engine'} requests.sessions"
    document = json.loads(result.stdout[result.stdout.index("[\n") :])
    entries = {entry["name"]: entry for entry in document}
    # A bad status of HttpUser raises in Python, with --otel or without; nothing else does.
    assert int(words[2]) > 20 and int(words[1]) <= entries["gone"]["num_requests"], words
    found = points(collector)
    assert set(found) == {
        ("/", None), ("gone", "HTTPError"), ("fast", None), ("fast, gone", "LocustBadStatusCode"),
        ("judged", "KeyError"), ("judged", None),
    }  # fmt: skip
    for name, entry in entries.items():
        mine = [point for (series, _), point in found.items() if series == name]
        assert sum(point.count for point in mine) == entry["num_requests"]
        assert sum(sum(point.bucket_counts) for point in mine) == entry["num_requests"]
        assert sum(point.sum for point in mine) == pytest.approx(entry["total_response_time"] / 1000)
        assert min(point.min for point in mine) == pytest.approx(entry["min_response_time"] / 1000)
        assert max(point.max for point in mine) == pytest.approx(entry["max_response_time"] / 1000)
    assert not collector.traces and not collector.records()


FED = """
import json, sys, time
from locust import User, constant, events, task
from locust.event import EventHook

TIMES = [0, 0.4, 4999.9, 5000, 5000.1, 25_000, 70_000, 12_345_678]

@events.init.add_listener
def feed(environment, **_event):
    fire = environment.events.request.fire
    for ms in TIMES:
        fire(request_type="x", name="timed", response_time=ms, response_length=0, exception=None)
    fire(request_type="x", name="timed", response_time=7, response_length=0, exception=ValueError("no"))
    fire(request_type="x", name="timed", response_time=None, response_length=0, exception=ValueError("no"))
    for n in range(25):
        fire(request_type="x", name=f"n{n}", response_time=n, response_length=0, exception=None)

class Idle(User):
    wait_time = constant(0.2)

    @task
    def nothing(self):
        pass
"""


@pytest.mark.parametrize("preference", ["cumulative", "delta", "exponential"])
def test_what_is_counted_natively_is_what_the_sdk_would_have_counted(
    tmp_path: Path, collector: Collector, preference: str
):
    wishes = {
        "cumulative": {},
        "delta": {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "DELTA"},
        "exponential": {
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "base2_exponential_bucket_histogram"
        },
    }[preference]
    environment = {
        **exporting(collector), **wishes, "OTEL_TRACES_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none",
    }  # fmt: skip
    arguments = ("--headless", "-u", "1", "-t", "1", "--otel")

    def told() -> dict[Any, Any]:
        sums: dict[Any, Any] = {}
        for metric in collector.metric("locust.client.duration"):
            kind = metric.WhichOneof("data")
            data = getattr(metric, kind)
            for point in data.data_points:
                labels = tuple(sorted(attributes(point).items()))
                shape = (
                    tuple(point.explicit_bounds) if kind == "histogram" else (point.scale, point.zero_count)
                )
                counts = point.bucket_counts if kind == "histogram" else point.positive.bucket_counts
                value = (kind, shape, tuple(counts), point.count, round(point.sum, 6), point.min, point.max)
                assert point.start_time_unix_nano < point.time_unix_nano
                if data.aggregation_temporality == 1:
                    sums.setdefault(labels, []).append(value)
                else:
                    sums[labels] = value
        return sums

    result = run_locust(*arguments, folder=tmp_path, locustfile=FED, timeout=90, **environment)
    assert "Traceback" not in result.stderr, result.stderr
    ours = told()
    assert len(ours) == 2 + 19 + 1
    if python := oracle_python():
        collector.metrics.clear()
        (tmp_path / "locustfile.py").write_text(FED)
        start = f"import sys; sys.path.extend({LIBRARIES!r}); from locust.main import main; main()"
        subprocess.run(
            [python, "-c", start, *arguments], cwd=tmp_path, env=clean_environment(**environment),
            capture_output=True, timeout=60,
        )  # fmt: skip
        assert ours == told()


def test_nothing_listens_to_requests_where_metrics_go_nowhere(tmp_path: Path):
    script = """
from locust import User, events, task

@events.test_start.add_listener
def tell(environment, **_event):
    print("LISTENERS", len(environment.events.request._handlers), flush=True)

class Idle(User):
    @task
    def nothing(self):
        self.environment.runner.quit()
"""

    def listeners(*arguments: str, metrics: str) -> int:
        result = run_locust(
            "--headless", "-u", "1", *arguments, folder=tmp_path, locustfile=script,
            OTEL_TRACES_EXPORTER="none", OTEL_LOGS_EXPORTER="console", OTEL_METRICS_EXPORTER=metrics,
        )  # fmt: skip
        return int(result.stdout.partition("LISTENERS ")[2].split()[0])

    without = listeners(metrics="console")
    assert listeners("--otel", metrics="none") == without
    assert listeners("--otel", metrics="console") == without + 1


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        (
            {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")},
            "INFO/locust.opentelemetry: No OpenTelemetry exporters configured, opentelemetry not enabled",
        ),
        (
            {"OTEL_TRACES_EXPORTER": "jaeger", "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"},
            "WARNING/locust.opentelemetry: Unknown traces exporter 'jaeger'. Ignored",
        ),
        (
            {
                "OTEL_TRACES_EXPORTER": "none",
                "OTEL_METRICS_EXPORTER": "prometheus",
                "OTEL_LOGS_EXPORTER": "none",
            },
            "WARNING/locust.opentelemetry: Prometheus metrics exporter is not yet implemented!",
        ),
        (
            {
                "OTEL_TRACES_EXPORTER": "otlp",
                "OTEL_METRICS_EXPORTER": "none",
                "OTEL_LOGS_EXPORTER": "none",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "smoke",
            },
            "WARNING/locust.opentelemetry: Unknown OpenTelemetry otlp exporter protocol 'smoke'. "
            "Use 'grpc' or 'http/protobuf'",
        ),
    ],
)
def test_what_cannot_be_exported_is_said(
    tmp_path: Path, blog: TestkitServer, environment: dict[str, str], line: str
):
    result = run_locust(
        "--headless", "-t", "1", "-H", blog.url, "--otel", "Fast",
        folder=tmp_path, locustfile=LOCUSTFILE, **environment,
    )  # fmt: skip
    assert line in result.stderr
    assert result.returncode == 0


def test_without_the_library_the_run_goes_on_and_says_what_to_install(tmp_path: Path, blog: TestkitServer):
    (tmp_path / "opentelemetry.py").write_text("raise ImportError('not here')\n")
    result = run_locust(
        "--headless", "-t", "1", "-H", blog.url, "--otel", "Fast",
        folder=tmp_path, locustfile=LOCUSTFILE, PYTHONPATH=str(tmp_path),
    )  # fmt: skip
    assert (
        "ERROR/locust.opentelemetry: OpenTelemetry SDK is not installed, opentelemetry not enabled."
        in result.stderr
    )
    assert "pip install 'gregaria[otel]'" in result.stderr
    assert result.returncode == 0


def test_a_slow_collector_does_not_keep_users_waiting(tmp_path: Path):
    script = """
import time
import gevent
from locust import User, constant, events, task

def watch():
    while True:
        print("BEAT", time.time(), flush=True)
        gevent.sleep(0.05)

@events.init.add_listener
def start(**_event):
    gevent.spawn(watch)

class Idle(User):
    wait_time = constant(0.1)

    @task
    def fire(self):
        self.environment.events.request.fire(request_type="x", name="y", response_time=1, response_length=0)
"""
    with Server("slow_collector") as server:
        result = run_locust(
            "--headless", "-u", "1", "-t", "4", "--otel",
            folder=tmp_path, locustfile=script,
            OTEL_TRACES_EXPORTER="none", OTEL_LOGS_EXPORTER="none",
            OTEL_EXPORTER_OTLP_ENDPOINT=server.address, OTEL_METRIC_EXPORT_INTERVAL="500",
        )  # fmt: skip
        exports = [tuple(map(float, line.split()[1:])) for line in server.rest()]
    assert result.returncode == 0, result.stderr
    beats = [float(line.split()[1]) for line in result.stdout.splitlines() if line.startswith("BEAT ")]
    within = [sum(began < beat < ended for beat in beats) for began, ended in exports]
    assert max(within, default=0) >= 5, f"users ran {within} times during the exports"


def test_names_beyond_the_limit_share_a_series():
    script = """
from locust.opentelemetry import MAX_REQUEST_NAMES, _name_of_series, request_names
names = [_name_of_series(f"/{i % 25}") for i in range(50)]
assert MAX_REQUEST_NAMES == 20 == len(request_names)
assert names[:20] == [f"/{i}" for i in range(20)] == names[25:45]
assert set(names[20:25] + names[45:]) == {"Too many unique request names"}
"""
    subprocess.run([sys.executable, "-c", script], check=True, env=dict(os.environ), timeout=30)
