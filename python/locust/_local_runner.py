"""`LocalRunner`: runs all users of a test in this process."""

from __future__ import annotations

import json
import logging
import math
import socket
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import gevent

from ._nodes import WorkerNode
from ._open_run import OpenRun
from ._origins import origin
from .dispatch import UsersDispatcher
from .rpc import Message
from .runners import STATE_CLEANUP, STATE_INIT, STATE_SPAWNING, STATE_STOPPED, Runner

if TYPE_CHECKING:
    from .env import Environment
    from .user import User

# Where runners log.
logger = logging.getLogger("locust.runners")


class LocalRunner(Runner):
    """Runs all users in this process."""

    # Where scripts know it from.
    __module__ = "locust.runners"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        # So that scripts written for distributed runs find the same names.
        self.worker_index = 0
        self.worker_count = 1
        self.client_id = f"{socket.gethostname()}_{uuid4().hex}"
        self._local_worker_node = WorkerNode(id="local")

        def on_user_error(user_instance: Any, exception: BaseException, tb: Any) -> None:
            if self._leaves_out_exception():
                return
            text = "".join(traceback.format_tb(tb))
            self.log_exception("local", str(exception), text)
            self._origins.note(self.exceptions, hash(text), origin(user_instance, exception, tb))

        environment.events.user_error.add_listener(on_user_error)

    def start(
        self,
        user_count: int,
        spawn_rate: float,
        wait: bool = False,
        user_classes: list[type[User]] | None = None,
    ) -> None:
        """Starts a test, or leads a running one to another number of users. Returns at once; join
        `spawning_greenlet` to wait for the end of the ramp.
        """
        if spawn_rate > 100:
            logger.warning(
                "Your selected spawn rate is very high (>100), and this is known to sometimes cause issues. Do you really "
                "need to ramp up that fast?"
            )
        # From a listener of its own ramp, that ramp has to live until the listener returns; it ends by itself then.
        if self.spawning_greenlet and self.spawning_greenlet is not gevent.getcurrent():
            self.spawning_greenlet.kill(block=True)
        self.spawning_greenlet = self._spawn(self._start, user_count, spawn_rate, wait, user_classes)

    def _start(
        self,
        user_count: int,
        spawn_rate: float,
        wait: bool = False,
        user_classes: list[type[User]] | None = None,
    ) -> None:
        if self.state == STATE_CLEANUP and self._stopper is not None:
            # The test that is being stopped comes to its end first.
            self._stopped.wait()
        self.target_user_count = user_count
        ramp, begins_test = self._run.begin_ramp()
        if begins_test:
            self._open = None
            self._begin_test()
            if not self._run.is_current(ramp):
                # A listener has stopped the test again.
                return
        if wait and user_count - self.user_count > spawn_rate:
            raise ValueError("wait is True but the amount of users to add is greater than the spawn rate")
        for user_class in self.user_classes:
            if self.environment.host:
                user_class.host = self.environment.host
        if self.state not in (STATE_INIT, STATE_STOPPED):
            self.update_state(STATE_SPAWNING)
        if self.environment._arrivals is not None:
            self._begin_arrivals(math.trunc(user_count))
            return
        dispatcher = self._users_dispatcher
        if dispatcher is None:
            dispatcher = self._users_dispatcher = self.environment.dispatcher_class(
                worker_nodes=[self._local_worker_node], user_classes=self.user_classes
            )
            if isinstance(dispatcher, UsersDispatcher):
                dispatcher._for_local_run()

        logger.info(f"Ramping to {math.trunc(user_count)} users at a rate of {spawn_rate:.2f} per second")
        dispatcher.new_dispatch(user_count, spawn_rate, user_classes)
        try:
            for dispatched_users in dispatcher:
                if not self._run.is_current(ramp):
                    return
                self._follow(dispatched_users[self._local_worker_node.id], wait)
                if not self._run.is_current(ramp):
                    return
        except KeyboardInterrupt:
            # It surfaces wherever Python runs at the moment, and here it would only end the ramp.
            self.quit()
        logger.info(f"All users spawned: {format_user_classes_count(self.user_classes_count)}")
        self.target_user_classes_count = self.user_classes_count
        self.environment.events.spawning_complete.fire(
            user_count=sum(self.target_user_classes_count.values())
        )

    def _begin_arrivals(self, most: int) -> None:
        """As the end of a ramp to so many users, who come when arrivals need them."""
        if self._open is not None:
            self._open.limit(most)
            logger.info(f"Iterations are begun by at most {most} users from now on")
        else:
            self.update_state(STATE_SPAWNING)
            arrivals = replace(self.environment._arrivals, most=most)
            self._open = OpenRun(self, arrivals)
            logger.info(
                f"Iterations arrive at a rate of {arrivals.in_words}, for at most {most} users at a time"
            )
            self._open.begin()
        self.environment.events.spawning_complete.fire(user_count=self.user_count)

    def _follow(self, plan: dict[str, int], wait: bool) -> None:
        """Starts and stops users until as many run as planned."""
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug(f"Ramping to {format_user_classes_count(plan)}")
        self._count_users()
        spawn, stop = self._run.follow(plan, self._evenly())
        if wait:
            # Starting blocks until all users have ended, so stopping comes first.
            self.stop_users(stop)
            self.spawn_users(spawn, wait)
        else:
            # Stopping may block for the stop timeout, so starting comes first.
            self.spawn_users(spawn, wait)
            if stop:
                self.stop_users(stop)
        self._local_worker_node.user_classes_count = plan

    def _evenly(self) -> bool:
        dispatcher = self._users_dispatcher
        return isinstance(dispatcher, UsersDispatcher) and dispatcher.spread_evenly is True

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        """Calls the listener registered for this type of message."""
        logger.debug(f"Running locally: sending {msg_type} message to self")
        if msg_type in self.custom_messages:
            listener, _concurrent = self.custom_messages[msg_type]
            listener(environment=self.environment, msg=Message(msg_type, data, "local"))
        else:
            logger.warning(f"Unknown message type received: {msg_type}")


def format_user_classes_count(user_classes_count: dict[str, int]) -> str:
    """Users of each class and of all, as the log has them."""
    counts = json.dumps(dict(sorted(user_classes_count.items())))
    return f"{counts} ({sum(user_classes_count.values())} total users)"
