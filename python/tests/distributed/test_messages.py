"""What master and worker do with each message, without a network: the other side is a queue."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import pytest
from runner_wire import Idle, Wire, report, until

import locust
from locust import runners
from locust._distributed.access import worker_keywords
from locust.env import Environment
from locust.exception import RPCError, RPCReceiveError
from locust.rpc import Message
from locust.runners import MasterRunner, WorkerRunner
from locust.stats import RequestStats


def job(moment: float, count: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "timestamp": moment,
        "user_classes_count": {"Idle": count},
        "host": None,
        "stop_timeout": None,
        "parsed_options": {},
        **changes,
    }


ENTRY = report()["stats_total"]

MALFORMED: list[tuple[Any, Any]] = [
    ("heartbeat", None),
    ("heartbeat", {}),
    ("heartbeat", {"state": "ready"}),
    ("heartbeat", {"state": 5, "current_cpu_usage": 1}),
    ("heartbeat", {"state": "ready", "current_cpu_usage": "all"}),
    ("heartbeat", {"state": "ready", "current_cpu_usage": math.nan}),
    ("stats", None),
    ("stats", []),
    ("stats", {"stats": {}, "stats_total": {}, "errors": {}}),
    ("stats", {**report(), "stats": [{"name": "/"}]}),
    ("stats", {**report(), "stats_total": {**ENTRY, "num_requests": -1}}),
    ("stats", {**report(), "stats_total": {**ENTRY, "num_requests": 1 << 60}}),
    ("stats", {**report(), "stats_total": {**ENTRY, "total_response_time": math.inf}}),
    ("stats", {**report(), "stats_total": {**ENTRY, "response_times": {"fast": 1}}}),
    ("stats", {**report(), "stats_total": {**ENTRY, "response_times": [1]}}),
    ("stats", {**report(), "errors": {"x": {"name": 1}}}),
    ("stats", {**report(), "errors": {5: {}}}),
    ("stats", {**report(), "user_classes_count": {"Idle": "many"}}),
    ("stats", {**report(), "user_classes_count": {"Idle": -1}}),
    ("spawning_complete", None),
    ("spawning_complete", {"count": 1}),
    ("logs", {"logs": "text"}),
    ("logs", 7),
    ("exception", {"msg": "no traceback"}),
    ("locustfile", "please"),
    ("stop_test", None),
]


@pytest.mark.parametrize(("kind", "data"), MALFORMED)
def test_a_malformed_message_changes_nothing_and_the_master_goes_on(
    wire: Wire, master: MasterRunner, caplog: pytest.LogCaptureFixture, kind: Any, data: Any
):
    wire.arrives("client_ready", locust.__version__)
    wire.arrives("stats", report(2))
    caplog.clear()
    wire.arrives(kind, data)
    assert [record.levelno for record in caplog.records if record.levelno >= logging.WARNING] == [
        logging.ERROR
    ]
    assert "malformed" in caplog.text or "Ignored" in caplog.text
    assert master.stats.total.num_requests == 2
    assert master.clients["host_a"].user_classes_count == {"Idle": 1}
    wire.arrives("stats", report(5))
    wire.arrives("heartbeat", {"state": "ready", "current_cpu_usage": 1})
    assert master.stats.total.num_requests == 7
    assert wire.types()[-1] == "heartbeat"


def test_a_message_that_cannot_be_read_makes_a_known_worker_connect_anew(wire: Wire, master: MasterRunner):
    wire.arrives("client_ready", locust.__version__)
    wire.arriving.put(RPCReceiveError("bad", addr="host_a"))
    wire.arriving.put(RPCReceiveError("bad", addr="host_unknown"))
    wire.arriving.put(RPCReceiveError("bad"))
    wire.arrives("client_ready", -1, "host_b")
    assert wire.types("host_a") == ["ack", "reconnect", "ack"]
    assert list(master.clients) == ["host_a", "host_b"]


def test_a_broken_server_is_made_anew(wire: Wire, master: MasterRunner, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runners, "FALLBACK_INTERVAL", 0.05)
    wire.arriving.put(RPCError("broken"))
    until(lambda: master.connection_broken)
    master.reset_connection()
    assert not master.connection_broken and wire.closed == 1
    wire.arrives("client_ready", locust.__version__)
    assert list(master.clients) == ["host_a"]


def test_workers_written_in_other_languages_are_understood(wire: Wire, master: MasterRunner):
    # As boomer and locust4j send them: no first_seen, no memory, 0 as the minimum of nothing, other names and keys.
    wire.arrives("client_ready", -1)
    wire.arrives("stats", report(2))
    empty = {**ENTRY, "name": "Total", "num_requests": 0, "num_failures": 0, "min_response_time": 0}
    empty |= {"response_times": {}, "num_reqs_per_sec": {}, "num_fail_per_sec": {}, "total_response_time": 0}
    del empty["gregaria"]
    error = {"method": "http", "name": "/go", "error": "boom", "occurrences": 2}
    wire.arrives(
        "stats",
        {
            "stats": [],
            "stats_total": empty,
            "errors": {"aa3b": error},
            "user_count": 1,
            "user_classes_count": {},
        },
    )
    wire.arrives("heartbeat", {"state": "spawning", "current_cpu_usage": 99})
    assert master.stats.total.min_response_time == 12
    assert [e.occurrences for e in master.stats.errors.values()] == [1, 2]
    assert master.clients["host_a"].cpu_usage == 99 and master.worker_cpu_warning_emitted


def test_reports_are_added_up_exactly(wire: Wire, master: MasterRunner):
    wire.arrives("client_ready", locust.__version__)
    expected = RequestStats(False)
    for node in range(3):
        stats = RequestStats(False)
        for n in range(200):
            for one in (stats, expected):
                one.log_request("GET", f"/{n % 3}", (node + 1) * n * 1.5, n)
        wire.arrives("stats", {**stats.take_report(), "user_classes_count": {"Idle": 1}, "user_count": 1})
    for name in ("/0", "/1", "/2"):
        ours, theirs = master.stats.get(name, "GET"), expected.get(name, "GET")
        assert dict(ours.response_times) == dict(theirs.response_times)
        assert (ours.num_requests, ours.total_content_length) == (
            theirs.num_requests,
            theirs.total_content_length,
        )
        assert (ours.min_response_time, ours.max_response_time) == (
            theirs.min_response_time,
            theirs.max_response_time,
        )
        assert ours.exact_percentiles([0.5, 0.99]) == theirs.exact_percentiles([0.5, 0.99])
    assert master.stats.total.num_requests == 600


def test_a_job_says_all_that_workers_need_and_no_secrets(wire: Wire):
    options = locust.argument_parser.get_parser(default_config_files=()).parse([])
    options.web_auth = "admin:secret"
    options.colour, options.thing = "blue", object()
    environment = Environment(user_classes=[Idle], host="http://h", stop_timeout=2.5, parsed_options=options)
    master = environment.create_master_runner("127.0.0.1", 5557)
    gevent.sleep(0)
    wire.arrives("client_ready", locust.__version__)
    master.start(2, 1)
    jobs = [m.data for m in wire.sent if m.type == "spawn"]
    assert [sorted(job) for job in jobs] == [
        ["host", "parsed_options", "run", "stop_timeout", "timestamp", "user_classes_count"]
    ] * len(jobs)
    assert [job["user_classes_count"] for job in jobs][-1] == {"Idle": 2}
    assert jobs[0]["host"] == "http://h" and jobs[0]["stop_timeout"] == 2.5
    assert jobs[0]["parsed_options"]["colour"] == "blue"
    assert "web_auth" not in jobs[0]["parsed_options"] and "thing" not in jobs[0]["parsed_options"]
    moments = [job["timestamp"] for job in jobs]
    assert moments == sorted(set(moments)) and all(isinstance(moment, float) for moment in moments)
    master.hurry()
    master.quit()


def test_events_of_a_master_come_in_locusts_order(wire: Wire, master: MasterRunner):
    heard: list[str] = []
    for name in ("worker_connect", "test_start", "spawning_complete", "test_stopping", "test_stop"):
        getattr(master.environment.events, name).add_listener(lambda name=name, **_: heard.append(name))
    wire.arrives("client_ready", locust.__version__)
    master.start(1, 1)
    wire.arrives("spawning")
    wire.arrives("spawning_complete", {"user_classes_count": {"Idle": 1}, "user_count": 1})
    assert master.state == runners.STATE_RUNNING and master.user_count == 1
    stopping = gevent.spawn(master.stop)
    until(lambda: wire.types()[-1] == "stop")
    assert master.state == runners.STATE_STOPPING
    wire.arrives("client_stopped")
    wire.arrives("client_ready", locust.__version__)
    stopping.join(30)
    assert master.state == runners.STATE_STOPPED
    assert heard[:4] == ["worker_connect", "test_start", "spawning_complete", "test_stopping"]
    assert sorted(heard[4:]) == ["test_stop", "worker_connect"]


def test_a_stray_message_does_not_stop_a_master_that_waits(wire: Wire, master: MasterRunner):
    wire.arrives("heartbeat", {"state": "running", "current_cpu_usage": 1}, "host_unknown")
    # It belongs to another master, or did; after a stop it may join this one.
    assert master.state == runners.STATE_INIT and wire.types() == ["stop"]


def test_an_unknown_worker_that_runs_users_is_told_to_quit(wire: Wire, master: MasterRunner):
    wire.arrives("spawning_complete", {"user_classes_count": {"Idle": 1}}, "host_unknown")
    assert wire.types("host_unknown") == ["quit"]


def test_the_token_of_the_environment_is_asked_for(wire: Wire, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LOCUST_CLUSTER_TOKEN", "open sesame")
    master = Environment(user_classes=[Idle]).create_master_runner("*", 5557)
    assert wire.keywords == {"token": "open sesame", "open": False}
    master.quit()


def test_so_is_the_one_of_a_file(wire: Wire, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "secret").write_text("mounted sesame\n")
    monkeypatch.delenv("LOCUST_CLUSTER_TOKEN", raising=False)
    monkeypatch.setenv("LOCUST_CLUSTER_TOKEN_FILE", str(tmp_path / "secret"))
    master = Environment(user_classes=[Idle]).create_master_runner("*", 5557)
    assert wire.keywords == {"token": "mounted sesame", "open": False}
    assert worker_keywords() == {"token": "mounted sesame"}
    master.quit()


def test_a_random_token_is_shown_only_where_it_is_needed(
    wire: Wire,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.delenv("LOCUST_CLUSTER_TOKEN", raising=False)
    caplog.set_level(logging.INFO)
    for host, shown in (("127.0.0.1", False), ("localhost", False), ("*", True), ("192.0.2.1", True)):
        master = Environment(user_classes=[Idle]).create_master_runner(host, 5557)
        # On the terminal, not in the log, which is kept and shown to others.
        assert (wire.keywords["token"] in capsys.readouterr().err) is shown, host
        assert wire.keywords["token"] not in caplog.text
        assert len(wire.keywords["token"]) >= 20
        master.quit()


# ---------------------------------------------------------------------------------------------------- worker


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("spawn", None),
        ("spawn", {}),
        ("spawn", job(1, user_classes_count={"Idle": "one"})),
        ("spawn", job(1, stop_timeout="soon")),
        ("spawn", job(1, host=7)),
        ("spawn", job(1, parsed_options=None)),
        ("update_user_class", None),
        ("update_user_class", {"user_class_name": "Nobody"}),
        ("spawning_complete", None),
    ],
)
def test_a_worker_survives_a_malformed_message(
    wire: Wire, worker: WorkerRunner, caplog: pytest.LogCaptureFixture, kind: Any, data: Any
):
    wire.arrives(kind, data)
    assert any(record.levelno >= logging.WARNING for record in caplog.records)
    wire.arrives("spawn", job(2))
    worker.spawning_greenlet.join(30)
    assert worker.user_count == 1


def test_a_worker_tells_its_master_what_it_does(wire: Wire, worker: WorkerRunner):
    assert worker.worker_index == 3
    assert wire.types()[:3] == ["client_ready", "heartbeat", "stats"]
    assert wire.sent[0].data == locust.__version__
    wire.arrives("spawn", job(2, 2))
    worker.spawning_greenlet.join(30)
    wire.sent.clear()
    wire.arrives("stop")
    assert wire.types() == ["stats", "client_stopped", "client_ready"]
    wire.sent.clear()
    wire.arrives("spawn", job(3))
    worker.spawning_greenlet.join(30)
    wire.arriving.put(("m", Message("quit", None, "m")))
    until(lambda: wire.types()[-1] == "quit")
    assert [kind for kind in wire.types() if kind != "heartbeat"] == [
        "spawning",
        "spawning_complete",
        "stats",
        "quit",
    ]
    # The final report is of a worker without users.
    assert next(m for m in wire.sent if m.type == "stats").data["user_count"] == 0


def test_what_could_not_be_sent_goes_with_the_next_report(
    wire: Wire, worker: WorkerRunner, monkeypatch: pytest.MonkeyPatch
):
    for _ in range(3):
        worker.stats.log_request("GET", "/", 5, 1)

    def refuse(_message: Message) -> None:
        raise RPCError("not now")

    send: Callable[[Message], None] = wire.send
    monkeypatch.setattr(wire, "send", refuse, raising=False)
    worker._report()
    monkeypatch.setattr(wire, "send", send, raising=False)
    wire.sent.clear()
    worker._report()
    assert wire.sent[-1].data["stats_total"]["num_requests"] == 3


def test_users_that_the_locustfile_does_not_have_are_named_and_the_others_started(
    wire: Wire, worker: WorkerRunner, caplog: pytest.LogCaptureFixture
):
    wire.arrives("spawn", job(2, user_classes_count={"Idle": 1, "Stranger": 5}))
    worker.spawning_greenlet.join(30)
    assert worker.user_count == 1
    assert "does not define: Stranger" in caplog.text
    assert wire.sent[-1].type == "spawning_complete"
