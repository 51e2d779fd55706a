"""The files of examples/ do what they show, with real Locust and with gregaria."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from servers import ROOT, TestkitServer, clean_environment, locust_command
from suites.programs import final_table

EXAMPLES = ROOT / "examples"
LIBRARY = "library.py"
SHORT = "--headless -u 4 -r 4 -t 5s"
# file: (arguments, exit code, rows that must be there, a text that must be printed)
RUNS = {
    "basic.py": (SHORT, 0, ["GET /"], ""),
    "catch_response.py": (
        "--headless -u 12 -r 12 -t 5s",
        1,
        ["GET /", "GET /post/[missing]", "GET /error"],
        "",
    ),
    "custom_arguments.py": (f"{SHORT} --page /post/1", 0, ["GET /post/1"], "Visiting /post/1"),
    "custom_client.py": (SHORT, 0, ["TCP connect"], ""),
    "fast_http.py": ("--headless -u 1 -t 4s", 0, ["GET /"], ""),
    "load_shape.py": ("--headless", 0, ["GET /"], "Shape test updating to 20 users at 10.00 spawn rate"),
    "login.py": (SHORT, 0, ["GET /login", "POST /login", "GET /"], ""),
    "request_log.py": (SHORT, 0, ["GET /", "GET /post/[id]"], "longest: / "),
    "tags.py": (f"{SHORT} -T read -E slow", 0, ["GET /"], ""),
    "task_sets.py": (
        f"{SHORT} Walker Tourist",
        0,
        ["GET / (walk)", "GET /post/[id] (walk)", "GET / (tour)", "GET /post/[id] (tour)"],
        "",
    ),
    "test_data.py": (SHORT, 0, ["GET page of anna", "GET page of bert", "GET page of cleo"], ""),
    "thresholds.py": ("--headless -u 10 -r 10 -t 5s", 3, ["GET /", "GET /error"], "Too bad: "),
    "web_page.py": (SHORT, 0, ["GET /"], ""),
}

# Its exit code and all it printed.
Outcome = tuple[int, str]


def sides() -> list[str]:
    named = os.environ.get("GREGARIA_ORACLE", "")
    return ["ours"] if named == "none" else ["ours", "oracle"]


def command_of(side: str) -> Path:
    if side == "ours":
        return Path(locust_command())
    return Path(os.environ.get("GREGARIA_ORACLE") or ROOT / ".venv-oracle" / "bin" / "locust")


def run(command: list[str | Path], folder: Path) -> Outcome:
    done = subprocess.run(
        command,
        cwd=folder,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout


def test_every_example_is_tried():
    assert {path.name for path in EXAMPLES.glob("*.py")} == {*RUNS, LIBRARY}
    table = (EXAMPLES / "README.md").read_text()
    assert all(f"`{name}`" in table for name in [*RUNS, LIBRARY])


def command(name: str, side: str, url: str) -> list[str | Path]:
    """How one would run that example against `url`."""
    locust = command_of(side)
    if name == LIBRARY:
        return [sys.executable if side == "ours" else locust.parent / "python", EXAMPLES / name, url]
    return [locust, "-f", EXAMPLES / name, "-H", url, *RUNS[name][0].split()]


@pytest.fixture(scope="module")
def outcomes(
    tmp_path_factory: pytest.TempPathFactory, blog: TestkitServer
) -> Iterator[dict[tuple[str, str], Future[Outcome]]]:
    """All runs, a few at once: most of their time is waiting."""
    with ThreadPoolExecutor(4) as pool:
        yield {
            (name, side): pool.submit(run, command(name, side, blog.url), tmp_path_factory.mktemp("run"))
            for side in sides()
            for name in [*RUNS, LIBRARY]
        }


def wrong(name: str, outcome: Outcome) -> list[str]:
    """What an example did not do."""
    code, output = outcome
    _, expected, rows, text = RUNS.get(name, ("", 0, ["GET /"], ""))
    table = final_table(output)
    missing = set(rows) - set(table)
    problems = [f"exit code {code}, not {expected}"] if code != expected else []
    problems += [f"no row {row}" for row in sorted(missing)]
    problems += [f"{name}: failures" for row in rows if name == LIBRARY and row in table and table[row][1]]
    problems += [f"not printed: {text}"] if text not in output else []
    return problems + (["a traceback"] if "Traceback" in output else [])


@pytest.mark.parametrize("side", sides())
@pytest.mark.parametrize("name", [*RUNS, LIBRARY])
def test_an_example_runs(
    name: str,
    side: str,
    outcomes: dict[tuple[str, str], Future[Outcome]],
    blog: TestkitServer,
    tmp_path: Path,
):
    outcome = outcomes[name, side].result()
    if side == "oracle" and wrong(name, outcome):
        # Its timers begin with the last turn of its loop, so on a busy machine its runs are shorter than asked for.
        outcome = run(command(name, side, blog.url), tmp_path)
    assert not wrong(name, outcome), outcome[1]
