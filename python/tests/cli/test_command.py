"""The `locust` command as a black box: which complaint wins, exit codes, output, files."""

from __future__ import annotations

import csv
import json
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from servers import TOOLS, clean_environment, locust_command, run_locust

# Users that need no server: each task reports a request of its own. `note` fails, `talk` does not.
SCRIPT = """
from locust import User, constant, events, task, tag

def report(user, name, exception=None, ms=12.0):
    user.environment.events.request.fire(
        request_type="TALK", name=name, response_time=ms, response_length=3, exception=exception, context={}
    )

class Talker(User):
    wait_time = constant(0.05)

    @tag("loud")
    @task(3)
    def talk(self):
        report(self, "talk")

class Noter(User):
    wait_time = constant(0.05)

    @tag("quiet")
    @task
    def note(self):
        report(self, "note", exception=ValueError("no paper"))
"""


def run(
    tmp_path: Path, *arguments: str, script: str = SCRIPT, **environment: str
) -> subprocess.CompletedProcess[str]:
    return run_locust(*arguments, folder=tmp_path, locustfile=script, **environment)


# For runs that need no certain length: users begin at once, and each makes its first request.
BRIEF = """
import gevent
@events.test_start.add_listener
def end_soon(environment, **kwargs):
    gevent.spawn_later(0.2, environment.runner.quit)
"""


def run_briefly(
    tmp_path: Path, *arguments: str, script: str = SCRIPT, **environment: str
) -> subprocess.CompletedProcess[str]:
    return run(tmp_path, "--headless", *arguments, script=script + BRIEF, **environment)


def log_of(stderr: str) -> list[str]:
    """Log lines as LEVEL/logger: message."""
    return [
        match[1]
        for line in stderr.splitlines()
        if (match := re.match(r"\[[^]]+\] [^/]+/(\w+/[\w.]+: .*)", line))
    ]


# ------------------------------------------------------------------------------------- instead of a run


def test_version_names_the_release_it_follows(tmp_path: Path):
    for flag in ("-V", "--version"):
        result = run_locust(flag, folder=tmp_path)
        assert result.returncode == 0
        assert re.fullmatch(r"locust 2\.47\.\d+ from \S+/locust \(Python \d+\.\d+\.\d+\)\n", result.stdout)


def test_help_is_the_same_program_under_both_names(tmp_path: Path):
    ours = subprocess.run(
        [TOOLS / "gregaria", "--help"], cwd=tmp_path, env=clean_environment(), capture_output=True, text=True
    )
    assert ours.returncode == 0 and ours.stdout == run_locust("--help", folder=tmp_path).stdout
    module = subprocess.run(
        [sys.executable, "-m", "locust", "--help"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
    )
    assert module.stdout == ours.stdout


def test_list_names_the_user_classes(tmp_path: Path):
    result = run(tmp_path, "--list")
    assert (result.returncode, result.stdout) == (0, "Available Users:\n    Talker\n    Noter\n")


def test_the_task_ratio_is_printed(tmp_path: Path):
    result = run(tmp_path, "--show-task-ratio")
    assert result.returncode == 0
    rule = "-" * 80
    assert result.stdout.startswith(f"\n Task ratio per User class\n{rule}\n ")
    assert f"\n\n Total task ratio\n{rule}\n " in result.stdout
    assert re.search(r"^ 50\.0 +Talker", result.stdout, re.MULTILINE)
    as_json = json.loads(run(tmp_path, "--show-task-ratio-json", "Talker").stdout)
    assert as_json["per_class"] == {"Talker": {"ratio": 1.0, "tasks": {"talk": {"ratio": 1.0}}}}


def test_what_tunes_a_master_is_no_trouble_without_one(tmp_path: Path):
    result = run(
        tmp_path, "--headless", "-t", "1", "--expect-workers", "2", "Talker", LOCUST_MASTER_BIND_PORT="1"
    )
    assert result.returncode == 0


# ------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["-f", "nope.py"], 1, "Could not find 'nope.py'. Ensure your locustfile ends with '.py'"),
        (["-t", "soon"], 2, "argument -t/--run-time: Invalid time span format. Valid formats: 20, 20s, 3m"),
        (["-u", "-3", "-t", "1"], 2, "argument -u/--users: must not be negative, but is -3"),
        (["-r", "0"], 2, "argument -r/--spawn-rate: must be > 0"),
        (["--csv-full-history"], 2, "'--csv-full-history' requires '--csv'."),
        (["--autoquit", "1"], 1, "--autoquit is only meaningful in combination with --autostart"),
        (["Nobody", "Talker"], 1, "ERROR/locust.main: Unknown User(s): Nobody"),
        (["--csv", "/proc/none/x"], 1, "ERROR/locust.main: Could not write the statistics: "),
        (["--json-file", "/proc/none/x"], 1, "ERROR/locust.main: Could not write the statistics: "),
        (["--logfile", "/proc/none/x"], 1, "Could not write the log file: "),
        (["--config", "none.conf"], 2, "Unable to open config file: none.conf."),
        (
            ["--config-users", '{"user_class_name": "Nobody"}'],
            255,
            "Error applying user config, probably you tried",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_is_told_in_a_line(tmp_path: Path, arguments: list[str], code: int, message: str):
    result = run(tmp_path, "--headless", *arguments)
    assert result.returncode == code
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_no_locustfile_at_all(tmp_path: Path):
    result = run_locust(folder=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith("Could not find 'locustfile.py'. ")


def test_a_script_without_users(tmp_path: Path):
    result = run(tmp_path, "--headless", script="x = 1\n")
    assert result.returncode == 1
    assert log_of(result.stderr) == [
        "INFO/locust.main: Starting Locust 2.47.0",
        "ERROR/locust.main: No User class found!",
    ]


def test_a_broken_script_shows_only_its_own_traceback(tmp_path: Path):
    result = run(tmp_path, "--headless", script="def f():\n    return {}['x']\nf()\n")
    assert result.returncode == 1
    lines = result.stderr.splitlines()
    assert lines[1].endswith('locustfile.py", line 3, in <module>') and lines[-1] == "KeyError: 'x'"
    assert [line for line in lines if line.startswith("  File")] == [
        line for line in lines if "locustfile.py" in line
    ]


def test_two_names_for_one_class_are_told_in_a_line(tmp_path: Path):
    result = run(tmp_path, "--headless", script=SCRIPT + "\nAlias = Talker\n")
    assert result.returncode == 1
    assert "ERROR/locust.main: The following user classes have the same class name" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_init_listener_that_raises_ends_the_program(tmp_path: Path):
    script = SCRIPT + "\n@events.init.add_listener\ndef broken(**kwargs):\n    raise ValueError('in init')\n"
    result = run(tmp_path, "--headless", "-t", "1", script=script)
    assert result.returncode == 1
    assert "Uncaught exception in event handler" in result.stderr and "ValueError: in init" in result.stderr
    assert "Ramping" not in result.stderr


def test_the_original_beside_us_is_refused(tmp_path: Path):
    (tmp_path / "beside" / "locust-2.47.0.dist-info").mkdir(parents=True)
    (tmp_path / "beside" / "locust-2.47.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: locust\nVersion: 2.47.0\n"
    )
    result = run(tmp_path, "--headless", PYTHONPATH=str(tmp_path / "beside"))
    assert result.returncode == 1
    assert "the original locust 2.47.0 is installed in this environment too" in result.stderr


# ------------------------------------------------------------------------------------------------- runs


def test_a_run_ends_with_its_tables(tmp_path: Path):
    result = run(tmp_path, "--headless", "-u", "2", "-r", "10", "-t", "1s", "Talker")
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    assert log_of(result.stderr) == [
        "INFO/locust.main: Starting Locust 2.47.0",
        "INFO/locust.main: Run time limit set to 1 seconds",
        "INFO/locust.runners: Ramping to 2 users at a rate of 10.00 per second",
        'INFO/locust.runners: All users spawned: {"Talker": 2} (2 total users)',
        "INFO/locust.main: --run-time limit reached, shutting down",
        "INFO/locust.main: Shutting down (exit code 0)",
    ]
    after = result.stderr.partition("Shutting down")[2]
    assert after.count("         Aggregated") == 2
    assert "Response time percentiles (approximated)" in after
    assert "Error report" not in after


def test_the_run_time_is_never_cut_short(tmp_path: Path):
    # From the order to start: on a busy machine the line that announces it, and `test_start`, may come milliseconds later.
    script = SCRIPT + (
        "\nimport time\nfrom locust._run_time import RunTime\n"
        "began = []\nbegin = RunTime.__init__\n"
        "def timed(self, *given):\n    began.append(time.monotonic())\n    begin(self, *given)\n"
        "RunTime.__init__ = timed\n"
        "@events.test_stopping.add_listener\ndef end(environment, **kwargs):\n"
        "    print(time.monotonic() - began[0])\n"
    )
    result = run(tmp_path, "--headless", "-t", "1s", "Talker", script=script)
    assert float(result.stdout) >= 1


def test_failures_set_the_exit_code(tmp_path: Path):
    result = run_briefly(tmp_path, "Noter")
    assert result.returncode == 1
    assert "Error report" in result.stderr and "ValueError('no paper')" in result.stderr
    assert "INFO/locust.main: Shutting down (exit code 1)" in log_of(result.stderr)
    assert run_briefly(tmp_path, "--exit-code-on-error", "7", "Noter").returncode == 7


def test_a_listener_that_raises_makes_it_two_unless_the_script_decides(tmp_path: Path):
    raising = SCRIPT + "\n@events.test_start.add_listener\ndef broken(**kwargs):\n    raise ValueError('x')\n"
    assert run_briefly(tmp_path, "Talker", script=raising).returncode == 2
    deciding = (
        raising
        + "\n@events.quitting.add_listener\ndef decide(environment, **kwargs):\n    environment.process_exit_code = 42\n"
    )
    assert run_briefly(tmp_path, "Talker", script=deciding).returncode == 42


def test_json_goes_to_stdout_and_leaves_the_tables_alone(tmp_path: Path):
    result = run_briefly(tmp_path, "--json", "--json-file", "out/result", "Talker")
    assert result.returncode == 0, result.stderr
    [entry] = json.loads(result.stdout)
    assert (entry["name"], entry["method"]) == ("talk", "TALK") and entry["num_requests"] > 0
    assert json.loads((tmp_path / "out" / "result.json").read_text()) == [entry]
    final = result.stderr.partition("Shutting down")[2]
    assert re.search(rf"^TALK +talk +{entry['num_requests']} ", final, re.MULTILINE)


def test_json_is_all_there_is_without_a_log(tmp_path: Path):
    result = run_briefly(tmp_path, "--json", "--skip-log", "Talker")
    assert result.returncode == 0 and result.stderr == ""
    assert json.loads(result.stdout)[0]["num_requests"] > 0


def test_the_name_of_the_json_file_gets_its_ending_whatever_it_is(tmp_path: Path):
    result = run_briefly(tmp_path, "--json-file", "out.json", "Talker")
    assert result.returncode == 0 and (tmp_path / "out.json.json").exists()
    assert " Aggregated " in result.stderr.split("Shutting down")[1]


def test_csv_files_hold_the_last_request(tmp_path: Path):
    result = run(
        tmp_path, "--headless", "-u", "2", "-r", "10", "-t", "1s", "--csv", "dir/x", "--only-summary"
    )
    with open(tmp_path / "dir" / "x_stats.csv", newline="") as file:
        total = list(csv.DictReader(file))[-1]
    final = re.search(r"^ +Aggregated +(\d+) ", result.stderr, re.MULTILINE)
    assert final is not None and total["Name"] == "Aggregated" and total["Request Count"] == final[1]


def test_only_the_summary(tmp_path: Path):
    result = run_briefly(tmp_path, "--only-summary", "Talker")
    assert result.stderr.count("# fails") == 1
    assert run(tmp_path, "--headless", "-t", "3s", "Talker").stderr.count("# fails") >= 3


def test_tags_choose_tasks(tmp_path: Path):
    for options, done in (
        (["-E", "quiet"], {"talk"}),
        (["-T", "loud"], {"talk"}),
        (["-T", "quiet"], {"note"}),
    ):
        result = run_briefly(tmp_path, "-u", "2", "-r", "9", "--json", *options)
        assert {entry["name"] for entry in json.loads(result.stdout)} == done


def test_user_classes_run_in_the_order_given(tmp_path: Path):
    script = (
        SCRIPT
        + "\n@events.init.add_listener\ndef show(environment, **kwargs):\n    print([c.__name__ for c in environment.user_classes])\n"
    )
    for names in (["Noter", "Talker"], ["Talker", "Noter"]):
        assert run_briefly(tmp_path, *names, script=script).stdout == f"{names}\n"


def test_user_settings_change_classes(tmp_path: Path):
    script = (
        SCRIPT + "\n@events.init.add_listener\ndef show(**kwargs):\n    print(Talker.weight, Talker.host)\n"
    )
    settings = '{"user_class_name": "Talker", "weight": 5, "host": "http://h"}'
    result = run_briefly(tmp_path, "--config-users", settings, "--only-summary", script=script)
    assert result.stdout == "5 http://h\n"


def test_equal_weights_are_given_after_the_listeners_of_the_script(tmp_path: Path):
    script = SCRIPT.replace("@task\n", "@task(7)\n") + (
        "\n@events.init.add_listener\ndef show(**kwargs):\n    Talker.weight = 9\n"
        "\n@events.test_start.add_listener\ndef later(**kwargs):\n    print(Talker.weight, len(Noter.tasks))\n"
    )
    assert run_briefly(tmp_path, "--equal-weights", script=script).stdout == "1 1\n"


def test_custom_options_reach_the_script_from_everywhere(tmp_path: Path):
    script = SCRIPT + (
        "\n@events.init_command_line_parser.add_listener\ndef options(parser, **kwargs):\n"
        "    parser.add_argument('--shop', env_var='SHOP', default='none', is_secret=True)\n"
        "\n@events.init.add_listener\ndef show(environment, **kwargs):\n    print(environment.parsed_options.shop)\n"
    )
    assert run_briefly(tmp_path, "Talker", script=script).stdout == "none\n"
    assert run_briefly(tmp_path, "Talker", "--shop", "a", script=script).stdout == "a\n"
    assert run_briefly(tmp_path, "Talker", script=script, SHOP="b").stdout == "b\n"
    (tmp_path / "locust.conf").write_text("shop = c\n")
    assert run_briefly(tmp_path, "Talker", script=script).stdout == "c\n"


def test_a_shape_decides_when_the_run_ends(tmp_path: Path):
    script = SCRIPT + (
        "\nfrom locust import LoadTestShape\nclass Short(LoadTestShape):\n"
        "    def tick(self):\n        return (1, 10) if self.get_run_time() < 1 else None\n"
    )
    result = run(tmp_path, "--headless", "-u", "5", "-t", "1h", "Talker", script=script)
    assert result.returncode == 0
    log = log_of(result.stderr)
    assert "WARNING/locust.main: The following option(s) will be ignored: --users, --run-time" in log
    assert "INFO/locust.main: Shape test completed, shutting down" in log
    assert "Run time limit" not in result.stderr


def test_too_many_fixed_users_are_mentioned(tmp_path: Path):
    script = SCRIPT.replace("class Talker(User):", "class Talker(User):\n    fixed_count = 3")
    result = run_briefly(tmp_path, "-u", "2", "-r", "9", "Talker", script=script)
    assert (
        "Total fixed_count of User classes (3) is greater than the specified number of users (2)"
        in result.stderr
    )


def test_the_limit_of_open_files_is_raised_as_far_as_the_system_allows(tmp_path: Path):
    script = """
import resource

@events.test_start.add_listener
def show(**_):
    print("LIMITS", *resource.getrlimit(resource.RLIMIT_NOFILE), flush=True)
"""
    (tmp_path / "locustfile.py").write_text(SCRIPT + script + BRIEF)
    # Beyond Locust's 10,000 where the system has that many.
    hard = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 12_000)
    done = subprocess.run(
        [locust_command(), "--headless", "Talker"],
        cwd=tmp_path,
        env=clean_environment(HOME=str(tmp_path)),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert f"LIMITS {hard} {hard}\n" in done.stdout and done.returncode == 0, done.stdout + done.stderr
