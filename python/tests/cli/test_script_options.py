"""Options of scripts, after the command line has been parsed: their listeners are not called again to learn of them."""

from __future__ import annotations

from pathlib import Path

import pytest

import locust
from locust.argument_parser import (
    LocustArgumentParser,
    get_empty_argument_parser,
    get_parser,
    setup_parser_arguments,
    ui_extra_args_dict,
)
from locust.cli import script_options
from locust.event import Events
from servers import run_locust

# Raised, an exception of a listener makes the exit code 2.
SCRIPT = """
from locust import User, constant, events, task

calls = []

@events.init_command_line_parser.add_listener
def options(parser):
    calls.append(1)
    if len(calls) > 1:
        raise RuntimeError("called again")
    parser.add_argument("--tenant", default="t1")
    parser.add_argument("--password", is_secret=True, default="")

class Talker(User):
    wait_time = constant(0.1)

    @task
    def talk(self):
        self.environment.events.request.fire(
            request_type="TALK", name="talk", response_time=1, response_length=3, exception=None, context={}
        )
"""


def complete_parser() -> LocustArgumentParser:
    parser = get_empty_argument_parser(default_config_files=())
    setup_parser_arguments(parser)
    return parser


def test_a_run_with_reports_and_a_kept_run_calls_the_listeners_once(tmp_path: Path):
    result = run_locust(
        *("--headless", "-t", "1s", "--html", "report.html", "--json-file", "numbers", "--csv", "numbers"),
        *("--junit", "junit.xml", "--summary-md", "summary.md", "--store-dir", "runs"),
        *("--tenant", "of the command line", "--password", "hunter2"),
        folder=tmp_path,
        locustfile=SCRIPT,
        LOCUST_NO_STORE="no",
    )
    assert (result.returncode, "called again" in result.stderr) == (0, False), result.stderr
    report = (tmp_path / "report.html").read_text()
    assert "of the command line" in report and "hunter2" not in report
    assert list((tmp_path / "runs").iterdir())


def test_what_scripts_added_is_told_from_what_the_program_has():
    parser = complete_parser()
    assert script_options.added_by_scripts(parser) == {}
    parser.add_argument("--tenant")
    group = parser.add_argument_group("shop")
    group.add_argument("--basket", is_secret=True)
    group.add_argument("--of-the-command-line-only")
    # Locust does not have this one, so it is the script's, and is shown as Locust would show it.
    parser.add_argument("--store-dir", default="mine")
    script_options.note(parser)
    try:
        assert script_options.script_options().keys() == {
            "tenant",
            "basket",
            "of_the_command_line_only",
            "store_dir",
        }
        assert script_options.shown_options().keys() == {"tenant", "basket", "store_dir"}
        assert script_options.secret_options().keys() == {"basket"}
    finally:
        script_options.note(complete_parser())


def test_what_a_listener_does_wrong_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    events = Events()
    monkeypatch.setattr(locust, "events", events)

    @events.init_command_line_parser.add_listener
    def options(parser: LocustArgumentParser) -> None:
        parser.add_argument("--users")

    @events.init_command_line_parser.add_listener
    def more(parser: LocustArgumentParser) -> None:
        raise RuntimeError("another one")

    get_parser(())
    # The page asks for the fields of scripts, as Locust does.
    ui_extra_args_dict([])
    said = [record.getMessage().splitlines()[-1] for record in caplog.records]
    assert said == [
        "argparse.ArgumentError: argument --users: conflicting option string: --users",
        "RuntimeError: another one",
    ]
