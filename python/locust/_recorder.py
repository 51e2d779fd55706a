"""Records the runs of an environment: what its reports show, its web interface, and what the store of runs keeps."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import _engine
from ._web.recording import Recording
from .event import EventHook

if TYPE_CHECKING:
    from .env import Environment
    from .stats import StatsCSV

logger = logging.getLogger("locust.web")


class Recorder:
    """The native recorder, and the answers to what it asks. One for each environment: a later one takes its place."""

    def __init__(
        self,
        environment: Environment,
        stats_csv_writer: StatsCSV | None = None,
        before_status: Callable[[], None] | None = None,
    ) -> None:
        """`before_status` is called each time the recorder asks for the state of the run."""
        self.environment = environment
        self.recording = Recording(environment)
        self.recording.stats_csv_writer = stats_csv_writer
        self._before_status = before_status
        self.on_broken: Callable[[str], None] | None = None
        """Called with a threshold that is broken, and for which the run is to end."""
        self._judged = 0
        self._stats = environment.stats
        if environment._recorder is not None:
            environment._recorder.stop()
        self.native = _engine.Recorder(
            self._stats, self._answer, self._broken, store_dir=environment._run_store
        )
        environment._recorder = self

    def start(self) -> None:
        """Begins to record."""
        self.native.start()
        if self.notify not in self.environment._state_watchers:
            self.environment._state_watchers.append(self.notify)

    def stop(self) -> None:
        """Ends the recording; a run that has ended is in the store then."""
        if self.notify in self.environment._state_watchers:
            self.environment._state_watchers.remove(self.notify)
        self.native.stop()

    def set_thresholds(self, rules: list[str]) -> None:
        """What the runs have to keep to. They have been read before."""
        self.native.set_thresholds(rules)

    def thresholds(self) -> list[dict[str, Any]]:
        """How each stands: the words of `dto::Threshold` in crates/record. Of a run that is over, how it stood at its end."""
        found: list[dict[str, Any]] = json.loads(self.native.thresholds(self.recording.status()))
        return found

    def verdict(self) -> dict[str, Any]:
        """Whether the generator was the limit of the run: the words of `dto::Verdict` in crates/record."""
        text = self.native.verdict(self.recording.status())
        return {} if text is None else json.loads(text)

    def judge(self) -> list[dict[str, Any]]:
        """The same, for a run that is over: listeners of `threshold` are told, once for each run."""
        standing = self.thresholds()
        number = getattr(self.environment._run, "number", 0)
        if number != self._judged:
            self._judged = number
            hook = getattr(self.environment.events, "threshold", None)
            for one in standing if isinstance(hook, EventHook) else ():
                hook.fire(
                    environment=self.environment,
                    threshold=one["text"],
                    measured=one["measured"],
                    passed=one["outcome"] == "ok",
                )
        return standing

    def _broken(self, threshold: str) -> None:
        if self.on_broken is not None:
            self.on_broken(threshold)

    def notify(self) -> None:
        """Tells the recorder that the state of the test has changed."""
        self.follow_stats()
        self.native.notify()

    def follow_stats(self) -> None:
        """Looks whether a script has put other statistics in place of those that are recorded."""
        if self.environment.stats is not self._stats:
            self._stats = self.environment.stats
            self.native.set_stats(self._stats)

    def _answer(self, question: Any) -> None:
        try:
            if question.kind == "status":
                self.follow_stats()
                if self._before_status is not None:
                    self._before_status()
                question.reply(self.recording.status())
            elif question.kind == "run_info":
                question.reply(self.recording.info())
            else:
                question.reply(self.recording.exceptions())
        except Exception:
            # A script's objects are among what is told.
            logger.exception(f"The recorder of runs got no answer to {question.kind!r}")


def record_for_report(runner: Any) -> None:
    """Records the runs of this runner's environment unless somebody does: in a program of one's own, whose report has the course of
    the run then. A worker's numbers are its master's."""
    environment = getattr(runner, "environment", None)
    if runner.stats.total.use_response_times_cache and getattr(environment, "_recorder", "") is None:
        Recorder(environment).start()
