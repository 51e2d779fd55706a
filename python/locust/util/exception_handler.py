"""Trying again."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

logger = logging.getLogger(__name__)


def retry(
    delays: Iterable[float] = (1, 3, 5),
    exception: type[BaseException] | tuple[type[BaseException], ...] = Exception,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Calls the decorated function again after each of `delays` (seconds) while it raises `exception`.

    Each failure is logged with its traceback; the last one is raised.
    """

    def decorator(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            failures = 0
            for delay in delays:
                try:
                    return function(*args, **kwargs)
                except exception as e:
                    failures += 1
                    logger.info("Exception found on retry %d: -- retry after %ds", failures, delay)
                    logger.exception(e)
                    time.sleep(delay)
            try:
                return function(*args, **kwargs)
            except exception:
                logger.info("Retry failed after %d times.", failures)
                raise

        return wrapper

    return decorator
