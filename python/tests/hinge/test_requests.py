"""A greenlet that waits for a native request, and everything that can happen to it meanwhile."""

from __future__ import annotations

import gc
import random
import time
import weakref
from typing import Any

import gevent
import psutil
import pytest
from gevent.exceptions import BlockingSwitchOutError
from gevent.hub import get_hub
from gevent.pool import Pool
from gevent.threadpool import ThreadPool

from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment

KINDS = [HttpSession, FastHttpSession]


class Client:
    """A session of either kind with an environment of its own, and what it has reported."""

    def __init__(self, kind: type, url: str) -> None:
        self.kind = kind
        self.environment = Environment()
        self.reported: list[dict[str, Any]] = []
        self.environment.events.request.add_listener(lambda **meta: self.reported.append(meta))
        event = self.environment.events.request
        self.session = kind(base_url=url, request_event=event, user=None)


@pytest.fixture(params=KINDS, ids=["http", "fast"])
def client(request: pytest.FixtureRequest, site: Any) -> Client:
    return Client(request.param, site.url)


@pytest.fixture(params=["native", "library"])
def way(request: pytest.FixtureRequest) -> str:
    """Whether a request of HttpSession is made by the engine as a whole, or by requests over the engine's connections."""
    return str(request.param)


def test_a_server_in_the_same_thread_can_answer(client: Client, site: Any) -> None:
    assert [client.session.get("/").text for _ in range(3)] == ["ok"] * 3
    assert (site.requests, len(client.reported)) == (3, 3)


def test_a_connection_is_kept_and_used_again(client: Client) -> None:
    assert len({client.session.get("/port").text for _ in range(3)}) == 1


def test_a_timeout_around_a_request_cancels_it(client: Client, site: Any, until: Any) -> None:
    port = client.session.get("/port").text
    timeout = gevent.Timeout(0.05)
    began = time.monotonic()
    timeout.start()
    if client.kind is HttpSession:
        with pytest.raises(gevent.Timeout) as raised:
            client.session.get("/held")
        assert raised.value is timeout
    else:
        # geventhttpclient takes it for a timeout of its own.
        response = client.session.get("/held")
        assert (response.status_code, "original=0.05 seconds" in repr(response.error)) == (0, True)
    timeout.close()
    took = (time.monotonic() - began) * 1000
    assert client.session.get("/port").text != port, (
        "the connection whose answer is outstanding is not used again"
    )
    site.release()
    until(lambda: not site.under_way)
    gevent.sleep(0.05)
    names = [meta["name"] for meta in client.reported]
    if client.kind is HttpSession:
        assert names == ["/port", "/port"], "a request given up is not counted"
    else:
        assert names == ["/port", "/held", "/port"]
        failed = client.reported[1]
        assert repr(failed["exception"]) == "RetriesExceeded('/held', 0, original=0.05 seconds)"
        assert 40 < failed["response_time"] <= took


def test_a_timeout_can_be_caught_in_the_task_and_the_next_request_works(client: Client) -> None:
    for _ in range(5):
        with gevent.Timeout(0.01, False):
            client.session.get("/held")
        assert client.session.get("/").text == "ok"
    failures = [str(meta["exception"]) for meta in client.reported if meta["exception"]]
    assert len(client.reported) - len(failures) == 5
    assert len(failures) == (0 if client.kind is HttpSession else 5)


@pytest.mark.parametrize("thrown", [OSError(5, "thrown"), TimeoutError("thrown"), ValueError("thrown")])
def test_what_is_thrown_into_a_request_ends_it_as_the_library_has_it(
    client: Client, site: Any, until: Any, way: str, thrown: Exception
) -> None:
    if client.kind is HttpSession:
        client.session.trust_env = way == "library"
    greenlet = gevent.spawn(client.session.get, "/held", name="slow")
    until(lambda: site.under_way)
    get_hub().loop.run_callback(greenlet.throw, thrown)
    if isinstance(thrown, ValueError):
        with pytest.raises(ValueError, match="thrown"):
            greenlet.get(timeout=30)
        assert client.reported == []
        return
    assert greenlet.get(timeout=30).status_code == 0
    (failed,) = client.reported
    assert failed["name"] == "slow"
    said = failed["exception"]
    assert said is thrown or type(said).__name__ in ("ReadTimeout", "RetriesExceeded")
    assert (said is thrown) is (type(thrown) is OSError)


@pytest.mark.parametrize("block", [True, False])
def test_a_kill_ends_a_waiting_request(client: Client, site: Any, until: Any, block: bool) -> None:
    seen: list[BaseException] = []

    def work() -> None:
        try:
            client.session.get("/held")
        except BaseException as error:
            seen.append(error)
            raise

    greenlet = gevent.spawn(work)
    until(lambda: site.under_way)
    greenlet.kill(block=block)
    greenlet.join(30)
    assert isinstance(greenlet.value, gevent.GreenletExit)
    assert [type(error) for error in seen] == [gevent.GreenletExit]
    site.release()
    until(lambda: not site.under_way)
    assert client.reported == []


def test_an_exception_thrown_into_a_waiting_request_goes_on_as_it_is(
    client: Client, site: Any, until: Any
) -> None:
    class Mine(BaseException):
        pass

    def work() -> Any:
        try:
            client.session.get("/held")
        except Mine as error:
            return error, client.session.get("/").text

    greenlet = gevent.spawn(work)
    until(lambda: site.under_way)
    thrown = Mine("mine")
    get_hub().loop.run_callback(greenlet.throw, thrown)
    assert greenlet.get(timeout=30) == (thrown, "ok")


def test_an_exception_inside_a_with_block_after_a_cancelled_request_counts_once(client: Client) -> None:
    if client.kind is HttpSession:
        with pytest.raises(gevent.Timeout):
            with client.session.get("/", catch_response=True) as response:
                timeout = gevent.Timeout.start_new(0.05)
                client.session.get("/held")
                response.success()
        assert client.reported == [], "the inner one is not counted, and the outer one had no verdict"
    else:
        with client.session.get("/", catch_response=True) as response:
            timeout = gevent.Timeout.start_new(0.05)
            client.session.get("/held", name="slow")
            response.success()
        assert [(meta["name"], meta["exception"] is None) for meta in client.reported] == [
            ("slow", False),
            ("/", True),
        ]
    timeout.close()


def test_a_greenlet_killed_before_its_first_turn_makes_no_request(client: Client, site: Any) -> None:
    greenlet = gevent.spawn(client.session.get, "/")
    greenlet.kill()
    gevent.sleep(0.02)
    assert (greenlet.dead, site.requests) == (True, 0)


def test_a_completion_for_a_greenlet_that_is_gone_is_dropped(client: Client, site: Any, until: Any) -> None:
    greenlets = [gevent.spawn(client.session.get, "/slow?s=0.1") for _ in range(5)]
    until(lambda: site.requests == 5)
    # The answers arrive about when the greenlets die.
    gevent.sleep(0.099)
    gevent.killall(greenlets, block=False)
    del greenlets
    gc.collect()
    gevent.sleep(0.1)
    assert client.session.get("/").text == "ok"
    assert len(client.reported) <= 6


def test_a_stray_switch_does_not_end_a_wait(client: Client, site: Any, until: Any) -> None:
    greenlet = gevent.spawn(client.session.get, "/held")
    until(lambda: site.under_way)
    for _ in range(3):
        get_hub().loop.run_callback(greenlet.switch, "stray")
        gevent.sleep(0)
    assert not greenlet.ready()
    site.release()
    assert greenlet.get(timeout=30).text == "ok"


def test_a_request_in_the_hub_is_refused_clearly(client: Client) -> None:
    caught: list[BaseException] = []

    def callback() -> None:
        try:
            client.session.get("/")
        except BaseException as error:
            caught.append(error)

    get_hub().loop.run_callback(callback)
    gevent.sleep(0.05)
    assert isinstance(caught[0], BlockingSwitchOutError)
    assert "callback" in str(caught[0])
    assert client.session.get("/").text == "ok"


def test_parked_greenlets_survive_the_collector(client: Client, site: Any, until: Any) -> None:
    class Token:
        pass

    def work() -> str:
        mine = Token()
        cycle = [mine]
        cycle.append(cycle)
        alive.append(weakref.ref(mine))
        return client.session.get("/held").text

    alive: list[Any] = []
    greenlets = [gevent.spawn(work) for _ in range(20)]
    until(lambda: site.under_way and len(alive) == 20)
    for _ in range(3):
        gc.collect()
    assert len(alive) == 20 and all(ref() is not None for ref in alive)
    site.release()
    gevent.joinall(greenlets)
    assert [greenlet.value for greenlet in greenlets] == ["ok"] * 20
    gc.collect()
    assert all(ref() is None for ref in alive)


def test_greenlets_of_a_pool_share_a_session(client: Client) -> None:
    texts = Pool(5).map(lambda n: client.session.get(f"/slow?s=0.0{n % 3}").text, range(30))
    assert (texts, len(client.reported)) == (["ok"] * 30, 30)


def test_a_request_nested_in_a_listener_works(client: Client) -> None:
    def again(name: str, **_: Any) -> None:
        if name == "/":
            client.session.get("/port")

    client.environment.events.request.add_listener(again)
    assert client.session.get("/").text == "ok"
    assert [meta["name"] for meta in client.reported] == ["/", "/port"]


def test_listeners_are_called_in_order_before_the_request_returns(client: Client) -> None:
    order: list[str] = []
    client.environment.events.request.add_listener(lambda **_: order.append("first"))
    client.environment.events.request.add_listener(lambda **_: order.append("second"))
    client.session.get("/", name="named", context={"a": 1})
    order.append("returned")
    assert order == ["first", "second", "returned"]
    meta = client.reported[0]
    assert (meta["request_type"], meta["name"], meta["context"], meta["exception"]) == (
        "GET",
        "named",
        {"a": 1},
        None,
    )
    assert {"response", "response_time", "response_length", "start_time", "url"} <= set(meta)


def test_without_a_user_listeners_get_the_context_of_the_request_as_it_is(client: Client, way: str) -> None:
    if client.kind is HttpSession:
        client.session.trust_env = way == "library"
    mine = ("no", "mapping")
    client.session.get("/")
    client.session.get("/", context=mine)
    assert client.reported[0]["context"] == {}
    assert client.reported[1]["context"] is mine


@pytest.mark.parametrize("verb", ["get", "options", "head", "post", "put", "patch", "delete"])
def test_every_verb_goes_through_a_replaced_request(client: Client, site: Any, verb: str) -> None:
    asked: list[tuple[str, str]] = []
    client.session.request = lambda method, url, **_: asked.append((method, url)) or "mine"
    assert getattr(client.session, verb)("/x") == "mine"
    assert (asked, site.requests) == ([(verb.upper(), "/x")], 0)
    del client.session.request
    assert getattr(client.session, verb)("/").status_code == 200


def test_every_verb_goes_through_a_request_replaced_on_the_class(client: Client, monkeypatch: Any) -> None:
    kind = type(client.session)
    original = kind.request
    asked: list[str] = []

    def request(self: Any, method: str, url: str, **arguments: Any) -> Any:
        asked.append(method)
        return original(self, method, url, **arguments)

    client.session.get("/")
    monkeypatch.setattr(kind, "request", request)
    assert client.session.get("/").text == "ok"
    client.session.post("/", "body")
    monkeypatch.undo()
    client.session.get("/")
    assert asked == ["GET", "POST"]


def test_a_native_thread_can_use_a_session_of_the_main_thread(client: Client) -> None:
    client.session.get("/")
    pool = gevent.get_hub().threadpool

    def work(number: int) -> str:
        return client.session.get(f"/slow?s=0.0{number}").text

    asked = [pool.spawn(work, number % 3) for number in range(6)]
    assert [client.session.get("/").text for _ in range(3)] == ["ok"] * 3
    assert [answer.get(timeout=30) for answer in asked] == ["ok"] * 6
    assert len(client.reported) == 10


def test_the_io_threads_of_a_thread_end_with_it(client: Client, until: Any) -> None:
    client.session.get("/")
    process = psutil.Process()
    before = process.num_threads()
    pool = ThreadPool(1)
    assert pool.apply(lambda: client.session.get("/").text) == "ok"
    assert process.num_threads() > before + 1
    pool.kill()
    until(lambda: process.num_threads() <= before)
    assert client.session.get("/").text == "ok"


def test_a_thread_shares_the_cookies_of_the_session(site: Any) -> None:
    client = Client(HttpSession, site.url)
    client.session.cookies.set("a", "1")
    pool = gevent.get_hub().threadpool
    assert pool.apply(lambda: client.session.get("/cookie").text) == "a=1"


def test_a_stream_cannot_be_read_in_another_thread(client: Client) -> None:
    with client.session.get("/", stream=True, catch_response=True) as response:
        read = (lambda: response.raw.read()) if hasattr(response, "raw") else (lambda: response.content)
        with pytest.raises(RuntimeError, match="only be read in the thread"):
            gevent.get_hub().threadpool.apply(read)
        response.success()


def test_random_kills_timeouts_and_nested_calls_leave_nothing_behind(site: Any, until: Any) -> None:
    rng = random.Random(7)
    clients = [Client(kind, site.url) for kind in KINDS * 5]
    counts = {"done": 0, "timeout": 0}

    def work(client: Client) -> None:
        for _ in range(60):
            choice = rng.random()
            try:
                with gevent.Timeout(rng.choice([0.002, 0.01, 5])):
                    if choice < 0.3:
                        client.session.get(f"/slow?s={rng.random() / 100}")
                    elif choice < 0.4:
                        inner = gevent.spawn(client.session.get, "/")
                        client.session.get("/")
                        inner.join()
                    elif choice < 0.5:
                        gevent.sleep(rng.random() / 200)
                    elif choice < 0.6:
                        with client.session.get("/", catch_response=True) as response:
                            gevent.sleep(0)
                            response.failure("on purpose")
                    else:
                        client.session.get("/")
                counts["done"] += 1
            except gevent.Timeout:
                counts["timeout"] += 1

    greenlets = [gevent.spawn(work, client) for client in clients for _ in range(6)]
    victims = rng.sample(greenlets, 15)
    for victim in victims:
        gevent.sleep(rng.random() / 20)
        victim.kill(block=rng.random() < 0.5)
    gevent.joinall(greenlets, timeout=50, raise_error=True)
    assert all(greenlet.dead for greenlet in greenlets)
    assert all(greenlet.value is None for greenlet in set(greenlets) - set(victims))
    assert counts["done"] > 300
    until(lambda: not site.under_way)
    gevent.sleep(0.05)
    for client in clients:
        before = len(client.reported)
        assert client.session.get("/").text == "ok"
        assert len(client.reported) == before + 1
    # A request that was given up before it was sent is a failed one of geventhttpclient's.
    sent = [
        meta
        for client in clients
        for meta in client.reported
        if "RetriesExceeded" not in repr(meta["exception"])
    ]
    assert len(sent) <= site.requests
