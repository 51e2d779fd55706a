"""run_single_user, in a process of its own."""

import subprocess
import sys

import pytest

SCRIPT = """
import sys
from locust import User, task, events, run_single_user
from locust.exception import StopTest, StopUser

@events.init.add_listener
def init(environment, runner, web_ui, **kwargs):
    print("init", runner, web_ui, environment.locustfile)
    if "fail" in sys.argv[0]:
        raise ValueError("on purpose")

@events.test_start.add_listener
def start(environment, **kwargs):
    print("test_start", [c.__name__ for c in environment.user_classes])

@events.test_stop.add_listener
def stop(environment, **kwargs):
    print("test_stop")

class Visitor(User):
    host = "http://own"

    def on_start(self):
        print("on_start", self.host, self.environment.single_user_instance is self)

    def on_stop(self):
        print("on_stop")

    @task
    def visit(self):
        self.environment.events.request.fire(
            request_type="T", name="name", response_time=1.4, response_length=2, exception=None, context={}
        )
        raise StopTest() if "stoptest" in sys.argv[0] else StopUser()

class Other(Visitor):
    pass

if __name__ == "__main__":
    run_single_user(Visitor, include_length=True)
    run_single_user(Other)
    print("done")
"""


@pytest.fixture
def run(tmp_path):
    def run(name, *args):
        script = tmp_path / name
        script.write_text(SCRIPT)
        return subprocess.run(
            [sys.executable, script, *args], capture_output=True, text=True, timeout=60, cwd=tmp_path
        )

    return run


def test_runs_users_one_after_another(run):
    result = run("scenario.py")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == ""
    assert lines[1] == f"type\t{'name':<50}\tresp_ms\tlength\texception\t\t"
    assert lines[2:] == [
        "init None None scenario.py",
        "test_start ['Visitor']",
        "on_start http://own True",
        f"T\t{'name':<50}\t1      \t2\t         \t",
        "on_stop",
        "test_start ['Other']",
        "on_start http://own True",
        f"T\t{'name':<50}\t1      \t2\t         \t",
        "on_stop",
        "done",
    ]


def test_takes_options_from_the_command_line(run):
    result = run("scenario.py", "--host", "http://given")
    assert result.returncode == 0, result.stderr
    assert "on_start http://given True" in result.stdout


def test_does_not_run_if_a_listener_of_init_fails(run):
    result = run("fail.py")
    assert result.returncode == 1
    assert "test_start" not in result.stdout
    assert "ValueError: on purpose" in result.stderr


def test_stop_test_in_a_task_ends_the_user_as_there_is_no_test(run):
    result = run("stoptest.py")
    assert (result.returncode, result.stdout.splitlines()[-1]) == (0, "done")
    assert result.stdout.count("on_stop") == 2
