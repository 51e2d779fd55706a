"""Each case of compat/*.md, run with real Locust and with ours, and compared."""

from __future__ import annotations

import difflib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from compat_case import Case, CaseError, read_chapter
from compat_compare import view
from compat_run import Outcome, Side, run
from servers import ROOT, TOOLS, TestkitServer, clean_environment, free_port

CHAPTERS = sorted(path for path in (ROOT / "compat").glob("*.md") if path.name != "README.md")
# Real Locust's timers begin with the last turn of its loop, so on a busy machine a run of a second may end at once. Our one
# run has to agree with one of so many of its.
ORACLE_RUNS = 3
CASES = [case for path in CHAPTERS for case in read_chapter(path)]


def side(name: str, locust: Path) -> Side:
    """The side that a `locust` command stands for; it says its version and where its package is."""
    output = subprocess.run(
        [locust, "-V"], capture_output=True, text=True, env=clean_environment(), timeout=60
    )
    said = re.match(r"locust (\S+) from (\S+)", output.stdout)
    if output.returncode != 0 or not said:
        raise RuntimeError(f"{locust} -V failed: {output.stderr}")
    return Side(name, locust, said[1], said[2])


@pytest.fixture(scope="session")
def ours() -> Side:
    return side("ours", TOOLS / "locust")


@pytest.fixture(scope="session")
def oracle() -> Side | None:
    """Real Locust; None when GREGARIA_ORACLE=none says to do without."""
    named = os.environ.get("GREGARIA_ORACLE", str(ROOT / ".venv-oracle" / "bin" / "locust"))
    if named == "none":
        return None
    path = Path(named)
    if not path.exists():
        pytest.fail(
            f"no oracle at {path}: run scripts/setup --test, or set GREGARIA_ORACLE=none to do without"
        )
    return side("oracle", path)


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """The base URL of a server by its name; each is started once, when first asked for."""
    running: dict[str, str] = {"none": ""}
    servers = []

    def url(name: str) -> str:
        if name not in running:
            server = FlaskBlog(tmp_path_factory.mktemp("flask")) if name == "flask" else TestkitServer(name)
            servers.append(server)
            running[name] = server.url
        return running[name]

    yield url
    for server in servers:
        server.stop()


class FlaskBlog:
    """examples/flask-blog with three posts, as `flask run` serves it."""

    def __init__(self, folder: Path) -> None:
        environment = clean_environment(BLOG_DATABASE=str(folder / "blog.sqlite"), SECRET_KEY="for tests")
        command = [sys.executable, "-m", "flask", "--app", str(ROOT / "examples" / "flask-blog" / "app.py")]
        subprocess.run([*command, "seed"], env=environment, check=True, stdout=subprocess.DEVNULL, timeout=60)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [*command, "run", "--port", str(port)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for line in self.process.stderr:
            if b"Running on" in line:
                break
        else:
            raise RuntimeError("the Flask blog did not start")
        # Its access log would fill the pipe.
        self.drain = subprocess.Popen(["cat"], stdin=self.process.stderr, stdout=subprocess.DEVNULL)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=10)
        self.process.stderr.close()
        self.drain.wait(timeout=10)


def check_alone(case: Case, outcome: Outcome) -> list[str]:
    """What one side did wrong by what the case says of it."""
    side = outcome.side.name
    problems = []
    code = case.expected(side, "exit")
    if code is not None and outcome.code != code:
        problems.append(f"{side} ended with exit code {outcome.code}, expected {code}")
    text = outcome.filtered(outcome.stdout + outcome.stderr) + outcome.stdout + outcome.stderr
    problems += [
        f"{side} did not say {wanted!r}"
        for wanted in case.expected(side, "contains") or []
        if wanted not in text
    ]
    problems += [f"{side} said {banned!r}" for banned in case.expected(side, "lacks") or [] if banned in text]
    return problems


def readable(value: object) -> list[str]:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    return json.dumps(value, indent=1, ensure_ascii=False).splitlines()


def compare(case: Case, real: Outcome, own: Outcome) -> list[str]:
    """Where the two differ."""
    problems = []
    if case.expected("ours", "exit") is None and real.code != own.code:
        problems.append(f"exit code: oracle {real.code}, ours {own.code}")
    for entry in case.expect.get("same", []):
        theirs, mine = view(real, entry), view(own, entry)
        if theirs != mine:
            difference = difflib.unified_diff(
                readable(theirs), readable(mine), "oracle", "ours", lineterm="", n=2
            )
            problems.append(f"{entry} differs:\n" + "\n".join(difference))
        elif theirs in ([], ""):
            problems.append(f"{entry}: there is nothing to compare on either side")
    return problems


def faults(case: Case, outcomes: list[Outcome]) -> list[str]:
    """All that is wrong: with each side by itself, and between the two if both ran."""
    problems = [problem for outcome in outcomes for problem in check_alone(case, outcome)]
    return problems + (compare(case, *outcomes) if len(outcomes) == 2 else [])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(
    case: Case, ours: Side, oracle: Side | None, server_url: Callable[[str], str], tmp_path: Path
) -> None:
    sides = [one for one in (oracle, ours) if one is not None]
    url = server_url(case.server)
    folders = [tmp_path / one.name / "run" for one in sides]
    for folder in folders:
        folder.mkdir(parents=True)
    with ThreadPoolExecutor(len(sides)) as pool:
        outcomes = list(
            pool.map(lambda pair: run(case, pair[0], pair[1], url), zip(sides, folders, strict=True))
        )
    problems = faults(case, outcomes)
    for again in range(2, ORACLE_RUNS + 1):
        if oracle is None or not problems:
            break
        folder = tmp_path / f"oracle-{again}" / "run"
        folder.mkdir(parents=True)
        outcomes[0] = run(case, oracle, folder, url)
        problems = faults(case, outcomes)
    if problems:
        ends = (f"--- {o.side.name}: end of standard error\n{o.stderr[-3000:]}" for o in outcomes)
        pytest.fail("\n".join([f"compat/{case.chapter}.md:{case.line}", *problems, *ends]), pytrace=False)
    if oracle is None and case.expect.get("same"):
        pytest.skip("ran without the oracle: nothing was compared")


def test_there_are_cases_and_their_titles_are_unique() -> None:
    names = [case.name for case in CASES]
    assert names and len(names) == len(set(names))


@pytest.mark.parametrize(
    "case", [case for case in CASES if "differs" in case.expect], ids=lambda case: case.name
)
def test_a_deliberate_difference_stands_in_the_table(case: Case) -> None:
    assert case.expect["differs"] in (ROOT / "COMPATIBILITY.md").read_text()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("## A\n```expect\nexit = 1\n```\n", "0 commands"),
        ("## A\n```command\nls\n```\n", "must be locust or python"),
        ("## A\n```command\nlocust\n```\n```expect\nexist = 1\n```\n", "unknown things: exist"),
        ("## A\n```command\nlocust\n", "never closed"),
    ],
)
def test_a_malformed_case_is_refused(text: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "chapter.md").write_text(text)
    with pytest.raises(CaseError, match=fault):
        read_chapter(tmp_path / "chapter.md")
