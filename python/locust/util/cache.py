"""A result kept for some seconds."""

from __future__ import annotations

import functools
from collections.abc import Callable
from time import time
from typing import Any


def memoize(
    timeout: float, dynamic_timeout: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Keeps the last result of the decorated function for `timeout` seconds, whatever its arguments.

    With `dynamic_timeout` a call that takes longer than the timeout doubles it. The function gets a method
    `clear_cache()`.
    """

    def decorator(func: Callable[..., Any]) -> Callable[..., Any]:
        kept: tuple[float, Any] | None = None
        lifetime = timeout

        @functools.wraps(func)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            nonlocal kept, lifetime
            asked = time()
            if kept is None or asked - kept[0] > lifetime:
                result = func(*args, **kwargs)
                kept = (time(), result)
                if dynamic_timeout and kept[0] - asked > lifetime:
                    lifetime *= 2
                return result
            return kept[1]

        def clear_cache() -> None:
            nonlocal kept
            kept = None

        wrapper.clear_cache = clear_cache  # type: ignore[attr-defined]
        return wrapper

    return decorator
