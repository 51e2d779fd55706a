"""Statistics as scripts and plugins use them: reading entries, totals and errors, changing them, and the helpers."""

import json
import re

from observe import logged, raised, report

import locust.stats as stats_module
from locust.exception import CatchResponseError
from locust.stats import (
    RequestStats,
    StatsEntry,
    StatsError,
    avg,
    bucket_response_time,
    calculate_response_time_percentile,
    diff_response_time_dicts,
    get_error_report_summary,
    get_percentile_stats_summary,
    get_readable_percentiles,
    get_stats_summary,
    print_error_report,
    print_percentile_stats,
    print_stats,
    sort_stats,
)

FIELDS = [
    "name", "method", "num_requests", "num_none_requests", "num_failures", "total_response_time",
    "min_response_time", "max_response_time", "total_content_length", "response_times", "fail_ratio",
    "avg_response_time", "median_response_time", "avg_content_length",
]  # fmt: skip
RATES = ("current_rps", "current_fail_per_sec", "total_rps", "total_fail_per_sec")
CLOCK = (
    "last_request_timestamp",
    "start_time",
    "num_reqs_per_sec",
    "num_fail_per_sec",
    "first_seen",
    "last_seen",
)
PERCENTILES = (0, 0.1, 0.25, 0.5, 0.66, 0.75, 0.8, 0.9, 0.95, 0.99, 0.999, 1)


def fields(entry):
    """The numbers of an entry that do not depend on the clock."""
    seen = {name: getattr(entry, name) for name in FIELDS}
    return {**seen, "response_times": dict(seen["response_times"])}


def timeless(row):
    return {key: value for key, value in row.items() if key not in CLOCK and key not in RATES}


def masked(text):
    """Without addresses, and without rates at the end of a line."""
    text = re.sub(r"0x\w+", "0x…", text)
    return re.sub(r" +\d+\.\d\d +\d+\.\d\d$", " rates", text.rstrip())


def filled():
    stats = RequestStats()
    for number, time in enumerate([1, 2.4, 15, 99.5, 147, 995, 1050, 10500, None, 0]):
        stats.log_request("GET", "/a", time, 100 + number)
    for time in [10, 20, 30, 40]:
        stats.log_request("POST", "/b", time, 0)
    stats.log_request("", "no method", None, 5)
    for error in (ValueError("x"), ValueError("x"), "text"):
        stats.log_error("GET", "/a", error)
    stats.log_error("POST", "/b", CatchResponseError("y"))
    stats.log_error("GET", "/c", Exception(object()))
    return stats


def reading():
    stats = filled()
    entry = stats.get("/a", "GET")
    return {
        "total": fields(stats.total),
        "entries": {"|".join(key): fields(value) for key, value in stats.entries.items()},
        "the same object": [entry is stats.get("/a", "GET"), entry is stats.entries["/a", "GET"]],
        "unknown": [fields(stats.get("unknown", "GET")), len(stats.entries)],
        "sums": [stats.num_requests, stats.num_none_requests, stats.num_failures],
        "times": [type(stats.start_time).__name__, type(stats.last_request_timestamp).__name__],
        "percentiles": {
            one.name: [one.get_response_time_percentile(p) for p in PERCENTILES]
            for one in (entry, stats.get("/b", "POST"), stats.total, StatsEntry(RequestStats(), "n", "M"))
        },
        "current percentile": [
            raised(one.get_current_response_time_percentile, 0.5) for one in (entry, stats.total)
        ],
        "to_dict": [timeless(entry.to_dict()), list(entry.to_dict())],
        "serialize": [timeless(entry.serialize()), list(entry.serialize())],
        "unserialize": fields(StatsEntry.unserialize(entry.serialize(), RequestStats())),
        "lines": [masked(entry.to_string(current=False)), entry.percentile()],
        "rates of nothing": [getattr(StatsEntry(RequestStats(), "n", "M"), name) for name in RATES],
    }


def errors():
    stats = filled()
    first = next(iter(stats.errors.values()))
    same = StatsError.unserialize(first.serialize())
    own = StatsError("GET", "/x", "boom")
    seen = {
        "rows": [masked(json.dumps(timeless(error.to_dict()))) for error in stats.errors.values()],
        "keys": list(stats.errors)[:4],
        "names": [masked(error.to_name()) for error in stats.errors.values()],
        "parsed": [
            StatsError.parse_error(error)
            for error in ("a", ValueError("b"), CatchResponseError("c"), None, 5)
        ],
        "unserialized": [same.method, same.name, same.error, same.occurrences],
        "serialized": [masked(json.dumps(timeless(row))) for row in stats.serialize_errors().values()],
        "own": [own.occurrences, own.first_seen, own.last_seen, own.to_name(), own.to_dict()],
    }
    first.occurred()
    stats.errors["mine"] = own
    seen["changed"] = [first.occurrences, "mine" in stats.errors, len(stats.errors)]
    return seen


def changing():
    seen = {}
    entry = filled().get("/b", "POST")
    entry.extend(filled().get("/a", "GET"))
    seen["extended"] = fields(entry)
    seen["stripped"] = [sorted(entry.get_stripped_report()), fields(entry)]
    entry = filled().get("/a", "GET")
    entry.reset()
    seen["reset"] = fields(entry)
    for cached in (False, True):
        entry = StatsEntry(RequestStats(), "n", "M", use_response_times_cache=cached)
        entry.log(5, 10)
        entry.log(None, 3)
        entry.log_error("e")
        seen[f"of one's own, cache {cached}"] = fields(entry)
    entry = filled().get("/a", "GET")
    entry.num_requests, entry.num_failures, entry.num_none_requests = 99, 1, 2
    entry.total_response_time, entry.min_response_time, entry.max_response_time = 5, None, 7
    entry.total_content_length, entry.name, entry.response_times = 1, "renamed", {3: 4}
    seen["set"] = fields(entry)
    entry.response_times[3] += 3
    entry.response_times[20] = 5
    seen["counted"] = [dict(entry.response_times), entry.get_response_time_percentile(1)]
    stats = filled()
    stats.entries["/new", "PUT"].log(5, 1)
    seen["new entry"] = [[list(key) for key in stats.entries], stats.total.num_requests]
    del stats.entries["/new", "PUT"]
    seen["deleted"] = [len(stats.entries), ("/new", "PUT") in stats.entries]
    stats.entries.clear()
    stats.errors.clear()
    seen["emptied"] = [len(stats.entries), len(stats.errors), stats.total.num_requests]
    stats.entries["/x", "GET"] = StatsEntry(stats, "/x", "GET")
    stats.log_request("GET", "/x", 1, 1)
    seen["put"] = stats.get("/x", "GET").num_requests
    stats.history.append({"a": 1})
    stats.total.num_requests = 7
    seen["history and total"] = [stats.history, stats.num_requests]
    for way in ("clear_all", "reset_all"):
        stats = filled()
        getattr(stats, way)()
        seen[way] = [len(stats.entries), len(stats.errors), fields(stats.total), stats.history]
    stats = filled()
    rows = [[row["name"], row["num_requests"]] for row in stats.serialize_stats()]
    seen["serialize_stats"] = [rows, [entry.num_requests for entry in stats.entries.values()]]
    return seen


def helpers():
    times = (0, 0.5, 1.5, 2.5, 99.4, 99.5, 105, 115, 994, 995, 1050, 1150, 9949, 9950, 10500, 11500, 123456)
    stats = filled()
    with logged() as lines:
        print_stats(stats, current=False)
        print_percentile_stats(stats)
        print_error_report(stats)
    return {
        "percentile": [calculate_response_time_percentile({10: 1, 20: 2, 30: 1}, 4, p) for p in PERCENTILES],
        "percentile of nothing": calculate_response_time_percentile({}, 0, 0.5),
        "difference": diff_response_time_dicts({1: 5, 2: 3}, {1: 5, 2: 1}),
        "readable": get_readable_percentiles([0.5, 0.999, 0.12345678, 1.0]),
        "average": [avg([1, 2, 3]), raised(avg, [])],
        "buckets": [bucket_response_time(time) for time in times],
        "sorted": [[entry.name, entry.method] for entry in sort_stats(stats.entries)],
        "summary": [masked(line) for line in get_stats_summary(stats, False)],
        "percentile summary": get_percentile_stats_summary(stats),
        "error summary": [masked(line) for line in get_error_report_summary(stats)],
        "logged": [masked(line) for line in lines],
    }


def settings():
    constants = {
        name: value
        for name, value in sorted(vars(stats_module).items())
        if name.isupper() and name[0] != "_" and name != "TYPE_CHECKING"
    }
    stats_module.PERCENTILES_TO_REPORT = [0.5, 0.999]
    two = get_percentile_stats_summary(filled())[:3]
    stats_module.STATS_NAME_WIDTH = 20
    narrow = [masked(line) for line in get_stats_summary(filled(), False)[:2]]
    stats_module.bucket_response_time = lambda time: round(time, -3)
    stats = RequestStats()
    stats.log_request("a", "b", 1700, 1)
    return {
        "constants": constants,
        "two": two,
        "narrow": narrow,
        "bucket": dict(stats.get("b", "a").response_times),
    }


report(reading=reading(), errors=errors(), changing=changing(), helpers=helpers(), settings=settings())
