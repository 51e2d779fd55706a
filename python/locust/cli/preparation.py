"""From options and scripts to everything a run needs: user classes, environment, runner, output files."""

from __future__ import annotations

import itertools
import logging
import os
import resource
import sys
from argparse import Namespace
from typing import Any, NoReturn

import locust

from .. import _engine, log, stats
from .._recorder import Recorder
from ..env import Environment
from ..exception import RPCError
from ..log import setup_logging
from . import arrivals, asked, nearest, reports, script_options, thresholds, warm_up, web, without_effect
from .locustfiles import Definitions
from .outs import Outs
from .table import exit_code

logger = logging.getLogger("locust.main")

# Options that a shape replaces unless it says `use_common_options`.
COMMON_OPTIONS = {"num_users": "users", "spawn_rate": "spawn-rate", "run_time": "run-time"}

# Each user may hold a few connections; below this a load test runs out of descriptors before it has begun.
MINIMUM_OPEN_FILES = 10_000
ENOUGH_OPEN_FILES = 1_048_576


def start_logging(options: Namespace) -> None:
    """Sets the log up and greets; ends the program if the log file cannot be written."""
    if not options.skip_log_setup:
        try:
            setup_logging(options.loglevel, options.logfile)
        except OSError as e:
            sys.stderr.write(f"Could not write the log file: {e}\n")
            raise SystemExit(exit_code("STARTUP")) from None
    greeting = f"Starting Locust {locust.__version__}"
    if options.otel:
        from ..opentelemetry import setup_opentelemetry

        if setup_opentelemetry(options.locustfile, options.profile):
            greeting += ", OpenTelemetry enabled"
    logger.info(greeting)


def limit_clients(options: Namespace) -> None:
    """Tells the HTTP clients what the command line says about all of them. A script's own option of such a name is not ours."""
    ttl, size = getattr(options, "dns_ttl", None), getattr(options, "max_body_size", None)
    threads = getattr(options, "io_threads", 1)
    if threads == "auto" and options.processes:
        # There are as many processes as somebody wants cores to be busy.
        threads = 1
    _engine.limit_clients(
        ttl if isinstance(ttl, int | float) else None,
        size if isinstance(size, int) else None,
        # 0: as many as there are cores for, up to a limit.
        0 if threads == "auto" else threads if isinstance(threads, int) else None,
    )


def choose_user_classes(available: dict[str, type], wanted: list[str]) -> list[Any]:
    """The classes to run: the wanted ones in their order, or all. Ends the program if there is none or an
    unknown one."""
    if not available:
        _stop("No User class found!")
    if unknown := [name for name in dict.fromkeys(wanted) if name not in available]:
        near = dict.fromkeys(words for name in unknown if (words := _hint(name, available)))
        _stop(
            "\n".join(
                [f"Unknown User(s): {', '.join(unknown)}", *near, f"There are: {nearest.listed(available)}"]
            )
        )
    return [available[name] for name in dict.fromkeys(wanted or available)]


def _hint(name: str, available: dict[str, type]) -> str | None:
    """What may have been meant. A key of a file that no option has gets here, if there is a blank in its value."""
    parser = script_options.parser()
    place = parser.place_of_unknown(name) if parser is not None and name.startswith("--") else None  # type: ignore[attr-defined]
    return place or nearest.hint(name, available)


def warn_of_too_many_fixed_users(user_classes: list[Any], num_users: int | None) -> None:
    """Says so if fixed counts ask for more users than the run has."""
    fixed = sum(user_class.fixed_count for user_class in user_classes)
    if num_users and fixed > num_users:
        logger.info(
            f"Total fixed_count of User classes ({fixed}) is greater than the specified number of users "
            f"({num_users}), so not all will be spawned."
        )


def raise_open_file_limit() -> None:
    """Lets the process open as many files as the system allows it to; warns if that is few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    goal = ENOUGH_OPEN_FILES if hard == unlimited else min(hard, ENOUGH_OPEN_FILES)
    if soft != unlimited and soft < goal:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (goal, hard))
            soft = goal
        except (OSError, ValueError):
            pass  # The system has a lower limit of its own; the check below tells.
    if soft != unlimited and soft < MINIMUM_OPEN_FILES:
        logger.warning(
            f"System open file limit '{soft}' is below minimum setting '{MINIMUM_OPEN_FILES}'.\n"
            "It's not high enough for load testing, and the OS didn't allow locust to increase it by "
            "itself.\n"
            "See https://github.com/locustio/locust/wiki/"
            "Installation#increasing-maximum-number-of-open-files-limit for more info."
        )


def create_environment(
    user_classes: list[Any],
    options: Namespace,
    events: Any = None,
    shape_class: Any = None,
    locustfile: str | None = None,
    parsed_locustfiles: list[str] | None = None,
    available_user_classes: dict[str, Any] | None = None,
    available_shape_classes: dict[str, Any] | None = None,
    available_user_tasks: dict[str, Any] | None = None,
) -> Environment:
    """An `Environment` with the settings of the options."""
    return Environment(
        locustfile=locustfile,
        user_classes=user_classes,
        shape_class=shape_class,
        events=events,
        host=options.host,
        reset_stats=options.reset_stats,
        parsed_options=options,
        parsed_locustfiles=parsed_locustfiles,
        available_user_classes=available_user_classes,
        available_shape_classes=available_shape_classes,
        available_user_tasks=available_user_tasks,
        profile=options.profile,
    )


def environment_of_run(
    user_classes: list[Any], options: Namespace, found: Definitions, locustfiles: list[str]
) -> Environment:
    """The environment of this run, with `--config-users` applied. Ends the program if it cannot be."""
    try:
        environment = create_environment(
            user_classes,
            options,
            events=locust.events,
            shape_class=found.shape,
            locustfile=os.path.basename(locustfiles[0]),
            parsed_locustfiles=locustfiles,
            available_user_classes=found.user_classes,
            available_shape_classes=found.shapes,
            available_user_tasks=found.user_tasks,
        )
    except ValueError as e:
        _stop(str(e))
    _configure_users(environment, options)
    _warn_of_options_without_effect(found.shape, options)
    return environment


def _configure_users(environment: Environment, options: Namespace) -> None:
    try:
        for settings in itertools.chain(*(options.config_users or [])):
            environment.update_user_class(settings)
    except KeyError as e:
        logger.error(
            "Error applying user config, probably you tried to specify config for a User not present in your "
            f"locustfile: {e}"
        )
        raise SystemExit(exit_code("CONFIGURATION")) from None
    except Exception as e:
        # A property of the class refused the value: the script's own code, so its traceback.
        logger.exception(e)
        raise SystemExit(exit_code("CONFIGURATION")) from None


def _warn_of_options_without_effect(shape: Any, options: Namespace) -> None:
    ignored = [f"--{name}" for dest, name in COMMON_OPTIONS.items() if getattr(options, dest, None)]
    if shape is None or shape.use_common_options or not ignored:
        return
    logger.warning(
        "--run-time, --users or --spawn-rate have no impact on LoadShapes unless the shape class explicitly "
        "reads them. See: docs.locust.io/en/stable/custom-load-shape.html#use-common-options"
    )
    logger.warning(f"The following option(s) will be ignored: {', '.join(ignored)}")


def create_runner(environment: Environment, options: Namespace) -> None:
    """Makes the runner: a master, a worker or one for this process alone. Ends the program if a master cannot listen, or
    if the master of a worker does not answer."""
    try:
        _engine.body_budget()
    except ValueError as e:
        _stop(str(e))
    if options.master and options.worker:
        logger.error("The --master argument cannot be combined with --worker")
        raise SystemExit(exit_code("CONFIGURATION"))
    if options.master:
        environment.create_master_runner(options.master_bind_host, options.master_bind_port)
    elif options.worker:
        _join_master(environment, options)
    else:
        environment.create_local_runner()


def _join_master(environment: Environment, options: Namespace) -> None:
    where = f"{options.master_host}:{options.master_port}{options.web_base_path}"
    try:
        environment.create_worker_runner(options.master_host, options.master_port)
    except (OSError, RPCError) as e:
        logger.error(f"Failed to connect to the Locust master: {e}")
        raise SystemExit(exit_code("CONFIGURATION")) from None
    logger.debug(f"Connected to locust master: {where}")
    for option, given in (("run-time", options.run_time), ("autostart", options.autostart)):
        if given:
            logger.debug(f"--{option} has no effect on a worker: its master decides")


def open_outputs(environment: Environment, options: Namespace) -> stats.StatsCSV:
    """The writer of the CSV files, which makes them if `--csv` is given. Ends the program if a file that the
    run is to write cannot be written."""
    if options.worker:
        reports.tell_a_worker(options)
    try:
        if not options.worker:
            reports.check_paths(options)
        if not options.csv_prefix:
            return stats.StatsCSV(environment, stats.PERCENTILES_TO_REPORT)
        if directory := os.path.dirname(options.csv_prefix):
            os.makedirs(directory, exist_ok=True)
        return stats.StatsCSVFileWriter(
            environment, stats.PERCENTILES_TO_REPORT, options.csv_prefix, options.stats_history_enabled
        )
    except OSError as e:
        _stop(f"Could not write the statistics: {e}")


def open_outs(environment: Environment, options: Namespace) -> Outs:
    """What `--out` asks for. Ends the program if a file that the run is to write cannot be written."""
    try:
        return Outs(environment, options, environment._recorder)
    except OSError as e:
        _stop(f"Could not write what --out asks for: {e}")


def open_recording(
    environment: Environment, options: Namespace, csv_writer: stats.StatsCSV
) -> tuple[Any, Any]:
    """The web interface, or None, and what records the runs; on a worker there is neither, unless it is to serve metrics. Ends the program if the web interface
    cannot be had."""
    if options.worker:
        # Its numbers are in the record of the master; only who scrapes it looks at them here.
        return None, Recorder(environment) if options.metrics_port is not None else None
    web.choose_store(environment, options)
    if options.headless:
        web_ui, recorder = None, Recorder(environment, csv_writer)
    else:
        web_ui = web.open_web_ui(environment, options, csv_writer)
        recorder = web_ui.recorder
    asked.check_keys(environment.user_classes)
    rules = thresholds.asked_for(options, environment.user_classes)
    recorder.set_thresholds(list(rules))
    environment._arrivals = arrivals.asked_for(options, environment.user_classes, environment.shape_class)
    environment._warm_up_seconds = warm_up.asked_for(options, environment)
    arrivals.check_sums(options, environment)
    thresholds.check_what_can_be_known(rules, options, environment)
    without_effect.tell(options, environment)
    return web_ui, recorder


def tell_init_listeners(environment: Environment, options: Namespace) -> None:
    """Fires `init`. Ends the program with exit code 1 if a listener raised; that is in the log already."""
    if options.equal_weights:
        # Added last, so that listeners of scripts may still change the classes.
        environment.events.init.add_listener(
            lambda environment, **_kwargs: environment.assign_equal_weights()
        )
    environment.events.init.fire(
        environment=environment, runner=environment.runner, web_ui=environment.web_ui
    )
    if log.unhandled_greenlet_exception:
        raise SystemExit(exit_code("STARTUP"))


def _stop(message: str) -> NoReturn:
    logger.error(message)
    raise SystemExit(exit_code("STARTUP"))
