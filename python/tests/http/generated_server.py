"""A server for generated.py that writes down what arrives, byte by byte, and answers when nothing has come for a moment.

    python generated_server.py

A request with `?answer=` in its path is answered with these bytes, in Base64. It prints two ports: of the server, and of one that says, as JSON, what has arrived for each case since the last time. The case
of a connection is the first part of the path of its first request. It goes when standard input ends.
"""

from __future__ import annotations

import base64
import json
import re
import socket
import sys
import threading
import time

QUIET = 0.05
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"

lock = threading.Lock()
arrived: dict[str, list[str]] = {}
busy = 0


def serve(peer: socket.socket) -> None:
    global busy
    data = b""
    try:
        peer.settimeout(5)
        while part := peer.recv(65536):
            data += part
            peer.settimeout(QUIET)
    except TimeoutError:
        pass
    except OSError:
        pass
    try:
        if data:
            told = re.match(rb"\S* \S*\?answer=([\w=-]*)", data)
            # With the end in the same segment: whether a client takes the connection for one that is kept must not depend on when
            # the end arrives.
            peer.sendall(base64.urlsafe_b64decode(told[1]) if told else ANSWER, socket.MSG_MORE)
            peer.shutdown(socket.SHUT_WR)
            peer.settimeout(2)
            while told is None and (part := peer.recv(65536)):
                data += part
    except OSError:
        pass
    peer.close()
    with lock:
        if data:
            case = re.match(rb"\S* (?:https?://[^/]*)?/(c\d+)", data)
            arrived.setdefault(case[1].decode() if case else "?", []).append(data.decode("latin-1"))
        busy -= 1


def accept(listener: socket.socket) -> None:
    global busy
    while True:
        peer, _ = listener.accept()
        with lock:
            busy += 1
        threading.Thread(target=serve, args=(peer,), daemon=True).start()


def tell(listener: socket.socket) -> None:
    while True:
        peer, _ = listener.accept()
        end = time.monotonic() + 10
        while busy and time.monotonic() < end:
            time.sleep(0.01)
        with lock:
            peer.sendall(json.dumps(arrived).encode())
            arrived.clear()
        peer.close()


def main() -> None:
    listeners = [socket.create_server(("127.0.0.1", 0), backlog=256) for _ in range(2)]
    for target, listener in zip((accept, tell), listeners, strict=True):
        threading.Thread(target=target, args=(listener,), daemon=True).start()
    print(*(listener.getsockname()[1] for listener in listeners), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
