"""EventHook and Events."""

from __future__ import annotations

from observe import logged, raised, report

import locust
from locust import exception, log
from locust.event import DeprecatedEventHook, EventHook, Events


def fired(*behaviours, reverse=False):
    """Fires at listeners, one for each name of an exception (None: none); says who ran and what came out."""
    hook, ran = EventHook(), []
    for number, name in enumerate(behaviours):

        def listener(number=number, name=name, **kwargs):
            ran.append(number)
            if name:
                raise {**vars(__builtins__), **vars(exception)}[name]("on purpose")

        hook.add_listener(listener)
    log.unhandled_greenlet_exception = False
    with logged() as lines:
        try:
            hook.fire(reverse=reverse, a=1)
            out = None
        except BaseException as e:
            out = type(e).__name__
    return {"ran": ran, "raised": out, "flag": log.unhandled_greenlet_exception, "log": lines}


def changing():
    hook, ran = EventHook(), []

    @hook.add_listener
    def first(**kwargs):
        ran.append("first")
        hook.remove_listener(second)
        hook.add_listener(third)

    @hook.add_listener
    def second(**kwargs):
        ran.append("second")

    def third(**kwargs):
        ran.append("third")

    hook.fire()
    hook.remove_listener(first)
    hook.fire()
    return ran


def measured(block, **kwargs):
    hook, seen = EventHook(), []

    @hook.add_listener
    def listener(response_time, start_time, exception, **rest):
        seen.append({"timed": response_time >= 0 and start_time > 1e9, "exception": repr(exception), **rest})

    def run():
        with hook.measure("TYPE", "name", **kwargs) as meta:
            block(meta)
        return "went on"

    try:
        out = run()
    except BaseException as e:
        out = type(e).__name__
    return [out, seen]


def fail(kind):
    def block(meta):
        raise kind("on purpose")

    return block


class More(Events):
    old_style = "EventHook"


def hooks(events):
    return sorted(name for name, value in vars(events).items() if isinstance(value, EventHook))


def wrong_argument():
    hook = EventHook()
    hook.add_listener(lambda needed: None)
    with logged() as lines:
        hook.fire(other=1)
    return lines


def deprecated():
    hook = DeprecatedEventHook("do not use this")
    with logged() as lines:
        returned = hook.add_listener(len)
    return [lines, returned is len, hook.message]


report(
    order=fired(None, None, None),
    reverse=fired(None, None, None, reverse=True),
    errors=fired(None, "ValueError", None),
    control={
        name: fired(None, name, None)
        for name in (
            "StopUser",
            "StopTest",
            "RescheduleTask",
            "RescheduleTaskImmediately",
            "InterruptTaskSet",
        )
    },
    others={
        name: fired(name, None)
        for name in ("SystemExit", "KeyboardInterrupt", "LocustError", "ResponseError")
    },
    changing=changing(),
    positional=raised(lambda: EventHook().fire(1)),
    remove_absent=raised(lambda: EventHook().remove_listener(len)),
    wrong_argument=wrong_argument(),
    deprecated=deprecated(),
    hooks=hooks(Events()),
    hooks_of_subclass=hooks(More()),
    separate=Events().request is not Events().request,
    module_level=hooks(locust.events),
    measure={
        "good": measured(lambda meta: meta.update(response_length=5, extra="more")),
        "given": measured(lambda meta: None, response_length=7, context={"a": 1}),
        "renamed": measured(lambda meta: meta.update(name="other", exception="text")),
        "error": measured(fail(ValueError)),
        "control": measured(fail(exception.StopUser)),
        "not an Exception": measured(fail(KeyboardInterrupt)),
    },
)
