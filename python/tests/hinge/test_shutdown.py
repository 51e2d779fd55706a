"""The interpreter ends while requests are in flight: with the right exit code, at once, and without a sound."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from servers import TestkitServer, clean_environment, run_locust

SCRIPT = """
import gc, os, sys, threading, time
import gevent
from locust import FastHttpUser, HttpUser, User, constant, task
from locust.env import Environment

class Visitor({base}):
    host = "{host}"
    wait_time = constant({wait})
    @task
    def visit(self):
        self.client.get("{path}")

environment = Environment(user_classes=[Visitor])
runner = environment.create_local_runner()
runner.start(30, 30)
gevent.sleep(0.3)
assert runner.user_count == 30
"""

ENDS = {
    "falls off its end": ("pass", 0),
    "exits": ("sys.exit(3)", 3),
    "raises": ("raise ValueError('on purpose')", 1),
    "quits first": ("runner.quit()", 0),
    "forgets everything": ("del runner, environment; gc.collect()", 0),
    "exits in a greenlet": ("gevent.spawn(sys.exit, 5).join(); gevent.sleep(5)", 5),
    "asks again at exit": (
        "import atexit; from locust.clients import HttpSession; from locust.event import EventHook\n"
        "s = HttpSession('{host}', EventHook(), None)\n"
        "atexit.register(lambda: print(s.get('/ok').status_code))",
        0,
    ),
    "leaves a thread behind": (
        "pool = gevent.get_hub().threadpool\n"
        "from locust.clients import HttpSession; from locust.event import EventHook\n"
        "s = HttpSession('{host}', EventHook(), None)\n"
        "assert pool.apply(lambda: s.get('/ok').status_code) == 200",
        0,
    ),
}


@pytest.fixture(params=["HttpUser", "FastHttpUser"])
def base(request: pytest.FixtureRequest) -> str:
    return request.param


def run(tmp_path: Path, code: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(code))
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", str(script)],
        env=clean_environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(
    ("base", "path", "wait"),
    [
        ("HttpUser", "/ok", 0),
        ("FastHttpUser", "/ok", 0),
        ("HttpUser", "/hang", 0),
        ("FastHttpUser", "/hang", 0),
        ("HttpUser", "/ok", 3600),
    ],
)
def test_a_script_ends(
    misbehave: TestkitServer, tmp_path: Path, base: str, end: str, path: str, wait: float
) -> None:
    last, code = ENDS[end]
    script = SCRIPT.format(base=base, host=misbehave.url, wait=wait, path=path)
    # What is asked for never comes, or its user waits for an hour: a script that waited for either would not end in time.
    done = run(tmp_path, script + last.replace("{host}", misbehave.url) + "\n")
    assert done.returncode == code, done.stderr
    noise = [line for line in done.stderr.splitlines() if "spawn rate is very high" not in line]
    if code == 0:
        assert noise == []
    else:
        assert not any(word in done.stderr for word in ("Fatal Python error", "panicked", "Segmentation"))


LOCUSTFILE = """
import sys
from locust import {base}, constant, task, events

class Visitor({base}):
    wait_time = constant(0)
    count = 0

    @task
    def visit(self):
        print("asks", flush=True)
        self.client.get("{path}")
        Visitor.count += 1
        {act}

    def on_stop(self):
        print("stopped", flush=True)
"""


def test_exiting_in_a_task_ends_the_process(misbehave: TestkitServer, tmp_path: Path, base: str) -> None:
    locustfile = LOCUSTFILE.format(base=base, path="/ok", act="if Visitor.count == 20: sys.exit(7)")
    done = run_locust(
        "--headless", "-u", "5", "-r", "5", "-H", misbehave.url, folder=tmp_path, locustfile=locustfile
    )
    assert done.returncode == 7, done.stderr
    assert "stopped" not in done.stdout


def test_the_time_limit_ends_requests_that_hang(misbehave: TestkitServer, tmp_path: Path, base: str) -> None:
    locustfile = LOCUSTFILE.format(base=base, path="/hang", act="pass")
    arguments = ["--headless", "-u", "5", "-r", "5", "-t", "1s", "-H", misbehave.url]
    done = run_locust(*arguments, folder=tmp_path, locustfile=locustfile)
    assert (done.returncode, done.stdout.count("stopped")) == (0, 5), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_requests_that_hang(
    misbehave: TestkitServer, tmp_path: Path, base: str, number: signal.Signals
) -> None:
    (tmp_path / "locustfile.py").write_text(LOCUSTFILE.format(base=base, path="/hang", act="pass"))
    process = subprocess.Popen(
        [Path(sys.executable).parent / "locust", "--headless", "-u", "5", "-r", "5", "-H", misbehave.url],
        cwd=tmp_path,
        env=clean_environment(HOME=str(tmp_path)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    # Not after a fixed time: a busy machine may take seconds to get there.
    for _ in range(5):
        assert process.stdout.readline() == "asks\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert out.count("stopped") == 5
    assert "Traceback" not in err and process.returncode in (0, 1)


def test_a_forked_child_makes_requests_of_its_own(misbehave: TestkitServer, tmp_path: Path) -> None:
    done = run(
        tmp_path,
        f"""
        import os, sys
        import gevent
        from locust.clients import HttpSession
        from locust.event import EventHook
        import locust
        session = HttpSession({misbehave.url!r}, EventHook(), None)
        assert session.get("/ok").status_code == 200
        child = os.fork()
        assert session.get("/ok").status_code == 200
        if child:
            _, status = os.waitpid(child, 0)
            sys.exit(os.waitstatus_to_exitcode(status))
        print("child", flush=True)
        """,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "child\n", "")


def test_a_single_user_runs_without_a_runner_and_ends(
    misbehave: TestkitServer, tmp_path: Path, base: str
) -> None:
    done = run(
        tmp_path,
        f"""
        from locust import {base}, constant, run_single_user, task
        from locust.exception import StopUser

        class Visitor({base}):
            host = {misbehave.url!r}
            wait_time = constant(0.01)
            count = 0

            @task
            def visit(self):
                assert self.environment.runner is None
                assert self.client.get("/ok").text == "ok"
                self.count += 1
                if self.count == 3:
                    raise StopUser

            def on_stop(self):
                print("stopped", self.count)

        run_single_user(Visitor)
        """,
    )
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "stopped 3"), done.stderr
