"""The program behind the commands `locust` and `gregaria`.

`main` is its table of contents: each line is one step, in the order that decides which complaint comes first.
What the steps do is in `locust.cli`.
"""

from __future__ import annotations

import sys
from typing import Any

import gevent

import locust
from gregaria.conflict import refuse_original_beside_us

from ._internals import module_attributes
from .argument_parser import get_locustfiles_locally, get_parser, parse_locustfile_option
from .cli import (
    actions,
    arrivals,
    checks,
    ending,
    given_twice,
    locustfiles,
    outs,
    preparation,
    processes,
    subcommands,
    thresholds,
)
from .cli.preparation import COMMON_OPTIONS, create_environment
from .cli.run import Run
from .cli.signals import StopSignals
from .cli.table import exit_code

# Used here by name, as attributes of this module, by plugins and tests written for Locust.
from .env import Environment
from .html import get_html_report, process_html_filename
from .input_events import input_listener
from .log import greenlet_exception_logger, setup_logging
from .user.inspectuser import print_task_ratio, print_task_ratio_json
from .util.load_locustfile import load_locustfile, load_locustfile_pytest

# Plugins register options and listeners when they are imported, so that comes before the command line is
# parsed.
try:
    import locust_plugins  # noqa: F401
except ModuleNotFoundError as e:
    if e.name != "locust_plugins":
        raise

version = locust.__version__

__all__ = [
    "COMMON_OPTIONS",
    "Environment",
    "create_environment",
    "get_html_report",
    "greenlet_exception_logger",
    "input_listener",
    "load_locustfile",
    "load_locustfile_pytest",
    "main",
    "merge_locustfiles_content",
    "print_task_ratio",
    "print_task_ratio_json",
    "process_html_filename",
    "setup_logging",
    "version",
]


def main() -> None:
    """Runs the program with the arguments of the process and leaves it."""
    refuse_original_beside_us()
    try:
        subcommand = subcommands.find(sys.argv)
        code = subcommand(sys.argv[2:]) if subcommand else _locust()
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted\n")
        code = exit_code("INTERRUPTED")
    sys.exit(code)


def _locust() -> Any:
    checks.check_tokens()
    paths = get_locustfiles_locally(parse_locustfile_option())
    found = locustfiles.load(paths)
    parser = get_parser()
    options = parser.parse_args()
    checks.check_options(parser, options)
    thresholds.check_options(options)
    arrivals.check_options(options)
    outs.check_options(options)
    preparation.start_logging(options)
    given_twice.tell(parser, options)
    processes.fork(options)
    if options.list_commands:
        actions.list_users(found.user_classes)
    user_classes = preparation.choose_user_classes(found.user_classes, options.user_classes)
    if found.shape is None:
        preparation.warn_of_too_many_fixed_users(user_classes, options.num_users)
    preparation.raise_open_file_limit()
    preparation.limit_clients(options)
    environment = preparation.environment_of_run(user_classes, options, found, paths)
    actions.show_task_ratio(options, user_classes)
    preparation.create_runner(environment, options)
    csv_writer = preparation.open_outputs(environment, options)
    web_ui, recorder = preparation.open_recording(environment, options, csv_writer)
    others = preparation.open_outs(environment, options)
    preparation.tell_init_listeners(environment, options)
    return _run_to_the_end(Run(environment, options, csv_writer, web_ui, recorder, others))


def _run_to_the_end(run: Run) -> Any:
    with StopSignals() as signals:
        try:
            run.start()
            run.wait(signals)
            return ending.end(run, signals)
        except SystemExit as e:
            # sys.exit() in a greenlet ends the program here and now. Let those who watch that greenlet log
            # it, and leave the terminal as it was.
            if run.keyboard is not None:
                run.keyboard.kill()
            gevent.sleep(0)
            ending.rescue(run, e.code if isinstance(e.code, int) else 1)
            raise
        finally:
            run.close_block()


def merge_locustfiles_content(
    locustfiles_to_load: list[str],
) -> tuple[dict[str, Any], dict[str, Any], dict[str, list[Any]], Any]:
    """Imports locustfiles: the User classes, the shapes and the tasks of each User class by name, and the
    shape to follow. Ends the program if a file is broken or two of them contradict each other."""
    found = locustfiles.load(locustfiles_to_load)
    return found.user_classes, found.shapes, found.user_tasks, found.shape


if __name__ == "__main__":
    main()

__getattr__ = module_attributes(__name__)
