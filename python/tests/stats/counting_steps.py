"""Takes over each step of counting, in each way there is, and prints what was called and counted: run by our Python and Locust's."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from unittest import mock

from gevent.server import StreamServer

from locust import FastHttpUser, HttpUser
from locust.env import Environment
from locust.stats import RequestStats, StatsEntry

# In this order: what is taken over stays taken over in ours, so that the later ones ask for more.
STEPS: list[tuple[type, str]] = [
    (RequestStats, "log_request"), (RequestStats, "log_error"), (StatsEntry, "log"), (StatsEntry, "log_error"),
    (StatsEntry, "_log_time_of_request"), (StatsEntry, "_log_response_time"), (StatsEntry, "_cache_response_times"),
]  # fmt: skip
called: list[list[str]] = []


def told(step: Callable[..., Any], name: str, passes: bool, bound: bool) -> Callable[..., Any]:
    def mine(*args: Any, **kwargs: Any) -> Any:
        shown = [a if isinstance(a, str) else type(a).__name__ for a in (args if bound else args[1:])]
        called.append([name, *shown, *kwargs])
        return step(*args, **kwargs) if passes else None

    return mine


def serve(connection: Any, _address: Any) -> None:
    file = connection.makefile("rb")
    while line := file.readline():
        while file.readline() not in (b"\r\n", b""):
            pass
        status = b"200 OK" if b"/good" in line else b"404 Not Found"
        connection.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\nok")


def run(url: str, stats: RequestStats | None, on_object: Callable[[Environment], None] | None = None) -> Any:
    environment = Environment()
    if stats is not None:
        environment.stats = stats
    environment.create_local_runner()
    environment.stats.clear_all()
    if on_object is not None:
        on_object(environment)
    for kind in (HttpUser, FastHttpUser):
        client = type("Visitor", (kind,), {"host": url})(environment).client  # type: ignore[arg-type]
        client.get("/good")
        client.get("/missing", name="named")
        with client.get("/good", catch_response=True, name="caught") as response:
            response.failure("no")
        with client.get("/good", catch_response=True) as response:
            response.success()
    event = {"request_type": "X", "name": "mine", "response_length": 5}
    environment.events.request.fire(**event, response_time=7, exception=None)
    environment.events.request.fire(**event, response_time=None, exception=ValueError("own"))
    stats = environment.stats
    # The second of which the times are kept is the clock's.
    seen = [[part for part in call if part != "int"] for call in called if call[0] != "_cache_response_times"]
    called.clear()
    numbers = [
        [key, e.num_requests, e.num_none_requests, e.num_failures, e.total_content_length, sum(e.response_times.values()), sum(e.num_reqs_per_sec.values())]
        for key, e in [("total", stats.total), *sorted((str(k), e) for k, e in stats.entries.items())]
    ]  # fmt: skip
    errors = sorted(
        [e.method, e.name, str(e.error).replace(url, ""), e.occurrences] for e in stats.errors.values()
    )
    return [seen, numbers, errors]


def case(url: str, owner: type, step: str, way: str, passes: bool) -> Any:
    original = getattr(owner, step)
    mine = told(original, step, passes, bound=False)
    if way == "on the class":
        with mock.patch.object(owner, step, mine):
            return run(url, None)
    if way == "on the object":

        def on_object(environment: Environment) -> None:
            stats = environment.stats
            # One entry that there is from the beginning, and one that is told of before its first request.
            objects = [stats] if owner is RequestStats else [stats.total, stats.get("named", "GET")]
            for one in objects:
                setattr(one, step, told(getattr(one, step), step, passes, bound=True))

        return run(url, None, on_object)
    own = type(
        "Own",
        (type("Mixin", (), {step: mine}), owner) if way == "by a mixin" else (owner,),
        {} if way == "by a mixin" else {step: mine},
    )
    if owner is RequestStats:
        return run(url, own())

    def on_object(environment: Environment) -> None:
        stats = environment.stats
        stats.entries[("named", "GET")] = own(stats, "named", "GET")
        stats.total = own(stats, "Aggregated", "")

    return run(url, None, on_object)


def main() -> None:
    server = StreamServer(("127.0.0.1", 0), serve)
    server.start()
    url = f"http://127.0.0.1:{server.server_port}"
    found = {"as it is": run(url, None)}
    for owner, step in STEPS:
        for way in ("by a subclass", "by a mixin", "on the object", "on the class"):
            for passes in (True, False):
                name = f"{owner.__name__}.{step}, {way}, {'handing on' if passes else 'and no more'}"
                found[name] = case(url, owner, step, way, passes)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
