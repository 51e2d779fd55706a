"""The reference pages of CSV columns, addresses and metrics: made of what a real run has, and of the words below. `make reference` writes
them; here they are held against what is there."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from reference_words import COLUMNS, ENDPOINTS, FILES, GENERATED
from servers import ROOT, TestkitServer, clean_environment, free_port, locust_command

REFERENCE = ROOT / "docs" / "reference"
WRITE = "GREGARIA_WRITE_REFERENCE" in os.environ
SCRIPT = """
from locust import HttpUser, constant, task

class Visitor(HttpUser):
    wait_time = constant(0.1)

    @task
    def visit(self):
        self.client.get("/").check("answered", True)
        metrics = self.environment.metrics
        metrics.rate("rate").add(True)
        metrics.counter("counter").add()
        metrics.trend("trend").add(1)
        self.client.get("/missing")
        raise ValueError("for the file of exceptions")
"""


class Program:
    def __init__(self, folder: Path, url: str) -> None:
        self.folder, port = folder, free_port()
        (folder / "locustfile.py").write_text(SCRIPT)
        command = [
            locust_command(), "--autostart", "--web-host", "127.0.0.1", "--web-port", str(port), "-u", "1", "-H", url,
            "--csv", "run", "--threshold", "count > 0", "--master-bind-port", str(free_port()), "--processes", "1",
            "--arrival-rate", "5",
        ]  # fmt: skip
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            command, cwd=folder, env=clean_environment(HOME=str(folder)), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )  # fmt: skip

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=20) as answer:
            return answer.read().decode()

    def allowed(self, path: str) -> set[str]:
        request = urllib.request.Request(f"{self.url}{path}", method="OPTIONS")
        with urllib.request.urlopen(request, timeout=20) as answer:
            return set(answer.headers["Allow"].split(", "))

    def until(self, condition) -> None:
        end = time.monotonic() + 60
        while True:
            try:
                if condition():
                    return
            except (OSError, urllib.error.URLError):
                pass
            assert time.monotonic() < end and self.process.poll() is None
            time.sleep(0.1)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, blog: TestkitServer) -> Iterator[Program]:
    one = Program(tmp_path_factory.mktemp("run"), blog.url)
    try:
        # What only an open run has, and a run with thresholds.
        # What workers tell of themselves, and what the script measures, comes with their reports.
        for name in (
            "threshold_ok{",
            "arrivals_total",
            "verdict{",
            "worker_io_cpu_ratio{",
            "custom_trend_sum{",
        ):
            one.until(lambda name=name: f"gregaria_{name}" in one.get("/metrics"))
        one.until(lambda: all((one.folder / f"run_{name}.csv").stat().st_size for name in FILES))
        yield one
    finally:
        one.process.terminate()
        one.process.wait(60)


def hold(name: str, text: str) -> None:
    page = REFERENCE / name
    if WRITE:
        page.write_text(text)
    assert page.read_text() == text, f"{name} is not what the program has: make reference"


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def test_the_page_of_csv_columns(program: Program):
    text = f"# CSV columns\n\n{GENERATED}{COLUMNS[''].strip()}\n"
    known = set()
    for name, words in FILES.items():
        with open(program.folder / f"run_{name}.csv", newline="") as file:
            columns = next(csv.reader(file))
        text += f"\n## PREFIX_{name}.csv\n\n{words}\n\n| Column | |\n|---|---|\n"
        for column in columns:
            is_percentile = re.fullmatch(r"[\d.]+%", column)
            if is_percentile and "%" in known and f"{name}%" in known:
                continue  # one row for all of them
            key = "%" if is_percentile else column
            own = f"{name}: {key}"
            known |= {key, f"{name}%"} if is_percentile else {own if own in COLUMNS else key}
            shown = (
                ", ".join(f"`{one}`" for one in columns if one.endswith("%"))
                if is_percentile
                else f"`{column}`"
            )
            text += f"| {shown} | {COLUMNS.get(own) or COLUMNS[key]} |\n"
    unused = {word for word in COLUMNS if word} - known
    assert not unused, unused
    hold("csv.md", text)


def routes() -> list[tuple[str, set[str]]]:
    """The addresses as the server's own table of routes has them, and what each may be asked by."""
    found = []
    for name in ("routes.rs", "run_routes.rs"):
        source = (ROOT / "crates" / "web" / "src" / name).read_text()
        source = re.sub(r"\b(metrics::PATH|paths::METRICS)\b", '"/metrics"', source)
        for path, handlers in re.findall(
            r'\.route\(\s*"([^"]+)",\s*with_options\((.*?), (?:GET|POST|BOTH|")', source
        ):
            found.append((path, {word.upper() for word in re.findall(r"\b(get|post|delete)\(", handlers)}))
    return found


def test_the_page_of_addresses(program: Program):
    table = routes()
    assert len(table) > 25
    for path, methods in table:
        if "{*" not in path:
            allowed = program.allowed(path.replace("{id}", "x"))
            assert allowed - {"HEAD", "OPTIONS"} == methods, path
    others = {("/healthz", "GET"), ("/readyz", "GET"), ("/token", "POST")}
    shown = {(path, ", ".join(sorted(methods))) for path, methods in table} | others
    assert {path for path, _ in shown} == {path for path in ENDPOINTS if path}
    assert program.get("/healthz") == "ok" or "ok" in program.get("/healthz")
    source = (ROOT / "crates" / "web" / "src").rglob("*.rs")
    numbers = re.search(
        r"const NUMBERS: [^=]+= \[(.*?)\];", "".join(path.read_text() for path in source), re.DOTALL
    )
    is_open = set(re.findall(r'"(/[^"]+)"', numbers.group(1))) | {"/metrics"}
    text = f"# Addresses\n\n{GENERATED}{ENDPOINTS[''].strip()}\n\n| Address | | |\n|---|---|---|\n"
    for path, (words, is_ours) in ((path, words) for path, words in ENDPOINTS.items() if path):
        methods = next(method for known, method in shown if known == path)
        marks = f"{' +' if is_ours else ''}{' °' if path in is_open else ''}"
        text += f"| `{methods} {path}`{marks} | {words} |\n".replace("| |", "|")
    hold("endpoints.md", text.replace("| Address | | |\n|---|---|---|", "| Address | |\n|---|---|"))


def test_the_page_of_metrics(program: Program):
    scraped = program.get("/metrics")
    helps = dict(re.findall(r"^# HELP (\S+) (.*)$", scraped, re.MULTILINE))
    kinds = dict(re.findall(r"^# TYPE (\S+) (.*)$", scraped, re.MULTILINE))
    assert len(helps) > 40 and helps.keys() == kinds.keys()
    labels: dict[str, set[str]] = {name: set() for name in helps}
    for name, inside in re.findall(r"^([a-z0-9_]+)\{(.*)\} ", scraped, re.MULTILINE):
        plain = name if name in helps else re.sub(r"_(bucket|sum|count)$", "", name)
        labels[plain] |= set(re.findall(r'(\w+)="', inside)) - {"le"}
    text = (
        f"# Metrics\n\n{GENERATED}What `/metrics` has ([how to get there](../observability.md)). Names that begin with `locust_` are "
        "those of locust_exporter, in milliseconds; the others are in seconds and bytes. 500 names have rows of their own; the others "
        "are added up as `(other names)`.\n\n| Metric | Kind | Labels | |\n|---|---|---|---|\n"
    )
    for name in sorted(helps, key=lambda name: (name.startswith("locust_"), name)):
        of = ", ".join(f"`{label}`" for label in sorted(labels[name]))
        text += f"| `{name}` | {kinds[name]} | {of} | {cell(helps[name])} |\n"
    hold("metrics.md", text)
