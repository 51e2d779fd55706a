"""The exit sequence of a run. It is the same however the run ended: by itself, by its time limit or by a
signal.

Teardown listeners first, then the users, and only then the exit code and the reports, which therefore hold
the last request of the run. Each step survives an interruption by further signals; the reports are written in
any case.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import Any

import gevent
from gevent.event import Event

from .. import _engine, log, stats
from . import arrivals, reports, tables, thresholds, upload, verdict, warm_up
from .run import Run
from .signals import StopSignals
from .table import exit_code

logger = logging.getLogger("locust.main")


def end(run: Run, signals: StopSignals) -> Any:
    """Ends the run and writes its results; returns what the program is to end with by `sys.exit`: a number, or whatever
    else the script has set as its exit code."""
    signals.taken()
    logger.debug("Running teardowns...")
    hurrying = gevent.spawn(_hurry_at_second_signal, run, signals)
    _silence(run.keyboard)
    # Listeners of `quitting` may send the report away. It is written again with the last numbers, and what goes wrong is
    # told then.
    _undisturbed(lambda: _write_html(run, quietly=True))
    _undisturbed(lambda: run.environment.events.quitting.fire(environment=run.environment, reverse=True))
    logger.debug("Cleaning up runner...")
    _stop_users(run, signals)
    signals.reporting()
    hurrying.kill(block=False)
    for companion in run.companions:
        _silence(companion)
    code = _exit_code(run)
    logger.info(f"Shutting down (exit code {code})")
    run.close_block()
    if (failures := _report(run, _status(code))) and _status(code) == 0:
        code = failures
    _stop_recording(run)
    # From here on only listeners of scripts run: a signal ends them as it would end any Python program.
    signals.close()
    run.environment.events.quit.fire(exit_code=code)
    return code


def _stop_users(run: Run, signals: StopSignals) -> None:
    """Ends the test. A further signal ends the waiting for running tasks, one more the waiting for
    anything."""
    stopping = gevent.spawn(lambda: run.runner.quit())
    stopping.link_exception(log.greenlet_exception_logger(logger))
    if _waits_for(stopping, signals.hurry):
        return
    logger.warning("Interrupted again, not waiting for running tasks")
    run.environment.stop_timeout = 0
    gevent.spawn(run.runner.user_greenlets.kill)
    patience = Event()
    gevent.spawn(_set_at_third_signal, signals, patience)
    if not _waits_for(stopping, patience):
        logger.warning("Interrupted once more, not waiting for users to stop")


def _waits_for(greenlet: gevent.Greenlet, interruption: Event) -> bool:
    """Waits for the greenlet; whether it ended before the interruption."""
    try:
        gevent.wait([greenlet, interruption], count=1)
    except KeyboardInterrupt:
        # Either code that did not yield was interrupted, and things go on without it, or this is the second
        # signal.
        if not interruption.is_set():
            return _waits_for(greenlet, interruption)
    return greenlet.ready()


def _hurry_at_second_signal(run: Run, signals: StopSignals) -> None:
    signals.hurry.wait()
    run.runner.hurry()


def _set_at_third_signal(signals: StopSignals, patience: Event) -> None:
    while len(signals.received) < 3:
        gevent.sleep(0.1)
    patience.set()


def _exit_code(run: Run) -> Any:
    """What the program ends with, judged by everything that was recorded up to now."""
    run.thresholds = _standing(run)
    run.verdict = verdict.of(run.environment, run.options)
    verdict.warn(run.verdict)
    code, options = _judged(run), run.options
    # What workers sent is their master's.
    if (
        code == 0
        and options.fail_on_empty
        and not options.worker
        and run.runner.stats.total.num_requests == 0
    ):
        logger.error("No request was counted in this run (--fail-on-empty)")
        return exit_code("EMPTY")
    return code


def _judged(run: Run) -> Any:
    if run.broken.is_set():
        return exit_code("ENGINE")
    if run.gave_up:
        return exit_code("STARTUP")
    if run.environment.process_exit_code is not None:
        return run.environment.process_exit_code
    # Who gates a run wants to know first that its script is broken. Without gates the order is Locust's: what failed comes first.
    if log.unhandled_greenlet_exception and (run.thresholds or run.options.fail_on_invalid):
        return exit_code("UNHANDLED")
    if thresholds.is_broken(run.thresholds):
        return exit_code("THRESHOLD")
    if verdict.is_broken(run.verdict, run.options):
        return exit_code("INVALID")
    failed = len(run.runner.errors) and not thresholds.is_lenient(run.options, run.thresholds)
    if failed or len(run.runner.exceptions):
        return int(run.options.exit_code_on_error)
    if log.unhandled_greenlet_exception:
        return exit_code("UNHANDLED")
    return exit_code("OK")


def _standing(run: Run) -> list[dict[str, Any]]:
    """How the thresholds stood at the end; listeners are told."""
    recorder = run.environment._recorder
    if recorder is None or run.options.worker:
        return []
    try:
        return recorder.judge()
    except Exception:
        logger.exception("The thresholds could not be judged")
        return []


def _status(code: Any) -> int:
    """What the system gets to know of `sys.exit(code)`: one byte, and 1 for all that is no number."""
    return code & 0xFF if isinstance(code, int) else int(code is not None)


def rescue(run: Run, code: int) -> None:
    """Writes the report files of a run that ends without the exit sequence: a task called `sys.exit()`."""
    if run.keyboard is None:
        # It had not even begun: the web interface's address could not be had.
        return
    _write_files(run, code)
    if run.outs is not None:
        run.outs.finish_files()
    _stop_recording(run)


def _report(run: Run, code: int) -> int:
    """Writes everything that is asked for; 0, or the exit code of a report that could not be written."""
    options, numbers = run.options, run.runner.stats
    failed = not _attempt(run.csv_writer.close_files, "the CSV files")
    failed |= run.outs is not None and not run.outs.finish_files()
    if options.worker:
        # What it measured is its master's.
        return exit_code("STARTUP") if failed else exit_code("OK")
    if options.json:
        failed |= not _attempt(lambda: stats.print_stats_json(numbers), "the JSON output")
    if options.json_file:
        failed |= not _attempt(lambda: stats.save_stats_json(numbers, options.json_file), "the JSON file")
    failed |= not _write_files(run, code)
    stats.print_stats(numbers, current=False)
    stats.print_percentile_stats(numbers)
    stats.print_error_report(numbers)
    warm_up.show(run.runner)
    arrivals.show(run.runner)
    tables.show(_engine.measure_lines(numbers))
    thresholds.show(run.thresholds)
    if options.fail_on_invalid:
        verdict.show(run.verdict)
    return exit_code("STARTUP") if failed else exit_code("OK")


def _write_files(run: Run, code: int) -> bool:
    """The HTML report, JUnit XML and the summary; whether all that are asked for could be written."""
    environment, options = run.environment, run.options
    if options.worker:
        return True
    written = _write_html(run)
    if options.junit_file:
        written &= _attempt(lambda: reports.write_junit(run, code), "the JUnit file")
    if options.report_upload:
        written &= _attempt(
            lambda: upload.send(options.report_upload, reports.html(environment)),
            "the report to --report-upload",
        )
    if options.summary_md_file:
        written &= _attempt(lambda: reports.write_summary(run, code), "the summary")
    return written


def _write_html(run: Run, quietly: bool = False) -> bool:
    if not run.options.html_file or run.options.worker:
        return True

    def write() -> None:
        reports.write_html(run.environment, run.options)

    if not quietly:
        return _attempt(write, "the HTML report")
    with contextlib.suppress(Exception):
        write()
    return True


def _stop_recording(run: Run) -> None:
    """Ends the web interface; the run is in the store then."""
    recorder = run.web_ui or run.recorder
    if run.metrics is not None:
        run.metrics.stop()
    if recorder is not None:
        recorder.stop()
    if run.outs is not None:
        run.outs.finish_sending()


def _attempt(write: Callable[[], Any], what: str) -> bool:
    try:
        write()
    except OSError as e:
        logger.error(f"Could not write {what}: {e}")
        return False
    except Exception as e:
        # Whatever a script made of its objects: the other files and the exit code are owed all the same.
        logger.exception(f"Could not write {what}: {e!r}")
        return False
    return True


def _undisturbed(step: Callable[[], Any]) -> None:
    try:
        step()
    except KeyboardInterrupt:
        logger.warning("Interrupted, going on with the shutdown")


def _silence(greenlet: gevent.Greenlet | None) -> None:
    if greenlet is not None:
        greenlet.kill(block=False)
