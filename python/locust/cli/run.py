"""The run: what is started with it, and waiting for its end."""

from __future__ import annotations

import logging
import signal
import time
from argparse import Namespace
from dataclasses import dataclass, field
from typing import Any

import gevent

from .. import stats
from ..env import Environment
from ..input_events import input_listener
from ..log import greenlet_exception_logger
from .keys import key_functions
from .signals import StopSignals

logger = logging.getLogger("locust.main")


@dataclass
class Run:
    """A run and the greenlets that accompany it."""

    environment: Environment
    options: Namespace
    csv_writer: stats.StatsCSV
    runner: Any = field(init=False)
    keyboard: gevent.Greenlet | None = None
    printer: gevent.Greenlet | None = None
    companions: list[gevent.Greenlet] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.runner = self.environment.runner

    def start(self) -> None:
        """Starts the test and its companions; returns at once."""
        options = self.options
        if not options.only_summary:
            self.printer = self._spawn(stats.stats_printer(self.runner.stats))
        self._spawn(stats.stats_history, self.runner)
        if isinstance(self.csv_writer, stats.StatsCSVFileWriter):
            self._spawn(self.csv_writer.stats_writer)
        if options.autostart:
            logger.info("The --autostart argument is implied by --headless, no need to set both.")
        # Before the first user, so that no key is lost that is pressed when one appears.
        self.keyboard = self._spawn(input_listener(key_functions(self.runner)))
        # Scripts read the options, so the defaults show there.
        options.num_users = 1 if options.num_users is None else options.num_users
        options.spawn_rate = 1 if options.spawn_rate is None else options.spawn_rate
        if self.environment.shape_class:
            self._spawn(self._follow_shape)
        else:
            self._spawn(self._start_users)
            self._limit_run_time()

    def wait(self, signals: StopSignals) -> None:
        """Waits until the run has ended or a signal asks for its end."""
        ended = gevent.spawn(self.runner.greenlet.join)
        try:
            gevent.wait([ended, signals.stop], count=1)
        except KeyboardInterrupt:
            # Raised where the script runs; gevent hands it on to us.
            signals.stop.set()
        finally:
            ended.kill(block=False)
        if signals.stop.is_set():
            self._acknowledge(signals)

    def _acknowledge(self, signals: StopSignals) -> None:
        signals.taken()
        if signals.interrupted:
            logger.warning("A task did not yield, so it was interrupted to stop the test")
        if signals.received[:1] == [signal.SIGTERM]:
            logger.info("Got SIGTERM signal")
        elif self.environment.shape_class:
            logging.info("Exiting due to CTRL+C interruption")
        if self.environment.stop_timeout and len(self.runner.user_greenlets):
            logger.info(
                f"Waiting up to {self.environment.stop_timeout:g} seconds for running tasks, "
                "CTRL+C stops them at once"
            )

    def _start_users(self) -> None:
        self.runner.start(self.options.num_users, self.options.spawn_rate)

    def _limit_run_time(self) -> None:
        seconds = self.options.run_time
        if not seconds:
            logger.info("No run time limit set, use CTRL+C to interrupt")
            return
        logger.info(f"Run time limit set to {seconds} seconds")
        self._spawn(self._end_after, time.monotonic() + seconds)

    def _end_after(self, deadline: float) -> None:
        # gevent counts from when its loop last looked at the clock, which may be early; so look again.
        while (remaining := deadline - time.monotonic()) > 0:
            gevent.sleep(remaining)
        self._end("--run-time limit reached")

    def _follow_shape(self) -> None:
        self.runner.start_shape()
        self.runner.shape_greenlet.join()
        self._end("Shape test completed")

    def _end(self, reason: str) -> None:
        logger.info(f"{reason}, shutting down")
        if self.printer is not None and not self.environment.stop_timeout:
            # The end is now, and the final table with it; one more just before would only confuse.
            self.printer.kill(block=False)
        self.runner.quit()

    def _spawn(self, function: Any, *args: Any) -> gevent.Greenlet:
        greenlet = gevent.spawn(function, *args)
        greenlet.link_exception(greenlet_exception_logger(logger))
        self.companions.append(greenlet)
        return greenlet
