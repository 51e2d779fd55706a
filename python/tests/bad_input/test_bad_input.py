"""What goes wrong in real life: a clear message, Locust's exit code, and the statistics kept.

The cases of compat/bad-input.md compare the messages with Locust's. Here is what Locust does not do, or does worse: bounded
memory and time, and files that hold everything although the run ended badly.
"""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from servers import TestkitServer, clean_environment, free_port, locust_command, run_locust

USER = """
import gevent
from locust import FastHttpUser, HttpUser, constant, events, task

class Visitor({base}):
    wait_time = constant({wait})

    @task
    def visit(self):
        {body}
"""
# Ends the run as soon as it has shown what it is for. It looks instead of listening: with a listener for requests they
# would take another way.
ENOUGH = """
@events.test_start.add_listener
def end_after(environment, **_):
    def watch():
        while environment.stats.total.num_requests < {requests}:
            gevent.sleep(0.02)
        environment.runner.quit()
    gevent.spawn(watch)
"""
BOTH = pytest.mark.parametrize("base", ["HttpUser", "FastHttpUser"])


def locustfile(base: str = "HttpUser", body: str = 'self.client.get("/ok")', wait: float = 0.1) -> str:
    return USER.format(base=base, body=body, wait=wait)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def run_against(
    url: str, folder: Path, source: str, *options: str, requests: int = 3
) -> subprocess.CompletedProcess[str]:
    """A run of so many requests; its CSV files are run_*.csv."""
    return run_locust(
        "--headless", "-H", url, "--csv", "run", "--only-summary", *options,
        folder=folder, locustfile=source + ENOUGH.format(requests=requests),
    )  # fmt: skip


def errors_of(folder: Path) -> str:
    return "\n".join(row["Error"] for row in rows(folder / "run_failures.csv"))


# --- servers that misbehave ---------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/reset", "Connection reset|RemoteDisconnected|ConnectionReset|closed"),
        ("/close", "closed|RemoteDisconnected|without response|EOF|ConnectionReset"),
        ("/truncate", "IncompleteRead|Incomplete|truncat|closed|EOF|10"),
        ("/truncate-chunked", "IncompleteRead|Incomplete|truncat|chunk|closed|EOF"),
        ("/malformed", "BadStatusLine|malformed|parse|Parse|status line|closed"),
        ("/malformed-chunk", "chunk|Chunk|malformed|parse|Parse"),
        ("/huge-header", "header|Header|line|too large|large"),
        ("/many-headers", "header|Header|too many|large"),
        ("/redirect-loop", "redirect|Redirect"),
    ],
)
def test_a_broken_response_is_one_failed_request(
    path: str, said: str, base: str, misbehave: TestkitServer, tmp_path: Path
) -> None:
    done = run_against(misbehave.url, tmp_path, locustfile(base, f'self.client.get("{path}")'))
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    total = rows(tmp_path / "run_stats.csv")[-1]
    assert int(total["Request Count"]) >= 1
    assert total["Failure Count"] == total["Request Count"]
    assert re.search(said, errors_of(tmp_path)), errors_of(tmp_path)


@BOTH
@pytest.mark.parametrize("path", ["/endless-head", "/endless-informational"])
def test_a_head_without_end_is_given_up(
    path: str, base: str, misbehave: TestkitServer, tmp_path: Path
) -> None:
    done = run_against(misbehave.url, tmp_path, locustfile(base, f'self.client.get("{path}")'), requests=1)
    assert done.returncode == 1, done.stderr
    assert int(rows(tmp_path / "run_stats.csv")[-1]["Failure Count"]) >= 1


def test_a_read_timeout_is_a_failed_request(misbehave: TestkitServer, tmp_path: Path) -> None:
    source = locustfile(body='self.client.get("/hang", timeout=0.3)')
    done = run_against(misbehave.url, tmp_path, source)
    assert done.returncode == 1
    assert "timed out" in errors_of(tmp_path) or "Timeout" in errors_of(tmp_path)
    assert 250 <= float(rows(tmp_path / "run_stats.csv")[-1]["Average Response Time"])


def test_a_hanging_server_does_not_keep_a_run_from_ending(misbehave: TestkitServer, tmp_path: Path) -> None:
    done = run_against(misbehave.url, tmp_path, locustfile(body='self.client.get("/hang")'), "-t", "1s")
    assert done.returncode == 0, done.stderr
    assert "--run-time limit reached" in done.stderr


@BOTH
def test_nobody_listening_is_a_failed_request(base: str, tmp_path: Path) -> None:
    done = run_against(f"http://127.0.0.1:{free_port()}", tmp_path, locustfile(base))
    assert done.returncode == 1
    assert "Connection refused" in errors_of(tmp_path)


@BOTH
def test_a_stale_kept_connection_is_replaced_unnoticed(
    base: str, misbehave: TestkitServer, tmp_path: Path
) -> None:
    done = run_against(
        misbehave.url, tmp_path, locustfile(base, 'self.client.get("/stale")', wait=0.05), requests=11
    )
    assert done.returncode == 0, errors_of(tmp_path)
    assert int(rows(tmp_path / "run_stats.csv")[-1]["Request Count"]) > 10


@BOTH
def test_a_gzip_bomb_is_a_failed_request_and_does_not_fill_the_memory(
    base: str, misbehave: TestkitServer, tmp_path: Path
) -> None:
    body = """
        response = self.client.get("/gzip-bomb?mb=2048")
        print("LENGTH", len(response.content or b""), flush=True)
        import resource
        print("MEMORY", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, flush=True)
    """
    done = run_against(misbehave.url, tmp_path, locustfile(base, body, wait=30), requests=1)
    assert done.returncode == 1, done.stderr
    assert "LENGTH 0" in done.stdout, done.stdout + done.stderr
    assert "decoded body is larger than 268435456 bytes" in errors_of(tmp_path)
    most = max(int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("MEMORY"))
    # The cap of 256 MiB, and the program itself.
    assert most < 256 + 128, f"{most} MiB"


@BOTH
def test_endless_bodies_of_many_users_end_at_a_common_limit(
    base: str, misbehave: TestkitServer, tmp_path: Path
) -> None:
    body = """
        try:
            self.client.get("/endless-body")
        finally:
            import resource
            print("MEMORY", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, flush=True)
    """
    source = locustfile(base, body, wait=0.01) + ENOUGH.format(requests=30)
    done = run_locust(
        "--headless", "-H", misbehave.url, "--csv", "run", "--only-summary", "-u", "30", "-r", "1000",
        folder=tmp_path, locustfile=source, LOCUST_BODY_BUDGET="64",
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "all response bodies together would take more than 67108864 bytes" in errors_of(tmp_path)
    total = rows(tmp_path / "run_stats.csv")[-1]
    assert int(total["Request Count"]) == int(total["Failure Count"]) >= 30
    most = max(int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("MEMORY"))
    # Twice the limit: a buffer that grows is copied, and the allocator keeps some.
    assert most < 2 * 64 + 30 + 192, f"{most} MiB"


def test_a_limit_of_bodies_that_is_none_is_said_before_the_run(tmp_path: Path) -> None:
    done = run_locust(
        "--headless", "-t", "1s", folder=tmp_path, locustfile=locustfile(), LOCUST_BODY_BUDGET="lots"
    )
    assert done.returncode == 1 and "LOCUST_BODY_BUDGET" in done.stderr and "lots" in done.stderr, done.stderr


@BOTH
def test_a_large_body_below_the_cap_is_decoded(base: str, misbehave: TestkitServer, tmp_path: Path) -> None:
    body = 'print("LENGTH", len(self.client.get("/gzip-bomb?mb=64").content), flush=True)'
    done = run_against(misbehave.url, tmp_path, locustfile(base, body, wait=30), requests=1)
    assert done.returncode == 0, done.stderr
    assert f"LENGTH {64 << 20}" in done.stdout, done.stdout
    assert float(rows(tmp_path / "run_stats.csv")[-1]["Average Content Size"]) == 64 << 20


def test_a_wrong_certificate_is_a_failed_request_and_can_be_accepted(
    misbehave_tls: tuple[TestkitServer, Path], tmp_path: Path
) -> None:
    server, authority = misbehave_tls
    for number, (arguments, fine) in enumerate(
        [("", False), (", verify=False", True), (f", verify={str(authority)!r}", True)]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        done = run_against(server.url, folder, locustfile(body=f'self.client.get("/ok"{arguments})'))
        assert done.returncode == (0 if fine else 1), f"verify{arguments}: {errors_of(folder)}"
        assert fine or "certificate" in errors_of(folder).lower(), errors_of(folder)


def test_plain_http_where_tls_was_expected_is_a_failed_request(
    misbehave: TestkitServer, tmp_path: Path
) -> None:
    done = run_against(misbehave.url.replace("http:", "https:"), tmp_path, locustfile())
    assert done.returncode == 1
    assert "SSL" in errors_of(tmp_path) or "TLS" in errors_of(tmp_path), errors_of(tmp_path)


# --- scripts that misbehave ---------------------------------------------------------------------------------------------


def test_an_exception_in_a_task_is_logged_counted_and_the_user_goes_on(
    blog: TestkitServer, tmp_path: Path
) -> None:
    body = 'self.client.get("/"); raise ValueError("on purpose")'
    done = run_against(blog.url, tmp_path, locustfile(body=body), requests=5)
    assert done.returncode == 1
    assert "ValueError: on purpose" in done.stderr
    assert int(rows(tmp_path / "run_stats.csv")[-1]["Request Count"]) >= 5
    assert int(rows(tmp_path / "run_exceptions.csv")[0]["Count"]) >= 5


def test_a_traceback_shows_the_users_file_and_not_our_inside(tmp_path: Path) -> None:
    done = run_locust("--headless", "-t", "1s", folder=tmp_path, locustfile="import locust\n\n1 / 0\n")
    assert done.returncode == 1
    assert "ZeroDivisionError: division by zero" in done.stderr
    assert 'locustfile.py", line 3' in done.stderr
    assert "/locust/util/load_locustfile.py" not in done.stderr
    assert "importlib" not in done.stderr


@pytest.mark.parametrize(
    "host", ["not a url", "127.0.0.1:8000", "ftp://127.0.0.1/", "http://", "http://[::1"]
)
def test_a_malformed_host_fails_requests_and_nothing_else(host: str, tmp_path: Path) -> None:
    done = run_against(host, tmp_path, locustfile(), "-t", "1s", requests=1)
    assert done.returncode in (1, 2), done.stderr
    assert "panicked" not in done.stderr
    assert int(rows(tmp_path / "run_stats.csv")[-1]["Request Count"] or 0) == 0 or errors_of(tmp_path)


@pytest.mark.parametrize(
    "options",
    [["-u", "-3"], ["-t", "soon"], ["-t", "-5"], ["-r", "0"], ["-r", "nan"], ["-s", "x"], ["-L", "LOUD"]],
)
def test_a_bad_number_is_refused_with_one_line(options: list[str], tmp_path: Path) -> None:
    done = run_locust(
        "--headless",
        "-H",
        "http://127.0.0.1:9",
        *options,
        folder=tmp_path,
        locustfile=locustfile(),
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr, done.stderr
    assert options[0].lstrip("-") in done.stderr or options[1] in done.stderr


@pytest.mark.parametrize("option", ["--csv", "--json-file", "--logfile"])
def test_an_output_that_cannot_be_written_is_named(option: str, blog: TestkitServer, tmp_path: Path) -> None:
    where = "/proc/no/such/place"
    done = run_locust(
        "--headless",
        "-H",
        blog.url,
        "-t",
        "1s",
        option,
        where,
        folder=tmp_path,
        locustfile=locustfile(),
    )
    assert done.returncode != 0
    assert where in done.stderr or "/proc/no" in done.stderr, done.stderr
    assert "panicked" not in done.stderr


# --- endings ------------------------------------------------------------------------------------------------------------


def start(url: str, folder: Path, source: str, *options: str) -> subprocess.Popen[str]:
    (folder / "locustfile.py").write_text(source)
    return subprocess.Popen(
        [locust_command(), "--headless", "-H", url, "--csv", "run", *options],
        cwd=folder, env=clean_environment(HOME=str(folder)), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait_for(path: Path, text: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not (path.exists() and text in path.read_text()):
        assert time.monotonic() < deadline, f"{path.name} never held {text!r}"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_writes_what_a_finished_one_writes(
    number: signal.Signals, blog: TestkitServer, tmp_path: Path
) -> None:
    source = locustfile(body='self.client.get("/"); open("seen", "a").write("x")')
    process = start(blog.url, tmp_path, source, "--json-file", "out")
    wait_for(tmp_path / "seen", "xxxxx")
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    requests = int(rows(tmp_path / "run_stats.csv")[-1]["Request Count"])
    seen = len((tmp_path / "seen").read_text())
    assert seen <= requests <= seen + 1, "the files hold the last request of the run"
    assert f'"num_requests": {requests}' in (tmp_path / "out.json").read_text()


def test_a_second_ctrl_c_ends_a_stop_that_takes_too_long(blog: TestkitServer, tmp_path: Path) -> None:
    source = locustfile(body='open("seen", "a").write("x"); import time; time.sleep(600)') + (
        "\n@events.test_stopping.add_listener\ndef stopping(**_):\n    open('seen', 'a').write('stopping')\n"
    )
    process = start(blog.url, tmp_path, source, "-s", "600")
    wait_for(tmp_path / "seen", "x")
    process.send_signal(signal.SIGINT)
    wait_for(tmp_path / "seen", "stopping")
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_task_that_never_yields_can_be_interrupted(blog: TestkitServer, tmp_path: Path) -> None:
    source = locustfile(body='open("seen", "a").write("x")\n        while True: pass', wait=0)
    process = start(blog.url, tmp_path, source)
    wait_for(tmp_path / "seen", "x")
    process.send_signal(signal.SIGINT)
    try:
        process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
    assert process.returncode != -signal.SIGKILL


def test_tasks_without_any_wait_can_be_interrupted(blog: TestkitServer, tmp_path: Path) -> None:
    source = locustfile(body='open("seen", "a").write("x")', wait=0)
    process = start(blog.url, tmp_path, source)
    wait_for(tmp_path / "seen", "x")
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr


def test_the_run_time_ends_tasks_without_any_wait(blog: TestkitServer, tmp_path: Path) -> None:
    source = locustfile(body="pass", wait=0)
    done = run_against(blog.url, tmp_path, source, "-t", "1s")
    assert done.returncode == 0, done.stderr
    assert "--run-time limit reached" in done.stderr
