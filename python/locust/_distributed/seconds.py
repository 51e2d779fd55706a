"""What happened in which second: workers tell it with their reports, and a master places it in its own time.

Only between nodes of this program, after the master has said that it takes it. Listeners of `report_to_master` and `worker_report` do
not see it: what they change in the sums of a report is counted, and shared out among the seconds.
"""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from .. import _engine, runners
from ..runners import STATE_RUNNING, STATE_SPAWNING

if TYPE_CHECKING:
    from ..stats import RequestStats
    from .attendance import Attendance

logger = logging.getLogger("locust.runners")

# In the answer to a worker that introduces itself: send me this.
TAKES = "takes_seconds"
# In reports.
KEY = "gregaria_seconds"
# In jobs: the name of the run.
RUN = "run"
# In jobs: seconds of the warm-up that are left, and of all of it; in reports: what was left out.
WARM_UP = "gregaria_warm_up"
# Seconds between two looks whether all have reported, when reports are what it is asked for.
OFTEN = 0.25


class WorkerSeconds:
    """A worker's part."""

    def __init__(self, stats: RequestStats) -> None:
        self.run: str | None = None
        """The run that is measured: the master's name for it."""
        self._stats = stats
        self._cutter: Any = None
        self._reports = 0

    def begin_run(self, run: str | None) -> None:
        """The master has given work, for a run of that name."""
        self.run = run
        self._work(True)

    def end_run(self) -> None:
        """It is done."""
        self._work(False)

    def counts_anew(self) -> None:
        """What was measured until now is left out."""
        self._work(False)
        self._work(True)

    def _work(self, working: bool) -> None:
        if self._cutter is not None:
            self._cutter.works(working)

    def follow(self, master_takes: bool) -> None:
        """Cuts the numbers into seconds, or no longer: the master has said whether it wants to know."""
        if master_takes and self._cutter is None:
            self._cutter = _engine.Cutter(self._stats)
        elif not master_takes and self._cutter is not None:
            self.stop()

    def stop(self) -> None:
        """Ends it."""
        cutter, self._cutter = self._cutter, None
        if cutter is not None:
            cutter.stop()

    def beat(self) -> dict[str, Any]:
        """What a sign of life says besides."""
        return {} if self._cutter is None else {"sent": self._cutter.beats()}

    def hear(self, echo: Any) -> None:
        """The master has answered one."""
        if self._cutter is None or not isinstance(echo, dict):
            return
        values = [echo.get(key) for key in ("sent", "held", "left")]
        if all(isinstance(value, float) for value in values):
            self._cutter.echo(*values)

    def begin(self) -> dict[str, Any] | None:
        """Before a report is taken out of the statistics: what is to be said with it."""
        if self._cutter is None:
            return None
        number, since, round_trip = self._cutter.open()
        # What is counted from now on may be of this second, whenever the report is sent.
        return {"open": number, "since": since - time.monotonic(), "round_trip": round_trip}

    def complete(self, told: dict[str, Any] | None) -> dict[str, Any]:
        """After it was taken: what goes with it, as keys of the message."""
        seconds = _engine.take_seconds(self._stats)
        if told is None or seconds is None:
            return {}
        more = {
            "since": told["since"] + time.monotonic(),
            "run": self.run,
            "number": self._reports + 1,
            "every": float(runners.WORKER_REPORT_INTERVAL),
            "clock": time.time(),
            "health": self._cutter.health(),
            "seconds": seconds,
        }
        return {KEY: {**told, **more}}

    def sent(self) -> None:
        """The report has left."""
        self._reports += 1


class WorkerReport(dict[Any, Any]):
    """A worker's report, and where it lies in time."""

    placing: Any = None


class MasterSeconds:
    """A master's part."""

    def __init__(self, master: Attendance) -> None:
        self.run = ""
        """Name of the run, for workers."""
        self._master = master
        self._native = _engine.Reporters()
        self._looked = 0.0

    def begin(self) -> None:
        """A test begins."""
        self.run = uuid4().hex
        self._native.begin(self.run)

    def joined(self, client_id: str) -> None:
        """A worker is there."""
        self._native.joined(client_id, time.time())

    def left(self, client_id: str) -> None:
        """A worker has gone, or is silent: it is not waited for."""
        self._native.left(client_id)

    def echo(self, heartbeat: dict[Any, Any], waited: float) -> dict[str, float] | None:
        """What the answer to a worker's sign of life says."""
        sent = heartbeat.get("sent")
        if not isinstance(sent, float):
            return None
        return {"sent": sent, "held": waited, "left": 1.0 - math.modf(time.time())[0]}

    def take(self, client_id: str, data: dict[Any, Any], waited: float) -> WorkerReport | None:
        """A report as listeners are to see it; None if it does not count."""
        report = WorkerReport(data)
        told = report.pop(KEY, None)
        if isinstance(told, dict):
            try:
                judged, report.placing, missing = self._native.report(client_id, told, waited, time.time())
            except ValueError as e:
                self._say(logging.ERROR, f"A report of worker {client_id} does not say when it is of: {e}")
            else:
                self._listen(client_id, told.get("health"), judged, missing)
                return self._judge(client_id, report, judged, missing)
        last = report["stats_total"].get("last_request_timestamp")
        known = not isinstance(last, bool) and isinstance(last, (int, float))
        report.placing = self._native.report_of_another(
            client_id,
            float(last) if known else None,
            float(runners.WORKER_REPORT_INTERVAL),
            waited,
            time.time(),
        )
        return report

    def _listen(self, client_id: str, health: Any, judged: str, missing: int) -> None:
        """What the record's verdict on the run depends on."""
        recorder = self._master.environment._recorder
        if recorder is None or judged == "other run":
            return
        recorder.native.misses_reports(-1 if judged == "overdue" else missing)
        if isinstance(health, str) and judged == "counts":
            try:
                recorder.native.worker_fares(client_id, health)
            except ValueError as e:
                self._say(logging.ERROR, f"Worker {client_id} does not say how it fares: {e}")

    def _judge(self, client_id: str, report: WorkerReport, judged: str, missing: int) -> WorkerReport | None:
        if judged == "other run" and not (
            report["stats"] or report["errors"] or report["stats_total"].get("num_requests")
        ):
            # It has nothing to count, and says how many users it has.
            return report
        if judged in _DISCARDED:
            self._say(logging.WARNING, f"Discarded a report of worker {client_id}: {_DISCARDED[judged]}")
            return None
        if judged == "overdue":
            self._say(logging.WARNING, f"A report of worker {client_id} has arrived that was missing")
        elif missing:
            self._say(
                logging.WARNING,
                f"{missing} reports of worker {client_id} have not arrived: what they counted is missing",
            )
        return report

    def _say(self, level: int, text: str) -> None:
        self._master._words.say(level, text)

    def reported(self) -> None:
        """A report has been counted."""
        now = time.monotonic()
        if now - self._looked >= OFTEN:
            self._settle()

    def look(self) -> float:
        """Everything before this unix time is known, as far as workers are not late."""
        master = self._master
        for client_id in self._native.late(time.time()):
            # If there is something of it that waits here, it is us who do not keep up.
            if not master._is_pending(client_id):
                self._native.give_up(client_id)
                if master.state in (STATE_SPAWNING, STATE_RUNNING):
                    self._say(
                        logging.WARNING,
                        f"Worker {client_id} is late with its report. Charts and current rates wait for it no longer.",
                    )
        return self._settle() + 1.0

    def _settle(self) -> int:
        self._looked = time.monotonic()
        second: int = self._native.settled(time.time())
        self._master.stats._set_settled(second)
        return second


def told_warm_up(job: dict[Any, Any], waited: float) -> tuple[float, float | None]:
    """Seconds of the warm-up that are left, by a job that has waited here; and how long all of it is."""
    match job.get(WARM_UP):
        case [int() | float() as left, int() | float() as whole] if math.isfinite(left) and math.isfinite(
            whole
        ):
            return max(left - waited, 0.0), float(whole)
    return 0.0, None


_DISCARDED = {
    "again": "it was counted before",
    "too old": "so many have come since that it may have been counted before",
    "other run": "it is of another run",
}
