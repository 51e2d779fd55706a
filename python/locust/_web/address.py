"""How the web interface is reached."""

from __future__ import annotations

import os
import socket
from typing import Any


def link_for_others(engine: Any, host: str, base_path: str, display_name: str | None) -> str:
    """The URL of a server that listens, for other machines, with its access token. `host` is the address it listens on
    ("" is every one), `display_name` what browsers are to call it."""
    token = f"/?token={engine.token}" if engine.token else "/"
    if not host and display_name:
        whole = display_name if "://" in display_name else f"{engine.scheme}://{display_name}:{engine.port}"
        return whole.rstrip("/") + token
    name = bracketed(host or _name_of_this_machine())
    return f"{engine.scheme}://{name}:{engine.port}{base_path.rstrip('/')}{token}"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens on `host`."""
    return host in ("localhost", "::1") or host.startswith("127.")


def is_this_machine(host: str) -> bool:
    """Whether a name or an address is this machine's. Nothing is sent to find it."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), 9, type=socket.SOCK_DGRAM)
    except OSError:
        return False
    return any(_is_own(family, address) for family, _kind, _protocol, _name, address in found)


def _is_own(family: int, address: Any) -> bool:
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            # Only from an address of one's own is the way there of length nought.
            probe.connect(address)
            return probe.getsockname()[0] == address[0]
        except OSError:
            return False


def bracketed(host: str) -> str:
    """The host as it is written in a URL."""
    return f"[{host}]" if ":" in host else host


def _name_of_this_machine() -> str:
    """The address by which others probably reach us: that of the interface towards the rest of the world. Nothing is
    sent to find it."""
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        # An address that is reserved for documentation.
        probe.connect(("192.0.2.1", 9))
        return probe.getsockname()[0]
    except OSError:
        return socket.gethostname()
    finally:
        probe.close()


def users_of_ours() -> list[int]:
    """The users of this machine whose connections are ours: the one who runs the program, also by way of `sudo`, and root, from
    whom nothing can be kept."""
    sudo = os.environ.get("SUDO_UID", "")
    return sorted({os.geteuid(), 0} | ({int(sudo)} if sudo.isdigit() and int(sudo) < 2**32 else set()))
