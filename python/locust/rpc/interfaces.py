"""Interfaces of this machine by name, where an address is meant: ZeroMQ takes `eth0` for the addresses of eth0."""

from __future__ import annotations

import socket

import psutil


def addresses_of(host: str) -> list[str]:
    """The addresses of the interface with this name; of anything else, the host as it is."""
    families = (socket.AF_INET, socket.AF_INET6)
    addresses = [entry.address for entry in psutil.net_if_addrs().get(host, ()) if entry.family in families]
    return addresses or [host]


def own_address(host: str) -> str:
    """Where this machine reaches itself, if something listens at that host."""
    addresses = [address for address in addresses_of(host) if "%" not in address]
    if not addresses or addresses[0] in ("", "*", "0.0.0.0", "::", "[::]"):
        return "127.0.0.1"
    return addresses[0]
