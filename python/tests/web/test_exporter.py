"""What the Prometheus exporter that the Kubernetes operator puts beside Locust reads. It is written in Go, whose JSON
decoder refuses `7.0` for an int and leaves out what it does not know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from web_runs import WebRun

STRUCT: dict[str, Any] = {
    "stats": [
        {
            "method": str,
            "name": str,
            "num_requests": int,
            "num_failures": int,
            "avg_response_time": float,
            "current_fail_per_sec": float,
            "min_response_time": float,
            "max_response_time": float,
            "current_rps": float,
            "median_response_time": float,
            "avg_content_length": float,
        }
    ],
    "errors": [{"method": str, "error": str, "name": str, "occurrences": int}],
    "total_rps": float,
    "fail_ratio": float,
    "current_response_time_percentile_95": float,
    "current_response_time_percentile_50": float,
    "state": str,
    "user_count": int,
}


def decode(struct: Any, value: Any, where: str = "$") -> None:
    """As `encoding/json` fills a struct: wrong kinds are errors, null leaves a field as it is."""
    if value is None:
        return
    if isinstance(struct, list):
        assert isinstance(value, list), where
        for element in value:
            decode(struct[0], element, where + "[]")
    elif isinstance(struct, dict):
        assert isinstance(value, dict), where
        for key, kind in struct.items():
            assert key in value, f"{where}.{key} is missing, so its metric would be zero for ever"
            decode(kind, value[key], f"{where}.{key}")
    else:
        fitting = (int, float) if struct is float else (struct,)
        assert type(value) in fitting, f"{where}: {value!r} is no {struct.__name__}"


def test_the_exporter_can_read_every_state(tmp_path: Path):
    with WebRun(tmp_path) as run:
        decode(STRUCT, run.get("/stats/requests").json())
        assert run.post("/swarm", {"user_count": 4, "spawn_rate": 4}).json()["success"]
        run.wait_for(lambda: run.get("/stats/requests").json()["errors"])
        decode(STRUCT, run.get("/stats/requests").json())
        assert run.post("/stop").json()["success"]
        answer = run.get("/stats/requests").json()
        decode(STRUCT, answer)
        assert answer["state"] == "stopped" and answer["user_count"] == 0
