"""Writes compat/golden/stats/: what the real Locust makes of given samples, to compare our statistics and reports with.

Run it with the Python of an environment in which the original Locust is installed:

    python compat/golden/stats.py compat/golden/stats

The clock is replaced. A scenario is a JSON file with

    start       unix time of the statistics' creation
    events      [seconds after start, "request", method, name, response time or null, length]
                [seconds after start, "error", method, name, text]
                [seconds after start, "history"]    a row of the history CSV files is written here
    end         seconds after start at which everything else is written

and beside it is what Locust makes of it: `<scenario>.<what>`. `buckets.json` holds [response time, bucket] pairs.
No scenario asks for current rates within the first four seconds, where ours differ on purpose.
"""

from __future__ import annotations

import csv
import io
import json
import math
import random
import sys
from pathlib import Path
from types import SimpleNamespace

import locust.stats as stats_module
from locust.stats import PERCENTILES_TO_REPORT, RequestStats, StatsCSVFileWriter, bucket_response_time

START = 1_700_000_000.25
USERS = 7


def blog() -> dict:
    """A mixture as a small site gives it: names that need quoting, untimed requests, failures of several kinds."""
    dice = random.Random(20_471)
    names = [
        ("GET", "/"),
        ("GET", "/posts/[id]"),
        ("POST", "/login"),
        ("GET", 'a "quoted", name'),
        ("WS", "é😀 / x"),
    ]
    texts = [
        "CatchResponseError('Got wrong response')",
        "HTTPError('500 Server Error')",
        "plain, text",
        "Zürich",
    ]
    events = []
    now = 0.5
    while now < 38:
        now += dice.expovariate(9)
        method, name = dice.choices(names, [10, 6, 3, 1, 1])[0]
        untimed = method == "WS" and dice.random() < 0.5
        events.append(
            [
                now,
                "request",
                method,
                name,
                None if untimed else dice.lognormvariate(4, 1.3),
                dice.randrange(9000),
            ]
        )
        if dice.random() < 0.07:
            events.append([now, "error", method, name, dice.choice(texts)])
        if int(now) in (10, 20, 30) and (not events or ["h", int(now)] not in [e[:2] for e in events]):
            events.append(["h", int(now)])
    events = [[e[1] + 0.999, "history"] if e[0] == "h" else e for e in events]
    return {"start": START, "events": sorted(events, key=lambda event: event[0]), "end": 39.5}


def whole_numbers() -> dict:
    """Response times that scripts give as int, which print without a decimal point; one entry is untimed only."""
    dice = random.Random(7)
    events = [
        [float(second), "request", "CUSTOM", "job", dice.randrange(20_000), 10] for second in range(1, 26)
    ]
    events += [[second + 0.5, "request", "ASYNC", "later", None, 3] for second in range(1, 26, 3)]
    events += [[20.5, "error", "ASYNC", "later", "timed out"], [21.5, "error", "NONE", "only failures", "x"]]
    events += [[22.999, "history"]]
    return {"start": START, "events": sorted(events, key=lambda event: event[0]), "end": 26.0}


def boundaries() -> dict:
    """Every boundary of the buckets, a request each."""
    times = [
        0.0,
        0.4,
        0.5,
        1.5,
        2.5,
        98.5,
        99.5,
        100.0,
        105.0,
        115.0,
        995.0,
        1050.0,
        1150.0,
        9949.9,
        9950.0,
        10_500.0,
    ]
    times += [11_500.0, 99_500.0, 100_500.0, 123_456.7, 3_600_000.0]
    events = [
        [1 + index / 2, "request", "GET", f"/{index % 4}", time, index] for index, time in enumerate(times)
    ]
    return {"start": START, "events": events, "end": 12.0}


def silence() -> dict:
    """Nothing happened."""
    return {"start": START, "events": [[5.0, "history"]], "end": 6.0}


def buckets() -> list:
    dice = random.Random(3)
    times = [dice.uniform(0, 10 ** dice.uniform(0, 6)) for _ in range(1500)]
    for step, top in ((1, 100), (10, 1000), (100, 10_000), (1000, 60_000)):
        for multiple in range(0, top, step):
            tie = multiple + step / 2
            times += [tie, math.nextafter(tie, 0), math.nextafter(tie, math.inf)]
    times += [*range(0, 12_000, 7), -0.4, -2.5, -250.0]
    return [[time, bucket_response_time(time)] for time in times]


class Clock:
    now = START

    def time(self) -> float:
        return self.now


def run(scenario: dict, folder: Path, name: str) -> None:
    clock = Clock()
    clock.now = scenario["start"]
    stats_module.time = clock
    stats_module.STATS_NAME_WIDTH = 80
    stats = RequestStats()
    environment = SimpleNamespace(stats=stats, runner=SimpleNamespace(user_count=USERS, exceptions={}))
    writers = [
        StatsCSVFileWriter(environment, PERCENTILES_TO_REPORT, "/dev/null", full_history=f)
        for f in (False, True)
    ]
    histories = [io.StringIO(), io.StringIO()]
    for writer, text in zip(writers, histories, strict=True):
        csv.writer(text).writerow(writer.stats_history_csv_columns)
    for event in scenario["events"]:
        clock.now = scenario["start"] + event[0]
        match event[1:]:
            case ["request", method, entry, response_time, length]:
                stats.log_request(method, entry, response_time, length)
            case ["error", method, entry, text]:
                stats.log_error(method, entry, text)
            case ["history"]:
                for writer, text in zip(writers, histories, strict=True):
                    writer._stats_history_data_rows(csv.writer(text), clock.now)
    clock.now = scenario["start"] + scenario["end"]

    def save(what: str, text: str) -> None:
        (folder / f"{name}.{what}").write_bytes(text.encode())

    def lines(all_lines: list[str]) -> str:
        return "".join(f"{line}\n" for line in all_lines)

    save("scenario.json", json.dumps(scenario, ensure_ascii=False, indent=0) + "\n")
    save("current.txt", lines(stats_module.get_stats_summary(stats, current=True)))
    save("total.txt", lines(stats_module.get_stats_summary(stats, current=False)))
    save("percentiles.txt", lines(stats_module.get_percentile_stats_summary(stats)))
    save("errors.txt", lines(stats_module.get_error_report_summary(stats)))
    save("history.csv", histories[0].getvalue())
    save("full_history.csv", histories[1].getvalue())
    requests, failures = io.StringIO(), io.StringIO()
    writers[0].requests_csv(csv.writer(requests))
    writers[0].failures_csv(csv.writer(failures))
    save("stats.csv", requests.getvalue())
    save("failures.csv", failures.getvalue())
    current = {str(p): stats.total.get_current_response_time_percentile(p) for p in PERCENTILES_TO_REPORT}
    numbers = {
        "entries": [entry.to_dict() for entry in [*stats_module.sort_stats(stats.entries), stats.total]],
        "current_percentiles": current,
        "total": stats.total.serialize(),
        "errors": stats.serialize_errors(),
    }
    save("numbers.json", json.dumps(numbers, indent=1) + "\n")
    # Last, as it empties the entries.
    save("stats.json", json.dumps(stats.serialize_stats(), indent=4))


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for scenario in (blog, whole_numbers, boundaries, silence):
        run(scenario(), folder, scenario.__name__)
    rows = ",\n".join(json.dumps(row) for row in buckets())
    (folder / "buckets.json").write_text(f"[\n{rows}\n]\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
