"""Ways to the recording server other than its plain port: TLS, client certificates, proxies.

Each is a listener of its own beside the plain one, named in `GATES`; what arrives is recorded as if it had come in there.
A proxy answers plain requests itself, and opens tunnels to any port of this machine.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

GATES = (
    "tls",
    "other name",
    "client certificate",
    "proxy",
    "tls proxy",
    "closing proxy",
    "old ciphers",
    "self-signed",
    "weak key",
    "expired",
)
Serve = Callable[[socket.socket], None]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


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
    authority.issue_cert("127.0.0.1", not_after=LONG_AGO).private_key_and_cert_chain_pem.write_to_path(
        folder / "expired.pem"
    )
    authority.private_key_pem.write_to_path(folder / "ca.key")
    _write_odd_certificates(folder)


def _write_odd_certificates(folder: Path) -> None:
    """What only OpenSSL makes: an old version of X.509, weak and encrypted keys, an authority under its hashed name."""

    def openssl(*arguments: str) -> str:
        command = ["openssl", *arguments]
        return subprocess.run(
            command, cwd=folder, check=True, capture_output=True, text=True, timeout=60
        ).stdout

    def request(name: str, bits: int) -> None:
        key = ("-newkey", f"rsa:{bits}", "-nodes", "-keyout", f"{name}.key")
        openssl("req", *key, "-subj", f"/CN={name}", "-out", f"{name}.csr")

    def sign(name: str, extensions: str = "") -> None:
        more: tuple[str, ...] = ()
        if extensions:
            (folder / f"{name}.ext").write_text(extensions)
            more = ("-extfile", f"{name}.ext")
        signed = (
            "-in",
            f"{name}.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-out",
            f"{name}.crt",
        )
        openssl("x509", "-req", *signed, *more)
        (folder / f"{name}.pem").write_text(
            (folder / f"{name}.key").read_text() + (folder / f"{name}.crt").read_text()
        )

    # Without extensions OpenSSL 3.0 to 3.3 make version 1, which is what many test set-ups have.
    request("old-client", 2048)
    sign("old-client")
    request("weak", 1024)
    sign("weak", "subjectAltName=IP:127.0.0.1,DNS:localhost")
    own = ("-newkey", "rsa:2048", "-nodes", "-keyout", "own.key", "-out", "own.crt", "-subj", "/CN=localhost")
    openssl("req", "-x509", *own, "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost")
    (folder / "own.pem").write_text((folder / "own.key").read_text() + (folder / "own.crt").read_text())
    openssl("rsa", "-aes256", "-passout", "pass:secret", "-in", "old-client.key", "-out", "locked.key")
    for kind in ("hashed", "unhashed"):
        (folder / kind).mkdir(exist_ok=True)
    digest = openssl("x509", "-hash", "-noout", "-in", "ca.pem").strip()
    (folder / "hashed" / f"{digest}.0").write_text((folder / "ca.pem").read_text())
    (folder / "unhashed" / "ca.pem").write_text((folder / "ca.pem").read_text())


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
    old = context("server.pem")
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    old.set_ciphers(
        "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA384"
    )
    weak = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    weak.set_ciphers("DEFAULT:@SECLEVEL=0")
    weak.load_cert_chain(folder / "weak.pem")
    gates: dict[str, Serve] = {
        "tls": over(plain, serve),
        "other name": over(context("other.pem"), serve),
        "client certificate": over(asking, serve),
        "proxy": serve,
        "tls proxy": over(plain, serve),
        "closing proxy": hang_up,
        "old ciphers": over(old, serve),
        "self-signed": over(context("own.pem"), serve),
        "weak key": over(weak, serve),
        "expired": over(context("expired.pem"), serve),
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
