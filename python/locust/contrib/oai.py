"""Requests to OpenAI and to services that speak its protocol. Needs `pip install 'gregaria[openai]'`.

The module is not called openai, so as not to stand in the way of that package.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from locust.user import User

from ._extras import missing

try:
    from openai import OpenAI

    try:
        import httpx
    except ModuleNotFoundError:
        # What newer versions of openai bring along in its place.
        import httpx2 as httpx
except ModuleNotFoundError as e:
    raise missing("openai", e) from e

if "OPENAI_API_KEY" not in os.environ:
    raise Exception("You need to set OPENAI_API_KEY env var to use OpenAIUser")


class OpenAIClient(OpenAI):
    """An `OpenAI` client each of whose HTTP requests is counted, by its path.

    `response_length` is not the number of bytes but that of the answer's output tokens. Further arguments are those of
    `OpenAI`.
    """

    def __init__(self, request_event: Any, user: Any, *args: Any, **kwargs: Any) -> None:
        self.request_name: str | None = None
        self.user = user
        self._request_event = request_event
        hooks = {"request": [self._sent], "response": [self._received]}
        super().__init__(*args, **kwargs, http_client=httpx.Client(event_hooks=hooks))

    @contextmanager
    def rename_request(self, name: str) -> Iterator[None]:
        """Counts the requests of a with-block under `name`."""
        self.request_name = name
        try:
            yield
        finally:
            self.request_name = None

    @staticmethod
    def _sent(request: httpx.Request) -> None:
        request.start_time = time.time()  # type: ignore[attr-defined]
        request.start_perf_counter = time.perf_counter()  # type: ignore[attr-defined]

    def _received(self, response: httpx.Response) -> None:
        response.read()
        request: Any = response.request
        response_time = (time.perf_counter() - request.start_perf_counter) * 1000
        exception = None
        try:
            response.raise_for_status()
        except httpx.HTTPStatusError as e:
            exception = e
        self._request_event.fire(
            request_type=request.method,
            name=self.request_name or response.url.path,
            context={},
            response=response,
            exception=exception,
            start_time=request.start_time,
            response_time=response_time,
            response_length=_output_tokens(response),
            url=response.url,
        )


def _output_tokens(response: httpx.Response) -> int:
    try:
        return response.json()["usage"]["output_tokens"]
    except (ValueError, KeyError, TypeError):
        # An error page, a stream, or an answer of another kind.
        return 0


class OpenAIUser(User):
    """A user whose `client` is an `OpenAIClient`, set up by the variables that `OpenAI` reads."""

    abstract = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.client = OpenAIClient(self.environment.events.request, user=self)
