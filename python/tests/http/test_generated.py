"""Calls made by the thousand, with our clients and with Locust's: framing, values, answers, state, steps, and what there is on the objects.

`make test` makes a sample of each family; `make test-http-all` all of them (GREGARIA_HTTP_ALL=1).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import http_gates
import pytest
from generated_known import KNOWN
from http_comparing import comparable, lowered, oracle

from servers import clean_environment

EVERYTHING = os.environ.get("GREGARIA_HTTP_ALL") == "1"
FAMILIES = ("framing", "values", "answers", "steps", "state", "surface")


def outcome(python: Path | str, client: str, certificates: Path) -> dict[str, Any]:
    environment = clean_environment() | {"HTTP_CASES_CERTIFICATES": str(certificates)}
    script = Path(__file__).with_name("generated.py")
    command = [python, "-W", "ignore", script, client, "all", *(["--all"] if EVERYTHING else [])]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=1000 if EVERYTHING else 140
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, Any]]:
    real = oracle()
    if real is None:
        pytest.skip("no Locust to compare with")
    certificates = tmp_path_factory.mktemp("certificates")
    http_gates.write_certificates(certificates)
    sides = {"ours": Path(sys.executable), "real": real}
    with ThreadPoolExecutor(2) as threads:
        made = {
            (side, client): threads.submit(outcome, python, client, certificates)
            for client in ("http", "fast")
            for side, python in sides.items()
        }
        return {key: future.result() for key, future in made.items()}


@pytest.mark.timeout(2200 if EVERYTHING else 300)
@pytest.mark.parametrize("client", ["http", "fast"])
@pytest.mark.parametrize("family", FAMILIES)
def test_each_call_does_as_locusts(
    family: str, client: str, outcomes: dict[tuple[str, str], dict[str, Any]]
) -> None:
    ours, real = (outcomes[side, client][family] for side in ("ours", "real"))
    assert len(ours) >= 20
    known = [(re.compile(pattern), reason) for pattern, reason in KNOWN[family, client].items()]
    unknown, seen = [], set()
    for name in sorted(ours.keys() | real.keys()):
        differs = difference(family, client, ours.get(name), real.get(name))
        reasons = [reason for pattern, reason in known if pattern.search(name)]
        if differs and reasons:
            seen.add(reasons[0])
        elif differs:
            unknown.append(f"{name}: {differs}")
    assert not unknown, f"{len(unknown)} of {len(ours)} differ:\n" + "\n".join(unknown[:20])
    if EVERYTHING:
        assert seen == {reason for _, reason in known}, "some no longer differ"


def difference(family: str, client: str, ours: Any, real: Any) -> str:
    """What differs, in short; nothing if nothing does."""
    if family == "surface":
        return missing(ours["result"], real["result"])
    if isinstance(ours, dict) and isinstance(real, dict):
        ours, real = (
            (comparable(one, *one) for one in (ours, real))
            if client == "http"
            else map(lowered, (ours, real))
        )
    if ours == real:
        return ""
    if not (isinstance(ours, dict) and isinstance(real, dict)):
        return f"ours {ours}, Locust's {real}"
    return "; ".join(
        f"{key}: ours {str(ours[key])[:400]}, Locust's {str(real[key])[:400]}"
        for key in ours
        if ours[key] != real[key]
    )


# Types of ours that stand for the library's, and derive from them, or do as they do.
STANDS_FOR = {
    ("SessionCookies", "RequestsCookieJar"), ("FastCookies", "CookieJar"), ("_Headers", "CaseInsensitiveDict"), ("_Pools", "PoolManager"),
    ("Watched", "type"), ("StreamedAnswer", "HTTPSocketPoolResponse"), ("_WholeBody", "HTTPSocketPoolResponse"),
}  # fmt: skip


def missing(ours: Any, real: Any) -> str:
    """Names that are not there, or are something else."""
    if "raised" in real or "raised" in ours:
        return "" if ours == real else f"ours {ours}, Locust's {real}"
    lacking = [name for name in real if name not in ours]
    other = [
        f"{name} is {ours[name]} instead of {real[name]}"
        for name in real
        if name in ours and ours[name] != real[name] and (ours[name], real[name]) not in STANDS_FOR
    ]
    return "; ".join([f"lacks {name}" for name in lacking] + other)
