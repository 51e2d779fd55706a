"""What run_single_user prints for each request."""

import contextlib
import io

from observe import logged, report

from locust.debug import PrintListener
from locust.env import Environment
from locust.exception import CatchResponseError, RescheduleTask

SAMPLES = [
    dict(request_type="GET", name="/", response_time=12.5, response_length=5, exception=None, context={}),
    dict(
        request_type="POST",
        name="/" + "x" * 60,
        response_time=0.4,
        response_length=0,
        exception=None,
        context={"a": 1},
    ),
    dict(
        request_type="T",
        name=None,
        response_time=None,
        response_length=None,
        exception=ValueError("a\nb"),
        context={},
    ),
    dict(
        request_type="T",
        name="n",
        response_time=13.5,
        response_length=1,
        exception=CatchResponseError("short"),
        context=None,
    ),
    dict(
        request_type="T",
        name="n",
        response_time=1e6,
        response_length=1,
        exception=KeyError("x" * 600),
        context={},
    ),
    dict(
        request_type="T",
        name="n",
        response_time=1,
        response_length=1,
        exception=RescheduleTask(),
        context={},
        start_time=0.0,
    ),
    dict(
        request_type="T",
        name="n",
        response_time=1,
        response_length=1,
        exception="text",
        context={},
        start_time=1700000000.25,
    ),
]


def printed(samples=SAMPLES, **kwargs):
    environment = Environment()
    with contextlib.redirect_stdout(io.StringIO()) as out, logged() as lines:
        PrintListener(environment, **kwargs)
        for sample in samples:
            environment.events.request.fire(**sample)
    return [out.getvalue().split("\n"), lines]


class Response:
    class _request:
        payload = b"body"

    request = _request


report(
    plain=printed(),
    length=printed(include_length=True),
    context=printed(include_context=True, include_length=True),
    time=printed(SAMPLES[-1:], include_time=True),
    payload=printed([{**SAMPLES[0], "response": Response()}], include_payload=True),
    argument_missing=printed([{"request_type": "GET", "name": "n"}]),
)
