"""EventHook and Events beyond the golden data."""

from __future__ import annotations

import inspect

import pytest

from locust import log
from locust.event import EventHook, Events


@pytest.fixture(autouse=True)
def flag():
    before = log.unhandled_greenlet_exception
    yield
    log.unhandled_greenlet_exception = before


class WithText(Events):
    added: EventHook
    unrelated: int


class WithClass(Events):
    __annotations__ = {"added": EventHook}


class Below(WithText):
    deeper: EventHook


@pytest.mark.parametrize("kind", [WithText, WithClass, Below])
def test_subclasses_add_hooks_to_the_usual_ones(kind):
    events = kind()
    assert isinstance(events.added, EventHook)
    assert isinstance(events.request, EventHook)
    assert not hasattr(events, "unrelated")
    assert hasattr(events, "deeper") == (kind is Below)


def test_every_hook_is_documented():
    source = inspect.getsource(Events)
    for name, value in vars(Events()).items():
        assert isinstance(value, EventHook)
        assert f'{name}: EventHook\n    """' in source


def test_listener_may_be_added_twice_and_removed_once():
    hook, calls = EventHook(), []
    hook.add_listener(calls.append)
    hook.remove_listener(calls.append)
    assert hook._handlers == []

    def listener(**kwargs):
        calls.append(kwargs)

    hook.add_listener(listener)
    hook.add_listener(listener)
    hook.remove_listener(listener)
    hook.fire(a=1)
    assert calls == [{"a": 1}]


def test_fire_logs_the_traceback_of_a_broken_listener(caplog):
    hook = EventHook()

    @hook.add_listener
    def broken(**kwargs):
        raise ValueError("on purpose")

    log.unhandled_greenlet_exception = False
    hook.fire()
    assert "Uncaught exception in event handler" in caplog.text
    assert "ValueError: on purpose" in caplog.text and "in broken" in caplog.text
    assert log.unhandled_greenlet_exception is True


def test_measure_reports_before_it_lets_a_kill_through():
    from gevent import GreenletExit

    hook, seen = EventHook(), []
    hook.add_listener(lambda **kwargs: seen.append(kwargs["exception"]))
    with pytest.raises(GreenletExit), hook.measure("T", "n"):
        raise GreenletExit
    assert seen == [None]


def test_measure_is_usable_as_a_decorator():
    hook, seen = EventHook(), []
    hook.add_listener(lambda **kwargs: seen.append(kwargs["name"]))

    @hook.measure("T", "decorated")
    def work():
        return 5

    assert work() == 5
    assert seen == ["decorated"]
