"""Writes dispatch.json: what the real Locust's dispatcher does, to compare ours with.

Run it with the Python of an environment in which the original Locust is installed:

    python compat/golden/dispatch.py compat/golden/dispatch.json

Time is virtual: the dispatcher's clock and sleep are replaced, so the waits between steps are recorded exactly.
The scenarios are random but reproducible. Each one is a list of what was asked and what came of it:

    ["dispatch", target, rate, class names or null]   new_dispatch
    ["next", waited seconds, ["worker class n", ...]] one step: the whole map, zeros left out
    ["end"]                                           the dispatch had no more steps
    ["add", worker id] / ["remove", worker id]        workers coming and going, also between the steps of a dispatch

A scenario ends where Locust loses count: it redistributes users among classes that are all fixed and too few, and goes
on counting the users that are no longer in its map.
"""

from __future__ import annotations

import json
import random
import sys

import locust
from locust import User, dispatch
from locust.runners import WorkerNode

SEED = 20_471
SCENARIOS = 160
MAX_STEPS = 30


class VirtualTime:
    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def flat(users: dict[str, dict[str, int]]) -> list[str]:
    return sorted(f"{w} {c} {n}" for w, classes in users.items() for c, n in classes.items() if n)


def scenario(rng: random.Random, clock: VirtualTime) -> dict:
    names = rng.sample(["A", "B", "C", "D", "Long", "a", "Zeta", "Übung"], rng.randint(1, 5))
    weights = [1, 1, 1, 2, 3, 5, 10, 0.5, 1.5, 0.1, 7.25]
    classes = [
        type(name, (User,), {"weight": rng.choice(weights), "fixed_count": rng.choice([0, 0, 0, 0, 1, 3, 8])})
        for name in names
    ]
    by_name = {c.__name__: c for c in classes}
    hosts = rng.randint(1, 3)
    ids = [f"h{rng.randrange(hosts)}_{n:02x}" for n in range(rng.randint(1, 5))]
    nodes = {i: WorkerNode(id=i) for i in ids}
    users_dispatcher = dispatch.UsersDispatcher(worker_nodes=list(nodes.values()), user_classes=list(classes))

    log: list = []

    def workers_change() -> None:
        if rng.random() < 0.5 or len(nodes) == 1:
            new = f"h{rng.randrange(hosts)}_{rng.randrange(256):02x}"
            if new in nodes:
                return
            nodes[new] = WorkerNode(id=new)
            users_dispatcher.add_worker(nodes[new])
            log.append(["add", new])
        else:
            gone = rng.choice(sorted(nodes))
            users_dispatcher.remove_worker(nodes.pop(gone))
            log.append(["remove", gone])

    def lost_count() -> bool:
        return users_dispatcher._current_user_count != users_dispatcher.get_current_user_count()

    for _ in range(rng.randint(1, 5)):
        if lost_count():
            break
        rate = rng.choice([0.5, 1, 1, 2, 2.4, 3, 4.5, 9, 20, rng.uniform(0.2, 12)])
        chosen = None
        if rng.random() < 0.25:
            chosen = rng.sample(names, rng.randint(1, len(names)))
        target = rng.choice([0, rng.randint(0, 12), rng.randint(0, 60)])
        users_dispatcher.new_dispatch(target, rate, chosen and [by_name[n] for n in chosen])
        log.append(["dispatch", target, rate, chosen])
        limit = rng.choice([MAX_STEPS, MAX_STEPS, rng.randint(1, 4)])
        for _ in range(limit):
            before = clock.now
            try:
                users = next(users_dispatcher)
            except StopIteration:
                log.append(["end"])
                break
            log.append(["next", clock.now - before, flat(users)])
            if rng.random() < 0.04:
                workers_change()
            if lost_count():
                break
        if rng.random() < 0.3:
            workers_change()
    return {
        "workers": ids,
        "classes": [[c.__name__, c.weight, c.fixed_count] for c in classes],
        "log": log,
    }


def main() -> None:
    clock = VirtualTime()
    dispatch.time = clock  # type: ignore[assignment]
    dispatch.gevent = clock  # type: ignore[assignment]
    rng = random.Random(SEED)
    document = {
        "made_by": f"Locust {locust.__version__}",
        "scenarios": [scenario(rng, clock) for _ in range(SCENARIOS)],
    }
    with open(sys.argv[1], "w", encoding="utf-8", newline="\n") as file:
        file.write("{\n" + f'"made_by": {json.dumps(document["made_by"])},\n"scenarios": [\n')
        file.write(
            ",\n".join(
                json.dumps(s, ensure_ascii=False, separators=(",", ":")) for s in document["scenarios"]
            )
        )
        file.write("\n]\n}\n")


if __name__ == "__main__":
    main()
