"""Makes the calls of the generated families, and says what scripts and the server see of each.

    python generated.py http|fast all|FAMILY... [--all]

prints, as JSON, what the calls of each family come to with the `HttpSession` or the `FastHttpSession` of the running Python's
Locust. Without `--all` it is a sample of each, chosen by their names, so that it is the same ones on each side.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import http_calls  # (imports locust first, which patches)
from http_calls import Maker, Seen, cookies_of, event_of

if True:  # after locust, which patches
    import generated_answers
    import generated_framing
    import generated_state
    import generated_steps
    import generated_surface
    import generated_values
    from gevent.pool import Pool

Call = Callable[[Any], Any]
# Each gives names and calls for a client, "http" or "fast".
SIDE_BY_SIDE: dict[str, Callable[[str], Iterator[tuple[str, Call]]]] = {
    "framing": generated_framing.cases,
    "values": generated_values.cases,
    "answers": generated_answers.cases,
}
ONE_BY_ONE: dict[str, Callable[[str], Iterator[tuple[str, Call]]]] = {
    "steps": generated_steps.cases,
    "state": generated_state.cases,
    "surface": generated_surface.cases,
}


SAMPLES = {"framing": 40, "values": 30, "answers": 8, "steps": 6, "state": 7, "surface": 1}
"""Of each family, one call in so many is in the sample."""


def chosen(client: str, family: str, everything: bool) -> list[tuple[str, Call]]:
    cases = list((SIDE_BY_SIDE | ONE_BY_ONE)[family](client))
    assert len({name for name, _ in cases}) == len(cases), "names must differ"
    share = 1 if everything else SAMPLES[family]
    return [(name, call) for name, call in cases if zlib.crc32(name.encode()) % share == 0]


def server(script: str, *arguments: str) -> tuple[subprocess.Popen[str], list[int]]:
    path = str(Path(__file__).with_name(script))
    process = subprocess.Popen(
        [sys.executable, path, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, list(map(int, process.stdout.readline().split()))


def outcome(seen: Seen, call: Call, session: Any) -> Any:
    try:
        return seen.value(call(session))
    except Exception as error:
        return seen.error(error)


def side_by_side(client: str, cases: list[tuple[str, Call]]) -> dict[str, Any]:
    process, (port, control) = server("generated_server.py")
    seen, found = Seen(client, port, {}), {}

    def run(number: int, name: str, call: Call) -> None:
        fired: list[dict[str, Any]] = []
        make = Maker(client, f"http://127.0.0.1:{port}", {}, fired)
        # As long as nobody waits in vain; a machine may be busy.
        session = make(**({} if client == "http" else {"network_timeout": 20, "connection_timeout": 20}))
        session.path = f"/c{number}"
        result = outcome(seen, call, session)
        found[name] = {
            "result": result,
            "wire": f"c{number}",
            "events": [event_of(seen, one) for one in fired],
        }

    pool = Pool(24)
    for number, (name, call) in enumerate(cases):
        pool.spawn(run, number, name, call)
    pool.join()
    with socket.create_connection(("127.0.0.1", control)) as asked:
        text = b""
        while part := asked.recv(1 << 20):
            text += part
    arrived = json.loads(text)
    for one in found.values():
        one["wire"] = [wire(seen, text) for text in arrived.get(one["wire"], [])]
    if "?" in arrived:
        found["requests without a path of their own"] = sorted(seen.clean(text) for text in arrived["?"])
    assert process.stdin is not None
    process.stdin.close()
    process.wait()
    return found


def wire(seen: Seen, text: str) -> list[Any]:
    head, _, body = text.partition("\r\n\r\n")
    return [0, *seen.head(head), seen.clean(body)]


def one_by_one(client: str, cases: list[tuple[str, Call]]) -> dict[str, Any]:
    process, (port, *_) = server("http_server.py")
    seen, found = Seen(client, port, {}), {}
    for name, call in cases:
        fired: list[dict[str, Any]] = []
        session = Maker(client, f"http://127.0.0.1:{port}", {}, fired)()
        session.fired = fired
        result = outcome(seen, call, session)
        jar = session.cookiejar if client == "fast" else session.cookies
        log = http_calls.log.get(f"http://127.0.0.1:{port}/__log").json()
        found[name] = {
            "result": result,
            "cookies": cookies_of(jar),
            "wire": [[0, *seen.head(head), seen.clean(body)] for _, head, body in log],
            "events": [event_of(seen, one) for one in fired],
        }
    assert process.stdin is not None
    process.stdin.close()
    process.wait()
    return found


def main(client: str, *families: str) -> None:
    everything = "--all" in families
    found = {}
    for family in SIDE_BY_SIDE | ONE_BY_ONE:
        if family in families or "all" in families:
            run = side_by_side if family in SIDE_BY_SIDE else one_by_one
            found[family] = run(client, chosen(client, family, everything))
    print(json.dumps(found, indent=1, sort_keys=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
