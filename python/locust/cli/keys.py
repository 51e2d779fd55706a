"""The keys that change the number of users while a test runs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

# Key presses are to show at once, so users come and go at this rate.
USERS_PER_SECOND = 100


def key_functions(runner: Any) -> dict[str, Callable[[], None]]:
    """What each key does to the runner: `w` and `W` start 1 or 10 users, `s` and `S` stop 1 or 10."""

    def change_by(difference: int, refusal: str) -> Callable[[], None]:
        def change() -> None:
            if runner.state == "spawning":
                logging.warning(refusal)
            elif runner._open is not None:
                logging.warning("Users of an open run come and go as its arrivals need them")
            else:
                runner.start(max(0, runner.user_count + difference), USERS_PER_SECOND)

        return change

    cannot_spawn = "Already spawning users, can't spawn more right now"
    cannot_stop = "Spawning users, can't stop right now"
    return {
        "w": change_by(1, cannot_spawn),
        "W": change_by(10, cannot_spawn),
        "s": change_by(-1, cannot_stop),
        "S": change_by(-10, cannot_stop),
    }
