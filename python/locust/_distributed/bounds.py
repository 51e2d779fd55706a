"""What a master keeps of its workers is bounded, whoever they are and whatever they send.

The statistics have bounds of their own, where they are merged. Far beyond what a test needs, here as there: whoever reaches
them has a locustfile that makes texts up, or is no worker.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._origins import Origin
    from .master import MasterRunner

logger = logging.getLogger("locust.runners")

MOST_EXCEPTIONS = 1_000
"""Rows of the exceptions table."""
MOST_EXCEPTION_TEXT = 16 << 20
"""Characters of all its rows together."""
MOST_NODES = 1_000
"""Nodes that one of its rows names."""
OTHER_EXCEPTIONS = "(other exceptions)"
MOST_WORKERS = 100_000
"""Different workers in the life of a master."""
MOST_LOGS = 1_000
"""Workers whose log is kept."""


class Bounds:
    """Lets into a master's tables what there is room for."""

    def __init__(self, master: MasterRunner) -> None:
        self.master = master
        self._told_of_workers = False

    def admits(self, client_id: str) -> bool:
        """Whether there is room for this worker."""
        known = self.master.worker_indexes
        if client_id in known or len(known) < MOST_WORKERS:
            return True
        if not self._told_of_workers:
            self._told_of_workers = True
            logger.error(
                f"More than {MOST_WORKERS} different workers have connected; no new ones are accepted. Restart the master."
            )
        return False

    def exception(self, client_id: str, message: str, traceback: str, origin: Origin) -> None:
        """Counts an exception. Those for which there is no row left share one."""
        if self.master._leaves_out_exception():
            return
        table = self.master.exceptions
        row = table.get(hash(traceback))
        if row is None and not self._has_room_for(len(message) + len(traceback)):
            row = table.get(hash(""))
            if row is None:
                logger.warning(
                    f"More different exceptions than the table holds; further ones are counted as {OTHER_EXCEPTIONS}"
                )
            message, traceback, origin = OTHER_EXCEPTIONS, "", {}
        if row is not None and client_id not in row["nodes"] and len(row["nodes"]) >= MOST_NODES:
            row["count"] += 1
        else:
            self.master.log_exception(client_id, message, traceback)
        self.master._origins.note(table, hash(traceback), origin)

    def _has_room_for(self, characters: int) -> bool:
        rows = self.master.exceptions.values()
        # Before the texts are looked at, so that a full table costs nothing.
        if len(rows) >= MOST_EXCEPTIONS:
            return False
        there = sum(len(row["msg"]) + len(row["traceback"]) for row in rows)
        return there + characters <= MOST_EXCEPTION_TEXT

    def log(self, client_id: str, lines: list[str]) -> None:
        """Keeps a worker's log. The oldest of a worker that is gone makes room."""
        logs = self.master.environment.worker_logs
        if client_id not in logs and len(logs) >= MOST_LOGS:
            gone = next((known for known in logs if known not in self.master.clients), None)
            if gone is None:
                return
            del logs[gone]
        self.master.environment.update_worker_logs({"worker_id": client_id, "logs": lines})
