"""User classes: what a locustfile derives its users from.

The loop that runs a user is native (`_engine.run_user`); here is what scripts name, override and read.
"""

from __future__ import annotations

import logging
import re
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any, final

import gevent
from gevent.pool import Group

from .. import _engine
from .._internals import module_attributes
from .._tracebacks import spare_own_frames, told
from ..clients import HttpSession
from ..exception import StopTest, StopUser
from ..util import deprecation
from .group import UserGreenlet, UserGroup
from .task import LOCUST_STATE_RUNNING as LOCUST_STATE_RUNNING
from .task import LOCUST_STATE_STOPPING as LOCUST_STATE_STOPPING
from .task import LOCUST_STATE_WAITING as LOCUST_STATE_WAITING
from .task import DefaultTaskSet, TaskSet, get_tasks_from_base_classes
from .wait_time import constant

if TYPE_CHECKING:
    from urllib3 import PoolManager

    from ..env import Environment

logger = logging.getLogger(__name__)

NO_HOST = (
    "You must specify the base host. Either in the host attribute in the User class, or on the command line using the "
    "--host option."
)


class UserMeta(type):
    """Collects the tasks of a class body and keeps `abstract` from being inherited."""

    def __new__(mcs, classname: str, bases: tuple[type, ...], class_dict: dict[str, Any]) -> type:
        class_dict["tasks"] = get_tasks_from_base_classes(bases, class_dict)
        if not class_dict.get("abstract"):
            class_dict["abstract"] = False
        deprecation.check_for_deprecated_task_set_attribute(class_dict)
        return type.__new__(mcs, classname, bases, class_dict)


class User(_engine.UserCore, metaclass=UserMeta):
    """A simulated user: runs its tasks one after another, and waits between them.

    Derive from it for protocols other than HTTP; `HttpUser` and `FastHttpUser` bring an HTTP client.
    """

    host: str | None = None
    """Base of relative URLs, such as `https://example.com`; `--host` overrides it."""

    min_wait: float | None = None
    """Deprecated: milliseconds. Use `wait_time`."""

    max_wait: float | None = None
    """Deprecated: milliseconds. Use `wait_time`."""

    wait_function: Callable[..., Any] | None = None
    """Deprecated. Use `wait_time`."""

    wait_time = constant(0)
    """Method that returns how long to wait after each task, in seconds; see `between`, `constant` and the others."""

    tasks: list[Any] = []
    """What to pick from: functions that take the user, and TaskSet classes; see `TaskSet.tasks`."""

    weight: float = 1
    """How many users of this class are started, compared with the other classes."""

    fixed_count: int = 0
    """Start exactly this many users of this class, before any of the weighted ones; 0: by weight."""

    abstract: bool = True
    """Not to be started itself. Not inherited."""

    _cp_last_wait_time: float = 0
    # Set once somebody needs the root task set as an object.
    _root_task_set: DefaultTaskSet | None = None
    # Set once the user owns a greenlet.
    _greenlet: Any = None
    _group: Any = None

    def __init__(self, environment: Environment) -> None:
        super().__init__()
        self.environment = environment
        # The state of constant_pacing: the first task counts from here.
        self._cp_last_run = time.perf_counter()

    def __copy__(self) -> User:
        """A user with the same attributes, for plugins that let one user act as several; it does not run itself."""
        made = type(self).__new__(type(self))
        vars(made).update(vars(self))
        made._state = self._state
        return made

    def on_start(self) -> None:
        """Called before the first task. Override it."""

    def on_stop(self) -> None:
        """Called when the user stops. Override it."""

    @final
    def run(self) -> None:
        """Runs the user to its end in the calling greenlet."""
        self._greenlet = self._greenlet or gevent.getcurrent()
        _engine.run_user(self)

    def wait(self) -> None:
        """Waits for `wait_time()` seconds; the user may be stopped meanwhile."""
        self._taskset_instance.wait()

    def start(self, group: Group) -> Any:
        """Starts the user in a greenlet of `group`, and returns that greenlet.

        A runner's own group lends users their greenlets, so there the result is None; ask for `greenlet`.
        """
        if getattr(self, "environment", None) is None:
            raise AssertionError(
                f"Attribute 'environment' is missing on user {type(self).__name__}. Perhaps you defined your own "
                "__init__ and forgot to call the base constructor? (super().__init__(*args, **kwargs))"
            )
        self._group = group
        if isinstance(group, UserGroup):
            group._begin(self)
            return None
        self._greenlet = UserGreenlet(_run_user, self)
        group.start(self._greenlet)
        return self._greenlet

    def stop(self, force: bool = False) -> bool:
        """Stops the user: at once if it waits or if `force` (True), else after its present task (False)."""
        if self._state == "stopping" and not force:
            raise Exception(
                f"Tried to stop User in an unexpected state: {self._state}. This should never happen."
            )
        if self._is_running:
            ended = _engine.stop_user_nowait(self, force)
            if ended:
                _engine.join_users([self])
                if self._greenlet is not None and not isinstance(self._group, UserGroup):
                    # A group of the script's own forgets a greenlet a turn after its end.
                    self._greenlet.join()
                    gevent.sleep(0)
            return ended
        if self._greenlet is not None:
            self._greenlet.kill()
        return True

    @property
    def group(self) -> Any:
        """The group the user was started in."""
        return self._group

    @property
    def greenlet(self) -> Any:
        """The greenlet that runs the user, its own from now on; None before the start."""
        if self._greenlet is None and self._is_running:
            own = _engine.pin_greenlet(self)
            if own is None:
                own = UserGreenlet(_engine.worker)
                _engine.give_greenlet(self, own)
            own.user = self
            self._greenlet = own
        return self._greenlet

    @property
    def _taskset_instance(self) -> DefaultTaskSet:
        if self._root_task_set is None:
            self._root_task_set = DefaultTaskSet(self)
        return self._root_task_set

    def context(self) -> dict[str, Any]:
        """Added to the `context` of each request event of this user. Override it."""
        return {}

    def _on_start_failed(self, error: BaseException) -> None:
        """Called by the engine when `on_start` has raised; a stop is logged too, but is no error."""
        spare_own_frames(error)
        logger.error("%s", told(error))
        if not isinstance(error, StopUser | StopTest):
            self.environment.events.user_error.fire(
                user_instance=self, exception=error, tb=error.__traceback__
            )

    def _stop_test(self, error: BaseException) -> None:
        """Called by the engine after the `on_stop` of a user that raised StopTest."""
        if self.environment.runner is not None:
            self.environment.runner.stop_test(error)

    @classmethod
    def json(cls) -> dict[str, Any]:
        """What the class picker shows and `--config-users` may change."""
        return {
            "host": cls.host,
            "weight": cls.weight,
            "fixed_count": cls.fixed_count,
            "tasks": [task.__name__ for task in cls.tasks],
        }

    @classmethod
    def fullname(cls) -> str:
        """Module and qualified name, without `<locals>`."""
        return ".".join(
            filter(lambda part: part != "<locals>", (cls.__module__ + "." + cls.__qualname__).split("."))
        )


def _run_user(user: User) -> None:
    # With the user as an argument: plugins look for it in the arguments of its greenlet.
    user.run()


class RestMixin:
    """`rest` and `rest_` for users with an HTTP client."""

    @contextmanager
    def rest(
        self, method: str, url: str, headers: dict[str, str] | None = None, **kwargs: Any
    ) -> Iterator[Any]:
        """A request whose response has its parsed JSON body as `js`, for a with-block.

        JSON is asked for and announced unless `headers` say otherwise; a body that is none fails the request. An
        exception in the block fails the request with its text instead of ending the task.
        """
        headers = dict(headers) if headers else {}
        given = {name.lower() for name in headers}
        for name in ("Content-Type", "Accept"):
            if name.lower() not in given:
                headers[name] = "application/json"
        with self.client.request(method, url, catch_response=True, headers=headers, **kwargs) as response:  # type: ignore[attr-defined]
            response.js = None
            if response.content is None:
                response.failure(str(response.error))
            elif response.text:
                try:
                    response.js = response.json()
                except JSONDecodeError as error:
                    response.failure(
                        f"Could not parse response as JSON. {response.text[:250]}, "
                        f"response code {response.status_code}, error {error}"
                    )
            try:
                yield response
            except AssertionError as error:
                text = str(error.args[0]) if error.args else "Assertion failed"
                if text.endswith(","):
                    text = f"{text[:-1]}, response was {(response.text or '')[:200]}"
                response.failure(text)
            except Exception as error:
                places = ", ".join(_call_sites())
                response.failure(
                    f"{type(error).__name__}: {error} at {places}. Response was {(response.text or '')[:200]}"
                )

    @contextmanager
    def rest_(self, method: str, url: str, name: str | None = None, **kwargs: Any) -> Iterator[Any]:
        """As `rest`, with `_=<milliseconds>` added to the query so that no cache answers."""
        separator = "&" if "?" in url else "?"
        name = name or f"{url}{separator}_=..."
        with self.rest(
            method, f"{url}{separator}_={int(time.time() * 1000)}", name=name, **kwargs
        ) as response:
            yield response


def _call_sites() -> list[str]:
    """`file:line in function` for each frame of the exception being handled, home folders shortened."""
    sites = []
    for line in traceback.format_exc().split("\n"):
        if match := re.match(r'  File "(/.[^"]*)", line (\d*),(.*)', line):
            sites.append(re.sub(r"/((home|Users)/\w*)/", "~/", match[1]) + ":" + match[2] + match[3])
    return sites


class HttpUser(User, RestMixin):
    """A user with an HTTP client, `self.client`, that behaves as a `requests.Session`."""

    abstract = True

    pool_manager: PoolManager | None = None
    """Connection pool for all users of this class. None: each user has connections of its own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.host is None:
            raise StopTest(NO_HOST)
        self.client = HttpSession(
            base_url=self.host,
            request_event=self.environment.events.request,
            user=self,
            pool_manager=self.pool_manager,
        )
        # As a browser's user: proxies and passwords of the machine the test runs on are not the user's.
        self.client.trust_env = False


# At the end: it is derived from `User`. Scripts know it by this module.
from .pytest_user import PytestUser  # noqa: E402

__all__ = ["HttpUser", "PytestUser", "RestMixin", "TaskSet", "User", "UserMeta"]

__getattr__ = module_attributes(__name__)
