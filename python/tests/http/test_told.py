"""Listeners of a request are called by the engine: whatever a script can tell is as if `EventHook.fire` had called them."""

from __future__ import annotations

import locust  # noqa: F401  (patches before anything else is imported)

# isort: split
import logging
from collections.abc import Callable
from typing import Any

import pytest
from http_recording import RecordingServer
from http_sessions import opened

from locust import event as event_module
from locust import log
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment
from locust.event import EventHook
from locust.exception import InterruptTaskSet, RescheduleTask, StopTest, StopUser

CLIENTS = pytest.mark.parametrize("client", [HttpSession, FastHttpSession])
ARGUMENTS = {
    *(
        "request_type",
        "response_time",
        "name",
        "context",
        "response",
        "exception",
        "start_time",
        "url",
        "response_length",
    ),
}


@pytest.fixture(autouse=True)
def flag() -> Any:
    before = log.unhandled_greenlet_exception
    yield
    log.unhandled_greenlet_exception = before


def session_of(
    client: Any, recording: RecordingServer, hook: EventHook | None = None
) -> tuple[Any, EventHook]:
    """A session, and its hook with the statistics' listener among the others, as in a run."""
    session = opened(client, recording)
    environment = Environment()
    environment.create_local_runner()
    hook = hook or environment.events.request
    if hook is not environment.events.request:
        hook._handlers[:] = environment.events.request._handlers
    session.request_event = hook
    hook.stats = environment.stats  # type: ignore[attr-defined]
    return session, hook


def noting(notes: list[Any], word: Any) -> Callable[..., None]:
    def listener(**kwargs: Any) -> None:
        notes.append((word, kwargs))

    return listener


@CLIENTS
def test_listeners_get_what_fire_gives_them(client: Any, recording: RecordingServer) -> None:
    """The same request by the engine and by `fire`, in one go: a subclass of the hook is fired."""

    class Fired(EventHook):
        pass

    told: dict[str, list[Any]] = {}
    for word, hook in (("engine", None), ("fire", Fired())):
        session, hook = session_of(client, recording, hook)
        notes = told[word] = []
        for number in range(3):
            hook.add_listener(noting(notes, number))
        session.get("/echo?type=text/plain", context={"a": 1})
        session.get("/status/404", name="four")
        with session.get("/echo", catch_response=True) as response:
            response.failure("no")
        assert (hook.stats.total.num_requests, hook.stats.total.num_failures) == (3, 2)  # type: ignore[attr-defined]
        assert len(hook.stats.errors) == 2  # type: ignore[attr-defined]
    assert [word for word, _ in told["engine"]] == [0, 1, 2] * 3
    for (one_word, one), (other_word, other) in zip(told["engine"], told["fire"], strict=True):
        assert one_word == other_word and set(one) == set(other) == ARGUMENTS
        assert list(one) == list(other)
        for name in ("request_type", "name", "context", "response_length"):
            assert one[name] == other[name], name
        assert type(one["exception"]) is type(other["exception"]) and str(one["exception"]) == str(
            other["exception"]
        )
        assert {name: type(value) for name, value in one.items()} == {
            name: type(value) for name, value in other.items()
        }
    # Each has a dict of its own.
    assert told["engine"][0][1] is not told["engine"][1][1]


@CLIENTS
def test_an_exception_that_calls_itself_false_is_no_failure(client: Any, recording: RecordingServer) -> None:
    """`if exception:` is how Locust's own listener asks, whoever else listens."""

    class Nothing(Exception):
        def __bool__(self) -> bool:
            return False

    class Fired(EventHook):
        pass

    for others, hook in ((0, None), (1, None), (0, Fired())):
        session, hook = session_of(client, recording, hook)
        for _ in range(others):
            hook.add_listener(lambda **_: None)
        for reason in (Nothing(), ValueError("something")):
            with session.get("/echo", catch_response=True) as response:
                response.failure(reason)
        counted = hook.stats.total  # type: ignore[attr-defined]
        assert (counted.num_requests, counted.num_failures) == (2, 1), others


@CLIENTS
def test_a_listener_that_raises_keeps_none_from_being_called(
    client: Any, recording: RecordingServer, caplog: pytest.LogCaptureFixture
) -> None:
    session, hook = session_of(client, recording)
    notes: list[Any] = []

    def broken(**kwargs: Any) -> None:
        raise ValueError("this one")

    hook._handlers.insert(0, broken)
    hook.add_listener(noting(notes, "after"))
    log.unhandled_greenlet_exception = False
    with caplog.at_level(logging.ERROR):
        session.get("/echo")
    assert len(notes) == 1 and hook.stats.total.num_requests == 1  # type: ignore[attr-defined]
    assert "Uncaught exception in event handler: \nTraceback (most recent call last):" in caplog.text
    assert "in broken" in caplog.text and "ValueError: this one" in caplog.text
    assert log.unhandled_greenlet_exception


@CLIENTS
@pytest.mark.parametrize(
    "error", [StopUser, StopTest, RescheduleTask, InterruptTaskSet, KeyboardInterrupt, SystemExit]
)
def test_what_steers_a_user_is_raised_and_skips_the_rest(
    client: Any, recording: RecordingServer, error: type[BaseException]
) -> None:
    session, hook = session_of(client, recording)
    notes: list[Any] = []

    def steering(**kwargs: Any) -> None:
        raise error()

    hook.add_listener(steering)
    hook.add_listener(noting(notes, "after"))
    with pytest.raises(error):
        session.get("/echo")
    assert not notes and hook.stats.total.num_requests == 1  # type: ignore[attr-defined]


@CLIENTS
def test_a_listener_without_the_arguments_is_an_error_as_any(
    client: Any, recording: RecordingServer, caplog: pytest.LogCaptureFixture
) -> None:
    session, hook = session_of(client, recording)
    hook.add_listener(lambda name: None)
    with caplog.at_level(logging.ERROR):
        session.get("/echo")
    assert "got an unexpected keyword argument" in caplog.text


@CLIENTS
def test_listeners_that_come_and_go_count_from_the_next_request(
    client: Any, recording: RecordingServer
) -> None:
    session, hook = session_of(client, recording)
    notes: list[str] = []

    def late(**kwargs: Any) -> None:
        notes.append("late")

    def first(**kwargs: Any) -> None:
        notes.append("first")
        hook.remove_listener(first)
        hook.add_listener(late)

    hook.add_listener(first)
    session.get("/echo")
    assert notes == ["first"]
    session.get("/echo")
    assert notes == ["first", "late"]


@CLIENTS
@pytest.mark.parametrize("where", ["class", "instance", "module's class"])
def test_a_replaced_fire_is_asked(
    client: Any, recording: RecordingServer, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, hook = session_of(client, recording)
    notes: list[Any] = []
    hook.add_listener(noting(notes, "listener"))
    fired: list[Any] = []

    def fire(self: Any = None, **kwargs: Any) -> None:
        fired.append(kwargs)

    if where == "instance":
        hook.fire = fire  # type: ignore[method-assign]
    else:
        monkeypatch.setattr(EventHook if where == "class" else event_module.EventHook, "fire", fire)
    session.get("/echo")
    assert not notes and [set(kwargs) for kwargs in fired] == [ARGUMENTS]
    if where != "instance":
        monkeypatch.undo()
        session.get("/echo")
        assert len(notes) == 1 and len(fired) == 1


@CLIENTS
def test_a_hook_with_other_handlers_is_fired(client: Any, recording: RecordingServer) -> None:
    notes: list[Any] = []

    class Own(EventHook):
        pass

    session, _ = session_of(client, recording, Own())
    Own._handlers = property(lambda self: [noting(notes, "own")])  # type: ignore[assignment]
    session.get("/echo")
    session, hook = session_of(client, recording)
    hook._handlers = (noting(notes, "own"),)  # type: ignore[assignment]
    session.get("/echo")
    assert len(notes) == 2
