"""A run that sends nothing: said before it where that can be known, never called passed, and a failure if that is asked for."""

from __future__ import annotations

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import pytest

from locust import FastHttpUser, HttpUser, User
from locust._web import page
from locust.env import Environment
from servers import ROOT, run_locust

VISITOR = """
from locust import {base}, constant, task

class Visitor({base}):
    wait_time = constant(0.2)

    @task
    def visit(self):
        self.client.get("/")
"""
IDLE = """
from locust import User, constant, task

class Idle(User):
    wait_time = constant(0.2)

    @task
    def think(self):
        pass
"""
NOBODY = """
from locust import HttpUser, constant

class Nobody(HttpUser):
    host = "http://127.0.0.1:9"
    wait_time = constant(0.2)
"""
NO_HOST = "There is no host for Visitor: give one with --host, e.g. -H http://127.0.0.1:5000, or as `host` of the class"
NO_SCHEME = (
    "The host '127.0.0.1:9' of Visitor has no scheme, so requests to relative URLs cannot be sent: did you mean "
    "'http://127.0.0.1:9'?"
)
# Locust's own words.
NO_TASKS = "Nobody had no tasks left after filtering, instantiating it will fail!"
REPORTS = ("--junit", "junit.xml", "--summary-md", "summary.md", "--html", "report.html")


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_locust("--headless", "-t", "1s", *arguments, folder=folder)


@pytest.mark.parametrize(
    ("script", "arguments", "complaint", "codes"),
    [
        (VISITOR.format(base="HttpUser"), [], NO_HOST, (0, 1)),
        (VISITOR.format(base="FastHttpUser"), [], NO_HOST, (0, 1)),
        (VISITOR.format(base="HttpUser"), ["-H", "127.0.0.1:9"], NO_SCHEME, (1, 1)),
        (NOBODY, [], NO_TASKS, (1, 1)),
        (IDLE, [], None, (0, 1)),
    ],
    ids=["no host", "no host, fast", "no scheme", "no tasks", "tasks that ask for nothing"],
)
def test_a_run_that_sent_nothing(
    tmp_path: Path, script: str, arguments: list[str], complaint: str | None, codes: tuple[int, int]
) -> None:
    (tmp_path / "locustfile.py").write_text(script)
    with ThreadPoolExecutor(2) as both:
        usual, strict = both.map(
            lambda more: run(tmp_path, *arguments, *more), (REPORTS, ("--fail-on-empty",))
        )
    assert (usual.returncode, strict.returncode) == codes, usual.stderr
    before, _, _ = usual.stderr.partition("Ramping to 1 users")
    warnings = [
        re.sub(r".*/WARNING/[\w.]+: ", "", line) for line in before.splitlines() if "/WARNING/" in line
    ]
    assert warnings == ([complaint] if complaint else [])
    said = "No request was counted in this run (--fail-on-empty)"
    assert (said in strict.stderr, said in usual.stderr) == (codes[0] == 0, False)
    frames = re.findall(r'File "([^"]+)"', usual.stderr)
    assert [frame for frame in frames if str(ROOT / "python" / "locust") in frame or "gevent" in frame] == []
    summary = (tmp_path / "summary.md").read_text().splitlines()[0]
    whole = ElementTree.parse(tmp_path / "junit.xml").find("./testsuite[@name='run']/testcase")
    if codes[0] == 0:
        assert summary.endswith(": nothing was sent")
        assert whole.find("skipped").get("message") == "no request was sent"
    else:
        assert summary.endswith(": failed (exit code 1)")


def test_who_knows_better_is_not_told(tmp_path: Path) -> None:
    """A host that a script gives later, or a class that does not need one, is no reason for a warning."""
    script = """
from locust import FastHttpUser, HttpUser, User, constant, events, task

class Given(HttpUser):
    wait_time = constant(1)
    def __init__(self, *args):
        self.host = "http://127.0.0.1:9"
        super().__init__(*args)
    @task
    def nothing(self): pass

class Late(FastHttpUser):
    wait_time = constant(1)
    @task
    def nothing(self): pass

class Other(User):
    host = "broker:1883"
    wait_time = constant(1)
    @task
    def nothing(self):
        self.environment.events.request.fire(
            request_type="MQTT", name="n", response_time=1, response_length=0, exception=None, context={}
        )

@events.init.add_listener
def give(environment, **_):
    Late.host = "http://127.0.0.1:9"
"""
    (tmp_path / "locustfile.py").write_text(script)
    result = run(tmp_path, "-u", "3", "-r", "10", "--fail-on-empty")
    assert (result.returncode, "WARNING" in result.stderr) == (0, False), result.stderr


def test_the_page_knows_which_classes_need_a_host_and_which_a_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["locust"])
    with_host = type("WithHost", (HttpUser,), {"host": "http://a", "tasks": []})
    without = type("Without", (FastHttpUser,), {"tasks": []})
    own = type("Own", (HttpUser,), {"host": property(lambda self: "http://b"), "tasks": []})
    made = type("Made", (HttpUser,), {"__init__": lambda self, *args: None, "tasks": []})
    other = type("Other", (User,), {"tasks": []})
    environment = Environment(user_classes=[with_host, without, own, made, other])
    runner = environment.create_local_runner()
    args = page.template_args(environment, runner, class_picker=False, host_is_required=False)
    assert args["http_user_classes"] == ["WithHost", "Without", "Own", "Made"]
    assert args["user_classes_without_host"] == ["Without"]
    environment.available_user_classes = {"Other": other}
    args = page.template_args(environment, runner, class_picker=True, host_is_required=False)
    assert args["http_user_classes"] == args["user_classes_without_host"] == []
    runner.quit()
