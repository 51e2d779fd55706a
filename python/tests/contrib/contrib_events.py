"""Runs a script with our `locust`, and with the real one, and tells which request events each of them fired."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from servers import ROOT, clean_environment

LIBRARIES = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})

PRELUDE = """
import json, re, sys
# The libraries for both sides; the real Locust comes first where it is installed.
sys.path.extend({libraries!r})
import locust
from locust import events
from locust.env import Environment

environment = Environment(events=events)
seen = []

def masked(value):
    text = re.sub(r"0x[0-9a-f]+|(?<=localhost:)\\d+|(?<=127[.]0[.]0[.]1:)\\d+|(?<=port=)\\d+|locust-\\w{{16}}", "*", str(value))
    return re.sub(r"(?<![\\d.])\\d+[.]\\d+(?![\\d.])", "*", text)

@events.request.add_listener
def record(request_type, name, response_time, response_length, exception=None, context=None, response=None, **more):
    seen.append({{
        "request_type": request_type,
        "name": masked(name),
        "timed": None if response_time is None else type(response_time).__name__,
        "response_length": response_length,
        "exception": exception if exception is None else masked(repr(exception)),
        "context": context and {{key: masked(value) for key, value in context.items() if key not in ("start_time", "mid")}},
        "response": None if response is None else type(response).__name__,
        "more": sorted(more),
    }})

def until(condition, seconds=30):
    import gevent
    with gevent.Timeout(seconds):
        while not condition():
            gevent.sleep(0.01)

ADDRESS = {address!r}
"""
EPILOGUE = """
print("EVENTS " + json.dumps(seen))
import os
sys.stdout.flush()
os._exit(0)
"""


def oracle_python() -> str | None:
    """The interpreter of real Locust, None if there is to be none."""
    named = os.environ.get("GREGARIA_ORACLE", "")
    if named == "none":
        return None
    locust = Path(named) if named else ROOT / ".venv-oracle" / "bin" / "locust"
    return str(locust.parent / "python")


def events_of(
    script: str, address: object, python: str = sys.executable, **environment: str
) -> list[dict[str, Any]]:
    """The events that `script` fires: in it `environment` is an Environment, and ADDRESS is `address`."""
    prelude = PRELUDE.format(libraries=LIBRARIES, address=address)
    done = subprocess.run(
        [python, "-c", prelude + script + EPILOGUE],
        env=clean_environment(**environment),
        capture_output=True,
        text=True,
        timeout=90,
    )
    for line in done.stdout.splitlines():
        if line.startswith("EVENTS "):
            return json.loads(line[len("EVENTS ") :])
    raise AssertionError(f"the script ended with code {done.returncode}\n{done.stdout}\n{done.stderr}")


def assert_events(
    script: str, address: object, expected: list[tuple[Any, ...]], *, at_once: bool = True, **environment: str
) -> None:
    """Both programs fire the `expected` events (type, name, length, exception), and the same in everything else.

    They run at the same time unless they would get in each other's way (`at_once`).
    """
    theirs: Future[list[dict[str, Any]]] | None = None
    with ThreadPoolExecutor(1) as pool:
        if (python := oracle_python()) and at_once:
            theirs = pool.submit(events_of, script, address, python, **environment)
        ours = events_of(script, address, **environment)
        if python and not at_once:
            theirs = pool.submit(events_of, script, address, python, **environment)
    fields = ("request_type", "name", "response_length", "exception")
    found = [tuple(event[field] for field in fields) for event in ours]
    assert found == expected
    if theirs is not None:
        assert theirs.result() == ours
