"""MQTT by paho-mqtt. Needs `pip install 'gregaria[mqtt]'`.

What is counted: connecting and disconnecting (without a time), publishing from the call to its acknowledgement, and
subscribing in the same way. Messages that arrive are the script's business (`client.on_message`).
"""

from __future__ import annotations

import random
import selectors
import string
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from locust import User

from ._extras import missing

try:
    import paho.mqtt.client as mqtt
except ModuleNotFoundError as e:
    raise missing("mqtt", e) from e

if TYPE_CHECKING:
    from ..env import Environment

REQUEST_TYPE = "MQTT"
SUBACK_FAILURE = 0x80
"""The return code in a SUBACK by which the broker refuses a subscription."""


class PublishedMessageContext(NamedTuple):
    """What is remembered of a message until the broker acknowledges it."""

    qos: int
    topic: str
    start_time: float
    payload_size: int


class MqttClient(mqtt.Client):
    """A `paho.mqtt.client.Client` that reports to an environment; further arguments are that class's.

    Its own callbacks sit in `on_connect`, `on_disconnect`, `on_publish` and `on_subscribe`: a script that sets one of
    these should call the callback that was there. `use_loop_selectors` waits with epoll instead of select, which
    more than about 340 clients in a process need.
    """

    def __init__(
        self,
        *args: Any,
        environment: Environment,
        client_id: str | None = None,
        protocol: Any = mqtt.MQTTv311,
        use_loop_selectors: bool = False,
        **kwargs: Any,
    ) -> None:
        # Some brokers choose an id for clients without one and do not tell it; but it belongs to every event.
        client_id = client_id or f"locust-{_generate_random_id(16)}"
        super().__init__(*args, client_id=client_id, protocol=protocol, **kwargs)
        self.environment = environment
        self.client_id = client_id
        self._use_loop_selectors = use_loop_selectors
        self._publish_requests: dict[int, PublishedMessageContext] = {}
        self._subscribe_requests: dict[int, tuple[int, str, float]] = {}
        is_v5 = protocol == mqtt.MQTTv5
        self.on_publish = self._on_publish_cb
        self.on_connect = self._on_connect_cb_v5 if is_v5 else self._on_connect_cb_v3x
        self.on_disconnect = self._on_disconnect_cb_v5 if is_v5 else self._on_disconnect_cb_v3x
        self.on_subscribe = self._on_subscribe_cb_v5 if is_v5 else self._on_subscribe_cb_v3x

    def publish(
        self, topic: str, payload: Any = None, qos: int = 0, retain: bool = False, properties: Any = None
    ) -> mqtt.MQTTMessageInfo:
        """As paho's; counted when the broker has acknowledged it (with QoS 0: when it is sent), or at once if it
        cannot be sent."""
        size = 0 if not payload or isinstance(payload, int | float) else len(payload)
        message = PublishedMessageContext(qos, topic, time.time(), size)
        info = super().publish(topic, payload=payload, qos=qos, retain=retain, properties=properties)
        if info.rc == mqtt.MQTT_ERR_SUCCESS:
            self._publish_requests[info.mid] = message
        else:
            name = self._generate_event_name("publish", qos, topic)
            self._fire(name, exception=info.rc, **message._asdict())
        return info

    def subscribe(
        self, topic: Any, qos: int = 0, options: Any = None, properties: Any = None
    ) -> tuple[mqtt.MQTTErrorCode, int | None]:
        """As paho's; counted when the broker has answered, under the first topic if there are several."""
        began = time.time()
        first = topic if isinstance(topic, str) else topic[0][0]
        result, mid = super().subscribe(topic, qos, options, properties)
        if result == mqtt.MQTT_ERR_SUCCESS and mid is not None:
            self._subscribe_requests[mid] = (qos, first, began)
        elif result == mqtt.MQTT_ERR_SUCCESS:
            self._fire_subscribe(qos, first, began, (time.time() - began) * 1000, None)
        else:
            self._fire_subscribe(qos, first, began, 0, result)
        return result, mid

    def _generate_event_name(self, event_type: str, qos: int, topic: str) -> str:
        """The name to count under; scripts override it."""
        return _generate_mqtt_event_name(event_type, qos, topic)

    # --- paho's callbacks: with both versions of its callback interface, whose second passes more at the end

    def _on_publish_cb(self, client: mqtt.Client, userdata: Any, mid: int, *_more: Any) -> None:
        now = time.time()
        message = self._publish_requests.pop(mid, None)
        if message is None:
            self._fire_unknown("publish", mid)
            return
        self._fire(
            self._generate_event_name("publish", message.qos, message.topic),
            response_time=(now - message.start_time) * 1000,
            response_length=message.payload_size,
            **message._asdict(),
        )

    def _on_subscribe_cb_v3x(
        self, client: mqtt.Client, userdata: Any, mid: int, granted_qos: list[Any], *_more: Any
    ) -> None:
        now = time.time()
        request = self._subscribe_requests.pop(mid, None)
        if request is None:
            self._fire_unknown("subscribe", mid)
            return
        exception = None
        granted = [getattr(code, "value", code) for code in granted_qos]
        if SUBACK_FAILURE in granted:
            exception = AssertionError(f"Broker returned an error response during subscription: {granted}")
        self._fire_subscribe(*request, (now - request[2]) * 1000, exception)

    def _on_subscribe_cb_v5(
        self, client: mqtt.Client, userdata: Any, mid: int, reason_codes: list[Any], properties: Any
    ) -> None:
        self._on_subscribe_cb_v3x(client, userdata, mid, reason_codes)

    def _on_disconnect_cb(self, client: mqtt.Client, userdata: Any, rc: Any) -> None:
        self._fire("disconnect", exception=rc if rc != 0 else None)

    def _on_disconnect_cb_v3x(self, client: mqtt.Client, userdata: Any, *details: Any) -> None:
        # Version 1 passes the reason (and with MQTT 5 properties), version 2 flags, reason and properties.
        self._on_disconnect_cb(client, userdata, details[1] if len(details) == 3 else details[0])

    def _on_disconnect_cb_v5(self, client: mqtt.Client, userdata: Any, *details: Any) -> None:
        self._on_disconnect_cb_v3x(client, userdata, *details)

    def _on_connect_cb(self, client: mqtt.Client, userdata: Any, flags: Any, rc: Any) -> None:
        self._fire("connect", exception=Exception(str(rc)) if rc != 0 else None)

    def _on_connect_cb_v3x(
        self, client: mqtt.Client, userdata: Any, flags: dict[str, int], rc: Any, *_more: Any
    ) -> None:
        self._on_connect_cb(client, userdata, flags, rc)

    def _on_connect_cb_v5(
        self, client: mqtt.Client, userdata: Any, flags: Any, reasoncode: Any, properties: Any
    ) -> None:
        self._on_connect_cb(client, userdata, {}, reasoncode)

    # --- events

    def _fire(
        self,
        name: str,
        *,
        response_time: float = 0,
        response_length: int = 0,
        exception: Any = None,
        **context: Any,
    ) -> None:
        self.environment.events.request.fire(
            request_type=REQUEST_TYPE,
            name=name,
            response_time=response_time,
            response_length=response_length,
            exception=exception,
            context={"client_id": self.client_id, **context},
        )

    def _fire_subscribe(
        self, qos: int, topic: str, start_time: float, response_time: float, exception: Any
    ) -> None:
        self._fire(
            self._generate_event_name("subscribe", qos, topic),
            response_time=response_time,
            exception=exception,
            qos=qos,
            topic=topic,
            start_time=start_time,
        )

    def _fire_unknown(self, what: str, mid: int) -> None:
        text = f"Could not find message data for mid '{mid}' in _on_{what}_cb."
        self._fire(what, exception=AssertionError(text), mid=mid)

    # --- paho's loop

    def _loop(self, timeout: float = 1.0) -> mqtt.MQTTErrorCode:
        return self._loop_selectors(timeout) if self._use_loop_selectors else super()._loop(timeout)

    def _loop_selectors(self, timeout: float = 1.0) -> mqtt.MQTTErrorCode:
        """One round of paho's loop: wait until the socket is ready or somebody publishes, then read and write."""
        if timeout < 0.0:
            raise ValueError("Invalid timeout.")
        # What a TLS socket has decrypted already makes no descriptor ready.
        buffered = self._sock is not None and hasattr(self._sock, "pending") and self._sock.pending() > 0
        try:
            ready = self._wait_until_ready(0.0 if buffered else timeout)
        except (TypeError, ValueError):
            # No socket (any more), or one that was closed meanwhile.
            return mqtt.MQTT_ERR_CONN_LOST
        except Exception:
            return mqtt.MQTT_ERR_UNKNOWN
        events = ready.get(self._sock, 0)
        if events & selectors.EVENT_READ or buffered:
            result = self.loop_read()
            if result or self._sock is None:
                return result
        if self._sockpairR in ready:
            # One byte for each publish() of another thread, and all of those are in the queue now.
            with suppress(BlockingIOError):
                self._sockpairR.recv(10000)
        if events & selectors.EVENT_WRITE or self._sockpairR in ready:
            result = self.loop_write()
            if result or self._sock is None:
                return result
        return self.loop_misc()

    def _wait_until_ready(self, timeout: float) -> dict[Any, int]:
        with selectors.DefaultSelector() as selector:
            write = selectors.EVENT_WRITE if self.want_write() else 0
            selector.register(self._sock, selectors.EVENT_READ | write)
            if self._sockpairR is not None:
                selector.register(self._sockpairR, selectors.EVENT_READ)
            return {key.fileobj: events for key, events in selector.select(timeout)}


class MqttUser(User):
    """A user whose `client` is an `MqttClient` that connects, in the background, as soon as the user is made."""

    abstract = True

    host = "localhost"
    port = 1883
    transport = "tcp"
    """ "tcp" or "websockets"."""
    ws_path = "/mqtt"
    tls_context: Any = None
    """An `ssl.SSLContext`, to connect with TLS."""
    client_cls: type[MqttClient] = MqttClient
    client_id: str | None = None
    username: str | None = None
    password: str | None = None
    protocol: Any = mqtt.MQTTv311
    use_loop_selectors: bool = False

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.client: MqttClient = self.client_cls(
            environment=self.environment,
            transport=self.transport,
            client_id=self.client_id,
            protocol=self.protocol,
            use_loop_selectors=self.use_loop_selectors,
        )
        if self.tls_context:
            self.client.tls_set_context(self.tls_context)
        if self.transport == "websockets" and self.ws_path:
            self.client.ws_set_options(path=self.ws_path)
        if self.username and self.password:
            self.client.username_pw_set(username=self.username, password=self.password)
        self.client.connect_async(host=self.host, port=self.port)
        self.client.loop_start()


def _generate_random_id(length: int, alphabet: str = string.digits + string.ascii_letters) -> str:
    return "".join(random.choices(alphabet, k=length))


def _generate_mqtt_event_name(event_type: str, qos: int, topic: str) -> str:
    return f"{event_type}:{qos}:{topic}"
