"""Whom a master asks for which users when workers join."""

from __future__ import annotations

from runner_wire import Idle, Other, Wire, until

import locust
from locust import runners
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.runners import MasterRunner


def test_a_new_worker_gets_its_share_also_the_second_time(wire: Wire, master: MasterRunner):
    wire.arrives("client_ready", locust.__version__, "host_1")
    master.start(4, 100)
    for count, new in ((2, "host_2"), (3, "host_3")):
        wire.arrives("client_ready", locust.__version__, new)
        until(lambda new=new: "spawn" in wire.types(new) and master.state == runners.STATE_RUNNING)
        last = {m.node_id: m.data["user_classes_count"]["Idle"] for m in wire.sent if m.type == "spawn"}
        assert sum(last.values()) == 4 and len(last) == count and min(last.values()) >= 1


def test_users_stay_where_they_run_when_a_worker_joins(wire: Wire):
    master = Environment(user_classes=[Idle, Other]).create_master_runner("127.0.0.1", 5557)
    wire.arrives("client_ready", locust.__version__, "host_1")
    wire.arrives("client_ready", locust.__version__, "host_2")
    master.start(8, 100)

    def jobs() -> dict[str, dict[str, int]]:
        return {m.node_id: m.data["user_classes_count"] for m in wire.sent if m.type == "spawn"}

    # In turn, as Locust does it.
    assert jobs() == {"host_1": {"Idle": 4, "Other": 0}, "host_2": {"Idle": 0, "Other": 4}}
    wire.arrives("client_ready", locust.__version__, "host_3")
    until(lambda: "spawn" in wire.types("host_3") and master.state == runners.STATE_RUNNING)
    # Whoever moves was not needed where it ran; nobody is started on the others.
    assert jobs() == {
        "host_1": {"Idle": 3, "Other": 0},
        "host_2": {"Idle": 0, "Other": 3},
        "host_3": {"Idle": 1, "Other": 1},
    }
    master.hurry()
    master.quit()


def test_a_dispatcher_may_ask_for_the_old_way_of_sharing_out(wire: Wire):
    class Anew(UsersDispatcher):
        keep_users = False

    master = Environment(user_classes=[Idle, Other], dispatcher_class=Anew).create_master_runner("*", 5557)
    wire.arrives("client_ready", locust.__version__, "host_1")
    wire.arrives("client_ready", locust.__version__, "host_2")
    master.start(8, 100)
    wire.arrives("client_ready", locust.__version__, "host_3")
    until(lambda: "spawn" in wire.types("host_3") and master.state == runners.STATE_RUNNING)
    last = {m.node_id: m.data["user_classes_count"] for m in wire.sent if m.type == "spawn"}
    # As if all were started from nothing: Idle, Other, Idle and so on, one for each worker in turn.
    assert last == {
        "host_1": {"Idle": 2, "Other": 1},
        "host_2": {"Idle": 1, "Other": 2},
        "host_3": {"Idle": 1, "Other": 1},
    }
    master.hurry()
    master.quit()
