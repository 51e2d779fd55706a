"""Golden outputs of the command line parser.

Run with the interpreter of an environment that holds the original Locust 2.47 to (re)make `cli.json`::

    python compat/golden/cli.py > compat/golden/cli.json

`python/tests/cli/test_golden.py` runs the same file with this package installed and compares. Only facts are kept
(flags, keys, defaults, parsed values, error texts), no help texts: ours are our own.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
import tempfile
from typing import Any

# id -> (arguments, environment, files in the working directory; "~/x" goes to the home directory)
Case = tuple[list[str], dict[str, str], dict[str, str]]

CASES: dict[str, Case] = {
    "nothing": ([], {}, {}),
    "short options": (["-f", "a.py,b.py", "-H", "http://h", "-u", "5", "-r", "0.5", "-t", "90"], {}, {}),
    "short options glued to their values": (["-u5", "-r2", "-t1m", "-Lwarning"], {}, {}),
    "values with an equals sign": (["--users=5", "--run-time=1h1m1s", "--csv=x/y"], {}, {}),
    "abbreviations": (["--headles", "--skip-log", "--user", "3", "--spawn", "2"], {}, {}),
    "ambiguous abbreviation": (["--web"], {}, {}),
    "abbreviation ambiguous among master options": (["--master-"], {}, {}),
    "user classes at the end": (["--headless", "A", "B"], {}, {}),
    "user classes between options": (["A", "--headless", "-u", "1"], {}, {}),
    "tags swallow user classes": (["-T", "a", "b", "C"], {}, {}),
    "tags before another option": (["-T", "a", "-E", "b", "c", "--headless", "A"], {}, {}),
    "log level in any case": (["-L", "debug"], {}, {}),
    "unknown log level": (["-L", "loud"], {}, {}),
    "negative users": (["-u", "-5"], {}, {}),
    "users not whole": (["-u", "1.5"], {}, {}),
    "spawn rate zero": (["-r", "0"], {}, {}),
    "spawn rate negative": (["-r", "-1"], {}, {}),
    "spawn rate not finite": (["-r", "inf"], {}, {}),
    "run time of all parts": (["-t", "1h2m3s"], {}, {}),
    "run time of minutes beyond an hour": (["-t", "90m"], {}, {}),
    "run time empty": (["-t", ""], {}, {}),
    "run time with a fraction": (["-t", "1.5s"], {}, {}),
    "run time with a space": (["-t", "1m 30s"], {}, {}),
    "run time in days": (["-t", "1d"], {}, {}),
    "run time in the wrong order": (["-t", "1s1m"], {}, {}),
    "stop timeout as a time": (["-s", "1m5s"], {}, {}),
    "expect no workers": (["--expect-workers", "0"], {}, {}),
    "exit code": (["--exit-code-on-error", "7"], {}, {}),
    "value missing": (["--users"], {}, {}),
    "switch with a value": (["--headless=yes"], {}, {}),
    "unknown option": (["--frobnicate"], {}, {}),
    "unknown option near a known one": (["--headlesss"], {}, {}),
    "slave": (["--slave"], {}, {}),
    "expect slaves": (["--expect-slaves"], {}, {}),
    "legacy ui": (["--legacy-ui"], {}, {}),
    "web auth": (["--web-auth", "a:b"], {}, {}),
    "user settings as an object": (["--config-users", '{"user_class_name": "A", "weight": 3}'], {}, {}),
    "user settings as several": (
        ["--config-users", '[{"user_class_name": "A"}]', '{"user_class_name": "B"}'],
        {},
        {},
    ),
    "user settings from a file": (
        ["--config-users", "u.json"],
        {},
        {"u.json": '{"user_class_name": "A", "n": [1]}'},
    ),
    "user settings from a missing file": (["--config-users", "u.json"], {}, {}),
    "user settings not JSON": (["--config-users", "{"], {}, {}),
    "user settings without a class": (["--config-users", '{"weight": 1}'], {}, {}),
    "variables": (
        [],
        {
            "LOCUST_HOST": "http://env",
            "LOCUST_USERS": "7",
            "LOCUST_SPAWN_RATE": "1.5",
            "LOCUST_RUN_TIME": "2m",
            "LOCUST_HEADLESS": "true",
            "LOCUST_ONLY_SUMMARY": "1",
            "LOCUST_RESET_STATS": "off",
            "LOCUST_CSV": "c",
            "LOCUST_CSV_FULL_HISTORY": "YES",
            "LOCUST_LOGLEVEL": "error",
            "LOCUST_STOP_TIMEOUT": "5",
            "LOCUST_EXIT_CODE_ON_ERROR": "3",
            "LOCUST_LOCUSTFILE": "e.py",
        },
        {},
    ),
    "variable of a switch with nonsense": ([], {"LOCUST_HEADLESS": "perhaps"}, {}),
    "variable with a bad value": ([], {"LOCUST_USERS": "many"}, {}),
    "variable of a list as one text": ([], {"LOCUST_TAGS": "a b"}, {}),
    "variable of a list in brackets": ([], {"LOCUST_TAGS": "[a, b]", "LOCUST_EXCLUDE_TAGS": '["c"]'}, {}),
    "variable of a list empty": ([], {"LOCUST_TAGS": ""}, {}),
    "variable of user classes": ([], {"LOCUST_USER_CLASSES": "A  B"}, {}),
    "variable of user classes overridden": (["C"], {"LOCUST_USER_CLASSES": "A B"}, {}),
    "variable of user settings": ([], {"LOCUST_CONFIG_USERS": '[{"user_class_name": "A"}]'}, {}),
    "variable overridden": (["-u", "1"], {"LOCUST_USERS": "7"}, {}),
    "conf file": (
        [],
        {},
        {
            "locust.conf": "# comment\n; another\nheadless = true\nhost: http://conf\nusers 4\nonly-summary\n"
            "tags = [a, b]\nrun-time=30s\n"
        },
    ),
    "conf file with a switch off": ([], {}, {"locust.conf": "headless = false\nreset-stats = no\n"}),
    "conf file with an unknown key": ([], {}, {"locust.conf": "frobnicate = 1\n"}),
    "conf file with a short key": ([], {}, {"locust.conf": "u = 1\n"}),
    "conf file with a bad value": ([], {}, {"locust.conf": "users = many\n"}),
    "conf file with rubbish": ([], {}, {"locust.conf": "=\n"}),
    "conf file in the home directory": ([], {}, {"~/.locust.conf": "users = 2\nhost = http://home\n"}),
    "conf file beats the one at home": (
        [],
        {},
        {"~/.locust.conf": "users = 2\n", "locust.conf": "users = 3\n"},
    ),
    "pyproject beats conf file": (
        [],
        {},
        {"locust.conf": "users = 3\nhost = http://conf\n", "pyproject.toml": "[tool.locust]\nusers = 4\n"},
    ),
    "pyproject without a section": ([], {}, {"pyproject.toml": "[tool.other]\nx = 1\n"}),
    "pyproject with all types": (
        [],
        {},
        {
            "pyproject.toml": "[tool.locust]\nusers = 4\nspawn-rate = 0.5\nheadless = true\nreset-stats = false\n"
            'tags = ["a", "b"]\nhost = "http://toml"\n'
        },
    ),
    "pyproject with an unknown key": ([], {}, {"pyproject.toml": "[tool.locust]\nfrobnicate = 1\n"}),
    "config file beats pyproject": (
        ["--config", "more.conf"],
        {},
        {"more.conf": "users = 5\n", "pyproject.toml": "[tool.locust]\nusers = 4\nhost = 'http://toml'\n"},
    ),
    "config file in TOML": (["--config", "more.toml"], {}, {"more.toml": "[tool.locust]\nusers = 5\n"}),
    "config file missing": (["--config", "more.conf"], {}, {}),
    "variable beats config file": (["--config", "m.conf"], {"LOCUST_USERS": "6"}, {"m.conf": "users = 5\n"}),
    "command line beats all": (
        ["--config", "m.conf", "-u", "9"],
        {"LOCUST_USERS": "6"},
        {
            "m.conf": "users = 5\n",
            "locust.conf": "users = 3\n",
            "pyproject.toml": "[tool.locust]\nusers = 4\n",
        },
    ),
    "locustfile from a conf file": ([], {}, {"locust.conf": "locustfile = x.py\n"}),
    "custom option": (["--shop", "b"], {}, {}),
    "custom option from a variable": ([], {"SHOP": "b"}, {}),
    "custom option from a conf file": ([], {}, {"locust.conf": "shop = b\n"}),
    "custom option near a known one": (["--shob", "b"], {}, {}),
    "custom option with a wrong choice": (["--shop", "z"], {}, {}),
}


def describe_options() -> list[dict[str, Any]]:
    """Every option of the parser: all columns but the help text."""
    from locust.argument_parser import get_parser

    parser = get_parser(default_config_files=[])
    titles = {id(action): group.title for group in parser._action_groups for action in group._group_actions}
    described = [
        {
            "flags": action.option_strings,
            "dest": action.dest,
            "default": action.default,
            "nargs": action.nargs,
            "metavar": action.metavar,
            "choices": action.choices,
            "env": action.env_var,
            "hidden": action.help == argparse.SUPPRESS,
            "group": titles[id(action)],
            "in web ui": sorted(
                name
                for name in ("include_in_web_ui", "is_secret", "is_required", "is_multiple")
                if getattr(action, name, False)
            ),
        }
        for action in parser._actions
        if action.dest not in ("shop", "password")
    ]
    # In the order of --help; that of the parser's own list shows nowhere.
    return sorted(described, key=lambda option: option["group"])


def add_custom_options(parser: Any, **_kwargs: Any) -> None:
    """What a locustfile may add."""
    parser.add_argument("--shop", choices=["a", "b"], default="a", env_var="SHOP", help="where to buy")
    parser.add_argument("--password", is_secret=True, is_required=True, default="")


def run_case(case: Case) -> dict[str, Any]:
    """What both passes make of a case: the parsed values, or exit code and message."""
    import locust.argument_parser as subject

    arguments, environment, files = case
    stderr = io.StringIO()
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(place), contextlib.redirect_stderr(stderr):
        os.mkdir("home")
        for name, content in files.items():
            with open(name.replace("~", "home"), "w", encoding="utf-8") as file:
                file.write(content)
        for name in [name for name in os.environ if name.startswith("LOCUST_")]:
            del os.environ[name]
        os.environ.update(environment, HOME=os.path.join(place, "home"), COLUMNS="80")
        try:
            first = subject.parse_locustfile_option(args=arguments)
            values = vars(subject.get_parser().parse_args(args=arguments))
        except SystemExit as e:
            return {"exit": e.code, "stderr": stderr.getvalue()}
        finally:
            for name in environment:
                os.environ.pop(name, None)
    return {"first pass": first.locustfile, "values": values, "stderr": stderr.getvalue()}


def main() -> None:
    """Prints the results of all cases."""
    sys.argv[0] = "locust"
    import locust

    options = describe_options()
    locust.events.init_command_line_parser.add_listener(add_custom_options)
    results = {name: run_case(case) for name, case in CASES.items()}
    made_by = {"locust": locust.__version__, "python": list(sys.version_info[:2])}
    json.dump(
        {"made by": made_by, "options": options, "cases": results},
        sys.stdout,
        indent=1,
        sort_keys=True,
        default=str,
    )
    print()


if __name__ == "__main__":
    main()
