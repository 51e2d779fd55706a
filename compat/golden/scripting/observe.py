"""What the scripts in this folder share: turning errors and log lines into data, and printing it."""

import json
import logging
from contextlib import contextmanager


def raised(call, *args, **kwargs):
    """`"ValueError: text"` if the call raised, else `{"returned": …}`."""
    try:
        return {"returned": call(*args, **kwargs)}
    except Exception as e:
        return f"{type(e).__name__}: {e}"


def names(tasks):
    """The tasks of a class by name."""
    return [getattr(task, "__name__", type(task).__name__) for task in tasks]


@contextmanager
def logged():
    """Collects what is logged, as `"WARNING root: text"`; of tracebacks only the last line is kept."""
    lines = []

    class Collect(logging.Handler):
        def emit(self, record):
            text = record.getMessage()
            if "Traceback" in text:
                text = text.split("\n")[0] + " … " + text.rstrip().split("\n")[-1]
            lines.append(f"{record.levelname} {record.name}: {text}")

    root = logging.getLogger()
    handler, level = Collect(), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def report(**seen):
    """Prints everything as JSON."""
    print(json.dumps(seen, indent=1, default=str))
