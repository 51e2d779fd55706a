"""Starts pytest on what COMPAT_ARGUMENTS says, as the process under test.

Not `python -m pytest ARGUMENTS`: Locust's parser tests read `sys.argv`. The network of the process may be its own
(`COMPAT_OWN_NETWORK`), and then has no loopback until somebody switches it on.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import struct
import sys

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1


def switch_loopback_on() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP))


if __name__ == "__main__":
    arguments = json.loads(os.environ.pop("COMPAT_ARGUMENTS"))
    if os.environ.pop("COMPAT_OWN_NETWORK", ""):
        switch_loopback_on()
    # What a shell starts in the background inherits SIGINT as ignored, and would hand that on to the programs under test.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["pytest"]
    import pytest

    sys.exit(pytest.main([*arguments, "-p", "compat_results"]))
