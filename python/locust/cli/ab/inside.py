"""Runs `locust` in this process and writes down what it did. Started by `sides` with the interpreter of either side.

It is a script and imports nothing of gregaria: the `locust` it finds is the one that is looked at, through the API that
any script may use. No listener hears of single requests, so neither side does anything per request that it would not do
anyway.

    GREGARIA_AB_OUT     the file to write: one JSON object
    GREGARIA_AB_SITES   folders to look for packages in after this interpreter's own, as the JSON list of their paths
    GREGARIA_AB_CHECK   if it is there: load the script, say whether a run makes sense, and start none
"""

import json
import logging
import os
import resource
import site
import sys
import time

SAMPLE_SECONDS = 0.1
MOST_LOG_LINES = 1000
REFUSED = 2
# How both complain of an HttpUser that does not know where to go.
NO_HOST = "You must specify the base host"

said = {"problem": None, "logs": []}


class Watch:
    """Counts user-seconds and the CPU time from the start of the test on."""

    def __init__(self) -> None:
        self.user_seconds = 0.0
        self.at_start = None
        self.seconds = 0.0

    def start(self, environment, **_kwargs) -> None:
        if self.at_start is None:
            self.at_start = (cpu(), time.monotonic())

    def sample(self, environment) -> None:
        import gevent

        before = time.monotonic()
        while True:
            gevent.sleep(SAMPLE_SECONDS)
            now = time.monotonic()
            self.user_seconds += environment.runner.user_count * (now - before)
            before = now

    def used(self) -> float:
        return cpu() - self.at_start[0] if self.at_start else 0.0


def main() -> None:
    out = os.environ.pop("GREGARIA_AB_OUT")
    # Python puts the folder of a script in front; there is nothing there for the script under test.
    del sys.path[0]
    only_check = os.environ.pop("GREGARIA_AB_CHECK", None) is not None
    for folder in json.loads(os.environ.pop("GREGARIA_AB_SITES", "[]")):
        site.addsitedir(folder)
    sys.argv[0] = "locust"
    logging.setLogRecordFactory(keep_warnings(logging.getLogRecordFactory()))

    import locust
    from locust.main import main as run

    watch = Watch()

    def at_init(environment, **_kwargs) -> None:
        said["problem"] = problem_of(environment)
        if said["problem"] or only_check:
            said["loaded"] = True
            write(out)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(REFUSED if said["problem"] else 0)
        import gevent

        gevent.spawn(watch.sample, environment)

        # The event of the end does not say whose end it is.
        environment.events.quit.add_listener(lambda **_kwargs: at_end(environment))

    def at_end(environment) -> None:
        said.update(account(environment, watch), version=locust.__version__)
        write(out)

    locust.events.init.add_listener(at_init)
    locust.events.test_start.add_listener(watch.start)
    run()


def problem_of(environment) -> str | None:
    """What makes a comparison pointless, known before the test starts."""
    options = environment.parsed_options
    ends_by_itself = (
        environment.shape_class or getattr(options, "run_time", None) or getattr(options, "iterations", None)
    )
    if not ends_by_itself:
        return "run-time"
    return None


def account(environment, watch) -> dict:
    """What the run left in the statistics."""
    stats = environment.stats
    return {
        "entries": [
            {
                "method": entry.method or "",
                "name": entry.name,
                "requests": entry.num_requests,
                "failures": entry.num_failures,
                "total_response_time": entry.total_response_time,
                "max": entry.max_response_time,
                "response_times": {str(key): count for key, count in entry.response_times.items()},
            }
            for entry in stats.entries.values()
        ],
        "errors": [
            {
                "method": error.method or "",
                "name": error.name,
                "error": str(error.error),
                "occurrences": error.occurrences,
            }
            for error in stats.errors.values()
        ],
        "exceptions": [
            {"message": str(one["msg"]), "occurrences": one["count"]}
            for one in environment.runner.exceptions.values()
        ],
        "user_seconds": watch.user_seconds,
        "cpu": watch.used(),
    }


def keep_warnings(make):
    """A factory of log records that remembers those of level WARNING and above."""

    def factory(*arguments, **named):
        record = make(*arguments, **named)
        if record.levelno >= logging.WARNING and len(said["logs"]) < MOST_LOG_LINES:
            message = message_of(record)
            if NO_HOST in message:
                said["problem"] = "host"
            said["logs"].append({"level": record.levelname, "logger": record.name, "message": message})
        return record

    return factory


def message_of(record) -> str:
    """The first line of the message, and of a traceback behind it the last: how it got there differs between the two."""
    try:
        message = record.getMessage()
    except Exception:
        message = str(record.msg)
    said, _, trace = message.partition("Traceback (most recent call last):")
    if not trace and record.exc_info and record.exc_info[1] is not None:
        trace = f"{type(record.exc_info[1]).__name__}: {record.exc_info[1]}"
    first = (said.strip().splitlines() or [""])[0]
    last = (trace.strip().splitlines() or [""])[-1]
    return f"{first} ({last})" if last else first


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def write(path: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump(said, file)


if __name__ == "__main__":
    main()
