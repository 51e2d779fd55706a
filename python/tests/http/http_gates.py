"""Ways to the recording server other than its plain port: TLS, client certificates, proxies.

Each is a listener of its own beside the plain one, named in `GATES`; what arrives is recorded as if it had come in there.
A proxy answers plain requests itself, and opens tunnels to any port of this machine.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

GATES = ("tls", "other name", "client certificate", "proxy", "tls proxy", "closing proxy")
Serve = Callable[[socket.socket], None]


def write_certificates(folder: Path) -> None:
    """An authority, certificates of servers, and client certificates in the forms that requests takes."""
    import trustme

    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    stranger.cert_pem.write_to_path(folder / "stranger.pem")
    for name, hosts in (
        ("server", ("127.0.0.1", "localhost", "demanding.test")),
        ("other", ("elsewhere.test",)),
    ):
        authority.issue_cert(*hosts).private_key_and_cert_chain_pem.write_to_path(folder / f"{name}.pem")
    for name, issuer in (("client", authority), ("unknown-client", stranger)):
        issued = issuer.issue_cert(f"{name}@example.test")
        issued.private_key_and_cert_chain_pem.write_to_path(folder / f"{name}.pem")
        issued.private_key_pem.write_to_path(folder / f"{name}.key")
        issued.cert_chain_pems[0].write_to_path(folder / f"{name}.crt")


def open_gates(folder: Path, serve: Serve) -> list[int]:
    """Opens a listener for each of `GATES`; returns their ports."""

    def context(name: str) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(folder / name)
        return made

    asking = context("server.pem")
    asking.verify_mode = ssl.CERT_REQUIRED
    asking.load_verify_locations(folder / "ca.pem")

    def over(tls: ssl.SSLContext, behind: Serve) -> Serve:
        def accepted(connection: socket.socket) -> None:
            connection.settimeout(10)
            try:
                wrapped = tls.wrap_socket(connection, server_side=True)
            except OSError:
                connection.close()
                return
            wrapped.settimeout(None)
            behind(wrapped)

        return accepted

    plain = context("server.pem")
    gates: dict[str, Serve] = {
        "tls": over(plain, serve),
        "other name": over(context("other.pem"), serve),
        "client certificate": over(asking, serve),
        "proxy": serve,
        "tls proxy": over(plain, serve),
        "closing proxy": hang_up,
    }
    return [listen(gates[name]) for name in GATES]


def hang_up(connection: socket.socket) -> None:
    """Takes the request first: what is not read makes a reset of the end."""
    connection.recv(65536)
    connection.close()


def listen(serve: Serve) -> int:
    """Serves each connection in a thread; returns the port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def accept() -> None:
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return int(listener.getsockname()[1])


def tunnel(client: Any, authority: str) -> None:
    """Joins a connection with one to `authority`, until one of them ends."""
    host, _, port = authority.rpartition(":")
    try:
        origin = socket.create_connection((host, int(port)), timeout=10)
    except OSError:
        client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        return
    origin.settimeout(None)
    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")

    def copy(source: Any, target: Any) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    back = threading.Thread(target=copy, args=(origin, client), daemon=True)
    back.start()
    copy(client, origin)
    back.join()
    origin.close()
