"""The user class that pytest test functions become when a locustfile has no user of its own."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Generator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, ClassVar

import gevent
from geventhttpclient.useragent import ConnectionError
from requests import RequestException

from ..exception import CatchResponseError, StopTest, StopUser
from .task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING
from .users import User

if TYPE_CHECKING:
    import pytest

# Where users have always logged.
logger = logging.getLogger("locust.user.users")


class PytestUser(User):
    """Calls its test functions one after another, over and over, without waiting.

    Each function is given what its fixture yields; fixtures are set up once for each user, with the user as their argument,
    and torn down when it ends. An answer that a function found wrong (`raise_for_status`) ends that call only; any other
    exception ends the user. There is no `on_start`, `on_stop` or weighting.
    """

    abstract = True

    functions: ClassVar[list[pytest.Function]]
    """The test functions, with their fixture (if they have one) as `fixturedef`."""

    fixtures: list[Any]
    """What the fixture of each function has yielded."""

    def run(self) -> None:  # type: ignore[misc] # final for scripts
        """Runs the functions until the user is stopped."""
        self._state = LOCUST_STATE_RUNNING
        with ExitStack() as teardown:
            self.fixtures = [self._set_up(function, teardown) for function in self.functions]
            try:
                while True:
                    for function, fixture in zip(self.functions, self.fixtures, strict=True):
                        if self._state == LOCUST_STATE_STOPPING:
                            return
                        self._call(function, fixture)
                        # A function without any I/O would otherwise keep everybody else from running.
                        gevent.sleep(0)
            except StopUser:
                return
            except StopTest as error:
                self._stop_test(error)

    def _set_up(self, function: Any, teardown: ExitStack) -> Any:
        definition = getattr(function, "fixturedef", None)
        if definition is None:
            return None
        value = definition.func(self)
        if not isinstance(value, Generator):
            return value
        teardown.callback(next, value, None)
        return next(value)

    def _call(self, function: Any, fixture: Any) -> None:
        try:
            if getattr(function, "fixturedef", None) is None:
                function.obj()
            else:
                function.obj(fixture)
        except (RequestException, CatchResponseError, ConnectionError) as error:
            # A malformed URL is a mistake in the script, not an answer.
            if isinstance(error, RequestException) and isinstance(error, ValueError):
                raise
            logger.debug("%s\n%s", error, traceback.format_exc())


__all__ = ("PytestUser",)
