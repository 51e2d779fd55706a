"""The group of running users, and the greenlets they are lent.

A user that waits owns no greenlet (see `docs/design/0002-the-hinge.md`). `runner.user_greenlets` behaves like the
`gevent.pool.Group` it has always been: it counts users, and gives a user its own greenlet when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import gevent
from gevent.pool import Group

from .. import _engine

if TYPE_CHECKING:
    from .users import User


class UserGreenlet(gevent.Greenlet):
    """A greenlet that runs users; `user` is set on those that belong to one."""

    user: User | None = None

    @property
    def args(self) -> tuple[Any, ...]:
        """The user, which plugins look for here."""
        return super().args if self.user is None else (self.user,)

    @property
    def _is_awaited(self) -> bool:
        """Whether the user moves into this greenlet at the hub's next turn; until then it cannot be switched to."""
        return self.user is not None and not self.started and self.user._is_running

    def kill(
        self, exception: Any = gevent.GreenletExit, block: bool = True, timeout: float | None = None
    ) -> None:
        """As `gevent.Greenlet.kill`, also for a user that has not moved in yet."""
        if self._is_awaited:
            self._raise_in_user(exception)
            if block:
                _engine.join_users([self.user], timeout)
            if self._is_awaited or self.started:
                return
        super().kill(exception, block, timeout)

    def throw(self, *args: Any) -> Any:
        """As `gevent.Greenlet.throw`, a turn later for a user that has not moved in yet."""
        if self._is_awaited:
            return self._raise_in_user(args or gevent.GreenletExit)
        return super().throw(*args)

    def _raise_in_user(self, exception: Any) -> None:
        """Ends the user, or lets its tasks' loop say what `exception` means as soon as the user is here."""
        args = exception if isinstance(exception, tuple) else (exception,)
        kind = args[0] if isinstance(args[0], type) else type(args[0])
        if self.user._state is None or issubclass(kind, gevent.GreenletExit):
            _engine.stop_user_nowait(self.user, True)
        else:
            gevent.get_hub().loop.run_callback(self.throw, *args)


class UserGroup(Group):
    """The users of a runner.

    `on_finished` is called with each user that has ended, for whatever reason.
    """

    def __init__(self, on_finished: Callable[[User], None] | None = None) -> None:
        super().__init__()
        # A dict for its order: users are listed as they were started. By identity: scripts may define `__eq__`.
        self._users: dict[int, User] = {}
        self.on_finished = on_finished

    def users(self) -> list[User]:
        """The running users, those started first first."""
        return list(self._users.values())

    def _begin(self, user: User) -> None:
        """Starts `user` in this group."""
        _engine.start_user(user, self)
        self._users[id(user)] = user

    def _finished(self, user: User) -> None:
        """Called by the engine when a user has ended."""
        self._users.pop(id(user), None)
        if self.on_finished is not None:
            self.on_finished(user)

    def __len__(self) -> int:
        return len(self._users) + len(self.greenlets)

    def __bool__(self) -> bool:
        return len(self) > 0

    def __contains__(self, greenlet: object) -> bool:
        return greenlet in self.greenlets or any(user._greenlet is greenlet for user in self._users.values())

    def __iter__(self) -> Iterator[Any]:
        # Asking for a user's greenlet makes it the user's own.
        yield from [user.greenlet for user in self.users()]
        yield from list(self.greenlets)

    def join(self, timeout: float | None = None, raise_error: bool = False) -> bool:
        """Waits until no user runs; True if that is so within `timeout` seconds."""
        while self._users:
            if not _engine.join_users(self.users(), timeout):
                return False
        return super().join(timeout, raise_error)

    def kill(
        self, exception: Any = gevent.GreenletExit, block: bool = True, timeout: float | None = None
    ) -> None:
        """Kills every user, and waits for their `on_stop` if `block`."""
        users = self.users()
        current = None
        for user in users:
            if user._greenlet is gevent.getcurrent():
                current = user
            elif user._is_running:
                _engine.stop_user_nowait(user, True)
        if block:
            _engine.join_users(users, timeout)
        super().kill(exception, block, timeout)
        if current is not None:
            _engine.stop_user_nowait(current, True)

    def killone(
        self,
        greenlet: Any,
        exception: Any = gevent.GreenletExit,
        block: bool = True,
        timeout: float | None = None,
    ) -> None:
        """Kills the user that owns `greenlet`, or the greenlet if it belongs to none."""
        if greenlet not in self.greenlets and greenlet in self:
            greenlet.kill(exception, block, timeout)
        else:
            super().killone(greenlet, exception, block, timeout)
