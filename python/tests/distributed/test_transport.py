"""Our sockets and ZeroMQ's own, in all four pairings, and peers that misbehave."""

from __future__ import annotations

import logging
import os
import select
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import psutil
import pytest
import zmq

from locust.exception import RPCError, RPCReceiveError, RPCSendError
from locust.rpc import Message, rpc
from servers import clean_environment

# Seconds; far more than anything here takes.
PATIENCE = 30


@pytest.fixture
def keep() -> Iterator[Callable[[Any], Any]]:
    """Closes at the end what it is given."""
    kept: list[Any] = []

    def keep(thing: Any) -> Any:
        kept.append(thing)
        return thing

    yield keep
    for thing in kept:
        if isinstance(thing, zmq.Context):
            thing.destroy(linger=0)
        elif isinstance(thing, rpc.BaseSocket):
            thing.close(linger=0)
        else:
            thing.close()


@pytest.fixture
def context(keep: Callable[[Any], Any]) -> zmq.Context:
    return keep(zmq.Context())


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    with gevent.Timeout(3 * PATIENCE):
        yield


def zmq_socket(context: zmq.Context, kind: int, identity: str = "") -> zmq.Socket:
    other = context.socket(kind)
    other.setsockopt(zmq.RCVTIMEO, PATIENCE * 1000)
    other.setsockopt(zmq.LINGER, 0)
    if identity:
        other.setsockopt(zmq.IDENTITY, identity.encode())
    return other


def dealer(context: zmq.Context, port: int, identity: str) -> zmq.Socket:
    worker = zmq_socket(context, zmq.DEALER, identity)
    worker.connect(f"tcp://127.0.0.1:{port}")
    return worker


def router(context: zmq.Context, port: int = 0) -> tuple[zmq.Socket, int]:
    master = zmq_socket(context, zmq.ROUTER)
    if not port:
        return master, master.bind_to_random_port("tcp://127.0.0.1")
    master.bind(f"tcp://127.0.0.1:{port}")
    return master, port


def zmtp_peer(keep: Callable[[Any], Any], port: int, identity: bytes) -> socket.socket:
    """A peer up to its READY, by hand."""
    peer = keep(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
    properties = b"".join(
        bytes([len(name)]) + name + struct.pack(">I", len(value)) + value
        for name, value in ((b"Socket-Type", b"DEALER"), (b"Identity", identity))
    )
    ready = b"\x05READY" + properties
    peer.sendall(b"\xff" + b"\0" * 8 + b"\x7f\x03\x01NULL".ljust(55, b"\0"))
    peer.sendall(bytes([4, len(ready)]) + ready)
    return peer


def test_a_worker_of_zeromq_and_our_master(context: zmq.Context, keep: Callable[[Any], Any]) -> None:
    server = keep(rpc.Server("*", 0))
    worker = dealer(context, server.port, "wörker")
    big = {"body": "x" * 1_000_000, 17: [None, 1.5, -3]}
    worker.send(Message("stats", big, "wörker").serialize())
    identity, message = server.recv_from_client()
    assert (identity, message.type, message.data, message.node_id) == ("wörker", "stats", big, "wörker")
    server.send_to_client(Message("spawn", big, "wörker"))
    assert Message.unserialize(worker.recv()).data == big
    assert worker.getsockopt(zmq.RCVMORE) == 0


def test_a_master_of_zeromq_and_our_worker(context: zmq.Context, keep: Callable[[Any], Any]) -> None:
    master, port = router(context)
    client = keep(rpc.Client("127.0.0.1", port, "w1"))
    big = {"body": b"x" * 1_000_000}
    client.send(Message("stats", big, "w1"))
    identity, body = master.recv_multipart()
    assert (identity, Message.unserialize(body).data) == (b"w1", big)
    master.send_multipart([b"w1", Message("spawn", big, "w1").serialize()])
    assert client.recv().data == big


def test_our_worker_comes_back_to_a_restarted_master_of_zeromq(
    context: zmq.Context, keep: Callable[[Any], Any]
) -> None:
    master, port = router(context)
    client = keep(rpc.Client("localhost", port, "w1"))
    client.send(Message("first", None, "w1"))
    assert master.recv_multipart()[0] == b"w1"
    master.close()
    context.destroy(linger=0)
    # libzmq closes in the background; until it has, the port is taken.
    with gevent.Timeout(PATIENCE):
        while True:
            try:
                again, _ = router(keep(zmq.Context()), port)
                break
            except zmq.ZMQError:
                gevent.sleep(0.02)
    for number in range(100):
        client.send(Message("again", number, "w1"))
        if again.poll(200):
            assert Message.unserialize(again.recv_multipart()[1]).type == "again"
            return
    pytest.fail("the worker has not come back")


def test_workers_of_zeromq_come_back_to_our_restarted_master(
    context: zmq.Context, keep: Callable[[Any], Any]
) -> None:
    server = rpc.Server("127.0.0.1", 0)
    worker = dealer(context, server.port, "w1")
    worker.send(Message("first", None, "w1").serialize())
    assert server.recv_from_client()[1].type == "first"
    server.close(linger=0)
    again = keep(rpc.Server("127.0.0.1", server.port))
    received = gevent.spawn(again.recv_from_client)
    for _ in range(200):
        worker.send(Message("again", None, "w1").serialize())
        if received.join(timeout=0.1) or received.ready():
            break
    assert received.get(timeout=0)[1].type == "again"


def test_a_worker_that_comes_back_takes_its_place(keep: Callable[[Any], Any]) -> None:
    server = keep(rpc.Server("127.0.0.1", 0))
    # One that is never closed, as after a cut in the network.
    old = zmtp_peer(keep, server.port, b"w1")
    body = Message("old", None, "w1").serialize()
    old.sendall(bytes([0, len(body)]) + body)
    assert server.recv_from_client()[1].type == "old"
    new = keep(rpc.Client("127.0.0.1", server.port, "w1"))
    new.send(Message("new", None, "w1"))
    assert server.recv_from_client()[1].type == "new"
    server.send_to_client(Message("hello", None, "w1"))
    assert new.recv().type == "hello"


def test_who_speaks_something_else_is_told_of_and_harms_nobody(
    keep: Callable[[Any], Any], caplog: pytest.LogCaptureFixture
) -> None:
    server = keep(rpc.Server("127.0.0.1", 0))
    for first in (
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\xff" + b"\0" * 7 + b"\x01\x7f\x01\x05",
        b"\x00" * 100,
    ):
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as peer:
            peer.sendall(first)
            # A greeting of ours, and the end.
            with pytest.raises((ConnectionResetError, EOFError)):
                while True:
                    if not peer.recv(4096):
                        raise EOFError
    with socket.create_connection(("127.0.0.1", server.port)):
        pass
    client = keep(rpc.Client("127.0.0.1", server.port, "w1"))
    client.send(Message("fine", None, "w1"))
    with caplog.at_level(logging.WARNING):
        assert server.recv_from_client()[1].type == "fine"
    told = [record.getMessage() for record in caplog.records if record.name == "locust.rpc"]
    assert [("old version" in line, "does not speak ZeroMQ" in line) for line in told] == [
        (False, True),
        (True, False),
    ]
    assert all("127.0.0.1" in line for line in told)


def test_a_body_that_is_no_message_names_its_sender(context: zmq.Context, keep: Callable[[Any], Any]) -> None:
    server = keep(rpc.Server("127.0.0.1", 0))
    worker = dealer(context, server.port, "odd")
    for body in (b"", b"garbage", Message("m", 1, "odd").serialize() + b"\x00", b"\x93\xa1a\xa1\xff\xa1w"):
        worker.send(body)
        with pytest.raises(RPCReceiveError) as caught:
            server.recv_from_client()
        assert caught.value.addr == "odd"
    worker.send(Message("fine", None, "odd").serialize())
    assert server.recv_from_client()[1].type == "fine"
    # And the other way round.
    client = keep(rpc.Client("127.0.0.1", server.port, "w1"))
    client.send(Message("hello", None, "w1"))
    server.recv_from_client()
    server.socket.send("w1", b"garbage")
    with pytest.raises(RPCReceiveError):
        client.recv()


def test_to_nobody_nothing_is_sent(keep: Callable[[Any], Any]) -> None:
    keep(rpc.Server("127.0.0.1", 0)).send_to_client(Message("m", None, "nobody"))


def test_waiting_lets_others_run_and_ends_with_the_socket(keep: Callable[[Any], Any]) -> None:
    server = keep(rpc.Server("127.0.0.1", 0))
    waiting = [gevent.spawn(_outcome, server.recv_from_client) for _ in range(2)]
    gevent.sleep(0.05)
    assert not any(greenlet.ready() for greenlet in waiting)
    client = keep(rpc.Client("127.0.0.1", server.port, "w1"))
    client.send(Message("one", None, "w1"))
    assert gevent.wait(waiting, timeout=PATIENCE, count=1)
    server.close()
    assert sorted(str(greenlet.get(timeout=PATIENCE)) for greenlet in waiting) == [
        "ZMQ network broken",
        "one",
    ]
    with pytest.raises(RPCError):
        server.recv_from_client()


def _outcome(receive: Callable[[], tuple[str, Message]]) -> object:
    try:
        return receive()[1].type
    except RPCError as e:
        return e


def test_a_port_in_use_is_said_in_locusts_words(keep: Callable[[Any], Any]) -> None:
    server = keep(rpc.Server("*", 0))
    with pytest.raises(RPCError) as caught:
        rpc.Server("*", server.port)
    assert caught.value.args == ("Socket bind failure: Address already in use",)


def test_a_server_listens_at_all_addresses_of_an_interface(keep: Callable[[Any], Any]) -> None:
    found = {
        name: [entry.address for entry in entries if entry.family in (socket.AF_INET, socket.AF_INET6)]
        for name, entries in psutil.net_if_addrs().items()
    }
    name = next(name for name, addresses in found.items() if "127.0.0.1" in addresses)
    server = keep(rpc.Server(name, 0))
    for address in found[name]:
        client = keep(rpc.Client(address, server.port, f"at {address}"))
        client.send(Message("hello", None, "w"))
        assert server.recv_from_client()[0] == f"at {address}"


def test_an_address_of_another_machine_is_said() -> None:
    with pytest.raises(RPCError, match="Socket bind failure: Cannot assign requested address"):
        rpc.Server("203.0.113.254", 0)


def test_sending_into_a_closed_socket_fails_at_once(keep: Callable[[Any], Any]) -> None:
    # Locust tries three times more, with pauses; a send that never waits is no better the next time.
    server = keep(rpc.Server("127.0.0.1", 0))
    server.close()
    with pytest.raises(RPCSendError):
        server.send_to_client(Message("m", None, "w1"))


def test_the_last_message_of_a_process_arrives(keep: Callable[[Any], Any]) -> None:
    server = keep(rpc.Server("127.0.0.1", 0))
    script = (
        "import sys; from locust.rpc import Message, rpc\n"
        f"client = rpc.Client('127.0.0.1', {server.port}, 'w1')\n"
        "for number in range(50): client.send(Message('quit', number, 'w1'))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], env=clean_environment())
    assert [server.recv_from_client()[1].data for _ in range(50)] == list(range(50))
    assert process.wait(PATIENCE) == 0


def test_the_end_of_a_forked_process_leaves_its_parents_sockets_alone(keep: Callable[[Any], Any]) -> None:
    server = keep(rpc.Server("127.0.0.1", 0))
    if (child := os.fork()) == 0:
        try:
            rpc._finish()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert select.select([server.socket.fileno()], [], [], 0)[0] == []
    client = keep(rpc.Client("127.0.0.1", server.port, "w1"))
    client.send(Message("fine", None, "w1"))
    assert server.recv_from_client()[1].type == "fine"


def test_ipv6(context: zmq.Context, keep: Callable[[Any], Any]) -> None:
    try:
        server = keep(rpc.Server("::1", 0))
    except RPCError:
        pytest.skip("this machine has no IPv6")
    for address in ("::1", "[::1]"):
        client = keep(rpc.Client(address, server.port, f"at {address}"))
        client.send(Message("hello", None, "w"))
        assert server.recv_from_client()[0] == f"at {address}"
