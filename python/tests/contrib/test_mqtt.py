"""MqttUser against amqtt's broker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contrib_events import assert_events, events_of
from contrib_servers import Server, a_port

SCRIPT = """
import paho.mqtt.client as mqtt
from locust.contrib.mqtt import MqttClient, MqttUser

class Publisher(MqttUser):
    host = "127.0.0.1"
    port = ADDRESS
    client_id = "publisher"

def named(*names):
    return lambda: sorted(event["name"] for event in seen) == sorted(names)
"""
EVENTS = [
    ("MQTT", "connect", 0, None),
    ("MQTT", "subscribe:1:a/topic", 0, None),
    ("MQTT", "publish:0:a/topic", 5, None),
    ("MQTT", "publish:1:a/topic", 6, None),
    ("MQTT", "publish:2:a/topic", 0, None),
    ("MQTT", "disconnect", 0, None),
]
CONVERSATION = """
user = Publisher(environment)
arrived = []
user.client.on_message = lambda client, userdata, message: arrived.append(message.payload)
until(named("connect"))
user.client.subscribe("a/topic", qos=1)
until(lambda: len(seen) == 2)
for qos, payload in enumerate((b"bytes", "string", 2)):
    user.client.publish("a/topic", payload, qos=qos)
    until(lambda: len(seen) == 3 + qos)
until(lambda: arrived == [b"bytes", b"string", b"2"])
user.client.disconnect()
until(lambda: len(seen) == 6)
"""


@pytest.fixture(scope="module")
def ports() -> Iterator[tuple[int, int]]:
    with Server("mqtt") as server:
        tcp, web = server.address.split()
        yield int(tcp), int(web)


@pytest.mark.parametrize("more", ["", "Publisher.use_loop_selectors = True\n"], ids=["select", "selectors"])
def test_a_conversation_is_counted(ports: tuple[int, int], more: str):
    assert_events(SCRIPT + more + CONVERSATION, ports[0], EVENTS, at_once=False)


def test_over_a_web_socket(ports: tuple[int, int]):
    more = "Publisher.transport = 'websockets'\nPublisher.ws_path = '/'\n"
    assert_events(SCRIPT + more + CONVERSATION, ports[1], EVENTS, at_once=False)


def test_a_client_of_ones_own_names_events_and_has_an_id(ports: tuple[int, int]):
    script = """
class Short(MqttClient):
    def _generate_event_name(self, event_type, qos, topic):
        return f"mqtt:{event_type}:{qos}"

Publisher.client_cls = Short
Publisher.client_id = None
user = Publisher(environment)
assert len(user.client.client_id) == 23 and user.client.client_id.startswith("locust-")
until(named("connect"))
user.client.publish("a/topic", b"x")
until(lambda: len(seen) == 2)
"""
    assert_events(
        SCRIPT + script, ports[0], [("MQTT", "connect", 0, None), ("MQTT", "mqtt:publish:0", 1, None)]
    )


def test_what_cannot_be_sent_is_a_failure(ports: tuple[int, int]):
    script = """
user = Publisher(environment)
user.client.loop_stop()
user.client.subscribe([("a/topic", 0), ("another", 0)])
user.client.publish("a/topic", b"x")
# Answers to nothing.
user.client._on_publish_cb(user.client, None, 77)
user.client._on_subscribe_cb_v3x(user.client, None, 78, [0])
user.client._subscribe_requests[79] = (0, "secret", 0)
user.client._on_subscribe_cb_v3x(user.client, None, 79, [0x80])
user.client._on_connect_cb_v3x(user.client, None, {}, 5)
user.client._on_disconnect_cb_v3x(user.client, None, 7)
"""
    lost = "AssertionError(\"Could not find message data for mid '{}' in _on_{}_cb.\")"
    assert_events(
        SCRIPT + script,
        a_port(),
        [
            ("MQTT", "subscribe:0:a/topic", 0, "<MQTTErrorCode.MQTT_ERR_NO_CONN: 4>"),
            ("MQTT", "publish:0:a/topic", 0, "<MQTTErrorCode.MQTT_ERR_NO_CONN: 4>"),
            ("MQTT", "publish", 0, lost.format(77, "publish")),
            ("MQTT", "subscribe", 0, lost.format(78, "subscribe")),
            (
                "MQTT",
                "subscribe:0:secret",
                0,
                "AssertionError('Broker returned an error response during subscription: [128]')",
            ),
            ("MQTT", "connect", 0, "Exception('5')"),
            ("MQTT", "disconnect", 0, "7"),
        ],
    )


@pytest.mark.parametrize("version", ["VERSION1", "VERSION2"])
def test_both_versions_of_the_callbacks_are_understood(version: str):
    script = f"""
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

version = mqtt.CallbackAPIVersion.{version}
client = MqttClient(version, environment=environment, protocol=mqtt.MQTTv5)
client._do_on_disconnect(True, mqtt.MQTT_ERR_CONN_LOST, ReasonCode(PacketTypes.DISCONNECT, "Server busy"))
client._subscribe_requests[1] = (0, "topic", 0)
refused = [ReasonCode(PacketTypes.SUBACK, "Unspecified error")]
client.on_subscribe(client, None, 1, refused, None)
client.on_connect(client, None, None, ReasonCode(PacketTypes.CONNACK, "Success"), None)
"""
    fired = events_of(SCRIPT + script, 0)
    assert [(event["name"], event["exception"]) for event in fired] == [
        ("disconnect", "ReasonCode(Disconnect, 'Server busy')"),
        (
            "subscribe:0:topic",
            "AssertionError('Broker returned an error response during subscription: [128]')",
        ),
        ("connect", None),
    ]
