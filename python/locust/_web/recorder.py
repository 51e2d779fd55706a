"""Records the runs of an environment that has no web interface, for its reports and the store of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import _engine
from .recording import Recording

if TYPE_CHECKING:
    from ..env import Environment
    from ..stats import StatsCSV


class Recorder:
    """The native server without a socket: it keeps the course of each run, and the finished run in the store."""

    def __init__(self, environment: Environment, stats_csv_writer: StatsCSV) -> None:
        self.environment = environment
        self.recording = Recording(environment)
        self.recording.stats_csv_writer = stats_csv_writer
        self._stats = environment.stats
        self.engine = _engine.WebServer(
            self._stats, self._answer, listen=False, store_dir=environment._run_store
        )
        environment._recorder = self
        environment._state_watchers.append(self.notify)

    def start(self) -> None:
        """Begins to record."""
        self.engine.start()

    def stop(self) -> None:
        """Ends the recording; a run that has ended is in the store then."""
        if self.notify in self.environment._state_watchers:
            self.environment._state_watchers.remove(self.notify)
        self.engine.stop()

    def notify(self) -> None:
        """Tells the recorder that the state of the test has changed."""
        if self.environment.stats is not self._stats:
            self._stats = self.environment.stats
            self.engine.set_stats(self._stats)
        self.engine.notify()

    def _answer(self, command: Any) -> None:
        answers = {
            "status": self.recording.status,
            "run_info": self.recording.info,
            "exceptions": self.recording.exceptions,
        }
        answer = answers.get(command.kind)
        if answer is None:
            command.fail(f"there is no web interface to ask for {command.kind}", 404)
        else:
            command.reply(answer())
