"""The same script on real Locust's web interface and on ours: every endpoint, step by step, in shape and kind."""

from __future__ import annotations

import csv
import html
import io
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from web_runs import Answer, WebRun, embedded, oracle_command, shape

JSON_PATHS = ["/stats/requests", "/exceptions", "/tasks", "/logs", "/worker-count"]
CSV_PATHS = ["/stats/requests/csv", "/stats/failures/csv", "/exceptions/csv"]
# Both know no current percentiles (null) in the first two seconds of their statistics.
NO_PERCENTILES_YET = 2.5
# What the form refuses, and what else it answers. Later ones see what earlier ones have changed.
FORMS: list[tuple[str, Any]] = [
    ("nothing", {}),
    ("no rate", {"user_count": 3}),
    ("users in words", {"user_count": "three", "spawn_rate": 1}),
    ("half a user", {"user_count": "1.5", "spawn_rate": 1}),
    ("no users", {"user_count": "", "spawn_rate": 1}),
    ("negative users", {"user_count": -1, "spawn_rate": 1}),
    ("rate in words", {"user_count": 1, "spawn_rate": "fast"}),
    ("no rate at all", {"user_count": 1, "spawn_rate": 0}),
    ("nan", {"user_count": 1, "spawn_rate": "nan"}),
    ("inf", {"user_count": 1, "spawn_rate": "inf"}),
    ("run time in words", {"user_count": 1, "spawn_rate": 1, "run_time": "soon"}),
    ("run time with a blank", {"user_count": 1, "spawn_rate": 1, "run_time": "1 h"}),
    ("markup in the host", {"user_count": -1, "spawn_rate": 1, "host": "http://<b>a</b>"}),
    ("a custom option of another type", {"user_count": 1, "spawn_rate": 1, "basket": "many"}),
]


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WebRun, WebRun]]:
    """Real Locust and ours, with the same script."""
    command = oracle_command()
    theirs, ours = (tmp_path_factory.mktemp(name) for name in ("theirs", "ours"))
    arguments = ("--csv", "out/run", "--csv-full-history")
    for folder in (theirs, ours):
        (folder / "out").mkdir()
    with WebRun(theirs, *arguments, command=command) as original, WebRun(ours, *arguments) as own:
        time.sleep(NO_PERCENTILES_YET)
        yield original, own


def both(sides: tuple[WebRun, WebRun], *request: Any, **more: Any) -> tuple[Answer, Answer]:
    theirs, ours = (side.ask(*request, **more) for side in sides)
    return theirs, ours


def headers_that_matter(answer: Answer) -> dict[str, str]:
    kept = {
        name: answer.headers[name]
        for name in ("content-type", "content-disposition", "location")
        if name in answer.headers
    }
    return {name: without_what_varies(value) for name, value in kept.items()}


def without_what_varies(text: str) -> str:
    text = (
        re.sub(r"\d{4}-\d\d-\d\d-\d\dh\d\d", "WHEN", text).replace('"', "").replace("; filename", ";filename")
    )
    return re.sub(r"^http://127\.0\.0\.1:\d+", "", text)


def assert_alike(theirs: Answer, ours: Answer) -> None:
    assert ours.status == theirs.status, ours.text
    assert headers_that_matter(ours) == headers_that_matter(theirs)


def assert_same_json_shape(theirs: Answer, ours: Answer) -> None:
    assert_alike(theirs, ours)
    extra = set(ours.json()) - set(theirs.json()) if isinstance(ours.json(), dict) else set()
    # For the deployed exporters, which still read names of earlier versions.
    assert all(name.startswith("current_response_time_percentile_") for name in extra), extra
    mine = {key: value for key, value in ours.json().items() if key not in extra}
    assert shape(mine) == shape(theirs.json())


def check_all_endpoints(sides: tuple[WebRun, WebRun]) -> None:
    for path in JSON_PATHS:
        assert_same_json_shape(*both(sides, "GET", path))
    for path in CSV_PATHS:
        theirs, ours = both(sides, "GET", path)
        assert_alike(theirs, ours)
        rows = [list(csv.reader(io.StringIO(answer.text))) for answer in (theirs, ours)]
        assert rows[1][0] == rows[0][0] and {len(row) for row in rows[1]} == {len(row) for row in rows[0]}
        assert len(rows[1]) == len(rows[0]), path
        assert ours.text.endswith("\r\n") == theirs.text.endswith("\r\n")


def knows_everything(side: WebRun) -> bool:
    """All users are there, each name, failure and exception has come, and the rates and percentiles of now are known."""
    seen = side.get("/stats/requests").json()
    return (
        seen["state"] == "running"
        and len(seen["stats"]) == 4
        and len(seen["errors"]) == 1
        and all(row["current_rps"] for row in seen["stats"])
        and seen["stats"][-1]["current_fail_per_sec"] > 0
        and None not in seen["current_response_time_percentiles"].values()
        and len(side.get("/exceptions").json()["exceptions"]) == 1
    )


def test_everything_from_start_to_reset(sides: tuple[WebRun, WebRun]):
    check_all_endpoints(sides)

    form = {
        "user_count": 4,
        "spawn_rate": 4,
        "host": "http://example.test",
        "run_time": "1h",
        "basket": 5,
        "gift": "true",
    }
    theirs, ours = both(sides, "POST", "/swarm", form)
    assert_alike(theirs, ours)
    assert ours.body == theirs.body  # to the byte: key order, indentation, new line at the end
    for side in sides:
        side.wait_for(lambda side=side: knows_everything(side))
    check_all_endpoints(sides)

    theirs, ours = both(sides, "GET", "/stats/requests")
    for answer in (theirs, ours):
        names = [(row["method"], row["name"]) for row in answer.json()["stats"]]
        assert names == [("TALK", "before"), ("TALK", "note"), ("TALK", "talk"), ("", "Aggregated")]
        assert answer.json()["state"] == "running" and answer.json()["user_count"] == 4
    assert ours.json()["stats"][0]["min_response_time"] == theirs.json()["stats"][0]["min_response_time"]

    theirs, ours = both(sides, "GET", "/stats/requests_full_history/csv")
    assert_alike(theirs, ours)
    assert ours.text.splitlines()[0] == theirs.text.splitlines()[0]

    theirs, ours = both(sides, "POST", "/swarm", {"user_count": 2, "spawn_rate": 2})
    assert ours.body == theirs.body
    theirs, ours = both(sides, "POST", "/stop")
    assert_alike(theirs, ours)
    assert ours.body == theirs.body
    time.sleep(2.1)
    check_all_endpoints(sides)
    theirs, ours = both(sides, "POST", "/stats/reset")
    assert_alike(theirs, ours)
    assert ours.body == theirs.body == b"ok"
    time.sleep(2.1)
    check_all_endpoints(sides)


@pytest.mark.parametrize("form", [form for _, form in FORMS], ids=[name for name, _ in FORMS])
def test_the_form_refuses_the_same_in_the_same_words(sides: tuple[WebRun, WebRun], form: Any):
    theirs, ours = both(sides, "POST", "/swarm", form)
    assert_alike(theirs, ours)
    assert html.unescape(ours.text) == theirs.text


def test_json_is_no_form(sides: tuple[WebRun, WebRun]):
    theirs, ours = both(
        sides,
        "POST",
        "/swarm",
        body=b'{"user_count": 1, "spawn_rate": 1}',
        headers={"Content-Type": "application/json"},
    )
    assert_alike(theirs, ours)
    assert ours.body == theirs.body


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", "/nowhere"),
        ("GET", "/swarm"),
        ("POST", "/stats/requests"),
        ("GET", "/user"),
        ("DELETE", "/"),
        ("PUT", "/stop"),
    ],
)
def test_what_is_not_there_is_not_there(sides: tuple[WebRun, WebRun], method: str, path: str):
    theirs, ours = both(sides, method, path)
    assert_alike(theirs, ours)


@pytest.mark.parametrize("path", ["/", *JSON_PATHS, *CSV_PATHS])
def test_head_is_get_without_a_body(sides: tuple[WebRun, WebRun], path: str):
    theirs, ours = both(sides, "HEAD", path)
    assert_alike(theirs, ours)
    assert ours.body == b"" and int(ours.headers["content-length"]) > 0


def test_user_classes_are_changed_by_json(sides: tuple[WebRun, WebRun]):
    json_type = {"Content-Type": "application/json"}
    for body in (
        b'{"user_class_name": "Talker", "host": "http://other.test", "tasks": ["talk"]}',
        b'{"user_class_name": "Nobody"}',
    ):
        theirs, ours = both(sides, "POST", "/user", body=body, headers=json_type)
        assert_alike(theirs, ours)
        # Whatever somebody sends is text in our answer.
        assert html.unescape(ours.text) == theirs.text
    # What is no JSON is the sender's fault, not ours.
    for body in (b"no json", b"[]"):
        theirs, ours = both(sides, "POST", "/user", body=body, headers=json_type)
        assert (theirs.status, ours.status) == (500, 400) and "user_class_name" in ours.text


def test_the_page_is_filled_with_the_same_arguments(sides: tuple[WebRun, WebRun]):
    theirs, ours = both(sides, "GET", "/")
    assert ours.status == 200
    expected, found = embedded(theirs.text, "templateArgs"), embedded(ours.text, "templateArgs")
    assert expected.keys() <= found.keys()
    for key in expected.keys() - {"extra_options", "history", "version", "users"}:
        assert found[key] == expected[key], key
    assert shape(found["users"]) == shape(expected["users"])
    assert found["extra_options"].keys() == expected["extra_options"].keys()
    for name, option in found["extra_options"].items():
        more = option.keys() - expected["extra_options"][name].keys()
        assert more == ({"has_value"} if name == "password" else set())
    # It is what Locust puts into the page for everybody to read.
    assert expected["extra_options"]["password"]["default_value"] == "hunter2"
    assert found["extra_options"]["password"]["default_value"] == "" and "hunter2" not in ours.text


def test_the_report_has_the_arguments_of_the_original(sides: tuple[WebRun, WebRun]):
    theirs, ours = both(sides, "GET", "/stats/report?download=1&theme=dark")
    assert_alike(theirs, ours)
    expected, found = embedded(theirs.text, "templateArgs"), embedded(ours.text, "reportArgs")
    assert expected.keys() <= found.keys()
    for key in ("is_report", "show_download_link", "host", "locustfile", "profile", "percentiles_to_chart"):
        assert found[key] == expected[key], key
    for key in (
        "requests_statistics",
        "failures_statistics",
        "exceptions_statistics",
        "response_time_statistics",
    ):
        assert shape(found[key]) == shape(expected[key]), key
    assert found["tasks"].keys() == expected["tasks"].keys()


def test_login_without_logins_leads_to_the_page(sides: tuple[WebRun, WebRun]):
    assert_alike(*both(sides, "GET", "/login"))


def test_get_stops_and_resets_as_in_earlier_versions(sides: tuple[WebRun, WebRun]):
    theirs, ours = sides
    assert theirs.get("/stop").status == theirs.get("/stats/reset").status == 405
    assert ours.get("/stop").json() == {"message": "Test stopped", "success": True}
    assert ours.get("/stats/reset").body == b"ok"


def test_below_a_base_path(tmp_path: Path):
    arguments = ("--web-base-path", "/load/test")
    with (
        WebRun(tmp_path / "theirs", *arguments, command=oracle_command()) as theirs,
        WebRun(tmp_path / "ours", *arguments) as ours,
    ):
        sides = (theirs, ours)
        for path in ("/", "/load", "/load/test", "/load/test/login", "/stats/requests", "/load/test/nowhere"):
            assert_alike(*both(sides, "GET", path))
        time.sleep(NO_PERCENTILES_YET)
        for path in JSON_PATHS:
            assert_same_json_shape(*both(sides, "GET", f"/load/test{path}"))
        for answer in both(sides, "GET", "/load/test/"):
            assert answer.status == 200 and "./assets/" in answer.text
        theirs_said, ours_said = both(sides, "POST", "/load/test/swarm", {"user_count": 1, "spawn_rate": 1})
        assert ours_said.body == theirs_said.body
