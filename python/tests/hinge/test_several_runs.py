"""Several environments in one process: beside each other, with the same events, one after the other, and in another thread."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable
from typing import Any

import gevent

from locust import FastHttpUser, HttpUser, constant
from locust.env import Environment
from locust.event import Events


def visiting(base: type, name: str, host: str) -> type:
    def visit(self: Any) -> None:
        self.client.get(f"/{name}")

    return type(name, (base,), {"wait_time": constant(0.02), "tasks": [visit], "host": host})


def names(environment: Environment) -> list[str]:
    return sorted(name for name, _ in environment.stats.entries)


def test_two_runs_beside_each_other_do_not_mix(
    environments: Any, site: Any, until: Callable[..., Any]
) -> None:
    one = environments(visiting(HttpUser, "One", site.url))
    other = environments(visiting(FastHttpUser, "Other", site.url))
    one.runner.start(2, spawn_rate=10)
    other.runner.start(3, spawn_rate=10)
    until(lambda: one.stats.total.num_requests > 5 and other.stats.total.num_requests > 5)
    assert (names(one), names(other)) == (["/One"], ["/Other"])
    assert (one.runner.user_classes_count, other.runner.user_classes_count) == ({"One": 2}, {"Other": 3})
    one.runner.quit()
    stopped_at, went_on_from = one.stats.total.num_requests, other.stats.total.num_requests
    until(lambda: other.stats.total.num_requests > went_on_from + 5)
    assert one.stats.total.num_requests == stopped_at
    assert (one.runner.state, one.runner.user_count) == ("stopped", 0)
    assert (other.runner.state, other.runner.user_count) == ("running", 3)


def test_runs_that_share_their_events_hear_of_each_other(
    environments: Any, site: Any, until: Callable[..., Any]
) -> None:
    events = Events()
    one = environments(visiting(HttpUser, "One", site.url), events=events)
    other = environments(visiting(HttpUser, "Other", site.url), events=events)
    one.runner.start(1, spawn_rate=1)
    until(lambda: other.stats.total.num_requests > 2)
    assert names(one) == names(other) == ["/One"]
    assert (one.runner.state, other.runner.state, other.runner.user_count) == ("running", "running", 0)


def test_statistics_that_lie_where_others_have_been_count_under_their_own_names(site: Any) -> None:
    choose, places = random.Random(1), set()
    for _ in range(20):
        paths = choose.sample(["/One", "/Other", "/Third"], 2)

        def visit(user: Any, paths: list[str] = paths) -> None:
            for path in (paths[0], paths[1], paths[1]):
                user.client.get(path)

        visitor = type(
            "Visitor", (HttpUser,), {"wait_time": constant(60), "tasks": [visit], "host": site.url}
        )
        environment = Environment(user_classes=[visitor], events=Events())
        environment.create_local_runner().start(1, spawn_rate=1)
        with gevent.Timeout(40):
            while environment.stats.total.num_requests < 3:
                gevent.sleep(0.005)
        counted = {name: entry.num_requests for (name, _), entry in environment.stats.entries.items()}
        assert counted == {paths[0]: 1, paths[1]: 2}
        places.add(id(environment.stats))
        environment.runner.quit()
        del environment
        gevent.sleep(0.005)
        gc.collect()
    assert len(places) < 20, "nothing was tried: no statistics came to lie where others had been"


def test_an_environment_may_get_another_runner(
    environments: Any, site: Any, until: Callable[..., Any]
) -> None:
    environment = environments(visiting(HttpUser, "One", site.url))
    first = environment.runner
    first.start(1, spawn_rate=1)
    until(lambda: environment.stats.total.num_requests > 2)
    first.quit()
    environment.runner = None
    second = environment.create_local_runner()
    second.start(1, spawn_rate=1)
    until(lambda: second.state == "running")
    until(lambda: environment.stats.total.num_requests >= 2)
    # The first still listens to the environment's events, as with Locust.
    assert (first.state, first.user_count, second.user_count) == ("running", 0, 1)
    assert environment.runner is second
    first.quit()


def test_a_run_in_another_thread_has_a_hub_of_its_own(site: Any) -> None:
    seen: list[Any] = []

    def run() -> None:
        environment = Environment(user_classes=[visiting(HttpUser, "Elsewhere", site.url)])
        runner = environment.create_local_runner()
        runner.start(1, spawn_rate=1)
        with gevent.Timeout(40):
            while environment.stats.total.num_requests < 3:
                gevent.sleep(0.005)
        seen.append(runner.user_count)
        runner.quit()
        seen.extend([runner.user_count, names(environment), environment.stats.total.num_failures])

    gevent.get_hub().threadpool.apply(run)
    assert seen == [1, 0, ["/Elsewhere"], 0]
