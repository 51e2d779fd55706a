"""Who may join: workers of this machine, others with the cluster's token, everybody if the master is open."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator

import gevent
import pytest

from locust.rpc import Message, rpc


def own_address() -> str | None:
    """An address of this machine that is not the loopback's; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address: str = probe.getsockname()[0]
    return None if address.startswith(("127.", "0.")) else address


@pytest.fixture
def address() -> str:
    # The rule itself is tested with addresses of all kinds in crates/cluster, where none is needed.
    return own_address() or pytest.skip("this machine has no other address than the loopback's")


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    with gevent.Timeout(30):
        yield


def join(server: rpc.Server, address: str, token: str | None = None) -> None:
    """A worker at that address says hello."""
    client = rpc.Client(address, server.port, "w1", token=token)
    client.send(Message("hello", None, "w1"))
    try:
        assert server.recv_from_client()[1].type == "hello"
        server.send_to_client(Message("welcome", None, "w1"))
        assert client.recv().type == "welcome"
    finally:
        client.close(linger=0)


def warnings(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(r.levelname, r.getMessage()) for r in caplog.records if r.name == "locust.rpc"]


def test_workers_elsewhere_join_with_the_token(address: str) -> None:
    server = rpc.Server("*", 0, token="secret")
    join(server, address, "secret")
    join(server, "127.0.0.1")
    server.close(linger=0)


def test_everybody_joins_an_open_master(address: str) -> None:
    server = rpc.Server("*", 0, open=True)
    join(server, address)
    server.close(linger=0)


@pytest.mark.parametrize(
    ("token", "shown"), [("secret", None), ("secret", "guess"), (None, None), (None, "")]
)
def test_who_is_refused_hears_why_and_so_does_the_master(
    address: str, token: str | None, shown: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    server = rpc.Server("*", 0, token=token)
    refused = rpc.Client(address, server.port, "stranger", token=shown)
    refused.send(Message("client_ready", "2.47.0", "stranger"))
    master = gevent.spawn(server.recv_from_client)
    worker = gevent.spawn(refused.recv)
    with caplog.at_level(logging.WARNING):
        while len(warnings(caplog)) < 2:
            gevent.sleep(0.01)
    (level_of_master, of_master), (level_of_worker, of_worker) = sorted(
        warnings(caplog), key=lambda w: "refuses this worker" in w[1]
    )
    assert level_of_master == "WARNING" and level_of_worker == "ERROR"
    assert address in of_master and "LOCUST_CLUSTER_TOKEN" in of_master and "--cluster-open" in of_master
    assert f"{address}:{server.port}" in of_worker and "LOCUST_CLUSTER_TOKEN" in of_worker
    # The master hears who may join, and of the other nothing.
    local = rpc.Client("127.0.0.1", server.port, "w1")
    local.send(Message("hello", None, "w1"))
    assert master.get()[0] == "w1"
    worker.kill()
    for thing in (refused, local, server):
        thing.close(linger=0)
