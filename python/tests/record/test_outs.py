"""`--out`: what receivers and files get of a run. The receivers are real: Prometheus, and InfluxDB where it is installed; line protocol
is read by somebody else's parser."""

from __future__ import annotations

import csv
import gzip
import http.server
import json
import shutil
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from line_protocol_parser import parse_line

from servers import TestkitServer, free_port, run_locust

SCRIPT = """
from locust import HttpUser, constant, task

class Visitor(HttpUser):
    wait_time = constant(0.05)

    @task(3)
    def home(self):
        self.client.get("/")

    @task
    def post(self):
        self.client.get("/post/1", name="/post/[id] = a, b")

    @task
    def missing(self):
        self.client.get("/missing")
"""
# How often Python is asked for a request that no script listens to.
COUNTED = """
from locust import events
from locust.event import EventHook

fire, fired = EventHook.fire, []

def counted(self, *words, **more):
    if self is events.request:
        fired.append(1)
    return fire(self, *words, **more)

EventHook.fire = counted

@events.quit.add_listener
def tell(**kwargs):
    print(f"fired {len(fired)} times")
"""
RUN = ("--headless", "-u", "4", "-r", "4", "-t", "3s", "--only-summary")


class Receiver:
    """Keeps what it is sent; answers what it is told to."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append((self.path, dict(self.headers), body))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.place = f"127.0.0.1:{self.server.server_address[1]}"

    def lines(self) -> list[dict[str, Any]]:
        return [parse_line(line) for _, _, body in self.requests for line in body.decode().splitlines()]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.server.shutdown()
    one.server.server_close()


def table(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    """The program's own CSV file."""
    with open(folder / "own_stats.csv", newline="") as file:
        return {(row["Type"], row["Name"]): row for row in csv.DictReader(file)}


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.load(answer)


def until(condition: Any, seconds: float = 40) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.1)
    return found


def test_line_protocol_has_each_second_of_each_name(receiver: Receiver, blog: TestkitServer, tmp_path: Path):
    place = f"http://user:pass%20word@{receiver.place}/write?db=load&p=s3cret"
    done = run_locust(
        *RUN, "-H", blog.url, "--out", f"influxdb={place}", "--csv", "own", folder=tmp_path, locustfile=SCRIPT
    )
    assert done.returncode == 1, done.stderr
    assert "s3cret" not in done.stderr and "pass" not in done.stderr.replace("passed", "")
    paths = {(path, headers["Authorization"]) for path, headers, _ in receiver.requests}
    assert paths == {("/write?db=load&p=s3cret", "Basic dXNlcjpwYXNzIHdvcmQ=")}
    lines = receiver.lines()
    # InfluxDB 3 takes no line with other tags than a measurement's first one.
    for measurement, tags in (("gregaria_requests", {"method", "name", "run"}), ("gregaria_run", {"run"})):
        assert {frozenset(line["tags"]) for line in lines if line["measurement"] == measurement} == {
            frozenset(tags)
        }
    (run,) = {line["tags"]["run"] for line in lines}
    assert run.endswith("Z")
    for (method, name), row in table(tmp_path).items():
        mine = [
            line
            for line in lines
            if (line["tags"].get("method"), line["tags"].get("name")) == (method or "-", name)
        ]
        assert sum(line["fields"]["count"] for line in mine) == int(row["Request Count"]), name
        assert sum(line["fields"]["failures"] for line in mine) == int(row["Failure Count"]), name
        assert mine[-1]["fields"]["total"] == int(row["Request Count"])
        times = [line["time"] for line in mine]
        assert times == sorted(set(times)) and all(time % 1_000_000_000 == 0 for time in times)
        busy = [line["fields"] for line in mine if line["fields"]["count"]]
        assert all(0 < fields["p50"] <= fields["p99"] < 60 for fields in busy)
    users = [line["fields"]["users"] for line in lines if line["measurement"] == "gregaria_run"]
    assert max(users) == 4 and len(users) >= 2


def test_a_receiver_that_has_too_much_to_do_gets_it_later_and_one_that_refuses_costs_its_seconds(
    receiver: Receiver, blog: TestkitServer, tmp_path: Path
):
    receiver.statuses = [503, 429, 400]
    done = run_locust(
        *RUN, "-H", blog.url, "--out", f"influxdb=http://{receiver.place}/", folder=tmp_path, locustfile=SCRIPT,
        LOCUST_OUT_TOKEN="a-token-of-mine",
    )  # fmt: skip
    assert done.returncode == 1
    assert {headers["Authorization"] for _, headers, _ in receiver.requests} == {"Token a-token-of-mine"}
    bodies = [body for _, _, body in receiver.requests]
    assert bodies[0] == bodies[1] == bodies[2] != bodies[3]
    assert f"http://{receiver.place}/ does not take the numbers (--out): 503" in done.stderr
    assert "has not taken 1 messages of this run" in done.stderr
    assert "a-token-of-mine" not in done.stderr


def test_nobody_waits_for_a_receiver_that_is_not_there(blog: TestkitServer, tmp_path: Path):
    place = f"http://127.0.0.1:{free_port()}/write"
    done = run_locust(
        "--headless", "-u", "1", "-t", "1s", "-H", f"{blog.url}", "--out", f"influxdb={place}", "--only-summary",
        folder=tmp_path, locustfile="from locust import HttpUser, task\nclass V(HttpUser):\n    @task\n    def t(self): self.client.get('/')\n    wait_time = lambda self: 0.1\n",
    )  # fmt: skip
    # The run is what it is; that nobody took its numbers is told.
    assert done.returncode == 0, done.stderr
    assert f"{place} does not take the numbers (--out): connection refused" in done.stderr
    assert "messages of this run (--out)" in done.stderr


@pytest.mark.timeout(120)
def test_a_real_prometheus_takes_what_is_written(blog: TestkitServer, tmp_path: Path):
    port = free_port()
    (tmp_path / "prometheus.yml").write_text("global: {}\n")
    command = [
        "prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver",
    ]  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as prometheus:
        try:
            until(lambda: _answers(f"{url}/-/ready"))
            done = run_locust(
                *RUN, "-H", blog.url, "--out", f"prometheus-rw={url}/api/v1/write", "--csv", "own",
                folder=tmp_path, locustfile=SCRIPT,
            )  # fmt: skip
            assert done.returncode == 1 and "--out" not in done.stderr, done.stderr

            def ask(query: str) -> list[dict[str, Any]]:
                words = urllib.parse.urlencode({"query": query, "time": f"{time.time() + 5:.0f}"})
                return get(f"{url}/api/v1/query?{words}")["data"]["result"]

            for (method, name), row in table(tmp_path).items():
                labels = f'method="{method}",name="{name}",job="gregaria"'
                for metric, column in (("requests", "Request Count"), ("failures", "Failure Count")):
                    query = f"max_over_time(gregaria_{metric}_total{{{labels}}}[1m])"
                    (found,) = ask(query)
                    assert float(found["value"][1]) == int(row[column]), (query, row)
            (users,) = ask("max_over_time(gregaria_users[1m])")
            assert float(users["value"][1]) == 4
            (slow,) = ask(
                'max_over_time(gregaria_request_duration_quantile_seconds{name="/",quantile="0.95"}[1m])'
            )
            assert 0 < float(slow["value"][1]) < 60
            # What has ended is there no longer.
            assert ask("gregaria_users") == []
        finally:
            prometheus.terminate()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
        return True
    except OSError:
        return False


@pytest.mark.timeout(120)
def test_a_real_influxdb_takes_what_is_written(blog: TestkitServer, tmp_path: Path):
    if shutil.which("influxd") is None:
        pytest.skip("influxd is not here (on Debian the package influxdb)")
    port, rpc = free_port(), free_port()
    (tmp_path / "influxdb.conf").write_text(
        f'bind-address = "127.0.0.1:{rpc}"\nreporting-disabled = true\n'
        f'[meta]\ndir = "{tmp_path}/meta"\n'
        f'[data]\ndir = "{tmp_path}/data"\nwal-dir = "{tmp_path}/wal"\n'
        f'[http]\nbind-address = "127.0.0.1:{port}"\n'
    )
    url = f"http://127.0.0.1:{port}"
    command = ["influxd", "-config", str(tmp_path / "influxdb.conf")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as influxd:
        try:
            until(lambda: _answers(f"{url}/ping"))
            urllib.request.urlopen(f"{url}/query", data=b"q=CREATE DATABASE load", timeout=20).close()
            done = run_locust(
                *RUN, "-H", blog.url, "--out", f"influxdb={url}/write?db=load", "--csv", "own",
                folder=tmp_path, locustfile=SCRIPT,
            )  # fmt: skip
            assert done.returncode == 1 and "--out" not in done.stderr, done.stderr
            query = urllib.parse.quote('SELECT sum("count") FROM gregaria_requests GROUP BY "name"')
            series = get(f"{url}/query?db=load&q={query}")["results"][0]["series"]
            sums = {one["tags"]["name"]: one["values"][0][1] for one in series}
            assert sums == {name: int(row["Request Count"]) for (_, name), row in table(tmp_path).items()}
        finally:
            influxd.terminate()


@pytest.mark.timeout(120)
def test_a_real_server_takes_it_at_the_address_of_influxdb_2(blog: TestkitServer, tmp_path: Path):
    """InfluxDB 2 itself cannot be had here; VictoriaMetrics speaks its write API."""
    if shutil.which("victoria-metrics") is None:
        pytest.skip("victoria-metrics is not here (on Debian the package of that name)")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = ["victoria-metrics", f"-httpListenAddr=127.0.0.1:{port}", f"-storageDataPath={tmp_path}/data"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            until(lambda: _answers(f"{url}/health"))
            done = run_locust(
                *RUN, "-H", blog.url, "--out", f"influxdb={url}/api/v2/write?org=o&bucket=load", "--csv", "own",
                folder=tmp_path, locustfile=SCRIPT, LOCUST_OUT_TOKEN="a-token-of-mine",
            )  # fmt: skip
            assert done.returncode == 1 and "--out" not in done.stderr, done.stderr
            urllib.request.urlopen(f"{url}/internal/force_flush", timeout=20).close()
            # The last second has a time that is still to come.
            words = urllib.parse.urlencode(
                {"match[]": "gregaria_requests_count", "end": f"{time.time() + 60:.0f}"}
            )
            with urllib.request.urlopen(f"{url}/api/v1/export?{words}", timeout=20) as answer:
                series = [json.loads(line) for line in answer]
            sums = {(one["metric"]["method"], one["metric"]["name"]): sum(one["values"]) for one in series}
            assert sums == {
                (method or "-", name): int(row["Request Count"])
                for (method, name), row in table(tmp_path).items()
            }
        finally:
            server.terminate()


@pytest.mark.parametrize("path, by_theirs, scheme", [
    ("/api/v2/write?org=o&bucket=load&precision=ns", "influxdb_client", "Token"),
    ("/api/v3/write_lp?db=load&precision=nanosecond", None, "Bearer"),
])  # fmt: skip
def test_it_asks_as_influxdbs_own_client_does(
    path: str, by_theirs: str | None, scheme: str, receiver: Receiver, blog: TestkitServer, tmp_path: Path
):
    script = "from locust import HttpUser, constant, task\nclass V(HttpUser):\n    wait_time = constant(0.1)\n    @task\n    def t(self): self.client.get('/')\n"
    done = run_locust(
        "--headless", "-u", "1", "-t", "1s", "-H", blog.url, "--out", f"influxdb=http://{receiver.place}{path}", "--only-summary",
        folder=tmp_path, locustfile=script, LOCUST_OUT_TOKEN="a-token-of-mine",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    asked = {_asked(request) for request in receiver.requests}
    assert {headers["Authorization"] for _, headers, _ in receiver.requests} == {f"{scheme} a-token-of-mine"}
    if by_theirs:
        from influxdb_client import InfluxDBClient
        from influxdb_client.client.write_api import SYNCHRONOUS

        lines = receiver.requests[0][2].decode()
        receiver.requests.clear()
        with InfluxDBClient(f"http://{receiver.place}", token="a-token-of-mine", org="o") as client:
            client.write_api(SYNCHRONOUS).write("load", record=lines)
        assert asked == {_asked(request) for request in receiver.requests}
        assert receiver.requests[0][2].decode().strip() == lines.strip()


def _asked(request: tuple[str, dict[str, str], bytes]) -> tuple[str, Any, str, str]:
    """What of a request decides whether it is taken."""
    target, headers, _ = request
    path, _, query = target.partition("?")
    kind = headers["Content-Type"].partition(";")[0]
    return path, tuple(sorted(urllib.parse.parse_qsl(query))), headers["Authorization"], kind


def test_files_have_a_line_for_each_request(blog: TestkitServer, tmp_path: Path):
    done = run_locust(
        *RUN, "-H", blog.url, "--out", "csv=deep/requests.csv", "--out", "json=requests.jsonl.gz", "--csv", "own",
        folder=tmp_path, locustfile=SCRIPT + COUNTED,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    # Requests that failed are Python's, with files and without.
    failed = int(table(tmp_path)["GET", "/missing"]["Request Count"])
    assert f"fired {failed} times" in done.stdout
    with open(tmp_path / "deep" / "requests.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    objects = [json.loads(line) for line in gzip.open(tmp_path / "requests.jsonl.gz", "rt")]
    assert [row["name"] for row in rows] == [one["name"] for one in objects]
    for (method, name), row in table(tmp_path).items():
        if name == "Aggregated":
            continue
        mine = [one for one in objects if (one["method"], one["name"]) == (method, name)]
        assert len(mine) == int(row["Request Count"])
        assert sum(one["error"] is not None for one in mine) == int(row["Failure Count"])
        assert {one["status"] for one in mine} == ({404} if name == "/missing" else {200})
        assert abs(max(one["response_time_ms"] for one in mine) - float(row["Max Response Time"])) < 0.001
    assert all(abs(one["time"] - time.time()) < 600 and one["response_length"] > 0 for one in objects)


def test_a_share_of_the_requests_and_every_failure(blog: TestkitServer, tmp_path: Path):
    done = run_locust(
        *RUN, "-H", blog.url, "--out", "json=r.jsonl", "--out-sample", "0.1", "--csv", "own",
        folder=tmp_path, locustfile=SCRIPT,
    )  # fmt: skip
    assert done.returncode == 1
    objects = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    total = table(tmp_path)["", "Aggregated"]
    failed, good = int(total["Failure Count"]), int(total["Request Count"]) - int(total["Failure Count"])
    assert sum(one["error"] is not None for one in objects) == failed
    assert sum(one["error"] is None for one in objects) == good // 10


def test_workers_write_files_of_their_own_and_their_master_sends(
    receiver: Receiver, blog: TestkitServer, tmp_path: Path
):
    port = str(free_port())
    done = run_locust(
        *RUN, "--processes", "2", "--master-bind-port", port, "-H", blog.url, "--csv", "own",
        "--out", "csv=requests.csv", "--out", f"influxdb=http://{receiver.place}/",
        folder=tmp_path, locustfile=SCRIPT,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    wanted = int(table(tmp_path)["", "Aggregated"]["Request Count"])
    rows = [len(list(csv.DictReader(open(path)))) for path in sorted(tmp_path.glob("requests-*.csv"))]
    assert len(rows) == 2 and sum(rows) == wanted and not (tmp_path / "requests.csv").exists()
    sent = [line for line in receiver.lines() if line["tags"].get("name") == "Aggregated"]
    assert sum(line["fields"]["count"] for line in sent) == wanted
    assert len({line["time"] for line in sent}) == len(sent) >= 2


@pytest.mark.parametrize("words, said", [
    (["--out", "kafka=x"], "argument --out: 'kafka=x' is none of prometheus-rw=URL"),
    (["--out", "csv="], "argument --out: 'csv=' is none of"),
    (["--out", "influxdb=ftp://u:secret@h/"], "influxdb wants an address that begins with http:// or https://, not 'ftp://u:***@h/'"),
    (["--out", "influxdb=http://"], "influxdb wants an address"),
    (["--out", "csv=x", "--out-sample", "2"], "argument --out-sample: a share is above 0 and at most 1, not 2"),
    (["--out", "csv=x", "--out-sample", "0"], "argument --out-sample"),
])  # fmt: skip
def test_what_cannot_be_is_told_before_the_run(words: list[str], said: str, tmp_path: Path):
    done = run_locust(*RUN, *words, "-H", "http://127.0.0.1:1", folder=tmp_path, locustfile=SCRIPT)
    assert done.returncode == 2 and said in done.stderr, done.stderr


def test_a_file_that_cannot_be_written_is_told_before_the_run(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    done = run_locust(
        *RUN, "--out", "csv=folder", "-H", "http://127.0.0.1:1", folder=tmp_path, locustfile=SCRIPT
    )
    assert (
        done.returncode == 1
        and "Could not write what --out asks for: [Errno 21] Is a directory" in done.stderr
    )
