"""How a request is counted: the with-block, listeners, names and contexts; of both clients."""

from __future__ import annotations

import locust  # noqa: F401  (patches before anything else is imported)

# isort: split
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from http_recording import RecordingServer
from requests.exceptions import HTTPError

from locust import _engine
from locust.clients import HttpSession
from locust.clients import ResponseContextManager as HttpResponse
from locust.contrib.fasthttp import FastHttpSession, LocustBadStatusCode
from locust.event import EventHook
from locust.exception import (
    CatchResponseError,
    InterruptTaskSet,
    LocustError,
    RescheduleTask,
    ResponseError,
    StopUser,
)
from locust.stats import RequestStats

Make = Callable[..., Any]
REFUSED = "http://127.0.0.1:1/"


class Counted(list[dict[str, Any]]):
    """What a request event was fired with."""

    def __init__(self) -> None:
        super().__init__()
        self.event = EventHook()
        self.event.add_listener(lambda **given: self.append(given))

    @property
    def only(self) -> dict[str, Any]:
        (one,) = self
        return one


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture(params=["http", "fast"])
def make(request: pytest.FixtureRequest, recording: RecordingServer, counted: Counted) -> Make:
    """Makes a client, of each kind in turn."""

    def make(user: Any = None) -> Any:
        if request.param == "http":
            session = HttpSession(recording.url, counted.event, user)
            session.trust_env = False
            return session
        return FastHttpSession(recording.url, counted.event, user, max_retries=0)

    return make


GOOD, BAD = "/good", "/status/404"
# With requests' way as well as the engine's: a body from an iterator is beyond the engine.
WAYS = pytest.mark.parametrize("data", [None, "iterator"])


def send(client: Any, path: str, data: str | None, **given: Any) -> Any:
    return client.post(path, data=iter([b"part"]) if data else None, catch_response=True, **given)


@WAYS
def test_an_untouched_good_response_is_a_success(make: Make, counted: Counted, data: str | None) -> None:
    with send(make(), GOOD, data) as response:
        assert response.status_code == 200
        assert not counted
    assert counted.only["exception"] is None
    assert counted.only["response"].status_code == 200


@WAYS
def test_an_untouched_bad_response_is_a_failure(make: Make, counted: Counted, data: str | None) -> None:
    with send(make(), BAD, data, name="thing"):
        pass
    error = counted.only["exception"]
    if isinstance(error, HTTPError):
        assert repr(error) == "HTTPError('404 Client Error: Whatever for url: thing')"
    else:
        assert isinstance(error, LocustBadStatusCode)
        assert repr(error) == "LocustBadStatusCode(code=404)"


@WAYS
def test_a_connection_that_fails_is_a_failure_with_its_cause(
    make: Make, counted: Counted, data: str | None
) -> None:
    with send(make(), REFUSED, data) as response:
        assert response.status_code == 0
        assert response.content is None
    assert isinstance(counted.only["exception"], ConnectionRefusedError)


@WAYS
@pytest.mark.parametrize("path", [GOOD, BAD, REFUSED])
def test_success_counts_whatever_the_status(
    make: Make, counted: Counted, path: str, data: str | None
) -> None:
    with send(make(), path, data) as response:
        response.success()
        response.raise_for_status()
    assert counted.only["exception"] is None


@WAYS
@pytest.mark.parametrize("path", [GOOD, BAD])
def test_failure_takes_text_exceptions_and_anything_else(
    make: Make, counted: Counted, path: str, data: str | None
) -> None:
    client, own = make(), ValueError("own")
    for reason in ("text", own, 5, None):
        with send(client, path, data) as response:
            response.failure(reason)
    text, exception, number, nothing = (one["exception"] for one in counted)
    assert isinstance(text, CatchResponseError) and str(text) == "text"
    assert exception is own
    assert repr(number) == "CatchResponseError(5)" and repr(nothing) == "CatchResponseError(None)"


@WAYS
def test_the_last_verdict_counts(make: Make, counted: Counted, data: str | None) -> None:
    client = make()
    with send(client, GOOD, data) as response:
        response.failure("a")
        response.success()
    with send(client, GOOD, data) as response:
        response.success()
        response.failure("b")
        with pytest.raises(CatchResponseError, match="b"):
            response.raise_for_status()
    assert counted[0]["exception"] is None
    assert repr(counted[1]["exception"]) == "CatchResponseError('b')"


@WAYS
def test_a_response_error_in_the_block_fails_the_request_only(
    make: Make, counted: Counted, data: str | None
) -> None:
    with send(make(), GOOD, data):
        raise ResponseError("seen")
    assert repr(counted.only["exception"]) == "ResponseError('seen')"


@WAYS
@pytest.mark.parametrize("error", [ValueError, RescheduleTask, StopUser, InterruptTaskSet, KeyboardInterrupt])
def test_another_exception_in_the_block_drops_the_request(
    make: Make, counted: Counted, error: type[BaseException], data: str | None
) -> None:
    with pytest.raises(error), send(make(), BAD, data):
        raise error()
    assert not counted


@WAYS
def test_a_verdict_before_an_exception_counts_and_lets_it_out(
    make: Make, counted: Counted, data: str | None
) -> None:
    client = make()
    with pytest.raises(ValueError, match="1"), send(client, BAD, data) as response:
        response.success()
        raise ValueError(1)
    with pytest.raises(ValueError, match="2"), send(client, GOOD, data) as response:
        response.failure("set")
        raise ValueError(2)
    assert counted[0]["exception"] is None
    assert repr(counted[1]["exception"]) == "CatchResponseError('set')"


def test_a_listener_may_stop_the_user_from_the_end_of_the_block(make: Make, counted: Counted) -> None:
    def stop(**_: Any) -> None:
        raise StopUser()

    counted.event.add_listener(stop)
    with pytest.raises(StopUser), make().get(GOOD, catch_response=True):
        pass
    assert len(counted) == 1
    with pytest.raises(StopUser):
        make().get(GOOD)
    assert len(counted) == 2


@WAYS
def test_a_response_outside_a_block_counts_as_nothing(make: Make, counted: Counted, data: str | None) -> None:
    response = send(make(), GOOD, data)
    for judge in (response.success, lambda: response.failure("x")):
        with pytest.raises(LocustError, match="Make sure you use a with-block"):
            judge()
    assert not counted


def test_a_block_asks_for_catch_response(make: Make) -> None:
    response = make().get(GOOD)
    for judge in (response.success, lambda: response.failure("x")):
        with pytest.raises(LocustError):
            judge()
    if isinstance(response, HttpResponse):
        with pytest.raises(LocustError, match="you must also pass catch_response=True"), response:
            pass


@WAYS
def test_what_is_reported_can_be_edited_in_the_block(make: Make, counted: Counted, data: str | None) -> None:
    with send(make(), GOOD, data, context={"a": 1}) as response:
        meta = response.request_meta
        assert meta["name"] == GOOD and meta["context"] == {"a": 1}
        meta["name"], meta["response_time"], meta["request_type"] = "edited", 12.5, "TYPE"
        meta["context"]["b"] = 2
        meta["own"] = "key"
    fired = counted.only
    assert (fired["name"], fired["response_time"], fired["request_type"]) == ("edited", 12.5, "TYPE")
    assert fired["context"] == {"a": 1, "b": 2}
    assert fired["own"] == "key"


@WAYS
def test_an_event_says_everything_about_the_request(make: Make, counted: Counted, data: str | None) -> None:
    user = SimpleNamespace(context=lambda: {"user": 1, "both": "user's"})
    client = make(user)
    with send(client, GOOD, data, context={"both": "call's"}):
        pass
    client.get("/good?x=1")
    fired, plain = counted
    assert set(fired) == set(plain) == {
        "request_type", "response_time", "name", "context", "response", "exception", "start_time", "url",
        "response_length",
    }  # fmt: skip
    assert fired["request_type"] == "POST" and plain["request_type"] == "GET"
    assert fired["context"] == {"user": 1, "both": "call's"}
    assert plain["context"] == {"user": 1, "both": "user's"}
    assert fired["response_length"] == len("POST /good")
    assert fired["url"] == f"{client.base_url}/good"
    assert plain["name"] == "/good?x=1"
    assert 0 < fired["response_time"] < 10_000
    assert abs(fired["start_time"] - plain["start_time"]) < 10


def test_names_are_given_then_the_sessions_then_the_url(make: Make, counted: Counted) -> None:
    client = make()
    client.get("/a", name="given")
    client.request_name = "session's"
    client.get("/b")
    client.get("/c", name="given")
    client.get("/c2", name="")
    with client.rename_request("renamed"):
        client.get("/d")
    client.get("/e")
    with pytest.raises(ZeroDivisionError), client.rename_request("renamed"):
        raise ZeroDivisionError
    client.get("/f")
    names = [one["name"] for one in counted]
    assert names == ["given", "session's", "given", "session's", "renamed", "/e", "/f"]


def test_names_of_redirects_params_and_whole_urls_differ_between_the_clients(
    make: Make, counted: Counted, recording: RecordingServer
) -> None:
    client = make()
    client.get("/redirect/302?to=/landed")
    client.get("/p q", params={"a": "b c"})
    client.get(f"{recording.url}/whole?q")
    names = [one["name"] for one in counted]
    if isinstance(client, HttpSession):
        assert names == ["/redirect/302?to=/landed", "/p%20q?a=b+c", "/whole?q"]
    else:
        assert names == ["/redirect/302?to=/landed", "/p q", f"{recording.url}/whole?q"]


def test_listeners_are_called_in_their_order_and_one_that_fails_does_not_stop_the_others(
    make: Make, counted: Counted
) -> None:
    seen = []

    def fail(**_: Any) -> None:
        seen.append(len(counted))
        raise ValueError("in a listener")

    counted.event.add_listener(fail)
    counted.event.add_listener(lambda **_: seen.append("last"))
    make().get(GOOD)
    assert seen == [1, "last"]


def test_a_replaced_event_is_used(make: Make, counted: Counted) -> None:
    client, other = make(), Counted()
    client.request_event = other.event
    client.get(GOOD)
    assert not counted and len(other) == 1


def test_request_may_be_replaced_on_the_instance_and_on_a_class(make: Make, counted: Counted) -> None:
    client = make()
    original, calls = client.request, []

    def replaced(method: str, url: str, *args: Any, **given: Any) -> Any:
        calls.append((method, url, given.get("name")))
        return original(method, url, *args, **given)

    client.request = replaced
    client.get("/a", name="n")
    client.post("/b", data="x")
    del client.request
    client.get("/c")
    assert calls == [("GET", "/a", "n"), ("POST", "/b", None)]

    class Own(type(client)):  # type: ignore[misc]
        def request(self, method: str, url: str, *args: Any, **given: Any) -> Any:
            calls.append((method, url, "class"))
            return super().request(method, url, *args, **given)

    Own(client.base_url, counted.event, None).put("/d", data="y")
    assert calls[2:] == [("PUT", "/d", "class")]
    assert [one["name"] for one in counted] == ["n", "/b", "/c", "/d"]


class Judged:
    """A client whose requests only the statistics hear of, or somebody else, too, who does nothing."""

    def __init__(self, kind: str, url: str, listened: bool) -> None:
        self.stats = RequestStats()
        event = EventHook()
        event.add_listener(_engine.StatsListener(self.stats))
        if listened:
            event.add_listener(lambda **_given: None)
        self.client: Any = (HttpSession if kind == "http" else FastHttpSession)(url, event, None)
        if kind == "http":
            self.client.trust_env = False

    def counted(self) -> Any:
        entries = [
            (entry.name, entry.method, entry.num_requests, entry.num_failures, entry.total_content_length)
            for entry in self.stats.entries.values()
        ]
        errors = [
            (error.name, error.method, str(error.error), error.occurrences)
            for error in self.stats.errors.values()
        ]
        return sorted(entries), sorted(errors)


def _raised(response: Any) -> None:
    raise ResponseError("raised")


def _odd(response: Any) -> None:
    raise ZeroDivisionError


def _renamed(response: Any) -> None:
    response.request_meta["name"] = "renamed"
    response.request_meta["response_length"] = 5


def _other_class(response: Any) -> None:
    response.__class__ = type(
        "Own", (type(response),), {"_judge": lambda self: self._count(ValueError("own"))}
    )


WITH_BLOCKS: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda response: None,
    "read": lambda response: (
        response.status_code,
        response.text,
        response.headers,
        response.error,
        vars(response),
    ),
    "failure": lambda response: response.failure("bad"),
    "success": lambda response: response.success(),
    "both": lambda response: (response.success(), response.failure("after all")),
    "status of a failure": lambda response: setattr(response, "status_code", 500),
    "status of its own": lambda response: setattr(response, "status_code", True),
    "an error": lambda response: setattr(response, "error", ValueError("mine")),
    "no error": lambda response: setattr(response, "error", None),
    "a check of its own": lambda response: setattr(response, "raise_for_status", lambda: _odd(response)),
    "a report of its own": lambda response: setattr(response, "_report_request", lambda *_given: None),
    "renamed": _renamed,
    "meta read": lambda response: response.request_meta,
    "raised": _raised,
    "odd": _odd,
    "class": _other_class,
}


@pytest.mark.parametrize("kind", ["http", "fast"])
@pytest.mark.parametrize("block", WITH_BLOCKS)
def test_a_with_block_counts_the_same_whether_somebody_listens_or_not(
    kind: str, block: str, recording: RecordingServer
) -> None:
    counted = []
    for listened in (False, True):
        judged = Judged(kind, recording.url, listened)
        for path in (GOOD, BAD, "/status/304"):
            outcome = None
            try:
                with judged.client.get(path, catch_response=True, name=path) as response:
                    WITH_BLOCKS[block](response)
            except Exception as error:
                outcome = type(error)
            judged.client.get(path)
            counted.append((listened, path, outcome, judged.counted()))
    half = len(counted) // 2
    assert [one[1:] for one in counted[:half]] == [one[1:] for one in counted[half:]]
    if block == "nothing":
        assert counted[0][3][0] == [(GOOD, "GET", 2, 0, 2 * len("GET /good"))]
