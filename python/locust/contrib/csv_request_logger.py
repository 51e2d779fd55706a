"""One row of a CSV file per request, for those who want each of them and not the sums of `--csv`.

::

    from locust import events
    from locust.contrib.csv_request_logger import CsvRequestLogger

    @events.init.add_listener
    def log_requests(environment, **kwargs):
        CsvRequestLogger("requests.csv").register(environment)

As with any listener of the request event, Python runs for each request then: expect a lower maximal rate.
"""

from __future__ import annotations

import csv
import logging
import time
from typing import TYPE_CHECKING, Any, TextIO

from .. import _shown

if TYPE_CHECKING:
    from ..env import Environment

logger = logging.getLogger(__name__)

CSV_COLUMNS = (
    "timestamp",
    "request_type",
    "name",
    "response_time_ms",
    "response_length",
    "status_code",
    "exception",
)
"""The columns: when the request was sent (epoch seconds), its kind and name, milliseconds (blank if it has no
duration), bytes, the HTTP status (0 if there was no response) and what went wrong (blank if nothing)."""


class CsvRequestLogger:
    """Writes a row to `filepath` for every request of an environment it is registered with.

    The file is made anew when the logger is registered, its folder has to exist. Rows reach the disk every
    `flush_interval` requests, and all of them when the `quitting` event fires.
    """

    def __init__(self, filepath: str, *, flush_interval: int = 1) -> None:
        self.filepath = filepath
        self.flush_interval = max(1, flush_interval)
        self._filehandle: TextIO | None = None
        self._writer: Any = None
        self._pending = 0

    def register(self, environment: Environment) -> None:
        """Starts the file and listens to the requests of `environment`; `OSError` if there can be no such file."""
        environment.events.request.add_listener(self._on_request)
        environment.events.quitting.add_listener(self._on_quitting)
        self._open()
        logger.debug("Writing each request to %s", self.filepath)

    def close(self) -> None:
        """Writes what is pending and closes the file. Requests that come later are not written."""
        file, self._filehandle, self._writer = self._filehandle, None, None
        self._pending = 0
        if file is not None:
            file.close()

    def _open(self) -> None:
        self.close()
        self._filehandle = open(self.filepath, "w", newline="", encoding="utf-8")
        self._writer = csv.writer(self._filehandle)
        self._writer.writerow(CSV_COLUMNS)
        self._filehandle.flush()

    def _on_request(
        self,
        *,
        request_type: str,
        name: str,
        response_time: float | None,
        response_length: int,
        exception: Any = None,
        response: Any = None,
        start_time: float | None = None,
        **_others: Any,
    ) -> None:
        if self._writer is None or self._filehandle is None:
            return
        self._writer.writerow(
            (
                round(time.time() if start_time is None else start_time, 6),
                request_type,
                name,
                "" if response_time is None else round(response_time, 2),
                response_length,
                _status_code(response, exception),
                # As in the tables of the run: no passwords of URLs.
                "" if exception is None else _shown.url(str(exception)),
            )
        )
        self._pending += 1
        if self._pending >= self.flush_interval:
            self._filehandle.flush()
            self._pending = 0

    def _on_quitting(self, **_event: Any) -> None:
        self.close()


def _status_code(response: Any, exception: Any) -> int:
    """The HTTP status of `response`, 0 if it has none."""
    if response is None and exception is not None:
        return 0
    try:
        return int(response.status_code)
    except (AttributeError, TypeError, ValueError):
        return 0
