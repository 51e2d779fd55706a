"""`--report-upload`: the report goes to an address, for runs whose disk goes with them, as those of jobs in a cluster do."""

from __future__ import annotations

import logging
from argparse import Namespace
from urllib.parse import urlsplit

import gevent
import requests

from .. import _shown

logger = logging.getLogger("locust.main")

_TRIES = 3
# To connect, and for each piece of the answer.
_PATIENCE_S = (10, 60)


def check(options: Namespace) -> None:
    """Refuses an address that can be none, now rather than after the run. Raises `OSError`."""
    url = options.report_upload
    if not url:
        return
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise OSError(
            f"--report-upload wants an address that begins with http:// or https://, not '{_shown.url(url)}'"
        )
    # What a presigned address is signed with is as good as a password.
    _shown.hide(parts.query)


def send(url: str, report: str) -> None:
    """Sends it by PUT; tries again where that may help. Raises `OSError` with words that tell no secret."""
    parts = urlsplit(url)
    place = f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"
    for attempt in range(1, _TRIES + 1):
        problem = _try(url, report)
        if problem is None:
            logger.info(f"The report is at {place}")
            return
        words, may_help = problem
        if not may_help or attempt == _TRIES:
            raise OSError(f"{place}: {words}")
        logger.warning(f"The report has not been taken by {place}: {words}. Trying again")
        gevent.sleep(attempt)


def _try(url: str, report: str) -> tuple[str, bool] | None:
    """What went wrong, and whether another try may help."""
    try:
        answer = requests.put(
            url,
            data=report.encode(),
            headers={"Content-Type": "text/html; charset=utf-8"},
            timeout=_PATIENCE_S,
        )
    except requests.RequestException as error:
        # Its words may have the address in them, and with it the signature.
        return type(error).__name__, True
    if answer.ok:
        return None
    return f"{answer.status_code} {answer.reason}", answer.status_code >= 500 or answer.status_code == 429
