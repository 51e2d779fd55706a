"""What could not pass, or would change nothing, is told before the run, with the place where it is asked for."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from locust import _engine
from servers import run_locust

SCRIPT = """
import os
from locust import LoadTestShape, User, constant, task
try:
    from locust import ArrivalRate
except ImportError:
    ArrivalRate = None

class Shopper(User):
    wait_time = constant(0.1)
    gregaria = eval(os.environ.get("OF_CLASS", "None"))

    @task
    def shop(self):
        fire = self.environment.events.request.fire
        fire(request_type="GET", name="/", response_time=1, response_length=1, exception=None, context={})

if os.environ.get("WITH_SHAPE"):
    class Steps(LoadTestShape):
        def tick(self):
            return None if self.get_run_time() > 2 else ArrivalRate(20)
"""

NO_SCREEN = ("--headless", "--only-summary")


def run(folder: Path, *arguments: str, **variables: str) -> tuple[int, str]:
    done = run_locust(*NO_SCREEN, *arguments, folder=folder, locustfile=SCRIPT, **variables)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"threshold": ["p95 < 1s"]}, ["gregaria['threshold'] means nothing. Did you mean 'thresholds'?"]),
        ({"arrival_rate": 5, "arrivals": "poisson"}, ["gregaria['arrivals'] means nothing."]),
        ({"thresholds": [], 7: "of my own"}, ["gregaria[7] means nothing. There are: arrival_rate, thresholds, warmup"]),
    ],
)  # fmt: skip
def test_a_key_of_a_class_that_means_nothing_is_refused(
    tmp_path: Path, settings: dict[Any, Any], words: list[str]
) -> None:
    code, out = run(tmp_path, "-t", "60", OF_CLASS=repr(settings))
    assert code == 2 and "error: Shopper." in out and "There are: arrival_rate, thresholds, warmup" in out, (
        out
    )
    assert all(word in out for word in words), out


@pytest.mark.parametrize("own", ["'x'", "[1]", "None", "7"])
def test_a_scripts_own_attribute_of_that_name_is_left_alone(tmp_path: Path, own: str) -> None:
    assert run(tmp_path, "-t", "1", OF_CLASS=own)[0] == 0


@pytest.mark.parametrize(
    ("rule", "mark"),
    [
        ("dropped < 1%", "    dropped < 1%\n    ^^^^^^^\n"),
        ("all: late<5% over 30s", "    all: late<5% over 30s\n         ^^^^\n"),
    ],
)
def test_a_threshold_on_arrivals_of_which_there_are_none_is_refused(
    tmp_path: Path, rule: str, mark: str
) -> None:
    began = time.monotonic()
    code, out = run(tmp_path, "-t", "60", "--threshold", rule)
    assert code == 2 and time.monotonic() - began < 30, out
    assert "error: --threshold: '" in out and "give --arrival-rate, or leave it out" in out and mark in out, (
        out
    )
    code, out = run(tmp_path, "-t", "60", OF_CLASS=repr({"thresholds": [rule]}))
    assert code == 2 and "error: Shopper.gregaria['thresholds']: '" in out, out


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        # It is about a name, and not about arrivals.
        (["-t", "1", "--threshold", "late: count >= 0, warn", "--threshold", "dropped < 1%, warn"], {}),
        (["-t", "2", "--threshold", "dropped <= 100%", "--arrival-rate", "20"], {}),
        (["-t", "2", "--threshold", "dropped <= 100%"], {"OF_CLASS": "{'arrival_rate': 20}"}),
        # Nobody knows what a shape will ask for.
        (["--threshold", "dropped <= 100%"], {"WITH_SHAPE": "1"}),
    ],
)
def test_one_that_may_have_data_is_tried(
    tmp_path: Path, arguments: list[str], variables: dict[str, str]
) -> None:
    code, out = run(tmp_path, *arguments, **variables)
    assert code == 0, out


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        (["--arrival-rate", "0->10/m in 1s"], {}, ["error: --arrival-rate: nothing would arrive", "0.083 of an", "the last stage"]),
        (["--arrival-rate", "0.0001", "-t", "2"], {}, ["0.0002 of an iteration", "(--run-time 2)"]),
        (["-t", "2"], {"OF_CLASS": "{'arrival_rate': '1/h'}"}, ["Shopper.gregaria['arrival_rate']: nothing would"]),
        (["-t", "2"], {"LOCUST_ARRIVAL_RATE": "1/h"}, ["error: LOCUST_ARRIVAL_RATE: nothing would arrive"]),
    ],
)  # fmt: skip
def test_a_rate_of_which_nothing_comes_is_refused(
    tmp_path: Path, arguments: list[str], variables: dict[str, str], words: list[str]
) -> None:
    code, out = run(tmp_path, *arguments, **variables)
    assert code == 2, out
    assert all(word in out for word in words), out


@pytest.mark.parametrize(
    ("rate", "until", "total"),
    [
        ("5", 10, 50),
        ("0->10 in 10s, 10", 10, 50),
        ("0->10 in 10s, 10", 5, 12.5),
        ("0->10 in 10s, 10", 12, 70),
        ("1 for 2s, 5 for 3s", 3, 7),
        ("0 for 5s, 3", 6, 3),
    ],
)
def test_the_sum_of_a_rate_is_the_area_below_its_curve(rate: str, until: float, total: float) -> None:
    assert _engine.arrivals_until(rate, until) == pytest.approx(total)


def test_half_an_iteration_is_one(tmp_path: Path) -> None:
    code, out = run(tmp_path, "--arrival-rate", "0.25 for 2s")
    assert code in (0, 2) and "nothing would arrive" not in out, out
    # Of those that come at random one may come early.
    code, out = run(tmp_path, "--arrival-rate", "0.1 for 1s", "--arrivals", "poisson")
    assert code == 0 and "nothing would arrive" not in out, out


def test_options_without_effect_are_told_with_where_they_come_from(tmp_path: Path) -> None:
    (tmp_path / "locust.conf").write_text("# of ours\nlatency = service\n")
    code, out = run(
        tmp_path, "-t", "1", "--run-time-from", "warmup-end", "--let-processors-sleep", LOCUST_ARRIVALS="poisson"
    )  # fmt: skip
    missing = "has no effect: iterations arrive at no rate (--arrival-rate)"
    assert code == 0, out
    for words in (
        f"WARNING/locust.main: --arrivals poisson (LOCUST_ARRIVALS) {missing}",
        f"WARNING/locust.main: --latency service (locust.conf:2: latency) {missing}",
        f"WARNING/locust.main: --let-processors-sleep {missing}",
        "--run-time-from warmup-end has no effect: there is no warm-up (--warmup)",
    ):
        assert out.count(words) == 1, (words, out)


def test_a_misspelt_variable_of_ours_is_told(tmp_path: Path) -> None:
    own = {"LOCUST_BASKET_SIZE": "3", "LOCUST_USER": "9", "LOCUST_MASTER_NODE": "a"}
    code, out = run(tmp_path, "-t", "1", LOCUST_THRESHOLD="fails > 9", LOCUST_WARM_UP="5", **own)
    assert code == 0, out
    for name in ("LOCUST_THRESHOLDS", "LOCUST_WARMUP"):
        assert f"has no effect: no option has this variable. Did you mean '{name}'?" in out, out
    assert out.count("has no effect") == 2, out


def test_of_options_that_have_an_effect_or_are_a_scripts_own_nothing_is_told(tmp_path: Path) -> None:
    options = ["--arrivals", "poisson", "--latency", "service", "--let-processors-sleep"]
    warm = ["--warmup", "1s", "--run-time-from", "warmup-end", "-t", "1"]
    code, out = run(tmp_path, "--arrival-rate", "20", *options, *warm)
    assert code == 0 and "has no effect" not in out, out
    code, out = run(tmp_path, *options, WITH_SHAPE="1")
    assert code == 0 and "has no effect" not in out, out
    own = "from locust import events\n@events.init_command_line_parser.add_listener\ndef add(parser):\n"
    script = f"{SCRIPT}\n{own}    parser.add_argument('--latency')\n"
    done = run_locust(*NO_SCREEN, "-t", "1", "--latency", "service", folder=tmp_path, locustfile=script)
    assert done.returncode == 0 and "has no effect" not in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("arguments", "files", "variables", "place"),
    [
        ([], {}, {"LOCUST_THRESHOLDS": "fail_ratio < 1%; p95x < 3"}, "LOCUST_THRESHOLDS: unknown metric"),
        ([], {}, {"LOCUST_ARRIVAL_RATE": "many"}, "LOCUST_ARRIVAL_RATE: here stands a rate"),
        ([], {"locust.conf": "\nthreshold = p95x < 3\n"}, {}, "locust.conf:2: threshold: unknown metric"),
        ([], {"locust.conf": "arrival-rate = many\n"}, {}, "locust.conf:1: arrival-rate: here stands a rate"),
        ([], {"pyproject.toml": "[tool.locust]\nthreshold = ['p95x < 3']\n"}, {}, "pyproject.toml:2: threshold: unknown"),
        (["--check-fail-ratio", "5"], {}, {}, "--check-fail-ratio: a ratio is from 0 to 1"),
        ([], {}, {"LOCUST_CHECK_FAIL_RATIO": "5"}, "LOCUST_CHECK_FAIL_RATIO: a ratio is from 0 to 1"),
        # The command line is what is taken, so it is what is wrong.
        (["--threshold", "p95x < 3"], {}, {"LOCUST_THRESHOLDS": "p95 < 3"}, "--threshold: unknown metric"),
        (["--threshold", "p95x < 3"], {"locust.conf": "threshold = p95 < 3"}, {}, "--threshold: unknown metric"),
        ([], {"pyproject.toml": "[tool.locust]\nthreshold = ['p95 < 3', 5]\n"}, {},
         "pyproject.toml:2: threshold is to be a list of texts, and 5 is none"),
        ([], {}, {"LOCUST_OUT": '["csv=a.csv", 5]'}, "LOCUST_OUT is to be a list of texts, and 5 is none"),
        (["-t", "9"], {}, {"LOCUST_WARMUP": "9"}, "LOCUST_WARMUP is 9 seconds and --run-time 9 ends the run"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_where_it_comes_from(
    tmp_path: Path, arguments: list[str], files: dict[str, str], variables: dict[str, str], place: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    code, out = run(tmp_path, "-t", "60", *arguments, **variables)
    assert code == 2 and f"error: {place}" in out, out


def test_a_rate_that_is_shared_out_among_classes_without_weight_is_refused(tmp_path: Path) -> None:
    nobody = '{"user_class_name": "Shopper", "weight": 0}'
    code, err = run(tmp_path, "--arrival-rate", "40", "-t", "1", "--config-users", nobody)
    assert code == 2 and "all of these are 0: nothing would arrive" in err, err
