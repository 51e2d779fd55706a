"""`HttpSession` beside plain requests and beside Locust's, and `FastHttpSession` beside Locust's: what arrives, what comes back."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import http_cases_content  # noqa: F401  (adds its calls)
import http_cases_libraries  # noqa: F401  (adds its calls)
import http_cases_network  # noqa: F401  (adds its calls)
import http_cases_odd  # noqa: F401  (adds its calls)
import http_cases_sessions  # noqa: F401  (adds its calls)
import http_cases_tls  # noqa: F401  (adds its calls)
import http_cases_uploads  # noqa: F401  (adds its calls)
import http_gates
import pytest
from http_cases import BOTH, FAST, HTTP
from http_comparing import comparable, lowered, oracle

from servers import clean_environment

CALLS = Path(__file__).with_name("http_calls.py")

IN_A_CHUNK = "counts the whole body that has arrived, urllib3 the present chunk"
TWICE = "the first request that is redirected to what only Python's TLS reaches goes that way a second time"
DIFFERS_FROM_REQUESTS = {
    "get /bad-chunk": "the same types, with a text that does not quote the chunk",
    "get /cut-chunk": IN_A_CHUNK,
    "get /cut-head": "urllib3 takes a head without end for a response",
    "get /informational": "urllib3 takes 103 for the response",
    "headers bad name": "a name with a space in it would be sent",
    "get /redirect/302?to=relative": "an invalid status code has no ValueError behind it",
    "stream of the session": "Locust reads the body to count its length",
    "errors in a body that know their request": "they do; requests leaves them without",
    "handshake after a redirect": TWICE,
    "hosts that no name server takes": "a request that fails, instead of a LocationParseError that ends the task",
}
"""Calls of `HttpSession` that do not end as with requests, and why."""

DIFFERS_FROM_LOCUST = DIFFERS_FROM_REQUESTS | {
    "prepared by the script": "send() before the first request() raises AttributeError in Locust",
    "lengths that contradict each other": "the text of the error does not quote them all",
    "sessions put away and taken out again": "Locust's session cannot be pickled",
    "proxy over tls": "a proxy over TLS raises ValueError in Locust where the authority is not given",
}
del DIFFERS_FROM_LOCUST["stream of the session"]

BY_NAME = "the error names the request as the statistics do, not by its URL, so that failures are grouped"
HISTORY = "the history is there for a bad status, too"
DIFFERS_FAST = {
    "auth and redirect to another host": HISTORY,
    "auth header and redirect to another host": HISTORY,
    "get /redirect/301?to=/status/404": HISTORY,
    "data empty bytes": "no body is None",
    "data empty bytes typed": "no body is None",
    "data empty dict": "no body is None",
    "data empty dict typed": "no body is None",
    "data empty text": "no body is None",
    "data empty text typed": "no body is None",
    "get /bad-gzip": "content stays None",
    "get /close": "geventhttpclient sends the request twice",
    "get /cut": "a part of a body is not content",
    "get /cut-chunk": "a part of a body is not content",
    "get /cut-encoded?as=gzip&by=12": "content stays None",
    "get /cut-encoded?as=gzip&by=4": "content stays None",
    "get /cut-encoded?as=deflate&by=6": "content stays None",
    "get /cut-gzip": "content stays None",
    "get /identity": "a length beside `identity` is read",
    "get /cut-head": "the parser's text",
    "get /loop": BY_NAME,
    "max redirects of the session": BY_NAME,
    "clients of the fast session made in every way": BY_NAME,
    "timeout": BY_NAME,
    "get /redirect/302?to=ftp://x/y": BY_NAME,
    "get /redirect/302?to=%23frag": BY_NAME,
    "get /redirect/302?to=/a%20b%20%C3%A9": "UTF-8 in Location is not encoded twice",
    "get /redirect/302?to=http://": "no look-up of an empty host",
    "get /reset": "no ConnectionResetError behind it",
    "get /unknown-encoding": "the body as it came, instead of a ValueError that ends the task",
    "handshake after a redirect": TWICE,
    "path double slash": "sent, instead of a ValueError that ends the task",
}
"""Calls of `FastHttpSession` that do not end as with Locust, and why."""

ONLY_THE_RESULT = {"client certificate that is not enough"}
"""Calls of which the rest depends on who is faster: a refusal after the handshake is met while sending or while reading."""


def outcome(python: Path | str, client: str, certificates: Path) -> dict[str, Any]:
    environment = clean_environment() | {"HTTP_CASES_CERTIFICATES": str(certificates)}
    done = subprocess.run(
        [python, CALLS, client], capture_output=True, text=True, env=environment, timeout=200
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What each call comes to, with each client; Locust's are missing if there is no Locust here."""
    asked: dict[str, tuple[Path | str, str]] = {
        "requests": (sys.executable, "requests"),
        "http": (sys.executable, "http"),
        "fast": (sys.executable, "fast"),
    }
    python = oracle()
    if python is not None:
        asked |= {"Locust's http": (python, "http"), "Locust's fast": (python, "fast")}
    certificates = tmp_path_factory.mktemp("certificates")
    http_gates.write_certificates(certificates)
    with ThreadPoolExecutor(2) as threads:
        made = {name: threads.submit(outcome, *arguments, certificates) for name, arguments in asked.items()}
        return {name: future.result() for name, future in made.items()}


def judge(name: str, ours: Any, theirs: Any, known: dict[str, str]) -> None:
    if name in ONLY_THE_RESULT:
        ours, theirs = ours["result"], theirs["result"]
    if name in known:
        assert ours != theirs, f"no longer different: {known[name]}"
    else:
        assert ours == theirs


@pytest.mark.parametrize("name", [*BOTH, *HTTP])
def test_http_session_does_as_requests(name: str, outcomes: dict[str, dict[str, Any]]) -> None:
    parts = ("wire", "result", "cookies")
    ours, theirs = (comparable(outcomes[client][name], *parts) for client in ("http", "requests"))
    judge(name, ours, theirs, DIFFERS_FROM_REQUESTS)


@pytest.mark.parametrize("name", [*BOTH, *HTTP])
def test_http_session_does_as_locusts(name: str, outcomes: dict[str, dict[str, Any]]) -> None:
    if "Locust's http" not in outcomes:
        pytest.skip("no Locust to compare with")
    parts = ("wire", "result", "cookies", "events")
    ours, theirs = (comparable(outcomes[client][name], *parts) for client in ("http", "Locust's http"))
    judge(name, ours, theirs, DIFFERS_FROM_LOCUST)


@pytest.mark.parametrize("name", [*BOTH, *FAST])
def test_fast_session_does_as_locusts(name: str, outcomes: dict[str, dict[str, Any]]) -> None:
    if "Locust's fast" not in outcomes:
        pytest.skip("no Locust to compare with")
    ours, theirs = (lowered(outcomes[client][name]) for client in ("fast", "Locust's fast"))
    judge(name, ours, theirs, DIFFERS_FAST)
