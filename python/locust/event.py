"""Event hooks: lists of listeners which the program, a locustfile or a plugin fires.

`EventHook.fire` is the whole rule book. The native request path applies the same rules without calling it: a
`request` hook whose only listener is the native statistics recorder never reaches Python, and other listeners are called
straight from there (`crates/python/src/http/told.rs`), as long as `fire` is the one below.
"""

from __future__ import annotations

import logging
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from . import _engine, log
from .exception import InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopTest, StopUser

ListenerT = TypeVar("ListenerT", bound=Callable[..., Any])

# A listener may steer the user that fired the event; these pass through `fire` and skip the listeners after
# it.
_CONTROL = (StopUser, StopTest, RescheduleTask, RescheduleTaskImmediately, InterruptTaskSet)


class EventHook:
    """A list of listeners, called in the order they were added.

    Make your own for a plugin's events::

        report_ready = EventHook()

        @report_ready.add_listener
        def upload(path, **kwargs): ...

        report_ready.fire(path="report.csv")

    Listeners receive keyword arguments only; give each a `**kwargs` so that arguments added later do no harm.
    """

    def __init__(self) -> None:
        self._handlers: list[Callable[..., Any]] = []

    def add_listener(self, handler: ListenerT) -> ListenerT:
        """Adds `handler` at the end and returns it, which makes this usable as a decorator."""
        self._handlers.append(handler)
        return handler

    def remove_listener(self, handler: Callable[..., Any]) -> None:
        """Removes `handler`; `ValueError` if it is not there."""
        self._handlers.remove(handler)

    def fire(self, *, reverse: bool = False, **kwargs: Any) -> None:
        """Calls every listener with `kwargs`, the last added first if `reverse`.

        An exception in a listener is logged, makes the process exit with code 2 in the end, and does not keep
        the other listeners from being called. Those which steer a user (`StopUser`, `RescheduleTask` and the
        like) are raised to the caller instead. Listeners may add and remove listeners meanwhile; that counts
        from the next `fire`.
        """
        for handler in self._handlers[::-1] if reverse else self._handlers[:]:
            try:
                handler(**kwargs)
            except Exception as error:
                if not _is_seen_to(error):
                    raise

    @contextmanager
    def measure(
        self, request_type: str, name: str, response_length: int = 0, context: dict[str, Any] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Times a block and fires this hook (in practice `request`) when it ends.

        ::

            with self.environment.events.request.measure("SQL", "insert order") as meta:
                meta["response_length"] = len(cursor.execute(...))

        Yields the event's arguments, which the block may change or extend. An exception in the block marks
        the request as failed and goes no further.
        """
        meta: dict[str, Any] = {
            "request_type": request_type,
            "name": name,
            "response_length": response_length,
            "context": context or {},
            "exception": None,
            "start_time": time.time(),
        }
        began = time.perf_counter()
        try:
            yield meta
        except Exception as e:
            meta["exception"] = e
        finally:
            meta["response_time"] = (time.perf_counter() - began) * 1000
            self.fire(**meta)


def _is_seen_to(error: BaseException) -> bool:
    """Logs what a listener has raised; False: it is to be raised to who fired the event."""
    if isinstance(error, _CONTROL) or not isinstance(error, Exception):
        return False
    logging.error("Uncaught exception in event handler: \n%s", "".join(traceback.format_exception(error)))
    log.unhandled_greenlet_exception = True
    return True


_engine.tell_listeners_of(EventHook, [(vars(EventHook), "fire")], _is_seen_to)


class DeprecatedEventHook(EventHook):
    """A hook that still works but logs `message` as a warning whenever somebody listens to it."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__()

    def add_listener(self, handler: ListenerT) -> ListenerT:
        logging.warning(self.message)
        return super().add_listener(handler)


class Events:
    """The hooks of one `Environment`.

    Each annotation `name: EventHook` becomes a hook of every instance, in subclasses too. Listeners are
    called on the process where the event happens; "node" below means any of local, master and worker.
    """

    request: EventHook
    """A request ended: `request_type`, `name`, `response_time` (ms; None if it has none), `response_length`
    (bytes), `exception` (None = success), `context` (dict), and for HTTP `response`, `start_time` (epoch s),
    `url`. Fire it yourself to report requests of a client of your own."""

    user_error: EventHook
    """User code raised: `user_instance` (the TaskSet whose task raised, or the User for `on_start`),
    `exception`, `tb`."""

    report_to_master: EventHook
    """A worker is about to report: `client_id`, `data` (a dict to add to; "stats", "stats_total", "errors",
    "user_classes_count" and "user_count" are taken)."""

    worker_report: EventHook
    """The master received a report: `client_id`, `data`."""

    worker_connect: EventHook
    """The master saw a worker announce itself (again after each test): `client_id`."""

    spawning_complete: EventHook
    """A ramp is done: `user_count` (all users, not this node's)."""

    quitting: EventHook
    """The process begins to shut down: `environment`. The listener added last is called first."""

    quit: EventHook
    """The last event of the process: `exit_code`."""

    init: EventHook
    """Environment and runner exist: `environment`, `runner`, `web_ui`. The place to add listeners that need
    them."""

    init_command_line_parser: EventHook
    """Options may be added: `parser` (an `argparse.ArgumentParser`)."""

    test_start: EventHook
    """A test starts on this node, not when only the number of users changes: `environment`."""

    test_stopping: EventHook
    """A test is about to stop, its users still run: `environment`."""

    test_stop: EventHook
    """A test has stopped on this node: `environment`."""

    reset_stats: EventHook
    """The statistics were reset by hand. No arguments."""

    threshold: EventHook
    """How a threshold stood at the end of the last test, when the program ends: `environment`, `threshold` (its text), `measured` (ms, a share of one, per
    second or a number; None: nothing was), `passed`. Not Locust's."""

    cpu_warning: EventHook
    """This process used more CPU than `runners.CPU_WARNING_THRESHOLD`: `environment`, `cpu_usage` (%)."""

    heartbeat_sent: EventHook
    """The master sent a heartbeat: `client_id`, `timestamp` (epoch s)."""

    heartbeat_received: EventHook
    """A worker received a heartbeat: `client_id`, `timestamp` (epoch s)."""

    usage_monitor: EventHook
    """Every `runners.CPU_MONITOR_INTERVAL` seconds: `environment`, `cpu_usage` (%), `memory_usage` (RSS,
    bytes)."""

    def __init__(self) -> None:
        for cls in reversed(type(self).__mro__):
            # The form of old plugins: `my_event = "EventHook"` in the class body.
            declared = {
                name for name, value in vars(cls).items() if isinstance(value, str) and value == "EventHook"
            }
            declared |= {name for name, kind in _annotations(cls).items() if kind in ("EventHook", EventHook)}
            for name in sorted(declared):
                setattr(self, name, EventHook())


def _annotations(cls: type) -> dict[str, Any]:
    """The annotations of `cls` itself, as written; those which cannot be evaluated are left as they are."""
    if sys.version_info >= (3, 14):
        import annotationlib

        return annotationlib.get_annotations(cls, format=annotationlib.Format.FORWARDREF)
    return vars(cls).get("__annotations__", {})
