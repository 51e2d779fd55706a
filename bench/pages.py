"""`make bench-pages`: what open pages and many names cost a run.

A run of 20 users without waits against nginx, started through the web interface: with few names and with 10,000, with no page open
and with 200. Each page is a connection to the live stream that reads all it gets. Printed are requests per second, the
main thread's CPU per request (Python runs there), the CPU share of the web threads and what each page was sent.

`--before PROGRAM`, another build's `locust`, is measured in turn with ours; of `-n` rounds the medians are printed. Figures of two runs
of this file are not to be compared: what else the machine had to do decides about them.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import selectors
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median

from account import Spent, between, usage
from run import HERE, ROOT, Nginx, free_port, nginx

USERS = 20
CASES = [(10, 0), (10, 200), (10_000, 0), (10_000, 200)]


class Program:
    """`locust` with its web interface, without a run at first."""

    def __init__(self, locust: Path, names: int, server: Nginx) -> None:
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        command = [
            locust,
            "-f",
            HERE / "locustfiles/names.py",
            "--host",
            server.url,
            "--no-store",
        ]
        command += ["--web-host", "127.0.0.1", "--web-port", str(self.port), "--loglevel", "WARNING"]
        self.process = subprocess.Popen(
            [str(word) for word in command],
            env={**os.environ, "NAMES": str(names)},
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError):
                self.ask("stats/requests")
                return
            time.sleep(0.1)
        self.process.kill()
        raise SystemExit("the web interface did not start")

    def ask(self, path: str, **form: object) -> bytes:
        data = urllib.parse.urlencode(form).encode() if form else None
        return urllib.request.urlopen(f"{self.base}/{path}", data=data, timeout=30).read()

    def end(self) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Pages:
    """Connections to the live stream that read what comes."""

    def __init__(self, port: int, count: int) -> None:
        self.port, self.received, self.over = port, 0, False
        self.sockets = [self._open() for _ in range(count)]
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _open(self) -> socket.socket:
        page = socket.create_connection(("127.0.0.1", self.port))
        page.sendall(b"GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n\r\n")
        page.setblocking(False)
        return page

    def _read(self) -> None:
        with selectors.DefaultSelector() as selector:
            for page in self.sockets:
                selector.register(page, selectors.EVENT_READ)
            while not self.over:
                for key, _ in selector.select(0.5) if self.sockets else []:
                    with contextlib.suppress(BlockingIOError):
                        self.received += len(key.fileobj.recv(1 << 20))
                time.sleep(0.05)

    def close(self) -> None:
        self.over = True
        self.reader.join()
        for page in self.sockets:
            page.close()


@contextlib.contextmanager
def pages(port: int, count: int) -> Iterator[Pages]:
    opened = Pages(port, count)
    try:
        yield opened
    finally:
        opened.close()


def web_share(spent: Spent, seconds: float) -> float:
    """Per cent of a core that the threads of the web interface used."""
    return (
        sum(
            used
            for name, used in spent.others.items()
            if name.startswith(("gregaria-web", "gregaria-record"))
        )
        / seconds
        / 1e7
    )


@dataclass(frozen=True)
class Cost:
    """What a case cost, once."""

    rate: float
    main_us: float
    web: float
    kilobytes: float


def measure(locust: Path, names: int, count: int, server: Nginx, warm_up: float, seconds: float) -> Cost:
    program = Program(locust, names, server)
    try:
        program.ask("swarm", user_count=USERS, spawn_rate=USERS)
        with pages(program.port, count) as opened:
            time.sleep(warm_up)
            pid, received = program.process.pid, opened.received
            first, requests, began = usage(pid), server.count(), time.monotonic()
            time.sleep(seconds)
            spent, requests, took = (
                between(first, usage(pid)),
                server.count() - requests - 1,
                time.monotonic() - began,
            )
            received = opened.received - received
    finally:
        program.end()
    return Cost(
        requests / took,
        spent.main / requests / 1e3,
        web_share(spent, took),
        received / took / 1e3 / max(count, 1),
    )


def show(names: int, count: int, build: str, costs: list[Cost]) -> None:
    rate, main_us, web, kilobytes = (
        median(getattr(cost, field.name) for cost in costs) for field in fields(Cost)
    )
    print(
        f"{names:6} {count:6} {build:>7} {rate:12.0f} {main_us:18.2f} {web:15.1f} {kilobytes:14.1f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-d", "--seconds", type=float, default=8, help="measured time of a case")
    parser.add_argument("-w", "--warm-up", type=float, default=5, help="time before it")
    parser.add_argument("-n", type=int, default=1, help="rounds")
    parser.add_argument("--before", type=Path, metavar="PROGRAM", help="another build's locust")
    options = parser.parse_args()
    builds = {"ours": ROOT / ".venv/bin/locust"}
    if options.before:
        builds["before"] = options.before.resolve()
    print(" names  pages   build   requests/s  main µs/request  web threads, %  kB/s per page")
    with nginx() as server, tempfile.TemporaryDirectory() as folder:
        os.chdir(Path(folder))
        for names, count in CASES:
            costs: dict[str, list[Cost]] = {build: [] for build in builds}
            for _ in range(options.n):
                for build, locust in builds.items():
                    costs[build].append(
                        measure(locust, names, count, server, options.warm_up, options.seconds)
                    )
            for build, found in costs.items():
                show(names, count, build, found)


if __name__ == "__main__":
    main()
