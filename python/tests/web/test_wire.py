"""What the native side is told, whatever scripts and workers say."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from locust import runners
from locust._web import recording, wire


class Wordless:
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": [1, 2.5, None, True, "é"]}, {"a": [1, 2.5, None, True, "é"]}),
        (float("inf"), "inf"),
        ([float("nan")], ["nan"]),
        ("bytes \udcff that were no text", "bytes \ufffd that were no text"),
        ("\U0001f980", "\U0001f980"),
        ({("a", 1): 2, 3: Wordless()}, {"('a', 1)": 2, "3": "<Wordless>"}),
        ((1, {2}), [1, "{2}"]),
        (10**30, 10**30),
    ],
)
def test_everything_has_a_word_in_json(value: Any, expected: Any):
    text = wire.as_json(value)
    assert json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON")) == expected
    text.encode()


@pytest.mark.parametrize(
    ("said", "shown"), [(3, 3), (2.0, 2), (-1, 0), (None, 0), ("x", 0), (float("inf"), 0)]
)
def test_a_worker_of_another_kind_does_not_hide_the_others(said: Any, shown: int):
    worker = SimpleNamespace(
        id="w", state="running", user_count=said, cpu_usage=1.5, memory_usage=7, user_classes_count={}
    )
    master = SimpleNamespace(clients={"w": worker})
    assert recording.workers(cast("runners.MasterRunner", master)) == [
        {
            "id": "w",
            "host": "w",
            "index": None,
            "reported": True,
            "problem": "",
            "state": "running",
            "user_count": shown,
            "cpu_usage": 1.5,
            "memory_usage": 7,
        }
    ]
