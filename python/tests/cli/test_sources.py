"""Every option of the table from every place a value can come from: flag, variable, configuration files of both kinds."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from locust.argument_parser import get_parser
from locust.cli.table import Option, table

# What to write for each kind of value, and what it becomes.
VALUES: dict[str, tuple[str, Any]] = {
    "text": ("some-text", "some-text"),
    "integer": ("7", 7),
    "positive_integer": ("7", 7),
    "worker_count": ("7", 7),
    "positive_number": ("2.5", 2.5),
    "number": ("0.5", 0.5),
    "run_time_from": ("ramp-end", "ramp-end"),
    "arrivals": ("poisson", "poisson"),
    "latency": ("service", "service"),
    "io_threads": ("2", 2),
    "timespan": ("1m30s", 90),
    "log_level": ("debug", "DEBUG"),
    "user_config": ('{"user_class_name": "A"}', [{"user_class_name": "A"}]),
}
OPTIONS = [
    option
    for option in table().options
    if option.action in ("store", "store_many", "store_each", "store_true")
    and option.dest not in ("locustfile",)
]
WITH_VARIABLE = [option for option in OPTIONS if option.env]


def ids(option: Option) -> str:
    return option.dest


def written(option: Option) -> str:
    return VALUES[option.kind][0]


def expected(option: Option) -> Any:
    if option.action == "store_true":
        return True
    value = VALUES[option.kind][1]
    return [value] if option.action in ("store_many", "store_each") else value


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder and a home without configuration files, an environment without variables of Locust's."""
    for name in [name for name in os.environ if name.startswith("LOCUST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield


def parse(*arguments: str) -> dict[str, Any]:
    return vars(get_parser().parse_args(list(arguments)))


with mock.patch.dict(
    os.environ, {name: value for name, value in os.environ.items() if "LOCUST" not in name}, clear=True
):
    DEFAULTS = parse()


def changed(*arguments: str) -> dict[str, Any]:
    """What these arguments, and everything else that is there, have changed."""
    config = {"config"}
    return {
        key: value for key, value in parse(*arguments).items() if value != DEFAULTS[key] and key not in config
    }


@pytest.mark.parametrize("option", OPTIONS, ids=ids)
def test_by_each_of_its_flags(option: Option):
    for flag in option.flags:
        given = [flag] if option.action == "store_true" else [flag, written(option)]
        assert changed(*given) == {option.dest: expected(option)}
    if option.action == "store":
        assert changed(f"{option.long_flag}={written(option)}") == {option.dest: expected(option)}


@pytest.mark.parametrize("option", WITH_VARIABLE, ids=ids)
def test_by_its_variable(option: Option, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(option.env or "", "true" if option.action == "store_true" else written(option))
    assert changed() == {option.dest: expected(option)}


@pytest.mark.parametrize("option", [one for one in WITH_VARIABLE if one.action == "store_true"], ids=ids)
def test_a_switch_by_its_variable(option: Option, monkeypatch: pytest.MonkeyPatch):
    for word, on in (("TRUE", True), ("Yes", True), ("1", True), ("on", True), ("no", False), ("0", False)):
        monkeypatch.setenv(option.env or "", word)
        assert changed() == ({option.dest: True} if on else {})
    monkeypatch.setenv(option.env or "", "perhaps")
    with pytest.raises(SystemExit) as end, contextlib.redirect_stderr(io.StringIO()) as told:
        parse()
    assert end.value.code == 2 and option.env in told.getvalue()


@pytest.mark.parametrize(
    "option", [one for one in WITH_VARIABLE if one.action == "store_many" and one.kind == "text"], ids=ids
)
def test_a_list_by_its_variable(option: Option, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(option.env or "", "[a, b]")
    assert changed() == {option.dest: ["a", "b"]}
    monkeypatch.setenv(option.env or "", "a b")
    assert changed() == {option.dest: ["a b"]}


@pytest.mark.parametrize("option", OPTIONS, ids=ids)
@pytest.mark.parametrize("line", ["{key} = {value}", "{key}: {value}", "{key} {value}"])
def test_by_a_line_of_a_file(option: Option, line: str, tmp_path: Path):
    key = option.long_flag.lstrip("-")
    value = "true" if option.action == "store_true" else written(option)
    if option.kind == "user_config":
        (tmp_path / "users.json").write_text(value)
        value = "users.json"
    (tmp_path / "locust.conf").write_text(line.format(key=key, value=value) + "\n")
    assert changed() == {option.dest: expected(option)}


@pytest.mark.parametrize("option", OPTIONS, ids=ids)
def test_by_a_key_of_a_toml_file(option: Option, tmp_path: Path):
    key = option.long_flag.lstrip("-")
    if option.action == "store_true":
        value = "true"
    elif option.kind in ("integer", "positive_integer", "worker_count", "positive_number", "number"):
        value = written(option)
    else:
        value = f"'{written(option)}'"
    if option.action in ("store_many", "store_each"):
        value = f"[{value}]"
    (tmp_path / "pyproject.toml").write_text(f"[tool.locust]\n{key} = {value}\n")
    assert changed() == {option.dest: expected(option)}


@pytest.mark.parametrize("option", [one for one in OPTIONS if one.action == "store_true"], ids=ids)
def test_a_switch_of_a_file_may_be_bare_or_off(option: Option, tmp_path: Path):
    key = option.long_flag.lstrip("-")
    for line, on in ((key, True), (f"{key} = yes", True), (f"{key} = false", False)):
        (tmp_path / "locust.conf").write_text(line + "\n")
        assert changed() == ({option.dest: True} if on else {})


PLACES = [".locust.conf", "locust.conf", "pyproject.toml", "other.conf", "variable", "flag"]


@pytest.mark.parametrize("strongest", range(1, len(PLACES)))
def test_each_place_is_stronger_than_those_before(
    strongest: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    arguments: list[str] = []
    for number, place in enumerate(PLACES[: strongest + 1]):
        value = f"http://{number}"
        if place == "flag":
            arguments += ["--host", value]
        elif place == "variable":
            monkeypatch.setenv("LOCUST_HOST", value)
        elif place.endswith(".toml"):
            (tmp_path / place).write_text(f"[tool.locust]\nhost = '{value}'\n")
        else:
            (tmp_path / place).write_text(f"host = {value}\n")
            if place == "other.conf":
                arguments += ["--config", place]
    assert parse(*arguments)["host"] == f"http://{strongest}"


def test_a_shared_file_may_set_the_default_of_an_option_of_a_script(tmp_path: Path):
    from locust import events

    def add(parser: Any) -> None:
        parser.add_argument("--basket-size", type=int, default=1, env_var="BASKET_SIZE")

    events.init_command_line_parser.add_listener(add)
    try:
        (tmp_path / "locust.conf").write_text("basket-size = 5\n")
        assert parse()["basket_size"] == 5
        os.environ["BASKET_SIZE"] = "6"
        assert parse()["basket_size"] == 6
        assert parse("--basket-size", "7")["basket_size"] == 7
    finally:
        os.environ.pop("BASKET_SIZE", None)
        events.init_command_line_parser.remove_listener(add)


@pytest.mark.parametrize("name", ["locust.conf", "other.conf"])
def test_a_file_that_is_no_text_is_told_in_a_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / name).write_bytes("host = http://café\n".encode("latin-1"))
    with pytest.raises(SystemExit) as end:
        parse("--config", name)
    assert end.value.code == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1 and f"{name} is not UTF-8 text: " in told[0]


def test_a_file_that_cannot_be_opened_is_told_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "locust.conf").mkdir()
    with pytest.raises(SystemExit) as end:
        parse()
    assert end.value.code == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert "error: Unable to open config file: locust.conf. Error: " in told


def test_user_classes_come_from_the_end_of_the_line_or_a_variable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LOCUST_USER_CLASSES", " A  B ")
    assert parse()["user_classes"] == ["A", "B"]
    assert parse("-u", "1", "C")["user_classes"] == ["C"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('"/a;b": p95 < 3; fail_ratio < 1%', ['"/a;b": p95 < 3', "fail_ratio < 1%"]),
        ("fail_ratio < 1%;'/a;\"b': p95 < 3 ;", ["fail_ratio < 1%", "'/a;\"b': p95 < 3"]),
        # One that is not at the begin is part of a name, and one that is never closed is told.
        ("it's: p95 < 3; it's more: p95 < 3", ["it's: p95 < 3", "it's more: p95 < 3"]),
        ('"/a; p95 < 3', ['"/a', "p95 < 3"]),
        ("p95 < 3; ;;", ["p95 < 3"]),
    ],
)
def test_a_semicolon_in_quotation_marks_is_part_of_a_name(
    text: str, parts: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LOCUST_THRESHOLDS", text)
    assert changed() == {"thresholds": parts}
    monkeypatch.delenv("LOCUST_THRESHOLDS")
    (tmp_path / "locust.conf").write_text(f"threshold = {text}\n")
    assert changed() == {"thresholds": parts}


@pytest.mark.parametrize("values", ["5", "'p95 < 3', 5", "['p95 < 3']"])
def test_a_list_of_a_file_that_holds_no_texts_is_told_with_its_line(
    values: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "pyproject.toml").write_text(f"[tool.locust]\nheadless = true\nthreshold = [{values}]\n")
    with pytest.raises(SystemExit) as end:
        parse()
    assert end.value.code == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert "error: pyproject.toml:3: threshold is to be a list of texts, and " in told
