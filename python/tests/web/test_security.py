"""Who may do what, as seen from outside. `crates/web` tests the same in detail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from web_runs import WebRun

TOKEN = "open-sesame"
START = {"user_count": 1, "spawn_rate": 1}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebRun]:
    with WebRun(tmp_path_factory.mktemp("security"), LOCUST_WEB_TOKEN=TOKEN) as run:
        yield run


def own(run: WebRun) -> str:
    return f"http://127.0.0.1:{run.port}"


@pytest.mark.parametrize("origin", ["http://evil.test", "null", "https://127.0.0.1", "http://localhost:1"])
def test_pages_of_other_origins_cannot_change_anything(run: WebRun, origin: str):
    for method, path in (
        ("POST", "/swarm"),
        ("POST", "/stop"),
        ("GET", "/stop"),
        ("POST", "/stats/reset"),
        ("GET", "/stats/reset"),
        ("POST", "/user"),
    ):
        answer = run.ask(method, path, START if method == "POST" else None, headers={"Origin": origin})
        assert answer.status == 403, (method, path)
    assert run.get("/stats/requests").json()["state"] == "ready"
    assert run.get("/stop", **{"Sec-Fetch-Site": "cross-site"}).status == 403


def test_no_page_of_another_origin_may_read(run: WebRun):
    for method in ("GET", "OPTIONS"):
        answer = run.ask(method, "/stats/requests", headers={"Origin": "http://evil.test"})
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_the_page_itself_and_programs_may(run: WebRun):
    for headers in ({"Origin": own(run)}, {"Sec-Fetch-Site": "same-origin", "Origin": own(run)}, {}):
        assert run.ask("POST", "/stop", {}, headers=headers).status == 200


def test_a_name_that_is_not_ours_needs_the_token(run: WebRun):
    """A page whose name was made to point at this machine (DNS rebinding) sends its own name."""
    host = {"Host": f"evil.test:{run.port}"}
    for path in ("/stats/requests", "/live", "/runs", "/logs", "/exceptions"):
        assert run.ask("GET", path, headers=host).status == 401, path
    assert run.ask("POST", "/swarm", START, headers=host).status == 401
    wrong = run.ask("GET", "/stats/requests", headers={**host, "Authorization": "Bearer wrong-token"})
    assert wrong.status == 401 and "LOCUST_WEB_TOKEN sets it; the terminal shows it" in wrong.text
    assert (
        run.ask("GET", "/stats/requests", headers={**host, "Authorization": f"Bearer {TOKEN}"}).status == 200
    )
    # A browser is asked for it.
    page = run.ask("GET", "/", headers={**host, "Accept": "text/html"})
    assert page.status in (200, 401) and "token" in page.text and "templateArgs" not in page.text


def test_nothing_outside_the_pages_files_is_served(run: WebRun):
    for path in (
        "/assets/../locustfile.py",
        "/assets/%2e%2e/locustfile.py",
        "/assets/..%2flocustfile.py",
        "/runs/..%2f..%2fx",
    ):
        answer = run.get(path)
        assert answer.status in (400, 404) and "Talker" not in answer.text, path


@pytest.mark.parametrize("megabytes", [3, 30])
def test_bodies_have_a_limit(run: WebRun, megabytes: int):
    """Whoever sends all of it before reading sees the answer, too: the server does not close on somebody who still sends."""
    body = b"x=" + b"a" * (megabytes << 20)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for _ in range(3):
        assert run.ask("POST", "/swarm", body=body, headers=kind).status == 413
    foreign = run.ask("POST", "/swarm", body=body, headers={**kind, "Origin": "http://evil.test"})
    assert foreign.status == 403
    assert run.get("/stats/requests").json()["state"] in ("ready", "stopped")


def test_every_answer_of_ours_says_how_it_may_be_used(run: WebRun):
    page = run.get("/")
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'" in policy and "unsafe-eval" not in policy
    for path in ("/", "/stats/requests", "/nowhere", "/stats/report"):
        assert run.get(path).headers["x-content-type-options"] == "nosniff", path
