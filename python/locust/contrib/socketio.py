"""Socket.IO by python-socketio. Needs `pip install 'gregaria[socketio]'`."""

from __future__ import annotations

from typing import Any

import gevent

from locust import User
from locust.event import EventHook

from ._extras import missing

try:
    import socketio
except ModuleNotFoundError as e:
    raise missing("socketio", e) from e


class SocketIOClient(socketio.Client):
    """A `socketio.Client` whose messages are requests.

    Counted as WS are connecting, as WSC calls (which wait for an acknowledgement), as WSE events and as WSS messages
    that are sent, as WSR events that arrive. Only the first two take time that is known here; the others
    count with 0 ms.
    """

    def __init__(self, request_event: EventHook, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request_event = request_event

    def connect(self, *args: Any, **kwargs: Any) -> None:
        """As `socketio.Client.connect`; what goes wrong is counted and not raised."""
        with self.request_event.measure("WS", "connect"):
            super().connect(*args, **kwargs)

    def send(
        self, data: Any, namespace: str | None = None, callback: Any = None, name: str = "Unnamed"
    ) -> None:
        """As `socketio.Client.send`, counted under `name`; what goes wrong is counted and not raised."""
        exception = None
        try:
            super().send(data, namespace, callback)
        except Exception as e:
            exception = e
        self._report("WSS", name, data, exception)

    def emit(self, event: str, data: Any = None, namespace: str | None = None, callback: Any = None) -> None:
        """As `socketio.Client.emit`; what goes wrong is counted and not raised."""
        exception = None
        try:
            super().emit(event, data, namespace, callback)
        except Exception as e:
            exception = e
        self._report("WSE", str(event), data, exception)

    def call(self, event: str, data: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As `socketio.Client.call`; None if it went wrong, which is counted and not raised."""
        with self.request_event.measure("WSC", event):
            return super().call(event, data, *args, **kwargs)

    def on_message(self, event: str, data: Any) -> None:
        """Called for events that have no handler of their own; counts them.

        Call it from handlers that should count too. To count a time, for example one that the message itself
        tells, override it.
        """
        self._report("WSR", event, data, None)

    def _report(self, request_type: str, name: str, data: Any, exception: Exception | None) -> None:
        self.request_event.fire(
            request_type=request_type,
            name=name,
            response_time=0,
            response_length=len(data or []),
            exception=exception,
            context={},
        )


class SocketIOUser(User):
    """A user with a Socket.IO client, `sio`. It connects when the script says so."""

    abstract = True
    options: dict[str, Any] = {}
    """Arguments of `socketio.Client`, such as `{"reconnection_attempts": 1}`."""
    sio: SocketIOClient

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sio = SocketIOClient(self.environment.events.request, **self.options)
        self.sio_greenlet = gevent.spawn(self.sio.wait)
        self.sio.on("*", self.sio.on_message)
