"""Every exception a locustfile or plugin may raise or catch.

The bases are part of the contract: most of these derive straight from `Exception`, so `except LocustError`
does not catch the ones that steer a user (`StopUser`, `RescheduleTask`, …), and the two RPC errors are no
`RPCError`.
"""

from __future__ import annotations


class LocustError(Exception):
    """A script uses the library in a way it does not allow."""


class ResponseError(Exception):
    """Raise it in a `catch_response` block to record the request as failed; the block swallows it."""


class CatchResponseError(Exception):
    """What `response.failure("text")` records: the text, made an exception."""


class MissingWaitTimeError(LocustError):
    """Neither the TaskSet nor its User says how long to wait between tasks."""


class InterruptTaskSet(Exception):
    """Leaves the running TaskSet and hands control to its parent; `TaskSet.interrupt()` raises it.

    `reschedule`: the parent picks its next task at once (True) or waits first (False).
    """

    def __init__(self, reschedule: bool = True) -> None:
        self.reschedule = reschedule


class StopTest(Exception):
    """Ends the whole test run."""


class StopUser(Exception):
    """Ends the user that raises it, after the `on_stop` methods of its TaskSets and its own."""


class RescheduleTask(Exception):
    """Ends the running task as a `return` would: the user waits, then picks another."""


class RescheduleTaskImmediately(Exception):
    """Ends the running task; the user picks another without waiting."""


class RPCError(Exception):
    """The connection between master and worker is broken and must be made anew."""


class RPCSendError(Exception):
    """A message could not be sent; sending may be tried again."""


class RPCReceiveError(Exception):
    """A message was cut short or corrupt. `addr` is the sender's, where it is known."""

    def __init__(self, *args: object, addr: object = None) -> None:
        super().__init__(*args)
        self.addr = addr


class RunnerAlreadyExistsError(Exception):
    """An `Environment` has a runner already and was asked for another."""
