"""The run: what is started with it, and waiting for its end."""

from __future__ import annotations

import logging
import signal
import time
from argparse import Namespace
from dataclasses import dataclass, field
from typing import Any

import gevent
from gevent.event import Event

from .. import _engine, _io_fault, stats
from .._hosts import complaints
from .._metrics import MetricsPort
from .._run_time import RunTime
from ..env import Environment
from ..input_events import input_listener
from ..log import greenlet_exception_logger
from . import terminal, web, workers
from .keys import key_functions
from .outs import Outs
from .signals import StopSignals

logger = logging.getLogger("locust.main")

STAGES_OVER = "The last stage of the arrival rate is over"


@dataclass
class Run:
    """A run and the greenlets that accompany it."""

    environment: Environment
    options: Namespace
    csv_writer: stats.StatsCSV
    web_ui: Any = None
    """The web interface; None: headless."""
    recorder: Any = None
    """What records the runs; None on a worker."""
    outs: Outs | None = None
    """Who else is told of them, and of single requests."""
    runner: Any = field(init=False)
    metrics: MetricsPort | None = None
    keyboard: gevent.Greenlet | None = None
    printer: gevent.Greenlet | None = None
    block: terminal.Block | None = None
    """The figures at the foot of the terminal; None: it has what Locust prints."""
    companions: list[gevent.Greenlet] = field(default_factory=list)
    thresholds: list[dict[str, Any]] = field(default_factory=list)
    verdict: dict[str, Any] = field(default_factory=dict)
    """How they stood at the end."""
    is_over: bool = False
    """Whether its end has begun."""
    broken: Event = field(default_factory=Event)
    """Set when an I/O thread of the engine has died."""
    gave_up: bool = False
    """Whether it was not even started, or came to its end, for want of workers."""

    def __post_init__(self) -> None:
        self.runner = self.environment.runner

    def start(self) -> None:
        """Starts the companions and, unless the web interface is to do it, the test; returns at once."""
        options = self.options
        _io_fault.followers.append(self.broken.set)
        self.block = terminal.open_block(self)
        if self.web_ui is not None:
            web.start(self.web_ui, options)
        elif self.recorder is not None:
            self.recorder.start()
        if self.environment._recorder is not None:
            self.environment._recorder.on_broken = self._end_by_threshold
        if options.metrics_port is not None:
            self.metrics = MetricsPort(self.recorder, options)
            self.metrics.start()
        alone = not options.worker
        tables = options.print_stats or (options.headless and alone)
        if tables and not options.only_summary and self.block is None:
            self.printer = self._spawn(stats.stats_printer(self.runner.stats))
        self._spawn(stats.stats_history, self.runner)
        if isinstance(self.csv_writer, stats.StatsCSVFileWriter):
            self._spawn(self.csv_writer.stats_writer)
        if not alone:
            # Everything else is the master's business.
            return
        if options.autostart and options.headless:
            logger.info("The --autostart argument is implied by --headless, no need to set both.")
        # Before the first user, so that no key is lost that is pressed when one appears.
        keys = key_functions(self.runner) | (web.key_functions(self.web_ui) if self.web_ui else {})
        self.keyboard = self._spawn(input_listener(keys))
        if options.headless or options.autostart:
            if options.master:
                self._spawn(self._watch_workers)
                self._tell_of_waiting(logging.DEBUG)
                self._spawn(self._start_test_with_workers)
            else:
                self._start_test()

    def _start_test_with_workers(self) -> None:
        """Starts the test when as many workers have connected as are expected."""
        options, began, told = self.options, time.monotonic(), 0.0
        while len(self.runner.clients.ready) < options.expect_workers:
            waited = time.monotonic() - began
            if options.expect_workers_max_wait and waited > options.expect_workers_max_wait:
                self._give_up("Gave up waiting for workers to connect")
                return
            if waited - told >= 1:
                told = waited
                self._tell_of_waiting(logging.INFO if waited > 5 else logging.DEBUG)
            gevent.sleep(0.1)
        self._start_test()

    def _watch_workers(self) -> None:
        """Ends a run that has no workers any more; with a page for as long as `--autoquit` says, which may be for ever."""
        watch = workers.Watch(self.runner, self.options)
        while (reason := watch.look()) is None:
            gevent.sleep(workers.INTERVAL)
        if self.is_over or self.runner.is_quitting:
            return
        if self.web_ui is not None:
            logger.error(f"{reason}, stopping test")
            self.runner.stop()
            if self.options.autoquit == -1:
                return
            gevent.sleep(self.options.autoquit)
        self._give_up(f"{reason}, ending the run")

    def _give_up(self, why: str) -> None:
        logger.error(why)
        self.gave_up = True
        self.runner.quit()
        if self.web_ui is not None:
            self.web_ui.stop()

    def _tell_of_waiting(self, level: int) -> None:
        ready, expected = len(self.runner.clients.ready), self.options.expect_workers
        logger.log(level, f"Waiting for workers to be ready, {ready} of {expected} connected")

    def _start_test(self) -> None:
        options = self.options
        # Scripts read the options, so the defaults show there.
        arrivals = self.environment._arrivals
        if options.num_users is None:
            options.num_users = 1 if arrivals is None else arrivals.most
        options.spawn_rate = 1 if options.spawn_rate is None else options.spawn_rate
        for complaint in complaints(self.environment):
            logger.warning(complaint)
        if self.environment.shape_class:
            self._spawn(self._follow_shape)
        else:
            self._spawn(self._start_users)
            self._limit_run_time()
        self._limit_requests()

    def close_block(self) -> None:
        """Gives the terminal back, for the tables of the end."""
        if self.block is not None:
            self.block.close()
            self.block = None

    def wait(self, signals: StopSignals) -> None:
        """Waits until the run has ended or a signal asks for its end."""
        # With a web interface the end of a test is not the end of the run.
        whole = self.runner.greenlet if self.web_ui is None else self.web_ui.greenlet
        ended = gevent.spawn(whole.join)
        try:
            gevent.wait([ended, signals.stop, self.broken], count=1)
        except KeyboardInterrupt:
            # Raised where the script runs; gevent hands it on to us.
            signals.stop.set()
        finally:
            ended.kill(block=False)
            self.is_over = True
        if self.options.master and self.options.headless and self.runner.abandoned and not self.gave_up:
            logger.error("No worker was left at the end of the run")
            self.gave_up = True
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
        seconds, reason = self.options.run_time, "--run-time limit reached"
        arrivals = self.environment._arrivals
        ends_at = None if arrivals is None else arrivals.ends_at
        if ends_at is not None and (not seconds or ends_at < seconds):
            seconds, reason = ends_at, STAGES_OVER
        if not seconds:
            logger.info("No run time limit set, use CTRL+C to interrupt")
            return
        limit = RunTime(self.environment, seconds)
        logger.info(f"Run time limit set to {seconds} seconds{limit.since}")
        if arrivals is not None and self.web_ui is None:
            # So many are due as arrive until then, however late the end is noticed. On the page a run may be given another end.
            self.environment._arrivals = arrivals.until(limit.seconds)
        self._spawn(self._end_after, limit, reason)

    def _limit_requests(self) -> None:
        most = getattr(self.options, "max_requests", None)
        if not isinstance(most, int) or isinstance(most, bool):
            # None, or a script's own option of that name.
            return
        logger.info(f"The run ends when {most} requests have been counted")
        reason = "--max-requests reached"
        if self.options.master:
            self._spawn(self._end_when_reported, most, reason)
        else:
            self._spawn(self._limit_counted, most, reason)

    def _limit_counted(self, most: int, reason: str) -> None:
        if self.environment._warm_up_seconds:
            # Until then others are counted, which do not count.
            self.runner._numbers_begin.wait()
        _engine.limit_requests(most, lambda: self._spawn(self._end, reason))

    def _end_when_reported(self, most: int, reason: str) -> None:
        while self.runner.stats.total.num_requests < most:
            gevent.sleep(0.1)
        self._end(reason)

    def _end_after(self, limit: RunTime, reason: str) -> None:
        limit.wait()
        self._end(reason)

    def _follow_shape(self) -> None:
        self.runner.start_shape()
        self.runner.shape_greenlet.join()
        self._end("Shape test completed")

    def _end_by_threshold(self, threshold: str) -> None:
        if self.is_over:
            return
        logger.error(f"Threshold broken: {threshold}")
        if self.web_ui is None or (self.options.autostart and self.runner._run.number == 1):
            self._end("Threshold broken")
        else:
            self.runner.stop()

    def _end(self, reason: str) -> None:
        if self.web_ui is not None:
            self._end_test(reason)
            return
        logger.info(f"{reason}, shutting down")
        if self.printer is not None and not self.environment.stop_timeout:
            # The end is now, and the final table with it; one more just before would only confuse.
            self.printer.kill(block=False)
        self.runner.quit()

    def _end_test(self, reason: str) -> None:
        """Ends the test that was started by itself, and after a while the program if that is asked for."""
        if self.runner._run.number > 1:
            # It was ended in the web interface, and another one runs there.
            return
        logger.info(f"{reason}, stopping test")
        self.runner.stop()
        if self.options.autoquit == -1:
            logger.info("--autoquit not specified, leaving web ui running indefinitely")
            return
        logger.debug(f"Autoquit time limit set to {self.options.autoquit} seconds")
        gevent.sleep(self.options.autoquit)
        logger.info("--autoquit time reached, shutting down")
        self.runner.quit()
        self.web_ui.stop()

    def _spawn(self, function: Any, *args: Any) -> gevent.Greenlet:
        greenlet = gevent.spawn(function, *args)
        greenlet.link_exception(greenlet_exception_logger(logger))
        self.companions.append(greenlet)
        return greenlet
