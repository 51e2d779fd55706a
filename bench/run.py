"""`make bench`: what a request costs, beside wrk and Locust, in one run on this machine.

nginx answers on loopback. Each generator runs in turn with 50 users and no wait, on one core of its own if the machine has
two. After a warm-up the CPU time of its threads and nginx's count of requests are read twice, some seconds apart: the
quotient is the CPU per request, start-up excluded. The figure of a generator is the median of the rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from account import between, resident_mb, usage

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "bench"
USERS = 50
NGINX = """worker_processes 1; daemon off; worker_rlimit_nofile 40000; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 20000; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 3600;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port} backlog=8192;
    location / {{ default_type text/html; return 200 "<html><body>hello world</body></html>"; }} }}
  server {{ listen 127.0.0.1:{status}; location / {{ stub_status; }} }}
}}
"""
PIECES = {"encode": 1000, "decode": 1000, "decode-chunked": 1000, "record": 5000, "snapshot": 20}


@dataclass
class Measured:
    """One round of one generator."""

    cpu_us: float
    main_us: float
    rate: float
    memory_mb: float


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def on_core(core: int) -> list[str]:
    """How to start a command on one core; nothing on a machine with one, or without taskset."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2 or not shutil.which("taskset"):
        return []
    return ["taskset", "-c", str(cores[core])]


class Nginx:
    """nginx on loopback, which also counts the requests."""

    def __init__(self, folder: Path, site: str = NGINX) -> None:
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        self.port, self.status, self.tls_port = free_port(), free_port(), free_port()
        configuration = folder / "nginx.conf"
        ports = {"port": self.port, "status": self.status, "tls": self.tls_port}
        configuration.write_text(site.format(folder=folder, **ports))
        command = [*on_core(-1), program, "-c", str(configuration), "-e", str(folder / "error.log")]
        self.process = subprocess.Popen(command)
        self.url = f"http://127.0.0.1:{self.port}"
        for _ in range(100):
            with contextlib.suppress(OSError):
                self.count()
                return
            time.sleep(0.05)
        raise SystemExit(f"nginx did not start:\n{(folder / 'error.log').read_text()}")

    def count(self) -> int:
        """Requests answered so far, this one included."""
        text = urllib.request.urlopen(f"http://127.0.0.1:{self.status}/", timeout=5).read().decode()
        return int(re.findall(r"\d+", text)[3])

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=10)


@contextlib.contextmanager
def nginx() -> Iterator[Nginx]:
    with tempfile.TemporaryDirectory() as folder:
        server = Nginx(Path(folder))
        try:
            yield server
        finally:
            server.stop()


def measure(command: list[str], server: Nginx, warm_up: float, seconds: float) -> Measured:
    """Starts a generator, lets it warm up, and reads its cost over `seconds`."""
    start = server.count()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [*on_core(0), *command], stdout=errors, stderr=errors, stdin=subprocess.DEVNULL
        )
        try:
            deadline = time.monotonic() + 60
            while server.count() - start < 500:
                if process.poll() is not None or time.monotonic() > deadline:
                    errors.seek(0)
                    raise RuntimeError(f"{command[0]} makes no requests:\n{errors.read().decode()[-2000:]}")
                time.sleep(0.1)
            time.sleep(warm_up)
            first, count, began = usage(process.pid), server.count(), time.monotonic()
            time.sleep(seconds)
            second, requests, took = usage(process.pid), server.count() - count - 1, time.monotonic() - began
            if process.poll() is not None:
                raise RuntimeError(f"{command[0]} ended while it was measured")
            spent, memory = between(first, second), resident_mb(process.pid)
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=20)
            process.kill()
            process.wait()
    per_request = 1e3 * max(requests, 1)
    return Measured(spent.total / per_request, spent.main / per_request, requests / took, memory)


def generators(server: Nginx) -> dict[str, list[str]]:
    own, oracle = Path(sys.executable).parent / "locust", find_oracle()
    found = {"wrk": ["wrk", "-t1", f"-c{USERS}", "-d600s", f"{server.url}/"]}
    for label, program in (("gregaria", own), ("Locust", oracle)):
        for user, name in (("fast", "FastHttpUser"), ("http", "HttpUser")):
            command = [
                str(program),
                "-f",
                str(HERE / "locustfiles" / f"{user}.py"),
                "--headless",
                "-H",
                server.url,
            ]
            command += ["-u", str(USERS), "-r", str(USERS), "--only-summary", "-L", "ERROR"]
            found[f"{label} {name}"] = command
    return found


def find_oracle() -> Path:
    path = Path(os.environ.get("GREGARIA_ORACLE", ROOT / ".venv-oracle" / "bin" / "locust"))
    if not path.exists():
        raise SystemExit(f"no Locust at {path}: run scripts/setup --bench")
    return path


def median(rounds: list[Measured], value: str) -> float:
    return statistics.median(getattr(one, value) for one in rounds)


def show_requests(results: dict[str, list[Measured]], rounds: int) -> None:
    print(f"\nCPU per request, {USERS} users, no wait, median of {rounds} rounds")
    print(f"{'generator':24}{'µs/request':>11}{'main thread':>12}{'requests/s':>12}{'MiB':>6}{'× wrk':>8}")
    for name, measured in results.items():
        cpu, main = median(measured, "cpu_us"), median(measured, "main_us")
        ratio = statistics.median(a.cpu_us / b.cpu_us for a, b in zip(measured, results["wrk"], strict=True))
        rate, memory = median(measured, "rate"), median(measured, "memory_mb")
        print(f"{name:24}{cpu:>11.2f}{main:>12.2f}{rate:>12.0f}{memory:>6.0f}{ratio:>8.2f}")


def target(text: str, value: float, limit: float, unit: str = "") -> bool:
    met = value <= limit
    print(f"  {'met   ' if met else 'MISSED'}  {text}: {value:.3g}{unit} (at most {limit:.3g}{unit})")
    return met


def request_targets(results: dict[str, list[Measured]]) -> list[bool]:
    cpu = {name: median(measured, "cpu_us") for name, measured in results.items()}
    met = []
    for user in ("FastHttpUser", "HttpUser"):
        own = cpu[f"gregaria {user}"]
        met.append(target(f"gregaria {user} against wrk", own / cpu["wrk"], 1.5, " ×"))
        met.append(
            target(
                f"gregaria {user} against Locust FastHttpUser", own / cpu["Locust FastHttpUser"], 1 / 8, " ×"
            )
        )
        met.append(
            target(f"gregaria {user} against Locust HttpUser", own / cpu["Locust HttpUser"], 1 / 30, " ×")
        )
        main = median(results[f"gregaria {user}"], "main_us")
        met.append(target(f"gregaria {user}, Python thread per request", main, 2.5, " µs"))
    return met


def idle_users(server: Nginx, count: int) -> list[bool]:
    """Memory of waiting users, and the CPU to spawn them."""
    print(f"\n{count} waiting users")
    print(f"{'generator':24}{'before':>16}{'connected':>13}{'CPU to spawn':>14}   (kB per user; seconds)")
    interpreters = {"gregaria": sys.executable, "Locust": str(find_oracle().parent / "python")}
    met: list[bool] = []
    figures = {}
    for label, python in interpreters.items():
        for kind, name in (("user", "User"), ("http", "HttpUser"), ("fast", "FastHttpUser")):
            before = idle(python, kind, count, None)
            connected = None if kind == "user" else idle(python, kind, count, server.url)
            figures[label, kind] = before
            shown = f"{connected['bytes_per_user'] / 1000:>13.1f}" if connected else f"{'':>13}"
            if connected and connected["requests"] - connected["failures"] < count:
                shown = f"{'failed':>13}"
            print(
                f"{label + ' ' + name:24}{before['bytes_per_user'] / 1000:>16.1f}{shown}{before['cpu_s']:>14.2f}",
                flush=True,
            )
    print()
    for kind, name in (("user", "User"), ("http", "HttpUser"), ("fast", "FastHttpUser")):
        figure = figures["gregaria", kind]
        met.append(target(f"a waiting {name}", figure["bytes_per_user"] / 1000, 8, " kB"))
        met.append(target(f"CPU to spawn {count} of {name}", figure["cpu_s"], 0.2 * count / 10_000, " s"))
    return met


def idle(python: str, kind: str, count: int, url: str | None) -> dict[str, float]:
    command = [*on_core(0), python, str(HERE / "idle.py"), kind, str(count), *([url] if url else [])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode != 0 or not done.stdout.strip():
        raise RuntimeError(f"idle.py failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def instructions() -> None:
    """What the pieces of the hot path take, counted by callgrind."""
    if not shutil.which("valgrind"):
        print("\nno valgrind: instruction counts left out")
        return
    subprocess.run(["cargo", "build", "--release", "--quiet", "-p", "gregaria-bench"], cwd=ROOT, check=True)
    program = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "gregaria-bench"
    print("\nInstructions (callgrind)")
    for piece, count in PIECES.items():
        few, many = (instruction_count(program, piece, n) for n in (count, 2 * count))
        print(f"  {piece:16}{(many - few) / count:>12.0f}")


def instruction_count(program: Path, piece: str, count: int) -> int:
    command = [
        "valgrind",
        "--tool=callgrind",
        "--callgrind-out-file=/dev/null",
        str(program),
        piece,
        str(count),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    found = re.search(r"Collected\s*:\s*(\d+)", done.stderr)
    if done.returncode != 0 or not found:
        raise RuntimeError(f"callgrind failed:\n{done.stderr[-2000:]}")
    return int(found[1])


def machine() -> str:
    with open("/proc/cpuinfo") as file:
        model = next(
            (line.partition(":")[2].strip() for line in file if line.startswith("model name")), "unknown CPU"
        )
    return f"{model}, {len(os.sched_getaffinity(0))} cores, Linux {os.uname().release}, Python {sys.version.split()[0]}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-n", "--rounds", type=int, default=3, help="rounds of all generators (default 3)")
    parser.add_argument(
        "-d", "--seconds", type=float, default=5, help="seconds measured each time (default 5)"
    )
    parser.add_argument(
        "--users", type=int, default=10_000, help="waiting users for the memory figures (default 10000)"
    )
    parser.add_argument("--only", choices=["requests", "idle", "instructions"], help="one part only")
    options = parser.parse_args()
    print(machine())
    if not on_core(0):
        print(
            "one core only: generator and server share it, so rates are lower; CPU per request still compares"
        )
    met: list[bool] = []
    with nginx() as server:
        if options.only in (None, "requests"):
            commands = generators(server)
            results: dict[str, list[Measured]] = {name: [] for name in commands}
            for number in range(options.rounds):
                for name, command in commands.items():
                    results[name].append(measure(command, server, 1.5, options.seconds))
                    cost = results[name][-1].cpu_us
                    print(f"round {number + 1}: {name}: {cost:.2f} µs", file=sys.stderr, flush=True)
            show_requests(results, options.rounds)
            print()
            met += request_targets(results)
        if options.only in (None, "idle"):
            met += idle_users(server, options.users)
    if options.only in (None, "instructions"):
        instructions()
    if met:
        print(f"\n{sum(met)} of {len(met)} targets met")
    return 0


if __name__ == "__main__":
    sys.exit(main())
