"""What a test did, read from the lines of `inside/compat_results.py` and joined over several attempts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

# What a test can end with. "hung" and "died" are ends of its process; "missing" is a test of the other side that this
# side's module does not even have, because it could not be imported.
GOOD = ("passed", "xpassed")
NEUTRAL = ("skipped", "xfailed")
BAD = ("failed", "hung", "died", "missing")


@dataclass(frozen=True)
class Result:
    """How one test ended: its outcome, what it complained of, how long it took, the attempts it needed."""

    outcome: str
    text: str = ""
    seconds: float = 0.0
    attempts: int = 1

    @property
    def passed(self) -> bool:
        return self.outcome in GOOD

    @property
    def failed(self) -> bool:
        return self.outcome in BAD

    @property
    def complaint(self) -> str:
        """The line that says most: pytest's last `E` line, or the last line at all."""
        lines = [line for line in self.text.splitlines() if line.strip()]
        said = [line[1:].strip() for line in lines if line.startswith("E ")]
        return (said or lines or [""])[0 if said else -1]


@dataclass
class Session:
    """One process's account of itself."""

    collected: list[str] = field(default_factory=list)
    results: dict[str, Result] = field(default_factory=dict)
    running: str | None = None
    # By file: why it could not be imported.
    not_collected: dict[str, str] = field(default_factory=dict)
    finished: bool = False
    code: int = 0


def read_session(lines: Iterable[str]) -> Session:
    """The session that wrote these lines. A last line cut short by a kill is left out."""
    session = Session()
    for line in lines:
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue
        match entry["event"]:
            case "collected":
                session.collected = entry["ids"]
            case "not collected":
                session.not_collected[entry["file"]] = entry["text"]
            case "start":
                session.running = entry["id"]
            case "end":
                result = Result(entry["outcome"], entry["text"], entry["seconds"])
                session.results[entry["id"]] = result
                session.running = None
            case "finished":
                session.finished, session.code = True, entry["code"]
    return session


def join(first: Result, again: Result) -> Result:
    """A test that was tried again: the better of the two, with the attempts of both."""
    better = first if first.passed else again
    return replace(better, attempts=first.attempts + again.attempts)
