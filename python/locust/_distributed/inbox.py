"""What a master does with the messages of its workers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import locust

from .. import runners
from .._nodes import WorkerNode
from ..exception import StopTest
from ..rpc import Message
from ..runners import STATE_INIT, STATE_MISSING, STATE_RUNNING, STATE_SPAWNING
from . import checks
from .arrivals import KEY
from .bounds import Bounds
from .seconds import WARM_UP
from .shipping import pack
from .words import printable

if TYPE_CHECKING:
    from .master import MasterRunner

logger = logging.getLogger("locust.runners")

BUSY_PERCENT = 90


class Inbox:
    """Acts on messages for a master. A worker is known by the identity of its connection, whatever it calls itself."""

    def __init__(self, master: MasterRunner) -> None:
        self.master = master
        self._bounds = Bounds(master)
        self._handlers: dict[str, Callable[[str, Message], None]] = {
            "client_ready": self._client_ready,
            "locustfile": self._locustfile,
            "client_stopped": self._client_stopped,
            "heartbeat": self._heartbeat,
            "stats": self._stats,
            "spawning": self._spawning,
            "spawning_complete": self._spawning_complete,
            "logs": self._logs,
            "quit": self._quit,
            "exception": self._exception,
            "stop_test": self._stop_test,
        }

    def take(self, client_id: str, msg: Message) -> None:
        """Acts on a message; one that is malformed is logged and has no effect."""
        if not isinstance(msg.type, str):
            self._say(logging.ERROR, f"Ignored a message of worker {client_id} whose type is no text")
            return
        msg.node_id = client_id
        handler = self._handlers.get(msg.type)
        try:
            if handler is not None:
                handler(client_id, msg)
            elif self.master._deliver(msg):
                self._say(
                    logging.DEBUG,
                    f"Received {msg.type} message from worker {client_id}{self._index(client_id)}",
                )
            else:
                self._say(
                    logging.WARNING,
                    f"Unknown message type received from worker {client_id}{self._index(client_id)}: {msg.type}",
                )
        except checks.Malformed as e:
            self._say(logging.ERROR, f"Ignored a malformed {msg.type} message of worker {client_id}: {e}")
        except Exception:
            self.master._words.say_exception(f"Could not act on a {msg.type} message of worker {client_id}")

    def _say(self, level: int, text: str) -> None:
        self.master._words.say(level, text)

    def _index(self, client_id: str) -> str:
        # Only workers get one: whoever else sends something takes none away.
        index = self.master.worker_indexes.get(client_id)
        return "" if index is None else f" (index {index})"

    # --------------------------------------------------------------------------------------- coming and going

    def _client_ready(self, client_id: str, msg: Message) -> None:
        master = self.master
        if not msg.data:
            self._say(
                logging.ERROR,
                f"An old (pre 2.0) worker tried to connect ({client_id}). That's not going to work.",
            )
            return
        if not self._bounds.admits(client_id):
            return
        if msg.data != -1:
            self._compare_versions(client_id, str(msg.data))
        master._acknowledge(client_id)
        master.environment.events.worker_connect.fire(client_id=client_id)
        master._left.discard(client_id)
        before = master.clients.get(client_id)
        client = master.clients[client_id] = WorkerNode(
            client_id, heartbeat_liveness=runners.HEARTBEAT_LIVENESS
        )
        client._version = "" if msg.data == -1 else str(msg.data)
        connected = f"{client_id}{self._index(client_id)} reported as ready"
        if before is not None:
            self._say(
                logging.DEBUG, f"{connected} (duplicate message). {master.worker_count} workers connected."
            )
        else:
            logger.info(f"{connected}. {master.worker_count} workers connected.")
        if before is None or before.state == STATE_MISSING:
            master._worker_joined(client)
        else:
            # It knows nothing of users it was told to run before.
            master._rebalance()

    def _client_stopped(self, client_id: str, msg: Message) -> None:
        client = self.master.clients.pop(client_id, None)
        if client is None:
            if not self.master._again.was_told_to_stop(client_id):
                self._say(
                    logging.WARNING, f"Received {msg.type} message from an unknown worker: {client_id}."
                )
            return
        self.master._left.add(client_id)
        self.master._again.pauses(client_id)
        self.master._worker_stopped(client)
        self._say(logging.INFO, f"{client_id}{self._index(client_id)} reported that it has stopped")

    def _quit(self, client_id: str, _msg: Message) -> None:
        master = self.master
        client = master.clients.pop(client_id, None)
        if client is None:
            return
        master._worker_left(client)
        self._say(
            logging.INFO,
            f"Worker {client_id!r}{self._index(client_id)} quit. {len(master.clients.ready)} workers ready.",
        )
        if master.worker_count <= 0 and master.is_quitting:
            # It was told to; Locust says it all the same.
            self._say(logging.INFO, "The last worker quit, stopping test.")
        elif master.worker_count <= 0:
            master._lost_all_workers("The last worker quit, stopping test.", then_quit=True)

    def _heartbeat(self, client_id: str, msg: Message) -> None:
        master = self.master
        client = master.clients.get(client_id)
        if client is None:
            self._say(logging.DEBUG, f"Got heartbeat message from unknown worker {client_id}")
            if not msg.overtook:
                master._again.stranger_beats(client_id)
            return
        state = checks.text(checks.mapping(msg.data), "state")
        cpu_usage = checks.number(msg.data, "current_cpu_usage")
        if "job" not in msg.data and not client.is_locusts_own:
            client.is_locusts_own = True
            if master._open is not None:
                master._open.share_out_anew()
        client.heartbeat = runners.HEARTBEAT_LIVENESS
        was_missing = client.state == STATE_MISSING
        if was_missing or not msg.overtook:
            # What it does now is told in its order: the end of its users comes after their last numbers.
            client.state = state if state in (STATE_INIT, STATE_SPAWNING, STATE_RUNNING) else STATE_INIT
        if was_missing:
            self._say(
                logging.INFO,
                f"Worker {client_id} self-healed with heartbeat, setting state to {client.state}.",
            )
            master._worker_joined(client)
        if not msg.overtook:
            master._again.look(client, msg.data.get("job"))
        if "script" in msg.data:
            client._script = checks.text(msg.data, "script", 64)
        client.cpu_usage = cpu_usage
        if "current_memory_usage" in msg.data:
            client.memory_usage = int(checks.number(msg.data, "current_memory_usage"))
        if not client.cpu_warning_emitted and cpu_usage > BUSY_PERCENT:
            master.worker_cpu_warning_emitted = client.cpu_warning_emitted = True
            logger.warning(
                f"Worker {client_id}{self._index(client_id)} exceeded cpu threshold (will only log this once per worker)"
            )
        master.environment.events.heartbeat_sent.fire(client_id=client_id, timestamp=time.time())
        master._send(Message("heartbeat", master._seconds.echo(msg.data, msg.waited), client_id))

    # ------------------------------------------------------------------------------------------------ the test

    def _spawning(self, client_id: str, msg: Message) -> None:
        if (client := self._known(client_id, msg)) is not None:
            client.state = STATE_SPAWNING

    def _spawning_complete(self, client_id: str, msg: Message) -> None:
        if (client := self._known(client_id, msg)) is not None:
            counts = checks.user_counts(checks.mapping(msg.data).get("user_classes_count"))
            client.state = STATE_RUNNING
            self.master._has_users(client, counts)

    def _known(self, client_id: str, msg: Message) -> WorkerNode | None:
        client = self.master.clients.get(client_id)
        if client is None:
            self._say(
                logging.WARNING,
                f"Got {msg.type} message from unknown worker {client_id}. Asking worker to quit.",
            )
            self.master._send(Message("quit", None, client_id))
        return client

    def _refuse(self, client_id: str, msg: Message) -> None:
        self._say(
            logging.WARNING, f"Ignored a {msg.type} message of {client_id}, which is no worker of this run"
        )

    def _is_of_this_test(self, client_id: str) -> bool:
        return client_id in self.master.clients or client_id in self.master._left

    def _stats(self, client_id: str, msg: Message) -> None:
        if not self._is_of_this_test(client_id):
            self._say(logging.INFO, f"Discarded report from unrecognized worker {client_id}")
            return
        if isinstance(msg.data, dict) and KEY in msg.data and self.master._open is not None:
            self.master._open.heard(client_id, msg.data.pop(KEY))
        warm_up = self.master._warm_up
        if warm_up is not None:
            # Ends it if it is over, so that what has arrived after that counts.
            _ = warm_up.goes_on
            if isinstance(msg.data, dict):
                warm_up.told_by(client_id, msg.data.pop(WARM_UP, None))
        seconds = self.master._seconds
        report = seconds.take(client_id, checks.report(msg.data), msg.waited)
        if report is not None:
            self.master.environment.events.worker_report.fire(client_id=client_id, data=report)
            seconds.reported()

    def _exception(self, client_id: str, msg: Message) -> None:
        if not self._is_of_this_test(client_id):
            self._refuse(client_id, msg)
            return
        data = checks.mapping(msg.data)
        origin = {key: checks.text(data, key) for key in ("kind", "user", "task") if key in data}
        self._bounds.exception(client_id, checks.text(data, "msg"), checks.text(data, "traceback"), origin)

    def _stop_test(self, client_id: str, msg: Message) -> None:
        # Not in Locust: a task of the worker raised StopTest.
        if client_id not in self.master.clients:
            self._refuse(client_id, msg)
            return
        self.master.stop_test(StopTest(printable(checks.text(checks.mapping(msg.data), "reason"))))

    def _logs(self, client_id: str, msg: Message) -> None:
        lines = checks.log_lines(msg.data)
        if client_id in self.master.clients:
            self._bounds.log(client_id, lines)

    def _locustfile(self, client_id: str, msg: Message) -> None:
        version: Any = checks.mapping(msg.data).get("version")
        if not version:
            self._say(
                logging.ERROR, "A very old worker version requested locustfile. This probably won't work."
            )
        self._say(logging.DEBUG, "Worker requested locust file")
        answer = pack(self.master.environment.parsed_locustfiles)
        if "error" in answer:
            self._say(logging.ERROR, f"{answer['error']} {answer.pop('reason', '')}".rstrip())
        self.master._send(Message("locustfile", answer, client_id))

    def _compare_versions(self, client_id: str, version: str) -> None:
        ours = locust.__version__
        if version == ours:
            return
        if version[:4] == ours[:4]:
            self._say(
                logging.DEBUG,
                f"A worker ({client_id}) running a different patch version ({version!r}) connected, master version is "
                f"{ours!r}",
            )
        else:
            self._say(
                logging.WARNING,
                f"A worker ({client_id}) running a different version ({version}) connected, master version is {ours}",
            )
