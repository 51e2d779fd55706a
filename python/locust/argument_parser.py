"""The command line parser: an *argparse* parser, so that locustfiles and plugins can add options to it.

Every option of the program comes from the native module's table (`locust.cli.table`); where a value can come
from and what wins is said there too. Scripts add theirs through `events.init_command_line_parser`::

    @events.init_command_line_parser.add_listener
    def add_options(parser):
        parser.add_argument("--basket-size", type=int, env_var="BASKET_SIZE", default=3, help="Items to buy")

The command line is parsed twice: once for `-f` alone (`parse_locustfile_option`), then, with the scripts
imported and their options added, for everything (`get_parser().parse_args()`).
"""

from __future__ import annotations

import argparse
import difflib
import json
import math
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

import configargparse

import locust

from ._internals import module_attributes
from ._said import said_once
from .cli import script_options
from .cli.config_files import LocustConfigParser, LocustTomlConfigParser
from .cli.from_files import FromFiles
from .cli.help import epilog, version_line
from .cli.io_threads import io_threads
from .cli.locustfiles import download_locustfile_from_url, parse_locustfile_paths
from .cli.table import CHOICES, Option, exit_code, table
from .util.timespan import parse_timespan

__all__ = [
    "DEFAULT_CONFIG_FILES",
    "LocustArgumentParser",
    "LocustConfigParser",
    "LocustTomlConfigParser",
    "UIExtraArgOptions",
    "default_args_dict",
    "download_locustfile_from_url",
    "get_empty_argument_parser",
    "get_locustfiles_locally",
    "get_parser",
    "gt_zero",
    "json_user_config",
    "parse_locustfile_option",
    "parse_locustfile_paths",
    "parse_options",
    "positive_integer",
    "setup_parser_arguments",
    "timespan",
    "ui_extra_args_dict",
]

DEFAULT_CONFIG_FILES = table().config_files

_UI_KEYWORDS = {"include_in_web_ui": True, "is_secret": False, "is_required": False, "is_multiple": False}


class _GivesWay:
    """Options that Locust does not have give way to those of scripts: a script that has an option of that name ran on
    Locust, and runs here."""

    def _check_conflict(self, action: argparse.Action) -> None:
        given_up = [
            (flag, other)
            for flag in action.option_strings
            if (other := self._option_string_actions.get(flag)) is not None and getattr(other, "ours", False)  # type: ignore[attr-defined]
        ]
        if given_up:
            # Whoever asks for the value still finds one.
            self.set_defaults(**{other.dest: other.default for _flag, other in given_up})  # type: ignore[attr-defined]
            self._handle_conflict_resolve(action, given_up)  # type: ignore[attr-defined]
        super()._check_conflict(action)  # type: ignore[misc]


class _Group(_GivesWay, argparse._ArgumentGroup):
    """A group of options, whose `add_argument` knows the web UI's keywords too.

    What is added here without any of them stays out of the web UI, as it always has.
    """

    def add_argument(self, *args: Any, **kwargs: Any) -> argparse.Action:
        if not _UI_KEYWORDS.keys() & kwargs.keys():
            return super().add_argument(*args, **kwargs)
        return _add_with_ui_keywords(super().add_argument, args, kwargs)


class LocustArgumentParser(_GivesWay, FromFiles, configargparse.ArgumentParser):
    """A ConfigArgParse parser whose options can say how the web UI is to show them."""

    def error(self, message: str) -> NoReturn:
        """Ends the program with exit code 2 and `message` on one line, and names the option that may have
        been meant."""
        _, unrecognized, rest = message.partition("unrecognized arguments:")
        if unrecognized and rest.split():
            given = rest.split()[0].partition("=")[0]
            if found := self.place_of_unknown(given):
                message += f"\n{found}"
            else:
                flags = [flag for action in self._actions for flag in action.option_strings]
                if similar := difflib.get_close_matches(given, flags, n=1):
                    message += f"\nDid you mean '{similar[0]}'?"
        self.exit(exit_code("USAGE"), f"{self.prog}: error: {message}\n")
        raise AssertionError("exit returned")

    def _open_config_files(self, command_line_args: list[str]) -> list[tuple[Any, str]]:
        """Tells of those it finds without being told, and cannot open, as of one given by `--config`."""
        try:
            return super()._open_config_files(command_line_args)
        except OSError as e:
            self.error(f"Unable to open config file: {e.filename}. Error: {e}")

    def add_argument(self, *args: Any, **kwargs: Any) -> argparse.Action:
        """As argparse's (and ConfigArgParse's, with `env_var`), with four keywords for the web UI.

        `include_in_web_ui` (default True) shows a field for the option, `is_secret` masks its value,
        `is_required` insists on one, `is_multiple` makes it a list to choose from.
        """
        return _add_with_ui_keywords(super().add_argument, args, kwargs)

    def add_argument_group(self, *args: Any, **kwargs: Any) -> argparse._ArgumentGroup:
        """As argparse's; the group takes the same keywords."""
        group = _Group(self, *args, **kwargs)
        self._action_groups.append(group)
        return group

    @property
    def args_included_in_web_ui(self) -> dict[str, argparse.Action]:
        """The options with a field in the web UI, by key."""
        return {
            action.dest: action for action in self._actions if getattr(action, "include_in_web_ui", False)
        }

    @property
    def secret_args_included_in_web_ui(self) -> dict[str, argparse.Action]:
        """Those whose value is masked."""
        return self._in_web_ui("is_secret")

    @property
    def required_args_included_in_web_ui(self) -> dict[str, argparse.Action]:
        """Those that need a value."""
        return self._in_web_ui("is_required")

    @property
    def multiple_args_included_in_web_ui(self) -> dict[str, argparse.Action]:
        """Those with several values to choose from."""
        return self._in_web_ui("is_multiple")

    def _in_web_ui(self, attribute: str) -> dict[str, argparse.Action]:
        shown = self.args_included_in_web_ui
        return {dest: action for dest, action in shown.items() if getattr(action, attribute, False)}

    def _get_option_tuples(self, option_string: str) -> list[Any]:
        """What an abbreviation can mean. Options that Locust does not have step back, so that each one it knows keeps its
        meaning."""
        found = super()._get_option_tuples(option_string)
        known = [entry for entry in found if not getattr(entry[0], "ours", False)]
        return known or found


def _add_with_ui_keywords(
    add: Callable[..., argparse.Action], args: Sequence[Any], kwargs: dict[str, Any]
) -> argparse.Action:
    attributes = {name: kwargs.pop(name, default) for name, default in _UI_KEYWORDS.items()}
    action = add(*args, **kwargs)
    for name, value in attributes.items():
        setattr(action, name, value)
    return action


# ------------------------------------------------------------------------------------------- types of values


def timespan(time_str: str) -> int:
    """Seconds in a text like `90`, `20s` or `1h30m`."""
    try:
        return parse_timespan(time_str)
    except ValueError as e:
        raise argparse.ArgumentTypeError(str(e)) from None


def positive_integer(string: str) -> int:
    """A whole number of at least one."""
    try:
        value = int(string)
    except ValueError:
        raise argparse.ArgumentTypeError(f"invalid int value: '{string}'") from None
    if value < 1:
        raise argparse.ArgumentTypeError(
            f"Invalid --expect-workers argument ({value}), must be a positive number"
        )
    return value


def gt_zero(t: Callable[[str], Any]) -> Callable[[str], Any]:
    """A type that reads with `t` and wants a finite number above zero."""

    def checked(text: str) -> Any:
        value = t(text)
        if isinstance(value, float) and not math.isfinite(value):
            raise argparse.ArgumentTypeError("must be a finite number")
        if value <= 0:
            raise argparse.ArgumentTypeError("must be > 0")
        return value

    # argparse names the type in its message about text that `t` cannot read.
    checked.__name__ = getattr(t, "__name__", checked.__name__)
    return checked


def at_least_zero(text: str) -> float:
    """A finite number of at least zero."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"invalid float value: '{text}'") from None
    if not math.isfinite(value) or value < 0:
        raise argparse.ArgumentTypeError("must be a number of at least 0")
    return value


def json_user_config(string: str) -> list[dict[str, Any]]:
    """Settings of User classes: JSON, or the name of a `.json` file; always a list of objects."""
    try:
        if string.endswith(".json"):
            with open(string, encoding="utf-8") as file:
                content = json.load(file)
        else:
            content = json.loads(string)
    except json.JSONDecodeError as e:
        raise argparse.ArgumentTypeError(
            f"The --config-users argument must be a valid JSON string or file: {e}"
        ) from None
    except (OSError, UnicodeDecodeError) as e:
        raise argparse.ArgumentTypeError(str(e)) from None
    configs = content if isinstance(content, list) else [content]
    if not all(isinstance(config, dict) and "user_class_name" in config for config in configs):
        raise argparse.ArgumentTypeError("The user config must specify a user_class_name")
    return configs


# --------------------------------------------------------------------------------------- from table to parser


class Unset(int):
    """The number of an option that nobody has given."""


class _Refuse(argparse.Action):
    """An option of earlier versions: tells what replaced it."""

    hint = ""

    def __call__(self, *_args: Any, **_kwargs: Any) -> None:
        raise argparse.ArgumentError(self, self.hint)


_TYPES: dict[str, Callable[[str], Any]] = {
    "integer": int,
    "positive_integer": gt_zero(int),
    "worker_count": positive_integer,
    "positive_number": gt_zero(float),
    "number": at_least_zero,
    "timespan": timespan,
    "io_threads": io_threads,
    "user_config": json_user_config,
    "log_level": str.upper,
}


def _keywords(option: Option) -> dict[str, Any]:
    """What `add_argument` is to be told about an option of the table."""
    keywords: dict[str, Any] = {
        "dest": option.dest,
        "default": Unset(option.default) if type(option.default) is int else option.default,
        "help": argparse.SUPPRESS if option.help is None else option.help.replace("%", "%%"),
        "env_var": option.env,
        "metavar": option.metavar,
        "type": _TYPES.get(option.kind),
    }
    match option.action:
        case "store" if option.kind in CHOICES:
            keywords["choices"] = list(CHOICES[option.kind])
        case "store_each":
            keywords["action"] = "append"
        case "store_many":
            keywords["nargs"] = "*"
        case "store_true":
            keywords = {key: keywords[key] for key in ("dest", "default", "help", "env_var")}
            keywords["action"] = "store_true"
        case "config_file":
            keywords["is_config_file_arg"] = True
        case "version":
            keywords = {"action": "version", "help": keywords["help"], "version": version_line()}
        case "removed" | "removed_with_value":
            keywords["action"] = type("_Refuse", (_Refuse,), {"hint": option.hint})
            if option.action == "removed":
                keywords["nargs"] = 0
        case "positional":
            # argparse has no variables for positional arguments, so the default stands in.
            words = os.environ.get(option.env or "", "").split()
            keywords = {key: keywords[key] for key in ("help", "metavar")}
            keywords |= {"nargs": "*", "default": words}
    return {key: value for key, value in keywords.items() if value is not None or key == "default"}


def _add(container: Any, option: Option) -> None:
    names = option.flags if option.flags else (option.dest,)
    keywords = _keywords(option)
    if keywords.get("env_var") is None:
        keywords.pop("env_var", None)
    container.add_argument(*names, **keywords).ours = option.ours


# Known to the parser of the first pass; everything else is added by `setup_parser_arguments`.
_BASIC = ("locustfile", "config")


def get_empty_argument_parser(
    add_help: bool = True, default_config_files: Sequence[str] = DEFAULT_CONFIG_FILES
) -> LocustArgumentParser:
    """A parser that knows `-f` and `--config` only."""
    known = table()
    parser = LocustArgumentParser(
        default_config_files=list(default_config_files),
        config_file_parser_class=LocustConfigParser,
        add_env_var_help=False,
        add_config_file_help=False,
        add_help=add_help,
        formatter_class=configargparse.RawDescriptionHelpFormatter,
        usage=argparse.SUPPRESS,
        description=known.usage,
        epilog=epilog(known),
    )
    for dest in _BASIC:
        _add(parser, known.by_dest(dest))
    return parser


def setup_parser_arguments(parser: LocustArgumentParser) -> None:
    """Adds all other options of the program to `parser`, in the groups of `--help`."""
    known = table()
    common, *others = known.groups
    parser._optionals.title = common.title
    containers: dict[str, Any] = {common.key: parser}
    for group in others:
        containers[group.key] = parser.add_argument_group(group.title, group.description)
    for option in known.options:
        if option.dest not in _BASIC and option.action != "help":
            _add(containers[option.group], option)


def get_parser(default_config_files: Sequence[str] = DEFAULT_CONFIG_FILES) -> LocustArgumentParser:
    """The complete parser, with what scripts and plugins add by `events.init_command_line_parser`."""
    parser = get_empty_argument_parser(default_config_files=default_config_files)
    setup_parser_arguments(parser)
    with said_once():
        locust.events.init_command_line_parser.fire(parser=parser)
    script_options.note(parser)
    return parser


def parse_locustfile_option(args: Sequence[str] | None = None) -> argparse.Namespace:
    """The first pass: what says where the scripts are. All else is left alone.

    `--help` and `--version` are answered here, so neither needs a script.
    """
    parser = get_empty_argument_parser(add_help=False)
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("--version", "-V", action="store_true")
    for dest in ("worker", "master", "master_host", "master_port"):
        # `--master` makes no difference here, but without it argparse would find the word ambiguous.
        _add(parser, table().by_dest(dest))
    options, _ = parser.parse_known_args(args=args)
    if options.help or options.version:
        get_parser().parse_args(args=args)
    return options


def get_locustfiles_locally(options: argparse.Namespace) -> list[str]:
    """The script files that `options.locustfile` stands for: a list separated by commas of files, directories
    and URLs. Ends the program with a message if one is missing."""
    if options.locustfile == "-":
        return parse_locustfile_paths(_locustfiles_of_master(options))
    return parse_locustfile_paths([entry.strip() for entry in options.locustfile.split(",")])


def _locustfiles_of_master(options: argparse.Namespace) -> list[str]:
    if not options.worker:
        sys.stderr.write(
            "locustfile was set to '-' (meaning to download from master) but --worker was not specified.\n"
        )
        raise SystemExit(exit_code("STARTUP"))
    # Only here: it needs the runners, which need this module.
    from ._distributed.shipping import fetch

    return fetch(options.master_host, options.master_port)


def parse_options(args: Sequence[str] | None = None) -> argparse.Namespace:
    """Deprecated: use `get_parser().parse_args()`."""
    print("Warning: This function is deprecated and may be removed in a future version")
    parser = get_parser()
    options = parser.parse_args(args=args)
    if options.stats_history_enabled and options.csv_prefix is None:
        parser.error("'--csv-full-history' requires '--csv'.")
    return options


# --------------------------------------------------------------------------------- for the web UI and workers


def default_args_dict() -> dict[str, Any]:
    """The program's own options with their defaults; variables count, files do not, since they may hold
    options of a script."""
    parser = get_empty_argument_parser(default_config_files=())
    setup_parser_arguments(parser)
    return vars(parser.parse([]))


class UIExtraArgOptions(NamedTuple):
    """An option of a script, as the web UI shows it."""

    default_value: str
    is_secret: bool
    is_required: bool
    help_text: str
    is_multiple: bool
    choices: list[str] | None = None


def ui_extra_args_dict(args: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
    """The options that scripts added and that the web UI shows, by key, with their present values."""
    parser = get_parser()
    values = vars(parser.parse_args(args))
    shown = script_options.shown_options()
    secret, required = parser.secret_args_included_in_web_ui, parser.required_args_included_in_web_ui
    multiple = parser.multiple_args_included_in_web_ui
    return {
        dest: UIExtraArgOptions(
            default_value=value,
            is_secret=dest in secret,
            is_required=dest in required,
            help_text=shown[dest].help or "",
            is_multiple=dest in multiple,
            choices=list(choices) if (choices := shown[dest].choices) is not None else None,
        )._asdict()
        for dest, value in values.items()
        if dest in shown
    }


__getattr__ = module_attributes(__name__)
