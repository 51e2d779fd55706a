"""Each snippet of the pages does what it shows. What the words after a fence's language mean stands in snippets.py."""

from __future__ import annotations

import http.server
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from servers import ROOT, TestkitServer, clean_environment, free_port, own_cluster
from snippets import RUN, Snippet, everything

ALL = everything()
ADDRESS = re.compile(r"http://(127\.0\.0\.1|localhost):(8001|5000)")
RUNS = [snippet for snippet in ALL if snippet.is_run]
ORACLE = Path(os.environ.get("GREGARIA_ORACLE") or ROOT / ".venv-oracle" / "bin" / "locust")
SHORT = ("--headless", "-u", "2", "-r", "2", "-t", "1s", "--only-summary")
KNOWN = {
    "not-run",
    "options",
    "exit",
    "ours",
    "program",
    "pytest",
    "name",
    "setup",
    "schema",
    "check",
    "parse",
}
# Languages that are no programs of ours, and what parses them.
PARSED = {"json": json.loads, "toml": tomllib.loads}
SHOWN = {"text", "hcl", "dockerfile", "js", "groovy", "yaml", "ini", "markdown", *PARSED}


def by_id(snippet: Snippet) -> str:
    return snippet.id


def test_each_fence_says_what_it_is():
    for snippet in ALL:
        assert snippet.language in {*RUN, *SHOWN}, (
            f"{snippet.id}: {snippet.language!r}: which language is it?"
        )
        assert set(snippet.words) <= KNOWN, f"{snippet.id}: {snippet.words}"
        if "not-run" in snippet.words:
            assert len(snippet.words["not-run"]) > 15, f"{snippet.id}: why not?"
        if snippet.language in PARSED:
            PARSED[snippet.language](snippet.text)
    assert len(RUNS) > 20


@pytest.mark.parametrize("snippet", [one for one in ALL if one.language == "yaml"], ids=by_id)
def test_yaml_is_what_it_is_for(snippet: Snippet, tmp_path: Path):
    file = tmp_path / "file.yml"
    file.write_text(snippet.text)
    tools = Path(sys.executable).parent
    if check := snippet.words.get("check"):
        assert check == "promtool"
        command = ["promtool", "check", "config", "--syntax-only", file]
    else:
        # Azure's schema has escapes that Unicode's rules forbid.
        options = ["--regex-variant", "nonunicode", "--builtin-schema", snippet.words["schema"]]
        command = [tools / "check-jsonschema", *options, file]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "snippet", [one for one in ALL if one.language == "python" and not one.is_run], ids=by_id
)
def test_python_that_is_not_run_is_python(snippet: Snippet):
    compile(snippet.text, snippet.id, "exec")


def our_lines(snippet: Snippet) -> list[list[str]]:
    """Command lines of `locust` in it, as words."""
    found = []
    for command in snippet.commands():
        command = re.sub(r"\$\([^)]*\)|…", "x", command)
        for part in re.split(r"\s(?:&&|\|\||\||&)(?:\s|$)", command):
            words = shlex.split(part, comments=True)
            while words and re.match(r"\w+=", words[0]):
                words = words[1:]
            if (
                words
                and words[0] in ("locust", "gregaria")
                and words[1:2] not in (["check"], ["ab"], ["blog"])
            ):
                found.append(words)
    return found


WITH_LINES = [one for one in ALL if one.language in ("sh", "console") and not one.is_run and our_lines(one)]


@pytest.mark.parametrize("snippet", WITH_LINES, ids=by_id)
def test_options_of_what_is_not_run_are_known(snippet: Snippet, capsys: pytest.CaptureFixture[str]):
    from locust.argument_parser import get_parser

    for words in our_lines(snippet):
        try:
            get_parser(default_config_files=[]).parse_args(words[1:])
        except SystemExit as end:
            assert not end.code, (words, capsys.readouterr().err)


class Place:
    """A folder in which the snippets of one page are run."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.others: dict[str, str] = {}
        port = str(free_port())
        self.ports = {"LOCUST_MASTER_BIND_PORT": port, "LOCUST_MASTER_NODE_PORT": port}

    def text(self, text: str) -> str:
        for known, real in self.others.items():
            text = text.replace(known, real)
        return ADDRESS.sub(self.url, text)

    def run(self, *command: str | Path, side: str = "ours", seconds: float = 90) -> tuple[int, str]:
        tools = Path(sys.executable).parent if side == "ours" else ORACLE.parent
        path = os.pathsep.join([str(tools), os.environ["PATH"]])
        done = subprocess.run(
            command, cwd=self.folder, env=clean_environment(PATH=path, HOME=str(self.folder), **self.ports),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds,
        )  # fmt: skip
        return done.returncode, done.stdout


def run_python(snippet: Snippet, place: Place, side: str) -> None:
    name = snippet.words.get("name", "locustfile.py")
    (place.folder / name).write_text(place.text(snippet.text))
    if "program" in snippet.words:
        command = ["python", name]
    elif "pytest" in snippet.words:
        command = ["python", "-m", "pytest", "-q", "-p", "no:cacheprovider", name]
    else:
        options = shlex.split(snippet.words.get("options", ""))
        cluster = own_cluster() if "--processes" in options else []
        command = ["locust", "-f", name, "-H", place.url, *SHORT, *options, *cluster]
    code, said = place.run(*command, side=side)
    assert code == int(snippet.words.get("exit", "0")), said
    assert "Traceback" not in said, said


def shape(line: str) -> str:
    """A line without what differs from run to run: figures, and how wide columns are."""
    line = re.sub(r"\d[\d,.]*", "#", line)
    return re.sub(r"[-\s|]+", " ", line).strip()


def run_console(snippet: Snippet, place: Place) -> None:
    (place.folder / "commands.sh").write_text("\n".join(["set -e", *map(place.text, snippet.commands())]))
    code, said = place.run("bash", "commands.sh")
    assert code == int(snippet.words.get("exit", "0")), said
    printed = iter([shape(line) for line in said.splitlines()])
    joined = snippet.text.replace("\\\n", " ")
    for line in joined.splitlines():
        expected = shape(place.text(line))
        if line.startswith("$ ") or not expected:
            continue
        parts = expected.split("…")
        assert any(all(part.strip() in one for part in parts) for one in printed), (
            f"not printed: {line}\n{said}"
        )


def outcome(snippet: Snippet, place: Place, side: str) -> None:
    SETUPS[snippet.words.get("setup", "")](place)
    if snippet.language == "python":
        run_python(snippet, place, side)
    else:
        run_console(snippet, place)


def visitors(place: Place) -> None:
    """A locustfile of which the page says nothing."""
    shutil.copy(ROOT / "examples" / "basic.py", place.folder / "locustfile.py")


def reader(place: Place) -> None:
    """The locustfile that the page has shown just before."""
    (script,) = (one for one in ALL if one.page == "docs/first-test.md" and one.language == "python")
    (place.folder / "locustfile.py").write_text(script.text)


def quickstart(place: Place) -> None:
    text = "from locust import HttpUser, task\n\n\nclass QuickstartUser(HttpUser):\n    @task\n    def home(self):\n"
    (place.folder / "locustfile.py").write_text(f'{text}        self.client.get("/")\n')


def shop(place: Place) -> None:
    """What the page says of it: what stands in which line."""
    lines = {
        1: "from helpers import net",
        2: "from locust import HttpUser, task",
        3: "from locust.exception import StopTest",
        6: "class Customer(HttpUser):",
        10: "    @task",
        11: "    def look(self):",
        12: "        with self.client.get('/', catch_response=True) as response:",
        13: "            if not response.ok:",
        14: "                net.note(response)",
        19: "    @task",
        20: "    def buy(self):",
        21: "        raise StopTest()",
    }
    (place.folder / "shop.py").write_text("\n".join(lines.get(n, "") for n in range(1, 22)))
    helper = {
        1: "import socket",
        4: "def note(response):",
        5: "    print(response)",
        8: "real = socket.getaddrinfo",
        10: "socket.getaddrinfo = lambda *words, **more: real(*words, **more)",
    }
    (place.folder / "helpers").mkdir()
    (place.folder / "helpers" / "net.py").write_text("\n".join(helper.get(n, "") for n in range(1, 11)))


def har(place: Place) -> None:
    """A browser's recording of two pages."""
    entries = [
        {
            "startedDateTime": "2026-11-29T12:00:00.000Z",
            "_resourceType": "document",
            "request": {
                "method": "GET", "url": f"{place.url}{path}", "httpVersion": "HTTP/1.1", "queryString": [], "cookies": [],
                "headers": [{"name": "Accept", "value": "text/html"}], "headersSize": -1, "bodySize": 0,
            },
            "response": {
                "status": 200, "statusText": "OK", "headers": [], "cookies": [], "redirectURL": "",
                "content": {"size": 1, "mimeType": "text/html"}, "headersSize": -1, "bodySize": 1,
            },
        }
        for path in ("/", "/post/1")
    ]  # fmt: skip
    log = {
        "version": "1.2",
        "creator": {"name": "a browser", "version": "1"},
        "pages": [],
        "entries": entries,
    }
    (place.folder / "recording.har").write_text(json.dumps({"log": log}))


class _Takes(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def receivers(place: Place) -> None:
    """Somebody who takes what `--out` sends; what real ones make of it is in tests/record/test_outs.py."""
    visitors(place)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Takes)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for port in (9090, 8086):
        place.others[f"http://127.0.0.1:{port}/"] = f"http://127.0.0.1:{server.server_address[1]}/"


SETUPS = {
    "": lambda place: None,
    "receivers": receivers,
    "blog": visitors,
    "quickstart": quickstart,
    "reader": reader,
    "shop": shop,
    "har": har,
}


def sides(snippet: Snippet) -> list[str]:
    """Locustfiles run on real Locust, too."""
    is_theirs = snippet.language == "python" and not {"ours", "program", "pytest"} & set(snippet.words)
    return ["ours", "oracle"] if is_theirs and os.environ.get("GREGARIA_ORACLE") != "none" else ["ours"]


CASES = [(snippet, side) for snippet in RUNS for side in sides(snippet)]


@pytest.fixture(scope="module")
def outcomes(
    tmp_path_factory: pytest.TempPathFactory, blog: TestkitServer
) -> Iterator[dict[tuple[str, str], Future[None]]]:
    """All of them, a few at once: most of their time is waiting."""
    with ThreadPoolExecutor(4) as pool:
        yield {
            (snippet.id, side): pool.submit(
                outcome, snippet, Place(tmp_path_factory.mktemp("snippet"), blog.url), side
            )
            for snippet, side in CASES
        }


@pytest.mark.timeout(240)
@pytest.mark.parametrize("snippet, side", CASES, ids=[f"{snippet.id}-{side}" for snippet, side in CASES])
def test_a_snippet_does_what_it_shows(
    snippet: Snippet, side: str, outcomes: dict[tuple[str, str], Future[None]]
):
    outcomes[snippet.id, side].result()
