"""The parser beyond the golden cases: the table it is made of, and what scripts and plugins add."""

from __future__ import annotations

import argparse
import io
import random
import re
from collections.abc import Iterator
from pathlib import Path

import configargparse
import pytest

import locust
from locust import argument_parser
from locust.argument_parser import (
    LocustConfigParser,
    LocustTomlConfigParser,
    default_args_dict,
    get_parser,
    json_user_config,
    parse_options,
    ui_extra_args_dict,
)
from locust.cli.table import exit_code, table
from locust.event import Events


@pytest.fixture(autouse=True)
def fresh_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No configuration files, no listeners of other tests."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(locust, "events", Events())
    yield


def add(*args: object, **kwargs: object) -> None:
    @locust.events.init_command_line_parser.add_listener
    def listener(parser: argparse.ArgumentParser, **_: object) -> None:
        parser.add_argument(*args, **kwargs)


def test_every_option_of_the_table_is_in_the_parser_and_nothing_else():
    flags = {flag for action in get_parser()._actions for flag in action.option_strings}
    assert flags == {flag for option in table().options for flag in option.flags}


def test_help_has_every_visible_option_with_its_placeholder_in_the_order_of_the_table():
    shown = get_parser().format_help()
    position = 0
    for option in table().options:
        if option.help is None:
            assert not any(re.search(rf"{flag}\b(?!-)", shown) for flag in option.flags)
        elif option.flags:
            position = shown.index(f"  {option.flags[0]}", position)
    titles = [group.title + ":" for group in table().groups]
    assert [line for line in shown.splitlines() if line in titles] == titles


def test_help_and_version_need_no_locustfile(capsys: pytest.CaptureFixture[str]):
    for flag, start in (
        ("--help", "Usage: locust [options] [UserClass ...]"),
        ("-V", f"locust {locust.__version__} from "),
    ):
        with pytest.raises(SystemExit) as stopped:
            argument_parser.parse_locustfile_option([flag])
        assert stopped.value.code == exit_code("OK")
        assert capsys.readouterr().out.startswith(start)


def test_text_that_is_no_number_is_called_so(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stopped:
        get_parser().parse_args(["-r", "abc"])
    assert stopped.value.code == exit_code("USAGE")
    assert "argument -r/--spawn-rate: invalid float value: 'abc'" in capsys.readouterr().err


def test_a_key_of_a_file_that_is_nearly_right_is_suggested_too(capsys: pytest.CaptureFixture[str]):
    Path("locust.conf").write_text("userz = 3\n")
    with pytest.raises(SystemExit):
        get_parser().parse_args([])
    said = capsys.readouterr().err
    assert "locust.conf:1: no option has the key 'userz'. Did you mean 'users'?" in said


def test_custom_options_say_how_the_web_ui_shows_them():
    add("--plain", default="p", help="some help")
    add("--hidden", include_in_web_ui=False)
    add("--token", is_secret=True, is_required=True)
    add("--many", is_multiple=True, choices=["x", "y"], default="x")
    shown = ui_extra_args_dict([])
    assert shown.keys() == {"plain", "token", "many"}
    assert shown["plain"] == {
        "default_value": "p",
        "is_secret": False,
        "is_required": False,
        "help_text": "some help",
        "is_multiple": False,
        "choices": None,
    }
    assert shown["token"]["is_secret"] and shown["token"]["is_required"]
    assert shown["many"]["is_multiple"] and shown["many"]["choices"] == ["x", "y"]


def test_options_in_groups_take_the_same_keywords_and_stay_out_of_the_web_ui_without_them():
    @locust.events.init_command_line_parser.add_listener
    def listener(parser: argparse.ArgumentParser, **_: object) -> None:
        group = parser.add_argument_group("mine", "about mine")
        group.add_argument("--silent", env_var="SILENT", default="s")
        group.add_argument("--loud", is_secret=True)

    assert ui_extra_args_dict([]).keys() == {"loud"}
    assert "mine:\n  about mine" in get_parser().format_help()


def test_an_option_in_a_group_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch):
    @locust.events.init_command_line_parser.add_listener
    def listener(parser: argparse.ArgumentParser, **_: object) -> None:
        parser.add_argument_group("mine").add_argument("--silent", env_var="SILENT")

    monkeypatch.setenv("SILENT", "quiet")
    assert get_parser().parse_args([]).silent == "quiet"


def test_a_plugin_finds_a_group_by_its_title():
    titles = [group.title for group in get_parser()._action_groups]
    assert "Request statistics options" in titles and "Common options" in titles


def test_defaults_ignore_files_since_these_may_hold_options_of_scripts():
    Path("locust.conf").write_text("users = 3\nshop = b\n")
    defaults = default_args_dict()
    assert defaults["num_users"] is None and "shop" not in defaults


def test_where_values_come_from_is_known(monkeypatch: pytest.MonkeyPatch):
    Path("locust.conf").write_text("web-port = 1\nusers = 3\n")
    monkeypatch.setenv("LOCUST_MASTER_BIND_PORT", "2")
    parser = get_parser()
    parser.parse_args(["--users", "4", "--expect-workers", "2"])
    indirect = parser.dests_from_files_and_environment()
    assert {"web_port", "master_bind_port"} <= indirect
    assert not {"num_users", "expect_workers", "host"} & indirect


def test_parse_options_is_deprecated_and_works(capsys: pytest.CaptureFixture[str]):
    assert parse_options(["-u", "3"]).num_users == 3
    assert "deprecated" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        parse_options(["--csv-full-history"])


def test_user_settings_may_not_be_something_else_than_objects():
    for text in ("3", '"user_class_name"', "[1]", '[["user_class_name"]]', "null"):
        with pytest.raises(argparse.ArgumentTypeError, match="user_class_name"):
            json_user_config(text)


def named(text: str, name: str) -> io.StringIO:
    stream = io.StringIO(text)
    stream.name = name
    return stream


def test_toml_reads_the_first_section_that_is_there():
    parse = LocustTomlConfigParser(["tool.first", "tool.second"]).parse
    assert parse(named("[tool.second]\na = 1\nb = [1, 2]\nc = true", "x.toml")) == {
        "a": "1",
        "b": [1, 2],
        "c": "True",
    }
    assert parse(named("[other]\na = 1", "x.toml")) == {}
    with pytest.raises(configargparse.ConfigFileParserException):
        parse(named("[other]\na = 1", "x.conf"))
    with pytest.raises(configargparse.ConfigFileParserException, match="Couldn't parse TOML file"):
        parse(named("[tool.first", "x.toml"))


def test_a_file_that_is_not_text_is_refused_with_a_message(capsys: pytest.CaptureFixture[str]):
    for name in ("odd.conf", "odd.toml"):
        Path(name).write_bytes(b"\xff\xfe\x00host = x")
        with pytest.raises(SystemExit) as stopped:
            get_parser().parse_args(["--config", name])
        assert stopped.value.code == exit_code("USAGE")
        assert "error: " in capsys.readouterr().err


def test_no_configuration_file_crashes_the_parser():
    """Whatever is in a file, it is read or refused: never another exception."""
    dice = random.Random(20261123)
    pieces = [
        "users",
        "host",
        "tags",
        "headless",
        "=",
        ":",
        " ",
        "\n",
        "[",
        "]",
        ",",
        '"',
        "'",
        "#",
        ";",
        "--",
        "é",
        "\\",
    ]
    pieces += ["[tool.locust]\n", "true", "1", "\t", "{", "}", "\x00", "a.b", "-u", "[[", "]]", '"""']
    for _ in range(3000):
        text = "".join(dice.choices(pieces, k=dice.randrange(1, 25)))
        for name in ("locust.conf", "pyproject.toml"):
            try:
                settings = LocustConfigParser().parse(named(text, name))
            except configargparse.ConfigFileParserException:
                continue
            assert all(isinstance(key, str) for key in settings)


def test_every_variable_that_the_sources_name_is_in_the_table():
    package = Path(argument_parser.__file__).resolve().parent
    named = {
        name
        for path in package.rglob("*.py")
        for name in re.findall(r"""["'`](LOCUST_[A-Z_]+)["'`]""", path.read_text(encoding="utf-8"))
    }
    # A state of users, not a variable.
    assert {name for name in named if not name.startswith("LOCUST_STATE_")} <= set(table().env_vars)
    assert "LOCUST_SKIP_MONKEY_PATCH" in named


def test_options_that_locust_does_not_have_give_way_to_those_of_scripts():
    @locust.events.init_command_line_parser.add_listener
    def options_of_a_script(parser: argparse.ArgumentParser, **_: object) -> None:
        parser.add_argument("--no-store", default="nothing")
        parser.add_argument_group("Mine").add_argument("--junit", dest="mine", default="nothing")

    options = get_parser().parse_args(["--no-store", "here", "--junit", "there"])
    assert (options.no_store, options.mine, options.junit_file) == ("here", "there", None)


def test_options_of_locust_do_not():
    parser = get_parser()
    for container in (parser, parser.add_argument_group("Mine")):
        with pytest.raises(argparse.ArgumentError, match="conflicting option string: --users"):
            container.add_argument("--users")


def test_an_abbreviation_means_what_it_means_in_locust(capsys: pytest.CaptureFixture[str]):
    assert get_parser().parse_args(["--st", "5"]).stop_timeout == 5
    assert get_parser().parse_args(["--web-o"]).web_open is True
    with pytest.raises(SystemExit):
        get_parser().parse_args(["--s", "5"])
    ours = {flag for option in table().options if option.ours for flag in option.flags}
    told = capsys.readouterr().err
    assert "ambiguous option: --s could match --spawn-rate, --slave" in told
    assert not [flag for flag in ours if flag in told]


def test_each_number_that_is_too_small_is_told_of_under_its_own_name(capsys: pytest.CaptureFixture[str]):
    # The words of `--expect-workers` are Locust's; no other option may be told of with them.
    for option in table().options:
        if option.kind not in ("positive_integer", "worker_count"):
            continue
        with pytest.raises(SystemExit):
            get_parser().parse_args([option.long_flag, "0"])
        said = capsys.readouterr().err
        assert f"argument {option.long_flag}: " in said
        other = set(re.findall(r"--[a-z-]+", said.partition(f"argument {option.long_flag}: ")[2])) - {
            option.long_flag
        }
        assert not other, said
