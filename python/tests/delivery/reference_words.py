"""What the reference pages say of columns and addresses. The lists themselves are the program's: test_reference.py."""

GENERATED = (
    "<!-- Written by `make reference`: the words stand in python/tests/delivery/reference_words.py. -->\n\n"
)

FILES = {
    "stats": "A row for each method and name, and the last one for all. Written anew every second.",
    "stats_history": "A row each second, with `--csv-full-history` one for each name, too. Grows.",
    "failures": "A row for each kind of failure.",
    "exceptions": "A row for each kind of exception that left a task.",
}

COLUMNS = {
    "": """
`--csv PREFIX` writes four files; the page's tab *Download data* has the same. Columns, order and rounding are Locust's, so whatever reads
Locust's files reads these. Times are milliseconds, times of day Unix time in seconds. Which percentiles there are,
`locust.stats.PERCENTILES_TO_REPORT` says.

Percentiles and medians of these files come from rounded response times, as in Locust: 147 counts as 150, 3432 as 3400. Exact ones are on the page, in
the report and in [thresholds](../thresholds.md). For a line for each request: [`--out csv=`](../observability.md).
""",
    "Type": "method, or what a client calls its kind of request; empty for the total",
    "Name": "name; `Aggregated` for the total",
    "Request Count": "requests, failed ones included",
    "Failure Count": "failed requests",
    "Median Response Time": "median",
    "Average Response Time": "mean of the exact times",
    "Min Response Time": "smallest",
    "Max Response Time": "largest",
    "Average Content Size": "mean length of the content, in bytes",
    "stats: Requests/s": "requests per second of the whole run",
    "stats: Failures/s": "failures per second of the whole run",
    "%": "the time that this share of the requests took at most; in the history with `--csv-full-history` of the last ten seconds, else of the run "
    "until then. `N/A` without a request",
    "Timestamp": "when the row was written",
    "User Count": "users that run",
    "stats_history: Requests/s": "requests per second of the last ten seconds",
    "stats_history: Failures/s": "failures per second of the last ten seconds",
    "Total Request Count": "requests until then",
    "Total Failure Count": "failed ones until then",
    "Total Median Response Time": "median until then",
    "Total Average Response Time": "mean until then",
    "Total Min Response Time": "smallest until then",
    "Total Max Response Time": "largest until then",
    "Total Average Content Size": "mean length until then",
    "Method": "as Type",
    "Error": "text of the failure",
    "Occurrences": "how often",
    "First Seen": "when it was first seen, in UTC",
    "Last Seen": "when it was last seen, in UTC",
    "Count": "how often",
    "Message": "text of the exception",
    "Traceback": "where it came from",
    "Nodes": "on which workers; `local` without any",
}

ENDPOINTS: dict[str, object] = {
    "": """
Of the web interface, below `--web-base-path`. Without a mark: Locust's, with its parameters and fields. +: not Locust's. °: open to programs of private
networks with `--web-read-open`. All want the access token of other machines, but the page that asks for it, `/healthz` and `/readyz`
([who can use it](../web-interface.md#who-can-use-it)).
""",
    "/": ("the page", False),
    "/swarm": (
        "starts or edits a test: `user_count`, `spawn_rate`, `host`, `run_time`, `profile`, `user_classes`, `shape_class`, the script's options",
        False,
    ),
    "/stop": ("stops it; answers when the users have stopped", False),
    "/stats/reset": ("begins the statistics anew", False),
    "/stats/requests": ("state, users, all rows, errors, workers as JSON", False),
    "/stats/requests/csv": ("the file of requests", False),
    "/stats/requests_full_history/csv": ("the history, with `--csv` and `--csv-full-history`", False),
    "/stats/failures/csv": ("the file of failures", False),
    "/stats/report": ("the report; `theme=dark`, `download=1`", False),
    "/exceptions": ("exceptions as JSON", False),
    "/exceptions/csv": ("the file of exceptions", False),
    "/tasks": ("how often each task is chosen", False),
    "/logs": ("the log, and the workers'", False),
    "/worker-count": ("how many workers", False),
    "/user": ("changes a User class (JSON)", False),
    "/login": ("the page of `--web-login`", False),
    "/token": ("takes the access token from the page that asks for it", True),
    "/assets/{*path}": ("the page's files", True),
    "/metrics": ("for Prometheus: [metrics](metrics.md)", True),
    "/healthz": ("`ok` as long as the server lives", True),
    "/readyz": ("200 while the program has a runner and has given word within 30 s, else 503", True),
    "/live": ("a stream of server-sent events, a snapshot each second", True),
    "/live/history": ("the course of the run", True),
    "/live/name": ("the course of one name", True),
    "/live/generator": ("whether the program keeps up", True),
    "/live/phases": ("where the time of requests went", True),
    "/live/window": ("exact numbers between two moments", True),
    "/live/values": ("how the program reads what stands in a field of the form", True),
    "/runs": ("the kept runs", True),
    "/runs/compare": ("two of them side by side", True),
    "/runs/{id}": ("one of them; or removes it", True),
    "/runs/{id}/delete": ("removes it, for what cannot send DELETE", True),
    "/runs/{id}/window": ("its exact numbers between two moments", True),
    "/runs/{id}/name": ("the course of one of its names", True),
    "/runs/{id}/report": ("its report, as one file", True),
    "/runs/{id}/junit": ("its result for a CI system", True),
    "/runs/{id}/labels": ("gives it a name and a note, and pins it", True),
}
