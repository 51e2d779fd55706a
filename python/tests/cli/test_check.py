"""`gregaria check`: each rule finds what it is about, and leaves alone what only looks like it."""

from __future__ import annotations

import json
import subprocess
import textwrap
import tomllib
from pathlib import Path

import pytest

from locust.cli.check import detect
from locust.cli.check.rules import DIFFERS, RULES
from servers import ROOT, clean_environment, locust_command

GREGARIA = str(Path(locust_command()).with_name("gregaria"))

USER = """
from locust import HttpUser, FastHttpUser, User, events, task
"""

# What is found where: the rule, and a snippet whose line with the mark `#!` it speaks of.
FOUND = [
    ("stop-test", "from locust.exception import StopTest\ndef f():\n    raise StopTest()  #!"),
    ("stop-test", "import locust.exception as e\ndef f():\n    raise e.StopTest  #!"),
    ("greenlet-of-start", "def f(user, runner):\n    return user.start(runner.user_greenlets)  #!"),
    (
        "own-greenlet",
        USER + "class U(User):\n    @task\n    def t(self):\n        print(self.greenlet)  #!",
    ),
    ("own-greenlet", "class T:\n    def t(self):\n        self.user.greenlet.kill()  #!"),
    ("annotated-events", "from locust.event import Events\nclass Mine(Events):  #!\n    paid: 'EventHook'"),
    ("cpu-usage", "def f(runner):\n    return runner.current_cpu_usage  #!"),
    ("internal-name", "from locust.argument_parser import parse_locustfiles_from_master  #!"),
    ("internal-name", "import locust.user.users\nx = locust.user.users.RestResponseT  #!"),
    (
        "not-called",
        "from locust.stats import StatsCSV\nclass S(StatsCSV):\n    def _percentile_fields(self, s): pass  #!",
    ),
    ("not-called", "from locust import stats\nstats.StatsCSV._percentile_fields = print  #!"),
    ("not-called", "from locust import argument_parser as a\na.download_locustfile_from_master = print  #!"),
    ("not-called", "from unittest import mock\nmock.patch('locust.runners.get_logs').start()  #!"),
    (
        "not-called",
        "from locust.runners import MasterRunner\nclass M(MasterRunner):\n    def _wait_for_workers_report_after_ramp_up(self): pass  #!",
    ),
    (
        "kept-response-times",
        "class A:\n    def f(self, entry):\n        self.times = entry.response_times  #!",
    ),
    ("current-rate", "def f(stats):\n    return stats.total.current_rps > 5  #!"),
    ("request-event-types", "def f(e):\n    e.events.request.fire(name='a', response_length=None)  #!"),
    ("request-event-types", "def f(e):\n    e.events.request.fire(name='a', response_time='5')  #!"),
    ("name-resolution", "import socket\nsocket.getaddrinfo = print  #!"),
    ("name-resolution", "from unittest import mock\nmock.patch('socket.getaddrinfo').start()  #!"),
    ("name-resolution", "import urllib3.util.connection as c\nc.allowed_gai_family = print  #!"),
    ("name-resolution", "import socket\nsetattr(socket, 'getaddrinfo', print)  #!"),
    ("below-requests", "from requests.adapters import HTTPAdapter\nHTTPAdapter.send = print  #!"),
    ("http-debug", "import http.client\nhttp.client.HTTPConnection.debuglevel = 1  #!"),
    ("below-requests", "import urllib3\nurllib3.connectionpool.HTTPConnectionPool.urlopen = print  #!"),
    ("below-requests", "import responses\n@responses.activate  #!\ndef f(): pass"),
    ("below-requests", "import vcr\ndef f():\n    with vcr.use_cassette('a'):  #!\n        pass"),
    ("replaced-certificates", "import truststore\ntruststore.inject_into_ssl()  #!"),
    ("replaced-certificates", "import certifi\ncertifi.where = lambda: 'ca.pem'  #!"),
    (
        "pool-manager-settings",
        "from urllib3 import PoolManager\nclass U:\n    pool_manager = PoolManager(maxsize=1, source_address=('127.0.0.9', 0))  #!",
    ),
    ("pools", "def f(self):\n    return len(self.client.get_adapter('http://').poolmanager.pools)  #!"),
    ("header-name", "def t(self):\n    self.client.get('/', headers={'X Y': '1'})  #!"),
    (
        "session-retries",
        "from locust.contrib.fasthttp import FastHttpSession\ndef f(e):\n    return FastHttpSession(base_url='', user=None)  #!",
    ),
    ("float-weight", USER + "class U(User):\n    @task(1.5)  #!\n    def t(self): pass"),
    ("float-weight", "class U:\n    tasks = {print: 0.5}  #!"),
    ("float-weight", "class U:\n    tasks = [print, (print, 2.0)]  #!"),
    ("page-data", "import re\nfound = re.compile(r'window.templateArgs = (.*)')  #!"),
    ("distribution", "from importlib.metadata import version\nif version('locust') < '2': pass  #!"),
    ("distribution", "import pkg_resources\npkg_resources.require('locust>=2')  #!"),
    ("lost-response", "def t(self):\n    self.client.get('/', catch_response=True)  #!"),
    (
        "lost-response",
        "def t(self):\n    r = self.client.post('/', catch_response=True)  #!\n    r.success()",
    ),
    ("truth-of-response", "def t(self):\n    r = self.client.get('/')\n    if r.ok:  #!\n        pass"),
    ("truth-of-response", "def t(self):\n    r = self.client.get('/')\n    if not r:  #!\n        pass"),
    (
        "truth-of-response",
        "def t(self):\n    with self.client.get('/') as r:\n        x = 1 if r else 2  #!",
    ),
]

# What must not be mistaken for any of it.
LEFT_ALONE = [
    # What Locust 2.47 does not have either.
    "from locust import runners\ndef f():\n    return runners.locust_runner.stats",
    "from locust.rpc import zmqrpc_of_nobody",
    "import locust.no_such_module",
    "import locust.stats\nx = locust.stats.no_such_function()",
    # Steps that are called.
    "from locust.clients import HttpSession\nclass S(HttpSession):\n    def _send_request_safe_mode(self, *a, **k): pass",
    "from locust.dispatch import UsersDispatcher\nclass D(UsersDispatcher):\n    def _prepare_rebalance(self): pass",
    "import locust.clients\nlocust.clients.ResponseContextManager._report_request = print",
    "from locust.exception import StopUser\ndef f():\n    raise StopUser()",
    "class StopTest(Exception): pass\ndef f():\n    raise StopTest()",
    "def f(user, runner):\n    user.start(runner.user_greenlets)",
    "def f(runner):\n    runner.greenlet.join()\n    runner.shape_greenlet.join()",
    "from locust.runners import MasterRunner\ndef f(runner):\n    return isinstance(runner, MasterRunner)",
    USER + "@events.request.add_listener\ndef f(**kwargs): pass",
    "def f(e):\n    e.events.request.fire(name='a', response_length=0, response_time=None)",
    "def f(entry):\n    return max(entry.response_times)",
    "import socket\nsocket.setdefaulttimeout(5)\nx = socket.getaddrinfo('localhost', 80)\ns = socket.socket()",
    "import requests\nrequests.Session.send = print\nx = requests.adapters.HTTPAdapter(pool_maxsize=5)",
    "import urllib3\nurllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)",
    "import ssl\nctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)\nctx.check_hostname = False",
    "from urllib3 import PoolManager\nclass U:\n    pool_manager = PoolManager(maxsize=10, block=True)",
    "from urllib3 import PoolManager\nmine = PoolManager(source_address=('127.0.0.9', 0))",
    '"""Speaks of socket.getaddrinfo = x."""',
    "def t(self):\n    self.client.get('/', headers={'X-Y': 'a b'})",
    "from locust.contrib.fasthttp import FastHttpSession\ndef f(o):\n    return FastHttpSession(base_url='', user=None, **o)",
    "def t(self):\n    with self.client.get('/', catch_response=True) as r:\n        r.success()",
    "def t(self):\n    r = self.client.get('/', catch_response=True)\n    with r:\n        r.success()",
    "def t(self):\n    r = self.client.get('/', catch_response=True)\n    return r",
    "def t(self):\n    return self.client.get('/', catch_response=True)",
    "def t(self):\n    r = self.client.get('/', catch_response=True)\n    check(r)",
    "def t(self):\n    r = self.client.get('/', catch_response=False)",
    "def t(self):\n    r = self.client.get('/')\n    if r.status_code == 200 and r.json():\n        pass",
    "def t(self, r):\n    if r and r.ok:\n        pass",
    "import locust.stats\nlocust.stats.CONSOLE_STATS_INTERVAL_SEC = 5\nlocust.stats.MY_OWN = 1",
    "from importlib.metadata import version\nx = version('locust-plugins'), version('gregaria')",
    USER + "class U(User):\n    weight = 0.5\n    tasks = {print: 2}\n    @task(3)\n    def t(self): pass",
    "from locust import *\nimport locust_plugins_of_mine",
]


def found(tmp_path: Path, text: str) -> set[tuple[str, int]]:
    script = tmp_path / "locustfile.py"
    script.write_text(text)
    return {(one.rule, one.line) for one in detect.findings(str(script))}


@pytest.mark.parametrize(("rule", "text"), FOUND)
def test_it_is_found_where_it_is(tmp_path: Path, rule: str, text: str):
    line = next(number for number, line in enumerate(text.splitlines(), 1) if "#!" in line)
    assert found(tmp_path, text) == {(rule, line)}


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_it_is_left_alone(tmp_path: Path, text: str):
    assert found(tmp_path, text) == set()


def test_every_rule_is_tried_here():
    after_import = {"overridden-task", "no-tasks"}
    assert {rule for rule, _text in FOUND} | after_import == set(RULES)


def test_every_rule_names_a_difference_that_is_listed():
    listed = tomllib.loads((ROOT / "compat" / "differences.toml").read_text())["difference"]
    known = {entry["id"] for entry in listed}
    named = {rule.difference for rule in RULES.values() if rule.difference is not None}
    assert named <= known, f"not in compat/differences.toml: {sorted(named - known)}"
    assert all(rule.difference for rule in RULES.values() if rule.level == DIFFERS)


# ---------------------------------------------------------------------------------------------- the command


def check(
    folder: Path, *arguments: str, **files: str
) -> tuple[subprocess.CompletedProcess[str], list[dict[str, object]]]:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
    result = subprocess.run(
        [GREGARIA, "check", *arguments, "--json"], cwd=folder, env=clean_environment(HOME=str(folder)),
        capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return result, json.loads(result.stdout)["files"] if result.stdout else []


def in_words(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        [GREGARIA, "check", *arguments], cwd=folder, env=clean_environment(HOME=str(folder)),
        capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
    ).stdout  # fmt: skip


PLAIN = """
from locust import HttpUser, task

print("a script may print")

class Visitor(HttpUser):
    @task
    def visit(self):
        self.client.get("/")
"""


def test_a_plain_script_runs_as_is(tmp_path: Path):
    result, (verdict,) = check(tmp_path, "plain.py", plain=PLAIN)
    assert result.returncode == 0
    assert verdict["result"] == "runs-as-is" and verdict["users"] == ["Visitor"]
    assert verdict["findings"] == [] and "a script may print" in result.stderr
    assert in_words(tmp_path, "plain.py") == "plain.py: runs as is; Visitor\n"


def test_what_differs_is_named_with_its_place_and_strict_makes_it_fail(tmp_path: Path):
    text = "from locust.exception import StopTest" + PLAIN + "        raise StopTest()\n"
    result, (verdict,) = check(tmp_path, "a.py", a=text)
    assert (result.returncode, verdict["result"]) == (0, "differs")
    (finding,) = verdict["findings"]  # type: ignore[misc]
    assert (finding["line"], finding["level"], finding["difference"]) == (
        10,
        "differs",
        "stop-test-stops-the-test",
    )
    assert check(tmp_path, "a.py", "--strict")[0].returncode == 1
    shown = in_words(tmp_path, "a.py")
    assert "a.py: 1 thing will differ; Visitor" in shown and "differs a.py:10: raise StopTest" in shown


def test_modules_beside_the_script_are_read_too(tmp_path: Path):
    _, (verdict,) = check(
        tmp_path, "a.py",
        a="import steps" + PLAIN,
        steps="def lost(client):\n    client.get('/', catch_response=True)\n",
    )  # fmt: skip
    (finding,) = verdict["findings"]  # type: ignore[misc]
    assert (finding["rule"], finding["line"]) == ("lost-response", 2)
    assert finding["file"].endswith("steps.py")


def test_what_only_the_import_shows(tmp_path: Path):
    _, (verdict,) = check(
        tmp_path, "a.py",
        a="""
        from locust import User, task
        import helper

        class Base(User):
            abstract = True
            @task
            def visit(self): pass

        class Special(Base):
            @task
            def visit(self): pass

        class Empty(User):
            pass

        helper.install()
        """,
        helper="import sys\ndef mine(*a): pass\ndef install():\n    vars(sys.modules['socket'])['getaddrinfo'] = mine\n",
    )  # fmt: skip
    assert {(one["rule"], Path(one["file"]).name, one["line"]) for one in verdict["findings"]} == {  # type: ignore[attr-defined]
        ("overridden-task", "a.py", 11),
        ("no-tasks", "a.py", 14),
        ("name-resolution", "helper.py", 2),
    }


def test_what_cannot_be_imported_shows_the_part_of_the_script(tmp_path: Path):
    result, (verdict,) = check(tmp_path, "bad.py", bad="import json\njson.loads('{')\n")
    assert (result.returncode, verdict["result"]) == (1, "cannot-be-run")
    problem = str(verdict["problem"])
    assert problem.splitlines()[1].endswith('bad.py", line 2, in <module>')
    assert "JSONDecodeError" in problem and "load_locustfile" not in problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("import sys\nsys.exit(3)\n", "sys.exit(3)"),
        ("import os\nos._exit(3)\n", "exit code 3"),
        ("import time\ntime.sleep(60)\n", "did not end within 1 seconds"),
        ("x = 1\n", "No User class found!"),
        ("def f(:\n", "SyntaxError"),
        (PLAIN + "Again = Visitor\n", "same class name"),
        (
            PLAIN
            + "from locust import events\n@events.init_command_line_parser.add_listener\n"
            + "def options(parser): parser.add_argument('--users')\n",
            "init_command_line_parser raised",
        ),
    ],
)
def test_a_script_that_no_run_could_use_is_told(tmp_path: Path, text: str, problem: str):
    timeout = "1" if "sleep" in text else "30"
    result, (verdict,) = check(tmp_path, "a.py", "--timeout", timeout, a=text)
    assert result.returncode == 1 and problem in str(verdict["problem"])


def test_a_program_of_its_own_is_read_and_not_run(tmp_path: Path):
    text = PLAIN + "from locust import run_single_user\nrun_single_user(Visitor)\n"
    result, (verdict,) = check(tmp_path, "debug.py", debug=text)
    assert result.returncode == 0 and "run_single_user() in line 11" in str(verdict["not_imported"])
    guarded = (
        PLAIN
        + "from locust import run_single_user\nif __name__ == '__main__':\n    run_single_user(Visitor)\n"
    )
    assert check(tmp_path, "debug.py", debug=guarded)[1][0]["not_imported"] is None


def test_several_files_and_folders_are_checked_each_for_itself(tmp_path: Path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b.py").write_text(PLAIN)
    result, verdicts = check(tmp_path, "a.py", "helper.py", "more", a=PLAIN, helper="x = 1\n")
    assert result.returncode == 0
    assert [(Path(str(one["file"])).name, one["users"]) for one in verdicts] == [
        ("a.py", ["Visitor"]),
        ("helper.py", []),
        ("b.py", ["Visitor"]),
    ]


def test_a_pytest_style_script_is_one_too(tmp_path: Path):
    result, (verdict,) = check(
        tmp_path, "test_site.py", test_site="def test_front(session):\n    session.get('/')\n"
    )
    assert result.returncode == 0 and verdict["users"] == ["test_front"], verdict


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "the following arguments are required"),
        (("nowhere.py",), 1, "Could not find 'nowhere.py'"),
        (("a.py", "--timeout", "soon"), 2, "not a number: 'soon'"),
        (("a.py", "--timeout", "0"), 2, "must be above 0"),
    ],
)
def test_bad_arguments_are_told_in_a_line(
    tmp_path: Path, arguments: tuple[str, ...], code: int, message: str
):
    result, _ = check(tmp_path, *arguments, a=PLAIN)
    assert result.returncode == code and message in result.stderr
