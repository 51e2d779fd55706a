"""What was mistyped is answered with what may have been meant, and where it stands."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from locust._version import gregaria_version
from locust.cli import nearest
from locust.cli.help import version_line
from servers import run_locust

SCRIPT = """from locust import User

class Shopper(User):
    tasks = [lambda user: None]

class Visitor(Shopper):
    pass
"""


@pytest.mark.parametrize(
    ("words", "files", "code", "said"),
    [
        (
            ["Shoper"],
            {},
            1,
            ["Unknown User(s): Shoper", "Did you mean 'Shopper'?", "There are: Shopper, Visitor"],
        ),
        (["Nothing"], {}, 1, ["Unknown User(s): Nothing", "There are: Shopper, Visitor"]),
        (
            ["--config", "my.conf", "--list"],
            {"my.conf": "# how many\nheadless\nusres = 3\n"},
            2,
            [
                "unrecognized arguments: --usres=3",
                "my.conf:3: no option has the key 'usres'. Did you mean 'users'?",
            ],
        ),
        (
            ["--list"],
            {"pyproject.toml": '[tool.locust]\n"run-tme" = "5s"\n'},
            2,
            ["--run-tme=5s", "pyproject.toml:2: no option has the key 'run-tme'. Did you mean 'run-time'?"],
        ),
        # For argparse a word with a blank in it is no option, so it is a User class, as with Locust; but gates are not to be lost.
        (
            ["--list"],
            {"locust.conf": "thresholds = fail_ratio < 1%\n"},
            2,
            ["error: locust.conf:1: no option has the key 'thresholds'. Did you mean 'threshold'?"],
        ),
        (
            ["--list"],
            {"pyproject.toml": '[tool.locust]\nthresholds = ["fail_ratio < 1%", "p95 < 3"]\n'},
            2,
            ["error: ", "pyproject.toml:2: no option has the key 'thresholds'. Did you mean 'threshold'?"],
        ),
        (
            ["--headless"],
            {"locust.conf": "hots = a b\n"},
            1,
            [
                "Unknown User(s): --hots=a b",
                "locust.conf:1: no option has the key 'hots'. Did you mean 'host'?",
            ],
        ),
    ],
)
def test_what_was_mistyped_is_answered_with_what_there_is(
    tmp_path: Path, words: list[str], files: dict[str, str], code: int, said: list[str]
):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    result = run_locust(*words, folder=tmp_path, locustfile=SCRIPT)
    assert result.returncode == code
    for line in said:
        assert line in result.stderr


def test_a_subcommand_is_not_taken_for_a_user_class(capsys: pytest.CaptureFixture[str]):
    from locust.cli import subcommands

    with pytest.raises(SystemExit) as end:
        subcommands.find(["/usr/bin/gregaria", "chek", "ok.py"])
    assert end.value.code == 2
    assert (
        capsys.readouterr().err == "gregaria: error: there is no subcommand 'chek'. Did you mean 'check'?\n"
    )
    for words in (
        ["gregaria", "Check"],
        ["gregaria", "-f", "chek"],
        ["locust", "chek"],
        ["gregaria", "shopper"],
    ):
        assert subcommands.find(words) is None


def test_the_version_is_that_of_the_program_that_was_asked(monkeypatch: pytest.MonkeyPatch):
    from locust import __version__

    monkeypatch.setattr(sys, "argv", ["/usr/bin/locust", "-V"])
    assert version_line().startswith(f"locust {__version__} from ")
    monkeypatch.setattr(sys, "argv", ["/usr/bin/gregaria", "-V"])
    line = version_line()
    assert line.startswith(f"gregaria {gregaria_version}, compatible with locust {__version__}, from ")


def test_a_line_is_found_however_it_is_written(tmp_path: Path):
    file = tmp_path / "x.conf"
    file.write_text("# users\nusers-x = 1\n--users: 3\n'spawn-rate' 4\nheadless\n")
    found = [nearest.line_of(str(file), key) for key in ("users", "spawn-rate", "headless", "nothing")]
    assert found == [3, 4, 5, None]
    assert nearest.line_of(str(tmp_path / "none"), "users") is None
    assert nearest.listed(map(str, range(100, 125))).endswith("119 and 5 more")
