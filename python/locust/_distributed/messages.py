"""What master and worker have in common: custom messages, and statistics that travel."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gevent

from ..exception import RPCError, RPCReceiveError, RPCSendError
from ..rpc import Message
from ..runners import Runner
from ..stats import setup_distributed_stats_event_listeners
from .scripts import fingerprint
from .words import Words

if TYPE_CHECKING:
    from ..env import Environment

logger = logging.getLogger("locust.runners")

TRANSPORT_ERRORS = (RPCError, RPCReceiveError, RPCSendError)


class DistributedRunner(Runner):
    """What the runners of a distributed test have in common."""

    # Where scripts know it from.
    __module__ = "locust.runners"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._words = Words()
        self._script = fingerprint(environment.parsed_locustfiles)
        setup_distributed_stats_event_listeners(environment.events, environment.stats)

    def _deliver(self, msg: Message) -> bool:
        """Calls the listener of a custom message; whether there is one."""
        found = self.custom_messages.get(msg.type)
        if found is None:
            return False
        listener, concurrent = found
        if concurrent:
            gevent.spawn(self._call, listener, msg)
        else:
            self._call(listener, msg)
        return True

    def _call(self, listener: Callable[..., None], msg: Message) -> None:
        try:
            listener(environment=self.environment, msg=msg)
        except Exception:
            self._words.say_exception(f"Uncaught exception in handler for {msg.type}", logging.getLogger())

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        """Sends a custom message to other nodes."""
        raise NotImplementedError
