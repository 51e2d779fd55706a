"""How the web interface is reached."""

from __future__ import annotations

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
