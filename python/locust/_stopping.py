"""Stopping some of a runner's users: who, how firmly, and until when they may go on."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import gevent

from . import _engine

if TYPE_CHECKING:
    from .user import User
    from .user.group import UserGroup

# Part of what the runner logs.
logger = logging.getLogger("locust.runners")


class Stopping(NamedTuple):
    """Users that were asked to stop."""

    killed: list[User]
    """They end as soon as their `on_stop` lets them."""
    finishing: list[User]
    """They may finish their task until the deadline."""
    timeout: float
    deadline: float
    """By `time.monotonic`; one for all."""
    caller: User | None
    """The user that asks, if one does. Left alone, since it could not go on with what it is doing."""


def ask_to_stop(group: UserGroup, counts: dict[str, int], timeout: float) -> Stopping:
    """Asks so many users of each class to stop, those started first, and returns without waiting for them.

    With a `timeout` (seconds) those that are in a task may finish it. Users that were asked before are asked first, so they
    count.
    """
    stopping = Stopping([], [], timeout, time.monotonic() + timeout, None)
    verbose = logger.isEnabledFor(logging.DEBUG)
    chosen = _choose(group, counts)
    if any(user._state is None for user in chosen):
        # Users that were started just now have their first turn before they are stopped, so their `on_stop` is called.
        let_begin()
    for user in chosen:
        if not user._is_running:
            continue
        if verbose:
            logger.debug(f"Stopping {type(user).__name__}")
        try:
            ended = _stop(user, force=not timeout)
        except gevent.GreenletExit:
            stopping = stopping._replace(caller=user)
            continue
        (stopping.killed if ended else stopping.finishing).append(user)
    return stopping


def let_begin() -> None:
    """Gives users that were started just now their first turn."""
    # One turn for the engine to take them up, one for the greenlets it starts for them.
    _engine.sleep(0)
    gevent.sleep(0)


def await_end(stopping: Stopping) -> User | None:
    """Waits until all of them have ended, killing those that are not done in time. Returns the user that asks, if one does."""
    caller = stopping.caller
    killed = stopping.killed
    remaining = max(0.0, stopping.deadline - time.monotonic())
    if stopping.finishing and not _engine.join_users(stopping.finishing, remaining):
        logger.info(
            f"Not all users finished their tasks & terminated in {stopping.timeout} seconds. Stopping them..."
        )
    for user in stopping.finishing:
        if user._is_running:
            try:
                _engine.stop_user_nowait(user, True)
            except gevent.GreenletExit:
                caller = user
                continue
            killed.append(user)
    if killed:
        _engine.join_users(killed)
    if stopping.finishing:
        # Users whose tasks ended at the same moment begin their next before the caller decides on them.
        gevent.sleep(0)
    return caller


def _choose(group: UserGroup, counts: dict[str, int]) -> list[User]:
    # By name: a class that was taken out of the environment meanwhile may still have users.
    left = {name: count for name, count in counts.items() if count > 0}
    missing = sum(left.values())
    chosen: list[User] = []
    for user in group.users():
        if not missing:
            break
        name = type(user).__name__
        if left.get(name, 0):
            left[name] -= 1
            missing -= 1
            chosen.append(user)
    return chosen


def _stop(user: User, force: bool) -> bool:
    if type(user).stop is _plain_stop():
        return _engine.stop_user_nowait(user, force)
    # Overridden: it may block, so it gets a greenlet.
    gevent.spawn(user.stop, force=force)
    return force


def _plain_stop() -> Any:
    from .user.users import User

    return User.stop
