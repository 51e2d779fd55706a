"""What the start form draws before a test is read out of what classes hold, and nothing of a script is called for it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from locust import LoadTestShape, User
from locust._web.shapes import arrival_plan, shape_plans
from locust.cli import arrivals
from locust.env import Environment
from servers import ROOT, clean_environment


def stage(duration, users, rate=None):
    return {"duration": duration, "users": users} | ({} if rate is None else {"spawn_rate": rate})


def plan(**held):
    class Shape(LoadTestShape):
        def tick(self):
            raise AssertionError("it was asked")

    for name, value in held.items():
        setattr(Shape, name, value)
    return shape_plans(Environment(available_shape_classes={"Shape": Shape()}))["Shape"]


@pytest.mark.parametrize(
    ("stages", "points", "durations"),
    [
        # Locust's examples: each duration is the moment at which the stage is over.
        ([stage(60, 10, 10), stage(100, 50, 5)], [[0, 0], [1, 10], [60, 10], [68, 50], [100, 50]], "ends"),
        # Durations that do not grow can only be lengths.
        ([stage(60, 10, 10), stage(60, 0, 1)], [[0, 0], [1, 10], [60, 10], [70, 0], [120, 0]], "lengths"),
        # Over before all users are there; the next stage begins from where it was.
        ([stage(10, 100, 2), stage(20, 10, 5)], [[0, 0], [10, 20], [12, 10], [20, 10]], "ends"),
        # Without a rate: at once.
        ([stage(10, 5)], [[0, 0], [0, 5], [10, 5]], "ends"),
        (tuple([stage(10, 0.5, 1)]), [[0, 0], [0.5, 0.5], [10, 0.5]], "ends"),
    ],
)
def test_stages_in_locusts_usual_form_are_drawn(stages, points, durations):
    found = plan(stages=stages)
    assert (found["points"], found["durations"]) == (points, durations)


class Sly(list):
    def __iter__(self):
        raise AssertionError("it was asked")


class SlyNumber(int):
    def __float__(self):
        raise AssertionError("it was asked")


@pytest.mark.parametrize(
    "stages",
    [
        None, [], ((4, 5), (8, 20)), "stages", {"duration": 1}, [stage("1m", 5, 1)], [stage(True, 5, 1)], [stage(-1, 5, 1)],
        [stage(float("nan"), 5, 1)], [stage(1, 5, 0)], [{}], [None], [stage(i + 1, 1, 1) for i in range(501)], Sly([stage(1, 1, 1)]),
        [stage(SlyNumber(1), 1, 1)], property(lambda self: 1 / 0), lambda self: 1 / 0,
    ],
)  # fmt: skip
def test_what_is_no_usual_stages_is_not_drawn_and_not_asked(stages):
    assert plan(stages=stages, time_limit=600)["points"] == []


def test_a_limit_and_a_docstring_are_told_and_nothing_is_made_up():
    found = plan(time_limit=600, __doc__="  One.\n\n    Two.\n  ")
    assert (found["time_limit"], found["doc"]) == (600, "One.\n\nTwo.")
    for limit in (None, 0, -5, "600", True, SlyNumber(600), property(lambda self: 1 / 0)):
        assert plan(time_limit=limit)["time_limit"] is None
    # Ours is not the script's.
    assert plan()["doc"] == ""


def test_an_instance_says_more_than_its_class():
    class Shape(LoadTestShape):
        stages = [stage(10, 1, 1)]

        def __init__(self):
            super().__init__()
            self.stages = [stage(20, 2, 1)]

        def tick(self):
            raise AssertionError("it was asked")

    followed = shape_plans(Environment(shape_class=Shape()))
    assert followed["Shape"]["points"] == [[0, 0], [2, 2], [20, 2]]


def users(**rates):
    def t(self):
        pass

    classes = []
    for name, rate in rates.items():
        settings = {} if rate is None else {"gregaria": {"arrival_rate": rate}}
        classes.append(type(name, (User,), {"tasks": [t], **settings}))
    return classes


@pytest.mark.parametrize(
    ("option", "classes", "points", "ends_at"),
    [
        ("200", users(A=None), [[0, 200]], None),
        ("0->50 in 1m, 50 for 2m", users(A=None), [[0, 0], [60, 50], [180, 50], [180, 0]], 180),
        # Of two classes the sum, at the corners of both.
        (None, users(A="10 for 20s", B="0->10 in 10s, 4"), [[0, 10], [10, 20], [10, 14], [20, 14], [20, 4]], None),
        (None, users(A="5", B="7"), [[0, 12]], None),
    ],
)  # fmt: skip
def test_rates_of_arrivals_are_drawn_as_the_engine_reads_them(option, classes, points, ends_at):
    environment = Environment(user_classes=classes)
    options = type(
        "Options", (), {"arrival_rate": option, "arrivals": None, "num_users": None, "latency": None}
    )()
    environment._arrivals = arrivals.asked_for(options, classes, None)
    found = arrival_plan(environment)
    assert found["points"] == points
    assert found["ends_at"] == ends_at
    assert [name for rate in found["rates"] for name in rate["classes"]] == [
        user.__name__ for user in classes
    ]
    assert arrival_plan(Environment(user_classes=classes)) is None


KEYS_OF = """
import json
from locust import User, task
from locust.env import Environment
class U(User):
    @task
    def t(self): pass
environment = Environment(user_classes=[U])
environment.create_local_runner()
page = environment.create_web_ui("127.0.0.1", 0)
page.update_template_args()
print("keys", json.dumps(sorted(page.template_args)))
page.template_args["shape_plans"] = "mine"
print("kept", page.template_args["shape_plans"])
page.stop()
"""


def test_what_pages_are_told_beyond_locust_is_written_down() -> None:
    told = {}
    for name, python in (("real", ROOT / ".venv-oracle/bin/python"), ("ours", Path(sys.executable))):
        done = subprocess.run(
            [python, "-c", KEYS_OF], env=clean_environment(), capture_output=True, text=True, timeout=60
        )
        found = re.search(r"^keys (.*)$", done.stdout, re.MULTILINE)
        assert found and "kept mine" in done.stdout, done.stdout + done.stderr
        told[name] = set(json.loads(found[1]))
    assert told["real"] <= told["ours"]
    entries = tomllib.loads((ROOT / "compat/differences.toml").read_text())["difference"]
    (entry,) = (one for one in entries if one["id"] == "more-template-arguments")
    written = set(re.findall(r"`(\w+)`", entry["ours"])) - {"template_args"}
    assert told["ours"] - told["real"] == written
