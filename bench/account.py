"""CPU time by the operating system's own accounting, per thread and in nanoseconds where the kernel keeps them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

TICK = 1e9 / os.sysconf("SC_CLK_TCK")


@dataclass
class Usage:
    """CPU nanoseconds of a process tree at one moment."""

    threads: dict[tuple[int, int], int] = field(default_factory=dict)
    names: dict[tuple[int, int], str] = field(default_factory=dict)

    def total(self) -> int:
        return sum(self.threads.values())


def children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue
    return found


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    pids = [pid]
    for parent in pids:
        try:
            pids += children(parent)
        except OSError:
            continue
    return pids


def thread_nanoseconds(task: Path) -> int:
    try:
        return int((task / "schedstat").read_text().split()[0])
    except (OSError, IndexError):
        # A kernel without scheduler statistics: ticks, hundredths of a second as a rule.
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        return int((int(fields[11]) + int(fields[12])) * TICK)


def usage(pid: int) -> Usage:
    """What the tree under `pid` has used so far."""
    now = Usage()
    for process in tree(pid):
        try:
            tasks = list(Path(f"/proc/{process}/task").iterdir())
        except OSError:
            continue
        for task in tasks:
            try:
                key = (process, int(task.name))
                now.threads[key] = thread_nanoseconds(task)
                now.names[key] = (task / "comm").read_text().strip()
            except (OSError, ValueError):
                continue
    return now


@dataclass
class Spent:
    """CPU nanoseconds between two moments: all, the main threads (Python runs there), the other threads by name."""

    total: int
    main: int
    others: dict[str, int]


def between(before: Usage, after: Usage) -> Spent:
    spent = Spent(0, 0, {})
    for key, nanoseconds in after.threads.items():
        used = nanoseconds - before.threads.get(key, 0)
        spent.total += used
        if key[0] == key[1]:
            spent.main += used
        else:
            name = after.names[key]
            spent.others[name] = spent.others.get(name, 0) + used
    return spent


def resident_mb(pid: int) -> float:
    """Memory of the tree in MiB."""
    pages = 0
    for process in tree(pid):
        try:
            pages += int(Path(f"/proc/{process}/statm").read_text().split()[1])
        except OSError:
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
