"""Scripts that others wrote, run as their authors meant: Locust's examples, plugins and what generators make.

Which there are, how each is run and what it must then do stands in `examples.toml` and `plugins.toml` beside this
file; the top of the former explains the form. A program passes if it does all that is written there. That real Locust
passes, too, is checked in the same way: nothing is expected that the original does not do.

    python compat/suites/programs.py LIST --locust PATH --source FOLDER [--only WORD] [--json FILE]

runs a list with one `locust` command and prints a line each; exit code 1 if a program failed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from suites import stopping
from suites.target import Target

AT_ONCE = 4
TIMEOUT = 60.0
SIGINT_AGAIN = 10.0


@dataclass(frozen=True)
class Program:
    """An entry of a list."""

    path: str
    """The script, below the source folder."""
    args: str = ""
    """Added to `locust -f FILE`; `{target}` is the local site."""
    python: bool = False
    """Run as `python FILE` instead."""
    pytest: bool = False
    """Run as `python -m pytest FILE` instead."""
    about: str = ""
    """Tells two entries of one script apart."""
    env: dict[str, str] = field(default_factory=dict)
    replace: list[str] = field(default_factory=list)
    """Addresses in the script that become that of the local site."""
    edit: dict[str, str] = field(default_factory=dict)
    """Other texts of the script and what stands in their place: where a mistake of the script ends it early."""
    files: dict[str, str] = field(default_factory=dict)
    """Further files, which the script reads."""
    needs: list[str] = field(default_factory=list)
    """Modules without which it is skipped."""
    server: str = ""
    """A script of the folder that is started before."""
    port: int = 0
    """The port that `server` or the script itself must have for itself."""
    stop_after: float = 0
    """Ctrl-C after so many seconds."""
    exit: int = 0
    rows: list[str] = field(default_factory=list)
    """Rows of the final table, as "GET /": all must be there."""
    only_rows: bool = False
    """And no others."""
    failing: list[str] = field(default_factory=list)
    """Those with failures; all other rows have none."""
    prints: list[str] = field(default_factory=list)
    """What must stand in the output; `re:` begins a regular expression."""
    lacks: list[str] = field(default_factory=lambda: ["Traceback"])
    """What must not."""
    web: str = ""
    """Why it needs the web interface."""

    @property
    def id(self) -> str:
        return f"{self.path} ({self.about})" if self.about else self.path


@dataclass(frozen=True)
class Commands:
    """The program that is tried."""

    locust: Path
    python: Path
    """An interpreter that imports the same package."""
    environment: dict[str, str] = field(default_factory=dict)
    """Further variables."""

    @classmethod
    def beside(cls, locust: Path) -> Commands:
        """Those of an ordinary environment: the interpreter lies beside the command."""
        return cls(locust, locust.parent / "python")


@dataclass(frozen=True)
class Result:
    """What became of a program."""

    id: str
    outcome: str
    """ "passed", "failed" or "skipped"."""
    reason: str
    seconds: float


def read(path: Path) -> tuple[list[Program], dict[str, str]]:
    """The programs of a list, and why the other files are not run."""
    data = tomllib.loads(path.read_text())
    return [Program(**entry) for entry in data["program"]], data.get("skipped", {})


def run_list(
    programs: list[Program], commands: Commands, source: Path, *, web: bool = True, at_once: int = AT_ONCE
) -> list[Result]:
    """Runs `programs`, whose files are in `source`, `at_once` at a time."""
    locks = {program.port: threading.Lock() for program in programs}

    def run(program: Program) -> Result:
        with locks[program.port] if program.port else nullcontext():
            return run_one(program, commands, source, web=web)

    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(run, programs))


def run_one(program: Program, commands: Commands, source: Path, *, web: bool = True) -> Result:
    """Runs a program against a site of its own.

    Without `web`, one that needs the web interface is skipped; one whose file `source` lacks is, too.
    """
    stopping.check()
    reason = _reason_to_skip(program, commands, source, web)
    if reason:
        return Result(program.id, "skipped", reason, 0.0)
    began = time.monotonic()
    with Target() as target, tempfile.TemporaryDirectory(prefix="program-") as folder:
        code, output = _run(program, commands, source, Path(folder), target.url)
        complaints = _complaints(program, code, output.replace(target.url, "{target}"))
    outcome = "failed" if complaints else "passed"
    return Result(program.id, outcome, "; ".join(complaints), round(time.monotonic() - began, 1))


def _reason_to_skip(program: Program, commands: Commands, source: Path, web: bool) -> str:
    if program.web and not web:
        return f"needs the web interface: {program.web}"
    if not (source / program.path).exists():
        return "not in this tree"
    for module in program.needs:
        found = subprocess.run(
            [
                str(commands.python),
                "-c",
                f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)",
            ],
            stderr=subprocess.DEVNULL,
            env={**os.environ, **commands.environment},
        )
        if found.returncode:
            return f"needs the Python module {module}"
    return ""


def _run(program: Program, commands: Commands, source: Path, folder: Path, url: str) -> tuple[int, str]:
    copy = folder / "source"
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
    script = copy / program.path
    text = script.read_text()
    for address in program.replace:
        text = text.replace(address, url)
    for old, new in program.edit.items():
        text = text.replace(old, new)
    script.write_text(text)
    for name, content in program.files.items():
        (script.parent / name).write_text(content)
    if program.python:
        command = [str(commands.python), script.name]
    elif program.pytest:
        command = [
            str(commands.python),
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-c",
            os.devnull,
            "--rootdir",
            ".",
            script.name,
        ]
    else:
        command = [str(commands.locust), "-f", script.name]
    command += shlex.split(program.args.replace("{target}", url))
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("LOCUST_", "PYTEST_"))
    }
    environment |= {
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(folder),
        "COLUMNS": "80",
    }
    environment["PATH"] = os.pathsep.join([str(commands.python.parent), environment.get("PATH", "")])
    environment |= {key: value.replace("{target}", url) for key, value in program.env.items()}
    environment |= commands.environment
    with ExitStack() as stack:
        if program.server:
            stack.enter_context(
                _server([str(commands.python), program.server], script.parent, environment, program.port)
            )
        return _finish(command, script.parent, environment, program.stop_after)


@contextmanager
def _server(command: list[str], folder: Path, environment: dict[str, str], port: int) -> Iterator[None]:
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield
    finally:
        process.kill()
        process.wait()


def _finish(
    command: list[str], folder: Path, environment: dict[str, str], stop_after: float
) -> tuple[int, str]:
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=_sigint_as_usual,
    )
    if stop_after:
        for patience in (stop_after, SIGINT_AGAIN):  # Real Locust loses a signal now and then.
            if (output := _output(process, patience)) is not None:
                return process.returncode, output
            process.send_signal(signal.SIGINT)
    if (output := _output(process, TIMEOUT)) is None:
        process.kill()
        output = process.communicate()[0] + "\n(killed: it did not end)\n"
    return process.returncode, output


def _output(process: subprocess.Popen[str], patience: float) -> str | None:
    """What the process printed until its end; None if it does not end in time."""
    end = time.monotonic() + patience
    while (left := end - time.monotonic()) > 0:
        try:
            return process.communicate(timeout=min(left, 1))[0]
        except subprocess.TimeoutExpired:
            if stopping.asked():
                process.kill()
    return None


def _sigint_as_usual() -> None:
    # A job in the background of a shell without job control inherits it as ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)


ROW = re.compile(r"(\S*)\s+(\S.*?)\s+(\d+)\s+(\d+)\(\d+\.\d\d%\) \|")


def final_table(output: str) -> dict[str, tuple[int, int]]:
    """The last request table: requests and failures by row, "GET /"; without the aggregate."""
    rows: dict[str, tuple[int, int]] = {}
    for line in output.splitlines():
        if line.startswith("Type     Name") and "# fails" in line:
            rows = {}
        elif (match := ROW.match(line)) and match[1]:
            rows[f"{match[1]} {match[2]}"] = (int(match[3]), int(match[4]))
    return rows


def _complaints(program: Program, code: int, output: str) -> list[str]:
    found = []
    if code != program.exit:
        tail = " | ".join(output.strip().splitlines()[-3:])
        found.append(f"exit code {code} instead of {program.exit} ({tail[-300:]})")
    table = final_table(output)
    missing = [row for row in program.rows if row not in table]
    if missing:
        found.append(f"no row {', '.join(missing)} (there are: {', '.join(table) or 'none'})")
    if program.only_rows and (more := set(table) - set(program.rows)):
        found.append(f"unexpected rows {', '.join(sorted(more))}")
    failing = {row for row, (_, failures) in table.items() if failures}
    if failing - set(program.failing):
        found.append(f"failures in {', '.join(sorted(failing - set(program.failing)))}")
    if set(program.failing) - failing:
        found.append(f"no failures in {', '.join(sorted(set(program.failing) - failing))}")
    for text in program.prints:
        is_there = re.search(text[3:], output, re.M) if text.startswith("re:") else text in output
        if not is_there:
            found.append(f"does not print {text!r}")
    found += [f"prints {text!r}" for text in program.lacks if text in output]
    return found


def main() -> int:
    """The command line that the module's text describes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("list", type=Path, help="examples.toml or plugins.toml")
    parser.add_argument(
        "--locust", type=Path, required=True, help="the `locust` command; its `python` is beside it"
    )
    parser.add_argument("--source", type=Path, required=True, help="where the scripts are")
    parser.add_argument("--only", default="", help="programs whose name contains this")
    parser.add_argument("--no-web", action="store_true", help="skip what needs the web interface")
    parser.add_argument("--json", type=Path, help="write the results there")
    options = parser.parse_args()
    programs, skipped = read(options.list)
    chosen = [program for program in programs if options.only in program.id]
    commands = Commands.beside(options.locust.absolute())
    results = run_list(chosen, commands, options.source.absolute(), web=not options.no_web)
    for result in results:
        print(
            f"{result.outcome:8} {result.seconds:5.1f} s  {result.id}{': ' if result.reason else ''}{result.reason}"
        )
    counts = {
        word: sum(result.outcome == word for result in results) for word in ("passed", "failed", "skipped")
    }
    print(
        ", ".join(f"{count} {word}" for word, count in counts.items()), f"({len(skipped)} files are not run)"
    )
    if options.json:
        options.json.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
