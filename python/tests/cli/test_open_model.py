"""Open runs as a user meets them: `--arrival-rate`, what becomes of arrivals, and where it is shown."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from open_runs import LOCUSTFILE, arrivals, fetch, fetch_metrics, requests, start

from locust import _engine
from locust._open_run import Arrivals
from servers import ROOT, TestkitServer, clean_environment, ended, free_port, locust_command, own_cluster

MASTER = [*"--master --headless --expect-workers 2 -s 3 -u 60 --arrival-rate".split(), "200 for 8s"]


def test_as_many_iterations_begin_as_the_rate_says_and_wait_times_do_not_count(
    tmp_path: Path, delay: TestkitServer
) -> None:
    files = ["--junit", "j.xml", "--summary-md", "s.md", "--html", "r.html"]
    gates = [
        "--threshold",
        "dropped <= 0%",
        "--threshold",
        "late <= 100%",
        "--threshold",
        "dropped < 1% over 1s",
    ]
    code, out = ended(start(tmp_path, delay, "--arrival-rate", "100 for 4s", *files, *gates))
    assert code == 0, out
    assert "Iterations arrive at a rate of 100 for 4s, for at most 10000 users at a time" in out
    assert "The last stage of the arrival rate is over, shutting down" in out
    counted = arrivals(out)
    assert (counted["due"], counted["begun"], counted["dropped"]) == (400, 400, 0)
    found = requests(out)
    # By weight: three of four.
    assert (found["buy"], found["look"]) == (300, 100)
    assert found["login"] <= 300, "once for each user of the pool"
    assert re.search(r"ok +all +dropped arrivals +<= 0% +0% \(0 of 400\)", out), out
    assert "400 due, 400 begun" in (tmp_path / "j.xml").read_text()
    assert "400 due, 400 begun" in (tmp_path / "s.md").read_text()
    assert '"due":400,"begun":400' in (tmp_path / "r.html").read_text()


KEEPS_THE_THREAD = """
import time
from locust import User, task

class Blocker(User):
    blocked = []

    @task
    def keep_the_thread(self):
        if len(self.blocked) == 20:
            until = time.perf_counter() + 2
            while time.perf_counter() < until:
                pass
        self.blocked.append(1)
"""


@pytest.mark.parametrize("arguments", [["--arrival-rate", "40", "-t", "2"], ["--arrival-rate", "40 for 2s"]])
def test_as_many_are_due_as_the_rate_says_however_the_end_is_given_and_however_late_it_is_noticed(
    tmp_path: Path, delay: TestkitServer, arguments: list[str]
) -> None:
    # When the thread lets go again, the run has been over for half a second.
    code, out = ended(start(tmp_path, delay, *arguments, script=KEEPS_THE_THREAD))
    assert code == 0, out
    counted = arrivals(out)
    assert (counted["due"], counted["begun"], counted["dropped"]) == (80, 80, 0)
    assert counted["late"] >= 55, "they began when the thread was free"


@pytest.mark.parametrize("processes", [1, 2])
def test_as_many_are_due_as_the_rate_says_until_the_run_time_is_over(
    tmp_path: Path, delay: TestkitServer, processes: int
) -> None:
    more = ["--processes", "2"] if processes > 1 else []
    code, out = ended(start(tmp_path, delay, "--arrival-rate", "100", "-t", "3", *more))
    assert code == 0, out
    counted = arrivals(out)
    assert (counted["due"], counted["begun"], counted["dropped"]) == (300, 300, 0), out


@pytest.mark.parametrize(
    "rate",
    [
        "200",
        "0->500 in 5s, 500 for 10s",
        "30/m",
        "5 for 10s, 9",
        "0 for 3s, 10->5 in 2.5s, 0 for 2s, 7",
        "3.3->8.1 in 7s, 2",
    ],
)
@pytest.mark.parametrize("seconds", [0.5, 1.0, 3.25, 7.0, 12.0, 40.0])
def test_a_rate_that_is_cut_is_the_same_until_then_and_nothing_afterwards(rate: str, seconds: float) -> None:
    everything = ([(0.0, 0, 1)], [], 0.0)
    wanted = _engine.count_arrivals([rate], None, *everything, seconds)
    cut = Arrivals([(rate, [("A", 1.0)])], False, 10).until(seconds).lanes[0][0]
    found = _engine.count_arrivals([cut], None, *everything, 1_000.0)
    # One that arrives at the very end may fall to either side.
    assert abs(found - wanted) <= 1, cut
    assert not cut or _engine.check_arrival_rate(cut)[1] == pytest.approx(
        min(seconds, _engine.check_arrival_rate(rate)[1] or seconds)
    )


def test_what_no_user_is_free_for_is_dropped_counted_and_gated(tmp_path: Path) -> None:
    with TestkitServer("delay") as server:
        script = LOCUSTFILE.replace("/us/1000", "/us/500000")
        rate = ["--arrival-rate", "60 for 4s", "-u", "10"]
        code, out = ended(start(tmp_path, server, *rate, "--threshold", "dropped < 1%", script=script))
    assert code == 3, out
    counted = arrivals(out)
    assert counted["due"] == 240
    # Ten users, each half a second with an iteration.
    assert 40 <= counted["begun"] <= 90 and counted["dropped"] == 240 - counted["begun"], counted
    assert "Iterations are dropped: all 10 users are busy" in out
    assert re.search(r"FAILED +all +dropped arrivals +< 1% +[67]\d(\.\d)?% \(\d+ of 240\)", out), out


def test_rates_of_classes_shapes_and_poisson_processes(tmp_path: Path, delay: TestkitServer) -> None:
    folders = {name: tmp_path / name for name in ("classes", "shape", "poisson", "contradiction")}
    for folder in folders.values():
        folder.mkdir()
    of_classes = LOCUSTFILE.replace("weight = 3", 'gregaria = {"arrival_rate": "1200/m for 3s"}').replace(
        "class Visitor(FastHttpUser):",
        'class Visitor(FastHttpUser):\n    gregaria = {"arrival_rate": "10->30 in 3s"}',
    )
    shape = (
        LOCUSTFILE
        + """
from locust import ArrivalRate, LoadTestShape

class Steps(LoadTestShape):
    def tick(self):
        run_time = self.get_run_time()
        if run_time > 3.5:
            return None
        return ArrivalRate(20 if run_time < 1.5 else "3000/m", users=50)
"""
    )
    contradiction = shape.replace(
        "if run_time > 3.5:", "if run_time > 1.5:\n            return 5, 5\n        if False:"
    )
    runs = {
        "classes": start(folders["classes"], delay, script=of_classes),
        "shape": start(folders["shape"], delay, script=shape),
        "poisson": start(
            folders["poisson"], delay, "--arrivals", "poisson", LOCUST_ARRIVAL_RATE="100", LOCUST_RUN_TIME="3"
        ),
        "contradiction": start(folders["contradiction"], delay, script=contradiction),
    }
    done = {name: ended(process) for name, process in runs.items()}
    code, out = done["classes"]
    assert code == 0, out
    assert (requests(out)["buy"], requests(out)["look"], arrivals(out)["due"]) == (60, 60, 120)
    code, out = done["shape"]
    assert code == 0, out
    assert "Shape test updating to 50 iterations per second" in out
    # 20/s for two ticks, 50/s for two: the shape is asked once a second.
    assert 100 <= arrivals(out)["due"] <= 250, out
    code, out = done["poisson"]
    assert code == 0, out
    assert 300 - 90 < arrivals(out)["due"] < 300 + 90, "five standard deviations"
    code, out = done["contradiction"]
    assert code == 2 and "a test is open from its begin to its end, or closed" in out, out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--arrival-rate", "0"],
            ["--arrival-rate: nothing would ever arrive at a rate of 0", "    0\n    ^"],
        ),
        (["--arrival-rate=-5"], ["a rate is never negative"]),
        (["--arrival-rate", "1e99"], ["beyond any machine"]),
        (["--arrival-rate", "0->500"], ["says in which time", "    0->500\n    ^^^^^^"]),
        (["--arrival-rate", "5 for ever"], ["here stands a time", "    5 for ever\n          ^^^^"]),
        (
            ["--arrival-rate", "5", "-u", "1"],
            ["--users 1 is the most users at a time", "give at least --users 2"],
        ),
        (["--arrivals", "often"], ["invalid choice: 'often'"]),
    ],
)
def test_what_is_no_rate_ends_the_program_before_the_run(
    tmp_path: Path, delay: TestkitServer, arguments: list[str], words: list[str]
) -> None:
    code, out = ended(start(tmp_path, delay, "-t", "1", *arguments))
    assert code == 2, out
    assert all(word in out for word in words), out


def test_rates_that_contradict_each_other_end_the_program(tmp_path: Path, delay: TestkitServer) -> None:
    shape = (
        LOCUSTFILE
        + "\nfrom locust import LoadTestShape\nclass S(LoadTestShape):\n    def tick(self):\n        return 1, 1\n"
    )
    code, out = ended(start(tmp_path, delay, "--arrival-rate", "5", script=shape))
    assert code == 2 and "--arrival-rate and the shape S both say how much load" in out, out
    one = LOCUSTFILE.replace("weight = 3", 'gregaria = {"arrival_rate": 5}')
    code, out = ended(start(tmp_path, delay, script=one))
    assert code == 2 and "Visitor has none: give each class one" in out, out
    wrong = LOCUSTFILE.replace("weight = 3", 'gregaria = {"arrival_rate": "5/d"}')
    code, out = ended(start(tmp_path, delay, script=wrong))
    assert code == 2 and "Buyer.gregaria['arrival_rate']: a rate is per second" in out and "     ^^" in out, (
        out
    )


def test_an_option_of_a_script_keeps_its_meaning(tmp_path: Path, delay: TestkitServer) -> None:
    own = (
        LOCUSTFILE
        + """
from locust import events

@events.init_command_line_parser.add_listener
def _(parser):
    parser.add_argument("--arrival-rate", type=float, default=0.0)
    parser.add_argument("--arrivals", default="of mine")

@events.test_start.add_listener
def _(environment, **_):
    print("mine:", environment.parsed_options.arrival_rate, environment.parsed_options.arrivals)
"""
    )
    code, out = ended(start(tmp_path, delay, "-t", "1", "--arrival-rate", "7", script=own))
    assert code == 0 and "mine: 7.0 of mine" in out and "Arrivals" not in out, out


def test_task_sets_users_that_end_and_greenlets_of_ones_own(tmp_path: Path, delay: TestkitServer) -> None:
    script = """
import gevent
from locust import FastHttpUser, SequentialTaskSet, TaskSet, User, between, task
from locust.exception import StopUser

class Steps(FastHttpUser):
    wait_time = between(50, 100)

    @task
    class Inner(SequentialTaskSet):
        wait_time = between(50, 100)

        @task
        def one(self):
            self.client.get("/us/100", name="one")

        @task
        def two(self):
            self.client.get("/us/100", name="two")

class Ends(FastHttpUser):
    @task
    def once(self):
        self.client.get("/us/100", name="once")
        raise StopUser()

class Keeps(FastHttpUser):
    def on_start(self):
        self.mine = self.greenlet

    @task
    def keep(self):
        gevent.getcurrent().mine = 1
        assert self.greenlet is gevent.getcurrent() is self.mine
        self.client.get("/us/100", name="keep")

class Fails(User):
    def __init__(self, environment):
        super().__init__(environment)
        raise RuntimeError("no user can be made")

    @task
    def never(self):
        pass
"""
    code, out = ended(
        start(
            tmp_path,
            delay,
            "--arrival-rate",
            "80 for 4s",
            "-u",
            "40",
            "--exit-code-on-error",
            "7",
            script=script,
        )
    )
    found = requests(out)
    assert found["one"] + found["two"] == 80, "each task of a TaskSet is an iteration"
    assert abs(found["one"] - found["two"]) <= 40, "in turn, on each user"
    assert (found["once"], found["keep"]) == (80, 80), out
    counted = arrivals(out)
    assert (counted["due"], counted["dropped"]) == (320, 80), "of the class that has no users"
    assert out.count("no user can be made") <= 4 * 6, "its constructor is tried once a second"
    assert code == 2, "a constructor that raises is an error of the script"


def test_workers_share_the_arrivals_out_exactly_and_anew_when_they_come_and_go(tmp_path: Path) -> None:
    with TestkitServer("delay") as server:
        (tmp_path / "locustfile.py").write_text(LOCUSTFILE)
        port, web = str(free_port()), free_port()
        common = [locust_command(), "-f", "locustfile.py", "-H", server.url]

        def worker() -> subprocess.Popen[str]:
            return subprocess.Popen(
                [*common, "--worker", "--master-port", port, "-s", "3"],
                cwd=tmp_path,
                env=clean_environment(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                text=True,
            )

        master = subprocess.Popen(
            [*common, *MASTER, "--master-bind-port", port, "--metrics-port", str(web)],
            cwd=tmp_path,
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        workers = [worker(), worker()]
        try:
            began = time.monotonic()
            while '"buy"' not in fetch_metrics(web) and time.monotonic() - began < 30:
                time.sleep(0.1)
            time.sleep(1)
            workers.append(worker())
            time.sleep(2)
            # One goes as it should, so that nothing of it is lost.
            workers[0].send_signal(signal.SIGTERM)
            code, out = ended(master)
        finally:
            for one in workers:
                one.kill()
                one.wait()
        arrived = fetch(server.url + "/log").count("\n/us/1000,")
    assert code == 0, out
    assert "shared out anew, among 3 workers" in out and "shared out anew, among 2 workers" in out, out
    counted = arrivals(out)
    # What the one that went did not begin in the half second until the others took over is what may be missing.
    assert 1_600 - 200 * 0.7 / 3 <= counted["due"] <= 1_600, counted
    # On a busy machine a user may be missing at the very moment of a change; then it is said.
    assert arrived == counted["begun"] == counted["due"] - counted["dropped"], (arrived, counted)
    assert counted["dropped"] <= 16, counted


def test_processes_of_one_machine_begin_the_whole_exactly(tmp_path: Path) -> None:
    with TestkitServer("delay") as server:
        options = ["--processes", "2", *own_cluster(), "--arrival-rate", "300 for 4s", "-u", "100"]
        code, out = ended(start(tmp_path, server, *options))
        arrived = fetch(server.url + "/log").count("\n/us/1000,")
    assert code == 0, out
    counted = arrivals(out)
    assert (counted["due"], counted["begun"], arrived) == (1_200, 1_200, 1_200), out


def test_a_text_is_read_as_it_is_written() -> None:
    assert _engine.check_arrival_rate("0->500 in 5m, 500 for 10m") == (500.0, 900.0)
    assert _engine.check_arrival_rate("30/m") == (0.5, None)
    with pytest.raises(ValueError, match="here stands a rate"):
        _engine.check_arrival_rate("many")


def test_metrics_tell_of_arrivals(tmp_path: Path, delay: TestkitServer) -> None:
    port = free_port()
    process = start(tmp_path, delay, "--arrival-rate", "50", "-t", "60", "--metrics-port", str(port))
    try:
        began = time.monotonic()
        text = ""
        begun = re.compile(r'^gregaria_arrivals_total\{outcome="begun"\} [1-9]', re.MULTILINE)
        while not begun.search(text) and time.monotonic() - began < 30:
            time.sleep(0.1)
            text = fetch_metrics(port)
    finally:
        os.kill(process.pid, signal.SIGTERM)
        code, out = ended(process)
    assert (
        "\ngregaria_arrival_rate 50\n" in text
        and 'gregaria_arrival_delay_seconds_bucket{le="0.00025"}' in text
    ), text
    assert code == 0 and arrivals(out)["due"] > 0, out


STALLS = """
import os, threading, time, urllib.request
from locust import FastHttpUser, constant, events, task

class Asker(FastHttpUser):
    wait_time = constant(1000)

    @task
    def ask(self):
        self.client.get("/us/1000", name="ask")
        self.client.get("/us/1000", name="again")

@events.test_start.add_listener
def on_test_start(environment, **_):
    def freeze():
        time.sleep(2)
        urllib.request.urlopen(environment.host + "/freeze?ms=3000").read()
    threading.Thread(target=freeze, daemon=True).start()
"""


def masked(text: str) -> list[str]:
    return [
        re.sub(r"[\s-]+", " ", re.sub(r"[<>]?\d[\d.,]*", "#", line)).strip()
        for line in text.strip().splitlines()
    ]


def rows(text: str) -> dict[tuple[str, str], list[float]]:
    """Both latencies by name: p50, p90, p95, p99, p99.9, p100."""
    found, name = {}, ""
    for line in text.splitlines():
        match = re.match(r"^(.*?) +(since intended start|service time) +([\d,]+) +([<\d., ]+)$", line)
        if match:
            name = match[1] or name
            found[name, match[2]] = [float(one.lstrip("<").replace(",", "")) for one in match[4].split()]
    return found


def test_each_iteration_that_a_stalled_server_made_wait_is_known_by_how_long(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("intended", "service")]
    for folder in folders:
        folder.mkdir()
    with TestkitServer("delay") as one, TestkitServer("delay") as two:
        # There is room for all that wait, so both latencies of first requests are the same.
        rate = ["--arrival-rate", "100 for 8s"]
        few = start(folders[0], one, *rate, "-u", "400", script=STALLS)
        served = start(
            folders[1], two, *rate, "--latency", "service", "--threshold", "late < 50%", script=STALLS
        )
        first, second = ended(few), ended(served)
    for code, out in (first, second):
        assert code == 0, out
        found = rows(out)
        assert arrivals(out)["begun"] == 800, out
        # 300 of 800 first requests waited, evenly between 0 and 3 s.
        for fraction, place in ((0.9, 1), (0.95, 2), (0.99, 3)):
            waited = (1 - (1 - fraction) * 800 / 300) * 3_000
            assert abs(found["GET ask", "since intended start"][place] - waited) < 150, (
                fraction,
                waited,
                found,
            )
        assert found["GET ask", "since intended start"][5] >= found["GET ask", "service time"][5]
        assert "Aggregated" in out and ("Aggregated", "service time") in found
        # The page of this in docs/ is what a run prints, but for its numbers.
        page = (ROOT / "docs/open-model.md").read_text()
        shown = page.partition("```text\nArrivals")[2].partition("```")[0]
        printed = masked(out.partition("\nArrivals")[2])
        if out is first[1]:
            assert all(line in printed for line in masked(shown)), (masked(shown), printed)
    intended, service = first[1], second[1]
    assert "tables and thresholds read: since intended start" in intended
    assert "tables and thresholds read: service time" in service


def test_latencies_count_from_the_intended_start_where_the_generator_is_late(
    tmp_path: Path, delay: TestkitServer
) -> None:
    script = """
import time
from locust import FastHttpUser, User, task

class Burns(FastHttpUser):
    @task
    def burn(self):
        # The generator is the limit: 20 iterations a second are asked for, and each keeps it busy for 100 ms.
        until = time.perf_counter() + 0.1
        while time.perf_counter() < until:
            pass
        self.client.get("/us/1000", name="first")
        self.client.get("/us/1000", name="later")
        began = time.time()
        self.environment.events.request.fire(
            request_type="OWN", name="own", response_time=5, response_length=0, exception=None, context={}, start_time=began
        )
"""
    options = ["--arrival-rate", "20 for 3s", "-u", "100", "--threshold", "late < 50%", "--html", "r.html"]
    options += ["--summary-md", "s.md", "--csv", "c"]
    code, out = ended(start(tmp_path, delay, *options, script=script))
    assert code == 3 and re.search(r"FAILED +all +late arrivals +< 50%", out), out
    found = rows(out)
    for name in ("GET first", "GET later", "OWN own"):
        late, service = found[name, "since intended start"], found[name, "service time"]
        assert late[0] > 500 and service[0] < 400, (name, late, service)
    # Locust's columns are the same as the table says, rounded to two digits.
    asked = next(
        line for line in (tmp_path / "c_stats.csv").read_text().splitlines() if line.startswith("OWN,own")
    )
    assert abs(float(asked.split(",")[4]) - found["OWN own", "since intended start"][0]) <= 110, asked
    assert "| `GET first` | since intended start |" in (tmp_path / "s.md").read_text()
    assert '"reads":"intended"' in (tmp_path / "r.html").read_text()
