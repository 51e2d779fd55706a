"""The block of figures at the foot of a terminal: what is to be seen at each moment, and what is left at the end."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from terminals import Terminal

from servers import ROOT, clean_environment, locust_command, own_cluster

# Writes in each way that there is, numbered, and counts requests of three names, one of which fails.
SCRIPT = """
import itertools, logging, os, subprocess, sys, time
from locust import User, constant_throughput, events, task
numbers = itertools.count()
class U(User):
    host = "http://target.example"
    wait_time = constant_throughput(20)
    gregaria = {"thresholds": ["p95 < 40ms", "fail_ratio < 1%"]}
    @task
    def t(self):
        if os.path.exists("quiet"):
            return
        number = next(numbers)
        line = f"line {number:05} of the script"
        way = number % 5
        if way == 0: print(line)
        elif way == 1: os.write(1, f"{line}\\n".encode())
        elif way == 2: logging.info(line)
        elif way == 3: sys.stderr.write(f"{line}\\n")
        elif number % 20 == 4: subprocess.run(["sh", "-c", f"echo '{line}'"])
        else: os.write(2, f"{line}\\n".encode())
        for name, ms, error in (("/fast", 3, None), ("/slow", 50, None), ("/坏", 7, OSError("no"))):
            self.environment.events.request.fire(request_type="GET", name=name, response_time=ms, response_length=1,
                                                 exception=error, context={})
@events.quitting.add_listener
def quitting(**_):
    print(f"{next(numbers)} lines were written")
"""
QUIET = """
from locust import User, constant, task
class U(User):
    host = "http://target.example"
    wait_time = constant(1)
    @task
    def t(self): pass
"""


def started(folder: Path, *arguments: str, script: str = SCRIPT, **settings) -> Terminal:
    (folder / "locustfile.py").write_text(script)
    return Terminal([locust_command(), *arguments], folder, **settings)


def block_of(rows: list[str]) -> list[str]:
    """The rows of the block: from the one with the state to the last."""
    found = [at for at, row in enumerate(rows) if re.match(r" (running|spawning|ready|stopp\w*) · ", row)]
    return rows[found[-1] :] if found else []


# What the rows of it are, from 30 rows of 80 columns on.
EXPECTED = [
    r" running · locustfile\.py · http://target\.example +0:\d\d / 1:00",
    r" ━*─+ \d+% · (0:\d\d|1:00) left",
    r" Users \d+   RPS [\d.]+   Failures [\d,]+ \(33\.3%\)   p50 7\.0 ms   p95 50 ms( .*)?",
    r" Slowest by p95 +RPS +p50  Failures +p95",
    r" GET /slow +[\d.]+ +50 ms +0 +50 ms",
    r" GET /坏 +[\d.]+ +7\.0 ms +[\d,]+ +7\.0 ms",
    r" GET /fast +[\d.]+ +3\.0 ms +0 +3\.0 ms",
    r" Thresholds 0 ok · 2 broken",
    r" FAILED   all p95 < 40 ms: 50 ms.*",
    r" FAILED   all fail ratio < 1%: 33\.3%.*",
]
KEYS = " w/W: 1/10 users more   s/S: 1/10 fewer   Ctrl-C: end"


def is_whole(rows: list[str]) -> bool:
    """Whether the block is there, at the foot, each row of it as it is to be; there may be a warning of a busy machine in it."""
    block = block_of(rows)
    return (
        len(block) > len(EXPECTED)
        and all(re.fullmatch(*pair) for pair in zip(EXPECTED, block, strict=False))
        and block[-1] == rows[-1] == KEYS
    )


def test_a_run_in_a_terminal_from_its_start_to_its_tables(tmp_path: Path):
    with started(
        tmp_path, "--headless", "-u", "2", "-r", "2", "-t", "60", columns=80, rows=30, PYTHONUNBUFFERED=""
    ) as terminal:
        rows = terminal.wait_for(lambda rows: is_whole(rows) and sum("line 0" in row for row in rows) > 5)
        above = rows[: len(rows) - len(block_of(rows)) - 1]
        assert sum("line 0" in row for row in above) > 5, "what is written stands above it:\n" + "\n".join(
            rows
        )
        # Locust's table of every other second is not printed: the block has its figures.
        assert not any("# reqs" in line for line in terminal.lines())

        terminal.press("w")
        terminal.wait_for(r" Users 3 ")
        terminal.press("ss")
        terminal.wait_for(r" Users [12] ")

        # What is written in the very moment of a change may meet the rows of the old block.
        (tmp_path / "quiet").touch()
        known = -1
        while known != (known := "\n".join(terminal.lines()).count("of the script")):
            time.sleep(0.5)
        for columns, height in ((120, 40), (60, 24), (100, 12), (44, 30), (80, 30)):
            terminal.resize(columns, height)

            def fits(rows: list[str], columns: int = columns, height: int = height) -> bool:
                block = block_of(rows)
                # Wide, but not beyond the last column; once, and not higher than half of it.
                wide = max(map(len, block), default=0) in range(min(columns, 120) - 2, columns)
                starts = (" running", " Users ", " ━", " ─")
                known = [sum(row.startswith(start) for row in rows) for start in starts]
                once = known[:2] == [1, 1] and sum(known[2:]) == 1
                return len(rows) == height and wide and once and 2 < len(block) <= height // 2

            terminal.wait_for(fits)
        # A terminal of three rows has none, and gets it back.
        terminal.resize(80, 3)
        # Nothing of it is left. Whether one of the lines is in these three rows depends on how many there were.
        parts = ("running ·", "━", "Users ", "Ctrl-C: end")
        terminal.wait_for(
            lambda rows: len(rows) == 3 and not any(part in row for part in parts for row in rows)
        )
        terminal.resize(80, 30)
        terminal.wait_for(is_whole)
        (tmp_path / "quiet").unlink()
        known = "\n".join(terminal.lines()).count(" of the script")
        terminal.wait_for(lambda _: "\n".join(terminal.lines()).count(" of the script") > known + 20)

        terminal.press("\x03")
        code = terminal.ended()
        lines = terminal.lines()
        text = "\n".join(lines)
        assert code == 3, text  # thresholds are broken
        assert terminal.is_restored()

        # Nothing of the block is left, nowhere.
        for part in (" running · ", "━", "Slowest by", "Ctrl-C: end", "left", " Users "):
            assert part not in text, f"{part!r} is left:\n{text}"
        # The tables are Locust's, and all of them is there.
        assert [line for line in lines if line.startswith("Type ")], text
        assert (
            re.search(r"GET +/slow +\d+ +0\(0.00%\)", text)
            and "Response time percentiles (approximated)" in text
        )
        assert re.search(r"Error report[\s\S]+\n\d+ +GET /坏: OSError\('no'\)", text), text
        # Each line that was written is there, once and with nothing behind it. What did not fit into the narrow terminal has been cut by
        # the emulator, or goes on in the next row.
        written = int(re.search(r"(\d+) lines were written", text)[1])
        numbers = [int(number) for number in re.findall(r"line ?(\d{5}) ?of", "".join(lines))]
        assert sorted(numbers) == list(range(written)), text
        assert not [line for line in lines if re.search(r"of the script.", line)], text


# Ends, when it is told to, as nothing ends that has a say in it.
SUDDEN = """
import os
from locust import User, constant, task
class U(User):
    wait_time = constant(0.1)
    @task
    def t(self):
        if os.path.exists("now"):
            os._exit(7)
"""


def test_the_terminal_is_as_it_was_however_the_run_ends(tmp_path: Path):
    # How it is ended, and what its shell says of it.
    ways = {"TERM": 0, "KILL": 137, "exit": 7, "HUP": 129}
    terminals = {}
    try:
        for how in ways:
            (folder := tmp_path / how).mkdir()
            (folder / "locustfile.py").write_text(SUDDEN if how == "exit" else QUIET)
            # Below a shell, as ever: with the leader of a session its terminal goes.
            command = f"{locust_command()} --headless -u 1 & echo pid $!; wait $!; echo over: $?"
            terminals[how] = Terminal(["sh", "-c", command], folder, rows=16)
        for how, terminal in terminals.items():
            terminal.wait_for(r"\n running · ")
            if how == "exit":
                (tmp_path / how / "now").touch()
            else:
                pid = next(int(line.split()[1]) for line in terminal.lines() if line.startswith("pid "))
                os.kill(pid, signal.Signals[f"SIG{how}"])
        for how, terminal in terminals.items():
            assert terminal.ended() == 0
            until = time.monotonic() + 20
            # Who was killed does not do it itself.
            while not terminal.is_restored() or " running · " in terminal.text():
                assert time.monotonic() < until, f"{how}:\n{terminal.text()}"
                time.sleep(0.05)
            text = "\n".join(terminal.lines())
            assert "All users spawned" in text and f"over: {ways[how]}" in text, f"{how}:\n{text}"
    finally:
        for terminal in terminals.values():
            terminal.close()


@pytest.mark.skipif(shutil.which("bash") is None, reason="the shell has to stop and go on with jobs")
def test_a_shell_has_the_terminal_while_the_run_is_stopped(tmp_path: Path):
    (tmp_path / "locustfile.py").write_text(QUIET)
    with Terminal(
        ["bash", "--norc", "--noprofile", "-i"], tmp_path, rows=20, PS1="shell> ", HISTFILE=""
    ) as terminal:
        terminal.wait_for(r"shell>\s*$")
        terminal.press(f"{locust_command()} --headless -u 1\n")
        terminal.wait_for(r"\n running · ")
        terminal.press("\x1a")
        terminal.wait_for(r"Stopped[^\n]*\n+shell>\s*$")
        assert terminal.screen.margins is None and " running · " not in terminal.text()
        terminal.press("echo still $((40 + 2))\n")
        terminal.wait_for(r"\nstill 42\nshell>")
        terminal.press("fg\n")
        terminal.wait_for(r"\n running · ")
        terminal.press("w")
        terminal.wait_for(r" Users 2 ")
        terminal.press("\x03")
        terminal.wait_for_line(r"Shutting down \(exit code 0\)")
        terminal.wait_for(r"shell>\s*$")
        assert terminal.screen.margins is None
        terminal.press("exit\n")
        assert terminal.ended() == 0


def test_only_the_summary_has_the_block_too_and_so_has_a_master_and_a_page(tmp_path: Path):
    for folder in ("summary", "master", "page"):
        (tmp_path / folder).mkdir()
    arguments = {
        "summary": ("--headless", "--only-summary", "-u", "1", "-t", "60", "--warmup", "50s"),
        "master": ("--headless", "-u", "4", "-r", "4", "--processes", "2", *own_cluster()),
        "page": ("--web-port", "0", "-u", "1"),
    }
    terminals = {what: started(tmp_path / what, *given, script=QUIET) for what, given in arguments.items()}
    try:
        rows = terminals["summary"].wait_for(r" ━+─+ \d+% · 0:\d\d left\n Users 1   RPS 0 ")
        assert re.search(r"\n running · warm-up, 0:[1-5]\d left · locustfile", "\n".join(rows)), rows
        rows = terminals["master"].wait_for(r" Users 4   Workers 2   RPS 0 ")
        assert not any("# reqs" in row for row in rows)
        rows = terminals["page"].wait_for(r"\n ready · locustfile.py")
        assert re.search(r"Enter: http://\S+   w/W", "\n".join(rows)), rows
        for terminal in terminals.values():
            terminal.process.send_signal(signal.SIGINT)
        for what, terminal in terminals.items():
            assert terminal.ended() == 0, what
            assert terminal.is_restored(), what
            assert "Response time percentiles" in "\n".join(terminal.lines()), what
    finally:
        for terminal in terminals.values():
            terminal.close()


def test_colours_and_letters_are_those_that_the_terminal_is_said_to_have(tmp_path: Path):
    ways = {
        "colours": {},
        "none": {"NO_COLOR": "1"},
        "latin": {"PYTHONIOENCODING": "latin-1"},
        # Python writes UTF-8 there all the same, and sets LC_CTYPE.
        "C": {"LANG": "C"},
        "nothing": {"LANG": ""},
        "C over all": {"LC_ALL": "POSIX"},
        "own locale": {"LANG": "C", "LC_CTYPE": "C.UTF-8"},
    }
    ascii_only = {"latin", "C", "nothing", "C over all"}
    terminals = {}
    try:
        for what, environment in ways.items():
            (tmp_path / what).mkdir()
            terminals[what] = started(tmp_path / what, "--headless", "-t", "60", script=QUIET, **environment)
        for what, terminal in terminals.items():
            terminal.wait_for(r" \d+%( ·| -) 0:\d\d left")
            coloured = re.search(rb"\x1b\[\d*;?3\dm", terminal.bytes) is not None
            assert coloured == (what != "none"), what
            assert terminal.bytes.isascii() == (what in ascii_only), what
    finally:
        for terminal in terminals.values():
            terminal.close()


def test_a_terminal_that_is_held_shows_all_of_it_later_and_holds_no_end_up(tmp_path: Path):
    terminals = {}
    try:
        for what in ("goes on", "ends"):
            (tmp_path / what).mkdir()
            terminals[what] = started(tmp_path / what, "--headless", "-u", "1", "-t", "60", script=QUIET)
        held = {}
        for what, terminal in terminals.items():
            terminal.wait_for(r"\n running · ")
            terminal.press("\x13")
            time.sleep(0.1)
            held[what] = len(terminal.bytes)
        time.sleep(2.2)
        for what, terminal in terminals.items():
            assert len(terminal.bytes) == held[what], "nothing is shown while it is held"
        terminals["goes on"].press("\x11")
        rows = terminals["goes on"].wait_for(r" 0:(0[3-9]|[1-5]\d) / 1:00")
        assert len(block_of(rows)) > 3 and sum(" running · " in row for row in rows) == 1, rows
        for terminal in terminals.values():
            terminal.press("\x03")
        for what, terminal in terminals.items():
            assert terminal.ended() == 0 and terminal.is_restored(), what
            assert "Response time percentiles" in "\n".join(terminal.lines()), what
    finally:
        for terminal in terminals.values():
            terminal.close()


def in_a_terminal(command: list[str], folder: Path, piped: str, **environment: str) -> tuple[bytes, bytes]:
    """What a command writes to its terminal and to a pipe; `piped`: what goes there, stdout, stderr or nothing."""
    ours, theirs = pty.openpty()
    settings = clean_environment(**({"HOME": str(folder), "TERM": "xterm", "CI": ""} | environment))
    out, err = (subprocess.PIPE if piped == one else theirs for one in ("stdout", "stderr"))
    process = subprocess.Popen(
        command, cwd=folder, env=settings, stdin=subprocess.DEVNULL, stdout=out, stderr=err
    )
    os.close(theirs)
    shown = b""
    pipe = process.stdout or process.stderr
    try:
        while some := os.read(ours, 65536):
            shown += some
    except OSError:
        pass  # the last one has closed it
    told = pipe.read() if pipe else b""
    if pipe:
        pipe.close()
    process.wait(60)
    os.close(ours)
    return shown, told


# Times, the machine and its user, versions' places; and of the table of every other second as many as there were.
NOISE = [
    (rb"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\]", b"[time]"),
    (rb"\(exit code \d\)", b"(exit code)"),
]


def plain(text: bytes) -> list[bytes]:
    for pattern, instead in NOISE:
        text = re.sub(pattern, instead, text)
    # Without requests all of Locust's tables are the same, and the clock says how many there are.
    return list(dict.fromkeys(text.split(b"\r\n" if b"\r\n" in text else b"\n")))


def test_where_the_block_is_not_wanted_it_is_locusts_output_byte_for_byte(tmp_path: Path):
    (tmp_path / "locustfile.py").write_text(QUIET)
    arguments = ["--headless", "-u", "1", "-t", "1"]
    original, ours = str(ROOT / ".venv-oracle" / "bin" / "locust"), locust_command()
    unwanted = ({"LOCUST_PLAIN": "1"}, {"CI": "true"}, {"TERM": "dumb"})
    with ThreadPoolExecutor() as threads:

        def run(program: str, piped: str = "", environment: dict[str, str] | None = None):
            given = [program, *arguments]
            return threads.submit(in_a_terminal, given, tmp_path, piped, **(environment or {}))

        real = {piped: run(original, piped) for piped in ("", "stdout", "stderr")}
        without = [run(ours, "", environment) for environment in unwanted]
        half = {piped: run(ours, piped) for piped in ("stdout", "stderr")}

        def seen(done) -> list[list[bytes]]:
            return [plain(text) for text in done.result()]

        expected = seen(real[""])
        assert len(expected[0]) > 12
        for environment, done in zip(unwanted, without, strict=True):
            assert seen(done) == expected, environment
        for piped, done in half.items():
            assert seen(done) == seen(real[piped]), piped
