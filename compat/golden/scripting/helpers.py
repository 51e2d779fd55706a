"""locust.util: the small functions that plugins import."""

import os
import tempfile
import time

from observe import logged, raised, report

from locust.util import cache, exception_handler
from locust.util.date import format_duration, format_safe_timestamp, format_utc_timestamp
from locust.util.directory import get_abspaths_in
from locust.util.rounding import proper_round
from locust.util.timespan import parse_timespan
from locust.util.url import is_url

clock = 1000.0
cache.time = lambda: clock
exception_handler.time = type("", (), {"sleep": lambda seconds: slept.append(seconds)})
slept = []


def tree():
    with tempfile.TemporaryDirectory() as root:
        for path in (
            "b.py",
            "a.py",
            "_hidden.py",
            "c.txt",
            "sub/d.py",
            "_sub/e.py",
            "sub/deep/f.py",
            "sub/__init__.py",
        ):
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            open(os.path.join(root, path), "w").close()
        return {
            extension: sorted(os.path.relpath(path, root) for path in get_abspaths_in(root, extension))
            for extension in (".py", ".txt")
        }


def memoized(dynamic, durations, between):
    """Which calls reached the function: its duration and the time until the next call, in seconds."""
    global clock
    calls = []

    @cache.memoize(10, dynamic_timeout=dynamic)
    def slow(number):
        """Documented."""
        global clock
        calls.append(number)
        clock += durations.pop(0)
        return number

    results = []
    for number, pause in enumerate(between):
        results.append(slow(number))
        clock += pause
    slow.clear_cache()
    results.append(slow("after clearing"))
    return [calls, results, slow.__name__]


def retried(failures, **kwargs):
    slept.clear()
    left = [failures]

    @exception_handler.retry(**kwargs)
    def flaky(a, b=0):
        if left[0]:
            left[0] -= 1
            raise ValueError(f"{left[0]} to come")
        return a + b

    with logged() as lines:
        seen = raised(flaky, 1, b=2)
    return [seen, list(slept), lines]


os.environ["TZ"] = "Asia/Kathmandu"
time.tzset()
report(
    timespan={
        text: raised(parse_timespan, text)
        for text in (
            "",
            "0",
            "20",
            "007",
            "20s",
            "3m",
            "2h",
            "1h20m",
            "3h30m10s",
            "90m",
            "1h5s",
            "99999h",
            " 20",
            "20 ",
            "1.5h",
            "1d",
            "10s5m",
            "h",
            "5hm",
            "-5",
            "5S",
            "1h 2m",
            "1hh",
            "s5",
        )
    },
    rounding=[
        [value, digits, proper_round(value, digits)]
        for value in (0, 1, 0.5, 1.5, 2.5, -0.5, 24, 1.005, 2.675, 5.015, 12345.678, 1e-7, 1e21)
        for digits in (0, 1, 2)
    ],
    rounding_type=type(proper_round(5)).__name__,
    utc=[format_utc_timestamp(t) for t in (0, 1700000000, 1700000000.999)],
    safe=[format_safe_timestamp(t) for t in (0, 1700000000, 1700000000.999)],
    duration=[
        format_duration(0, t)
        for t in (
            0,
            0.9,
            1,
            2,
            59,
            60,
            61,
            120,
            3600,
            3661,
            7325,
            86400,
            86401,
            90061,
            180122,
            100 * 86400,
            -5,
        )
    ],
    duration_of_fractions=[format_duration(0.9, 2.1), format_duration(0.1, 2.9)],
    urls={
        url: is_url(url)
        for url in (
            "http://a",
            "https://a/b",
            "HTTP://a",
            "ftp://a",
            "http:a",
            "http://",
            "a.py",
            "/a/b",
            "",
            "http://[::1",
        )
    },
    paths=tree(),
    memoized=[
        memoized(False, [0] * 9, [5, 5, 1, 9, 10.5, 0]),
        memoized(True, [11, 0, 11, 30, 0, 0, 0], [5, 15, 21, 1, 50, 0]),
    ],
    retried=[
        retried(0),
        retried(2),
        retried(4),
        retried(3, delays=(0.5,)),
        retried(1, delays=()),
        retried(1, exception=KeyError),
        retried(1, exception=(KeyError, ValueError), delays=[7]),
    ],
)
