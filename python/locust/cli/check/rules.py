"""What `gregaria check` knows: each rule names a difference from Locust and says what it means for a script.

`difference` is the id of the entry in `compat/differences.toml`, which says the same of the whole program and names the
test that proves it; a test asserts that it is there. What is the same in Locust, but rarely what the author meant, has no
entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["differs", "note"]

DIFFERS: Level = "differs"
NOTE: Level = "note"


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing to look for."""

    level: Level
    """`differs`: the script behaves differently. `note`: worth a look; most scripts never notice."""
    difference: str | None
    why: str
    """What happens here, and the way out."""


RULES: dict[str, Rule] = {
    # ------------------------------------------------------------------------------------------- users and runs
    "stop-test": Rule(
        DIFFERS,
        "stop-test-stops-the-test",
        "StopTest stops the whole test, as documented; in Locust only this user ends. Raise StopUser for that.",
    ),
    "greenlet-of-start": Rule(
        DIFFERS,
        "users-are-lent-greenlets",
        "start() in a runner's group returns None: users are lent greenlets. Use `user.greenlet` afterwards.",
    ),
    "own-greenlet": Rule(
        NOTE,
        "users-are-lent-greenlets",
        "Works; but each user whose `greenlet` is read gets one of its own, which costs memory.",
    ),
    "annotated-events": Rule(
        NOTE,
        "annotated-events-keep-the-usual",
        "The hooks annotated here come in addition to the usual ones; in Locust they replace them.",
    ),
    "cpu-usage": Rule(
        NOTE,
        "cpu-of-the-busiest-thread",
        "CPU usage is that of the busiest thread, since that is what limits a run; in Locust the whole process's.",
    ),
    "internal-name": Rule(
        DIFFERS,
        "internal-names",
        "There is no such name here: it is internal to Locust.",
    ),
    "not-called": Rule(
        DIFFERS,
        "steps-not-called",
        "Nothing here calls this: what it does in Locust is done natively. A warning says so when it is replaced.",
    ),
    # ---------------------------------------------------------------------------------------------- statistics
    "kept-response-times": Rule(
        NOTE,
        "response-times-are-copies",
        "This is a copy: later samples are not in it. Read the attribute again instead of keeping it.",
    ),
    "current-rate": Rule(
        NOTE,
        "current-rps-from-the-start",
        "Current rates count from the first second of a run; in Locust they are 0 for the first three.",
    ),
    "request-event-types": Rule(
        DIFFERS,
        "request-event-types",
        "A request event with a value of this type is refused with TypeError and not counted; Locust counts half of it.",
    ),
    # ------------------------------------------------------------------------------------------------- requests
    "name-resolution": Rule(
        DIFFERS,
        "dns-cache",
        "Users' clients look names up natively: a patched getaddrinfo is not asked. Use the address as host and a Host header.",
    ),
    "below-requests": Rule(
        DIFFERS,
        "patches-below-requests",
        "Users' clients send natively, below `requests.Session.send`: this does not see or change their requests.",
    ),
    "http-debug": Rule(
        NOTE,
        "patches-below-requests",
        "Requests of users' clients do not go through http.client: it prints nothing about them.",
    ),
    "replaced-certificates": Rule(
        DIFFERS,
        "rustls-certificates",
        "Certificates are checked by rustls: this does not change which ones users' clients trust. Use `verify=<CA file>`.",
    ),
    "pool-manager-settings": Rule(
        DIFFERS,
        "pool-manager-settings",
        "A pool manager makes users share connections; its other settings do not reach the engine. Set them on an adapter that you mount on the client.",
    ),
    "pools": Rule(
        DIFFERS,
        "urllib3-pools-empty",
        "Connections are the engine's, so this is empty. `clear()` of the pool manager closes them.",
    ),
    "header-name": Rule(
        DIFFERS,
        "header-names-with-spaces",
        "A header name with a space is refused and counted as a failure; Locust sends it.",
    ),
    "session-retries": Rule(
        DIFFERS,
        "no-retries-by-default",
        "A FastHttpSession made like this does not retry; in Locust it retries three times. Say max_retries=3 for that.",
    ),
    "lost-response": Rule(
        NOTE,
        "verdict-never-given",
        "Used like this the request is missing in the statistics, as in Locust, but with a warning. "
        "Use the response in a with-block.",
    ),
    "truth-of-response": Rule(
        NOTE,
        "ok-never-raises",
        "Without an answer, and after failure(), this is False; in Locust it raises (HttpUser) or is True (`ok` of FastHttpUser).",
    ),
    # -------------------------------------------------------------------------------------------- what is around
    "page-data": Rule(
        DIFFERS,
        "web-page-data",
        "The web interface's page and the report hold their data as JSON in <script id=…>, not in a variable.",
    ),
    "distribution": Rule(
        DIFFERS,
        "plugins-without-the-distribution",
        "No distribution of the name locust is installed: this raises PackageNotFoundError. Use `locust.__version__`.",
    ),
    # ---------------------------------------------------------------------------------------- the same in Locust
    "overridden-task": Rule(
        NOTE,
        None,
        "Both the task and the one it overrides are run, as in Locust. "
        "Put @task on neither method of the base class, or give the subclass `tasks`.",
    ),
    "float-weight": Rule(
        NOTE,
        None,
        "The weight of a task is a whole number: this raises TypeError, as in Locust. Users may have weights like 0.5.",
    ),
    "no-tasks": Rule(
        NOTE,
        None,
        "This class has no tasks: its users log an error at each turn, as in Locust. Say `abstract = True` if it is a base.",
    ),
}
