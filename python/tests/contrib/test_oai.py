"""OpenAIUser against a service that speaks OpenAI's protocol."""

from __future__ import annotations

from contrib_events import assert_events, events_of
from contrib_servers import Server

SCRIPT = """
from locust.contrib.oai import OpenAIUser
import openai

class Asker(OpenAIUser):
    pass

user = Asker(environment)
assert user.client.user is user
ask = lambda model: user.client.responses.create(model=model, input="how?")
assert ask("good").usage.output_tokens == 42
with user.client.rename_request("mini"):
    ask("good")
assert user.client.request_name is None
try:
    ask("none")
except openai.NotFoundError:
    pass
"""


def test_requests_are_counted_with_the_tokens_of_their_answer():
    with Server("openai") as server:
        refused = (
            "HTTPStatusError(\"Client error '404 Not Found' for url 'http://127.0.0.1:*/v1/responses'\\nFor more "
            'information check: https://developer.mozilla.org/en-US/docs/Web/HTTP/Status/404")'
        )
        assert_events(
            SCRIPT,
            server.address,
            [
                ("POST", "/v1/responses", 42, None),
                ("POST", "mini", 42, None),
                ("POST", "/v1/responses", 0, refused),
            ],
            OPENAI_API_KEY="none",
            OPENAI_BASE_URL=server.address,
        )


def test_an_answer_that_is_no_json_counts_without_tokens():
    script = (
        SCRIPT.split("assert ask")[0]
        + """
try:
    ask("page")
except ValueError:
    pass  # the client's own, later
"""
    )
    with Server("openai") as server:
        [event] = events_of(script, "", OPENAI_API_KEY="none", OPENAI_BASE_URL=server.address)
        assert (event["response_length"], event["exception"]) == (0, None)


def test_the_http_library_may_be_either_of_those_that_openai_has_used():
    without_httpx = "sys.modules['httpx'] = None\n"
    with Server("openai") as server:
        fired = events_of(without_httpx + SCRIPT, "", OPENAI_API_KEY="none", OPENAI_BASE_URL=server.address)
    assert [(event["name"], event["response_length"]) for event in fired] == [
        ("/v1/responses", 42),
        ("mini", 42),
        ("/v1/responses", 0),
    ]


def test_without_a_key_it_says_which_variable_is_missing():
    script = """
try:
    import locust.contrib.oai
except Exception as e:
    events.request.fire(request_type="", name=str(e), response_time=0, response_length=0)
"""
    text = "You need to set OPENAI_API_KEY env var to use OpenAIUser"
    assert_events(script, "", [("", text, 0, None)])
