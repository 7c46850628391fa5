"""MQTT clients: paho's for daily use, and one of our own that shows the bytes of an acknowledgement."""

import json
import socket
import struct
import threading

import paho.mqtt.client as paho

from waiting import wait_until


class Message:
    def __init__(self, message):
        self.topic = message.topic
        self.payload = message.payload
        self.qos = message.qos
        self.retain = bool(message.retain)
        self.properties = getattr(message, "properties", None)

    def json(self):
        return json.loads(self.payload)

    def __repr__(self):
        return f"<{self.topic} {self.payload[:60]!r} qos {self.qos}{' retained' if self.retain else ''}>"


def new_paho(client_id, version, clean):
    options = {"client_id": client_id, "protocol": version}
    if version != paho.MQTTv5:
        options["clean_session"] = clean
    if hasattr(paho, "CallbackAPIVersion"):  # paho 2
        return paho.Client(paho.CallbackAPIVersion.VERSION2, **options)
    return paho.Client(**options)


class Client:
    """Connects at once, comes back by itself after a broken connection, and keeps what it receives."""

    def __init__(self, port, client_id="", version=4, clean=True, user=None, password="secret"):
        self._lock = threading.Lock()
        self._messages = []
        self._subscribed = set()
        self._acknowledged = set()
        self._connected = threading.Event()
        self._paho = new_paho(client_id, version, clean)
        self._paho.max_inflight_messages_set(1000)
        self._paho.max_queued_messages_set(0)
        self._paho.reconnect_delay_set(min_delay=1, max_delay=1)
        self._paho.on_connect = self._on_connect
        self._paho.on_disconnect = lambda *_: self._connected.clear()
        self._paho.on_message = self._on_message
        self._paho.on_publish = lambda _client, _userdata, mid, *_: self._acknowledged.add(mid)
        self._paho.on_subscribe = lambda _client, _userdata, mid, *_: self._subscribed.add(mid)
        if user is not None:
            self._paho.username_pw_set(user, password)
        self._paho.connect("127.0.0.1", port, keepalive=60)
        self._paho.loop_start()
        self.wait_connected()

    def _on_connect(self, _client, _userdata, _flags, code, _properties=None):
        if str(code) in ("0", "Success"):
            self._connected.set()

    def _on_message(self, _client, _userdata, message):
        with self._lock:
            self._messages.append(Message(message))

    def wait_connected(self, timeout=10):
        wait_until(self._connected.is_set, timeout, "MQTT connection")

    def subscribe(self, topic_filter, qos=1):
        """Returns when the broker has confirmed."""
        mid = self._paho.subscribe(topic_filter, qos)[1]
        wait_until(lambda: mid in self._subscribed, 5, f"subscription to {topic_filter}")

    def send(self, topic, payload, qos=1, retain=False, properties=None):
        """Publishes and does not wait; what is sent while the connection is broken follows when it is back.

        Returns a number for is_published(), unique among a client's first 65,535 messages.
        """
        if isinstance(payload, dict):
            payload = json.dumps(payload)
        return self._paho.publish(topic, payload, qos, retain, properties).mid

    def is_published(self, mid):
        """Whether the broker has acknowledged; at QoS 0, whether it is sent."""
        return mid in self._acknowledged

    def publish(self, topic, payload, qos=1, retain=False, properties=None):
        """Publishes and returns when the broker has acknowledged (QoS 0: when it is sent)."""
        mid = self.send(topic, payload, qos, retain, properties)
        wait_until(lambda: self.is_published(mid), 10, f"acknowledgement for {topic}")

    def publish_many(self, messages, qos=1, timeout=30):
        """[(topic, payload)], acknowledged all."""
        sent = {self.send(topic, payload, qos) for topic, payload in messages}
        wait_until(lambda: sent <= self._acknowledged, timeout, "acknowledgements")

    def received(self, topic_filter="#"):
        with self._lock:
            messages = list(self._messages)
        return [m for m in messages if topic_filter == "#" or paho.topic_matches_sub(topic_filter, m.topic)]

    def wait_received(self, count, topic_filter="#", timeout=5.0):
        """Waits for messages and returns them; AssertionError when there are more."""
        try:
            wait_until(lambda: len(self.received(topic_filter)) >= count, timeout)
        except AssertionError:
            pass
        messages = self.received(topic_filter)
        assert len(messages) == count, f"{len(messages)} messages, expected {count}: {messages[:20]}"
        return messages

    def close(self):
        self._paho.disconnect()
        self._paho.loop_stop()


def text(value):
    data = value.encode()
    return struct.pack("!H", len(data)) + data


def packet(kind, body):
    length, header = len(body), bytearray([kind])
    while True:
        header.append((length & 0x7F) | (0x80 if length > 0x7F else 0))
        length >>= 7
        if not length:
            return bytes(header) + body


class RawClient:
    """Publishes and reads the acknowledgement's reason code (OASIS MQTT 5, sections 3.4 and 3.5)."""

    def __init__(self, port, client_id="raw", version=5):
        self.version = version
        self.next_id = 0
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        body = text("MQTT") + bytes([version, 0x02]) + struct.pack("!H", 60)
        self.socket.sendall(packet(0x10, body + (b"\0" if version == 5 else b"") + text(client_id)))
        kind, answer = self.read()
        assert kind == 0x20 and answer[1] == 0, (kind, answer)

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise ConnectionError("the broker closed the connection")
            data += part
        return data

    def read(self):
        kind = self._exactly(1)[0]
        length, shift = 0, 0
        while True:
            byte = self._exactly(1)[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return kind, self._exactly(length)

    def publish(self, topic, payload, qos=1):
        """Returns the reason code, 0 for success. ConnectionError when the broker hangs up instead."""
        self.next_id = self.next_id % 0xFFFF + 1
        properties = b"\0" if self.version == 5 else b""
        packet_id = struct.pack("!H", self.next_id)
        self.socket.sendall(packet(0x30 | qos << 1, text(topic) + packet_id + properties + payload))
        code = self._acknowledgement(0x40 if qos == 1 else 0x50, packet_id)
        if qos == 2 and code < 0x80:
            self.socket.sendall(packet(0x62, packet_id))
            assert self._acknowledgement(0x70, packet_id) == 0
        return code

    def _acknowledgement(self, expected, packet_id):
        kind, answer = self.read()
        assert kind == expected and answer[:2] == packet_id, (kind, answer)
        return answer[2] if len(answer) > 2 else 0

    def ping(self):
        """ConnectionError when the connection is broken."""
        self.socket.sendall(packet(0xC0, b""))
        assert self.read()[0] == 0xD0

    def close(self):
        self.socket.close()
