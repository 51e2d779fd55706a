"""`make bench`: what a request costs in the shapes that real scripts have, beside wrk and Locust.

    .venv/bin/python bench/shapes.py                       all of it, some 15 minutes
    .venv/bin/python bench/shapes.py --only json -n 1      one shape, one round
    PEERS=1 .venv/bin/python bench/shapes.py --only hello  oha, h2load, goose and k9-load beside it (PEERS=1 scripts/setup --bench)

nginx answers on loopback and counts the requests. For each shape all generators are started, warmed up and stopped where they
are (SIGSTOP); then each goes on for a slice of a second in turn, round after round, on the same core. So whatever else the machine
does befalls them alike, and what is compared was measured within seconds of each other. A slice is read between two points, the
first a little after its begin. wrk's plain GET is one of the generators of every shape: it is what the others are measured in.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from account import between, usage
from run import ROOT, USERS, Nginx, find_oracle, machine, on_core
from shapes_site import DOCUMENT, SHAPES, Shape, site

# What a slice gives before it is read: processes that were stopped find a second's answers waiting.
SETTLE = 0.25
CLIENTS = {"Fast": "FastHttpUser", "Http": "HttpUser"}
PEERS = {
    "oha": ["oha", "--no-tui", "-c", "{users}", "-z", "600s", "{url}"],
    "h2load": ["h2load", "--h1", "-t1", "-c{users}", "-D600", "{url}"],
    "goose": [
        *("goose-hello", "--host", "{base}", "-u", "{users}", "-r", "{users}", "-t", "10m"),
        *("--no-telnet", "--no-websocket", "--no-print-metrics"),
    ],
    "k9-load": ["k9", "run", "{folder}/plan.yaml", "-u", "{users}", "-d", "600s", "-q", "--no-summary"],
}
PEERS_PATH = f"{ROOT}/target/peers/bin:{os.environ.get('PATH', '')}"


@dataclass
class Slice:
    """What one generator did in one slice: µs of CPU a request (all threads; the main one), and the machine's load."""

    cpu: float
    main: float
    load: float


@dataclass
class Generator:
    """A load generator that is running, or stopped where it is."""

    name: str
    process: subprocess.Popen[bytes]
    errors: Path
    slices: list[Slice] = field(default_factory=list)

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def why_not(self) -> str:
        ended = self.process.poll()
        how = "still runs" if ended is None else f"has ended with {ended}"
        return f"{self.name}, which {how}: {self.errors.read_text(errors='replace')[-1500:]}"

    def run(self, server: Nginx, seconds: float) -> None:
        """Goes on for a slice."""
        self.signal(signal.SIGCONT)
        time.sleep(SETTLE)
        first, count = usage(self.process.pid), server.count()
        time.sleep(seconds)
        second, requests = usage(self.process.pid), server.count() - count - 1
        self.signal(signal.SIGSTOP)
        if self.process.poll() is not None or requests < 10:
            raise RuntimeError(f"made {requests} requests in a slice: {self.why_not()}")
        spent, load = between(first, second), float(Path("/proc/loadavg").read_text().split()[0])
        self.slices.append(Slice(spent.total / requests / 1e3, spent.main / requests / 1e3, load))

    def median(self, value: str = "cpu") -> float:
        return statistics.median(getattr(one, value) for one in self.slices)

    def over(self, other: Generator) -> float:
        """How many times what the other took, in the same round each time."""
        return statistics.median(
            mine.cpu / theirs.cpu for mine, theirs in zip(self.slices, other.slices, strict=False)
        )

    def spread(self) -> float:
        """The middle half of the slices, as a part of their median."""
        if len(self.slices) < 4:
            return 0.0
        low, _, high = statistics.quantiles((one.cpu for one in self.slices), n=4)
        return (high - low) / 2 / self.median()

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(timeout=20)


def start(name: str, command: list[str], server: Nginx, folder: Path, warm_up: float) -> Generator:
    """Starts a generator, has it make requests for a while, and stops it where it is."""
    errors = folder / f"{name.replace(' ', '-')}.log"
    before = server.count()
    with errors.open("wb") as log:
        process = subprocess.Popen(
            [*on_core(0), *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder
        )
    generator = Generator(name, process, errors)
    deadline = time.monotonic() + 60
    while server.count() - before < 300:
        if process.poll() is not None or time.monotonic() > deadline:
            generator.end()
            raise RuntimeError(f"makes no requests: {generator.why_not()}")
        time.sleep(0.05)
    time.sleep(warm_up)
    generator.signal(signal.SIGSTOP)
    return generator


def commands(
    shape: Shape, server: Nginx, folder: Path, options: argparse.Namespace, users: int
) -> dict[str, list[str]]:
    """The generators of a shape: wrk's plain GET, wrk on the same page, ours, Locust's, and the peers that are there."""
    wrk = ["wrk", "-t1", f"-c{users}", "-d3600s"]
    found = {"wrk": [*wrk, f"{server.url}/hello"]}
    base = server.url.replace("http://", "https://").replace(str(server.port), str(server.tls_port))
    base = base if shape.tls else server.url
    if shape.page and (shape.tls or shape.page != "/hello"):
        found["wrk same"] = [*wrk, f"{base}{shape.page}"]
    programs = {"ours": str(Path(sys.executable).parent / "locust")}
    if options.before:
        programs["before"] = options.before
    if options.locust:
        programs["Locust"] = str(find_oracle())
    for whose, program in programs.items():
        for short, client in CLIENTS.items():
            script = folder / f"{shape.name}_{short.lower()}.py"
            script.write_text(shape.script(client))
            command = [program, "-f", str(script), "--headless", "-H", base, "--only-summary", "-L", "ERROR"]
            command += ["-u", str(users), "-r", str(users), *(["--no-store"] if whose != "Locust" else [])]
            found[f"{whose} {short}"] = command
    if shape.name == "hello" and options.peers:
        words = {"users": users, "url": f"{server.url}/hello", "base": server.url, "folder": folder}
        (folder / "plan.yaml").write_text(f'flows: {{default: [{{request: {{url: "{words["url"]}"}}}}]}}\n')
        for name, (program, *arguments) in PEERS.items():
            if where := shutil.which(program, path=PEERS_PATH):
                found[name] = [where, *(word.format(**words) for word in arguments)]
            else:
                print(f"  {name} is not there: PEERS=1 scripts/setup --bench", flush=True)
    return found


def measure(
    shape: Shape, server: Nginx, folder: Path, options: argparse.Namespace, users: int = USERS
) -> dict[str, Generator]:
    running: dict[str, Generator] = {}
    try:
        for name, command in commands(shape, server, folder, options, users).items():
            running[name] = start(name, command, server, folder, options.warm_up)
        for _ in range(options.rounds):
            for generator in running.values():
                # Locust's figures are far enough away: fewer slices will do.
                if generator.name.startswith("Locust") and len(generator.slices) >= 3:
                    continue
                generator.run(server, options.seconds)
    finally:
        for generator in running.values():
            generator.end()
    return running


def row(shape: Shape, found: dict[str, Generator]) -> list[str]:
    """Prints a shape's figures; what it misses."""

    def figure(name: str, digits: int = 1) -> str:
        return f"{found[name].median():.{digits}f}" if name in found else ""

    hello = found["wrk"]
    ratios = {short: found[f"ours {short}"].over(hello) for short in CLIENTS}
    worst = max(ratios, key=lambda short: ratios[short])
    same = found[f"ours {worst}"].over(found["wrk same"]) if "wrk same" in found else None
    cheaper = [
        found[f"Locust {short}"].median() / found[f"ours {short}"].median()
        if f"Locust {short}" in found
        else 0
        for short in CLIENTS
    ]
    missed = []
    judged = same if shape.against_page and same else ratios[worst]
    if judged > shape.target:
        unit = "wrk on the same page" if shape.against_page else "wrk's hello"
        missed.append(f"{shape.name}: {judged:.2f} × {unit}, {shape.target} wanted ({CLIENTS[worst]})")
    for value, wanted, name in zip(cheaper, (10, 40), CLIENTS.values(), strict=True):
        if 0 < value < wanted and not (same and same <= 1.25):
            missed.append(f"{shape.name}: {value:.0f} times cheaper than Locust's {name}, {wanted} wanted")
    spread = max(found[f"ours {short}"].spread() for short in CLIENTS)
    load = statistics.median(one.load for one in hello.slices)
    print(
        f"{shape.name:10}{figure('wrk', 2):>8}{figure('wrk same'):>8}{figure('ours Fast'):>8}{figure('ours Http'):>8}"
        f"{figure('Locust Fast', 0):>8}{figure('Locust Http', 0):>8}{ratios['Fast']:>8.2f}{ratios['Http']:>8.2f}"
        f"{f'{same:.2f}' if same else '':>8}{f'{cheaper[0]:.0f} {cheaper[1]:.0f}' if all(cheaper) else '':>8}"
        f"{shape.target:>7.2f}{'page' if shape.against_page else '':>5} {'MISSED' if missed else 'met':6}"
        f"{spread:>6.0%}{load:>6.1f}",
        flush=True,
    )
    if "before Fast" in found:
        before = {short: found[f"before {short}"] for short in CLIENTS}
        figures = "".join(f"{before[short].median():>8.1f}" for short in CLIENTS)
        figures += f"{'':16}" + "".join(f"{before[short].over(hello):>8.2f}" for short in CLIENTS)
        page = f"{before[worst].over(found['wrk same']):>8.2f}" if "wrk same" in found else ""
        print(f"{'  before':26}{figures}{page}", flush=True)
    if shape.name == "hello":
        main = max(found[f"ours {short}"].median("main") for short in CLIENTS) / hello.median()
        print(f"  Python thread: {main:.2f} × wrk (0.35 wanted)")
        if main > 0.35:
            missed.append(f"Python thread: {main:.2f} × wrk's hello, 0.35 wanted")
        for name in PEERS:
            if name in found:
                print(f"  {name}: {figure(name, 2)} µs, {found[name].over(hello):.2f} × wrk")
    return missed


HEADING = (
    f"{'shape':10}{'wrk':>8}{'same':>8}{'Fast':>8}{'Http':>8}{'L.Fast':>8}{'L.Http':>8}{'Fast ×':>8}{'Http ×':>8}"
    f"{'page ×':>8}{'cheaper':>8}{'target':>12} {'':6}{'±':>6}{'load':>6}"
)


def widths(server: Nginx, folder: Path, options: argparse.Namespace) -> list[str]:
    """Whether the ratio to wrk stays the same with many users, and with many names."""
    print("\nWith more users and names (× wrk at as many connections; Fast, Http)")
    ratios: dict[str, list[float]] = {}
    shapes = {shape.name: shape for shape in SHAPES}
    options = argparse.Namespace(
        **{**vars(options), "locust": False, "before": None, "peers": False, "warm_up": 2.0}
    )
    for title, shape, users in (
        ("50 users", shapes["hello"], 50),
        ("500 users", shapes["hello"], 500),
        ("5,000 users", shapes["hello"], 5000),
        ("1 name", shapes["names"].named(1), 50),
        ("10,000 names", shapes["names"].named(10_000), 50),
    ):
        found = measure(shape, server, folder, options, users)
        ratios[title] = [found[f"ours {short}"].over(found["wrk"]) for short in CLIENTS]
        print(f"  {title:14}{ratios[title][0]:>8.2f}{ratios[title][1]:>8.2f}", flush=True)
    missed = []
    for less, more in (("50 users", "5,000 users"), ("1 name", "10,000 names")):
        for short, before, after in zip(CLIENTS, ratios[less], ratios[more], strict=True):
            if abs(after / before - 1) > 0.1:
                missed.append(f"{short}: {after / before - 1:+.0%} from {less} to {more}, ± 10 % wanted")
    return missed


def counters(server: Nginx, folder: Path) -> list[str]:
    """What the program counts of itself: under full load, and how late a request goes out at half of it."""
    print("\nWhat gregaria counts of itself, 50 users without waits (hello)")
    script = folder / "counted.py"
    for short, client in CLIENTS.items():
        script.write_text(next(iter(SHAPES)).script(client) + COUNTED)
        done = _run(script, server, folder, {"OUT": str(folder / "counted.json")})
        if done:
            return [f"counters: {done}"]
        told = json.loads((folder / "counted.json").read_text())
        print(
            "  "
            + f"{short:6}"
            + ", ".join(f"{key.replace('_', ' ')} {value:.3g}" for key, value in told.items())
        )
    script.write_text(HALF)
    # On one core the thread that sends waits for the one that runs the users, however the program is made.
    for where, cores in (("one core", on_core(0)), ("all cores", [])):
        problem = _run(script, server, folder, {"OUT": str(folder / "blocked.json")}, 100, cores)
        if problem:
            return [f"blocked: {problem}"]
        told = json.loads((folder / "blocked.json").read_text())
        p99 = told["p99"] * 1e6
        print(
            f"  on {where}, at {told['rate']:.0f} requests/s, 100 users that wait: "
            f"blocked p50 {told['p50'] * 1e6:.0f} µs, p99 {p99:.0f} µs (50 µs wanted)"
        )
    return [f"blocked: p99 of {p99:.0f} µs at half load on all cores, 50 µs wanted"] if p99 > 50 else []


def _run(
    script: Path,
    server: Nginx,
    folder: Path,
    variables: dict[str, str],
    users: int = USERS,
    cores: list[str] | None = None,
) -> str:
    where = on_core(0) if cores is None else cores
    command = [*where, str(Path(sys.executable).parent / "locust"), "-f", str(script), "--headless"]
    command += [
        "-H",
        server.url,
        "-u",
        str(users),
        "-r",
        str(users),
        "-t",
        "6s",
        "--only-summary",
        "-L",
        "ERROR",
    ]
    done = subprocess.run(
        [*command, "--no-store"],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=60,
    )
    return "" if done.returncode == 0 else done.stderr[-800:]


COUNTED = """
import json, os, gevent
from locust import events
from locust import _engine

@events.init.add_listener
def watch(environment, **kwargs):
    def look():
        gevent.sleep(2)
        before = _engine.counted()
        gevent.sleep(3)
        after = _engine.counted()
        new = {key: after[key] - before[key] for key in after}
        told = {
            "commands_per_round": new["commands"] / max(new["rounds"], 1),
            "completions_per_turn": new["completions"] / max(new["turns"], 1),
            "wakes_of_main_per_1000_requests": 1000 * new["wakes"] / max(new["completions"], 1),
            "wakes_of_io_per_1000_requests": 1000 * new["calls"] / max(new["completions"], 1),
        }
        with open(os.environ["OUT"], "w") as file:
            json.dump(told, file)
    gevent.spawn(look)
"""

# Half of what a core gives both threads, roughly: what matters is that tasks begin while others are under way.
HALF = """
import json, os
from locust import FastHttpUser, constant_throughput, events, task

seen = []

class Half(FastHttpUser):
    wait_time = constant_throughput(200)

    @task
    def t(self):
        seen.append(self.client.get("/hello").phases["blocked"])

@events.quitting.add_listener
def tell(environment, **kwargs):
    late = sorted(seen[len(seen) // 3:])
    with open(os.environ["OUT"], "w") as file:
        json.dump({"rate": len(seen) / 6, "p50": late[len(late) // 2], "p99": late[len(late) * 99 // 100]}, file)
"""


@contextlib.contextmanager
def served() -> Iterator[tuple[Nginx, Path]]:
    with tempfile.TemporaryDirectory(prefix="shapes-") as name:
        folder = Path(name)
        # nginx's worker is somebody else when root starts it.
        folder.chmod(0o755)
        server = Nginx(folder, site(folder))
        try:
            yield server, folder
        finally:
            server.stop()


def main() -> int:
    names = [shape.name for shape in SHAPES]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-n", "--rounds", type=int, default=7, help="slices of each generator (default 7)")
    parser.add_argument("-d", "--seconds", type=float, default=1.0, help="length of a slice (default 1)")
    parser.add_argument(
        "-w", "--warm-up", type=float, default=1.0, help="seconds before the first (default 1)"
    )
    parser.add_argument("--only", metavar="NAMES", help=f"some of {','.join(names)},widths,counters")
    parser.add_argument("--no-locust", dest="locust", action="store_false", help="leave Locust out")
    parser.add_argument(
        "--before", metavar="PROGRAM", help="another build's locust, measured in the same rounds"
    )
    options = parser.parse_args()
    options.peers = bool(os.environ.get("PEERS"))
    parts = [*names, "widths", "counters"]
    wanted = options.only.split(",") if options.only else parts
    if unknown := set(wanted) - set(parts):
        parser.error(f"no such shape: {', '.join(sorted(unknown))}; there are {', '.join(parts)}")
    missed: list[str] = []
    print(machine())
    print(
        f"µs of CPU per request of the generator, {USERS} users, no wait, median of {options.rounds} slices in turn"
    )
    print(f"The document of json has {len(DOCUMENT)} bytes.\n")
    with served() as (server, folder):
        if set(wanted) & set(names):
            print(HEADING, flush=True)
        for shape in SHAPES:
            if shape.name in wanted:
                missed += row(shape, measure(shape, server, folder, options))
        if "widths" in wanted:
            missed += widths(server, folder, options)
        if "counters" in wanted:
            missed += counters(server, folder)
    print("\nAll targets met" if not missed else "\nMissed:\n  " + "\n  ".join(missed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
