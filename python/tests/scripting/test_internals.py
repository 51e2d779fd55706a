"""Names internal to Locust that public code touches: they are there; what is put in the place of one that nothing calls is told."""

from __future__ import annotations

import importlib
import logging
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import pytest
import requests
from geventhttpclient.response import HTTPSocketPoolResponse
from http_comparing import oracle

import locust.argument_parser
import locust.clients
import locust.contrib.fasthttp
import locust.input_events
import locust.rpc.zmqrpc
import locust.runners
from locust import _internals
from locust.cli.check import detect_runs
from locust.contrib.fasthttp import FastRequest, FastResponse
from locust.env import Environment
from locust.event import EventHook
from locust.runners import MasterRunner
from locust.stats import RequestStats, StatsCSV
from servers import ROOT, clean_environment

SCRIPT = ROOT / "compat" / "golden" / "lacking.py"


def test_names_that_stand_elsewhere_are_there() -> None:
    for module, names in _internals._ELSEWHERE.items():
        for name in names:
            assert getattr(importlib.import_module(module), name) is not None


def test_what_locust_does_not_have_is_not_there() -> None:
    with pytest.raises(AttributeError, match=r"module 'locust\.runners' has no attribute 'locust_runner'"):
        _ = locust.runners.locust_runner


def test_the_library_that_locusts_sockets_use_is_there_if_it_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "zmq", ModuleType("zmq"))
    assert locust.rpc.zmqrpc.zmq is sys.modules["zmq"]
    monkeypatch.setitem(sys.modules, "zmq", None)
    with pytest.raises(AttributeError, match="'zmq'"):
        _ = locust.rpc.zmqrpc.zmq


@pytest.mark.parametrize("meta", [{}, None, {"name": "x"}])
def test_a_response_that_a_script_makes_by_hand_may_say_less(meta: Any) -> None:
    plain = requests.Response()
    plain.status_code = 200
    made = locust.clients.ResponseContextManager.wrap_response(
        plain, EventHook(), {} if meta is None else meta, False
    )
    assert made.status_code == 200
    by_hand = FastResponse.__new__(FastResponse)
    by_hand.__dict__.update(_by_library=True, status_code=200, error=None)
    assert locust.contrib.fasthttp.ResponseContextManager(by_hand, None, meta, False).status_code == 200


@pytest.mark.parametrize("content", [b"by hand", b""])
def test_a_response_of_geventhttpclients_is_filled_by_hand(content: bytes) -> None:
    source = mock.MagicMock(spec=HTTPSocketPoolResponse)
    source.get_code.return_value = 400
    source._headers_index = {}
    response = FastResponse(source, FastRequest(url="http://127.0.0.1/x"))
    response._cached_content = content
    made = locust.contrib.fasthttp.ResponseContextManager(response, None, {}, catch_response=False)
    made.encoding = "utf-8"
    assert (made.content, made.text, made.status_code) == (content, content.decode(), 400)


def test_the_check_knows_what_is_lacking(tmp_path: Path) -> None:
    real = oracle()
    if real is None:
        pytest.skip("no Locust to compare with")

    def run(python: Path | str, *arguments: str | Path) -> str:
        command = [python, "-W", "ignore", SCRIPT, *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, env=clean_environment(), timeout=100
        ).stdout

    names = tmp_path / "names"
    names.write_text(run(real))
    assert len(names.read_text().split()) > 800
    # compat/golden/lacking.py says how the file is made.
    assert set(run(sys.executable, names).split()) == detect_runs.lacking()


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    monkeypatch.setattr(_internals, "_told", set())
    monkeypatch.setattr(logging.getLogger("locust"), "propagate", True)
    return caplog


def test_a_step_that_is_not_called_is_told_once(
    warnings: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):

        class Mine(StatsCSV):
            def _percentile_fields(self, stats_entry: Any, use_current: bool = False) -> list[Any]:
                return []

    monkeypatch.setattr(MasterRunner, "_wait_for_workers_report_after_ramp_up", lambda self: 1.0)
    monkeypatch.setattr(locust.argument_parser, "download_locustfile_from_master", print)
    told = [record.getMessage().partition(" is ")[0] for record in warnings.records]
    assert told == [
        "Mine._percentile_fields",
        "MasterRunner._wait_for_workers_report_after_ramp_up",
        "locust.argument_parser.download_locustfile_from_master",
    ]
    assert all(record.levelname == "WARNING" for record in warnings.records)


def test_classes_that_replace_nothing_are_not_told(warnings: pytest.LogCaptureFixture) -> None:
    class Mine(StatsCSV):
        def mine(self) -> None: ...

    Environment(events=None).stats.total.log(5, 1)
    assert not warnings.records


def test_an_entry_can_be_logged_by_hand() -> None:
    stats = RequestStats()
    entry = stats.get("a", "GET")
    entry._log_time_of_request(1000.7)
    entry._log_response_time(147)
    entry._log_response_time(None)
    assert dict(entry.num_reqs_per_sec) == {1000: 1}
    assert entry.last_request_timestamp == 1000.7
    assert dict(entry.response_times) == {150: 1}
    assert (entry.min_response_time, entry.max_response_time, entry.total_response_time) == (147, 147, 147)
    assert entry.num_none_requests == 1


def test_keys_come_from_a_poller_of_the_scripts_own(monkeypatch: pytest.MonkeyPatch) -> None:
    pressed: list[str] = []

    class Poller:
        keys = iter("ax")
        cleaned = False

        def poll(self) -> str:
            return next(self.keys)

        def cleanup(self) -> None:
            Poller.cleaned = True

    monkeypatch.setattr(locust.input_events, "get_poller", Poller)
    locust.input_events.input_listener({"a": lambda: pressed.append("a"), "x": lambda: pressed.append("x")})()
    assert pressed == ["a", "x"]
    assert Poller.cleaned


def test_users_of_all_workers_are_counted() -> None:
    assert locust.runners._aggregate_dispatched_users({"a": {"U": 1}, "b": {"U": 2, "V": 1}}) == {
        "U": 3,
        "V": 1,
    }
