"""What a subscriber of the broker sees during the campaign: the counters and the alerts."""

import json
import threading
import time

import paho.mqtt.client as paho

from mqtt import new_paho

COUNTERS = "$SYS/broker/highwater/"
ALERTS = "highwater/alerts/"


class Watch:
    """Comes back after every restart of the broker. Counters begin anew then: their totals are kept."""

    def __init__(self, port):
        self.lock = threading.Lock()
        self.counters, self.totals = {}, {}
        self.longest_us = 0
        self.slow_clock = False  # under libfaketime a look at the clock costs more than the callback
        self.alerts = {}  # identifier: [how often the broker had been killed when it came]
        self.kills = 0
        self.repeated = []
        self.client = new_paho("campaign-watch", paho.MQTTv311, True)
        self.client.reconnect_delay_set(min_delay=1, max_delay=1)
        self.client.on_connect = self._on_connect
        self.client.on_message = self._on_message
        self.client.connect_async("127.0.0.1", port, keepalive=30)
        self.client.loop_start()

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()

    def _on_connect(self, client, *_):
        client.subscribe([(COUNTERS + "#", 0), (ALERTS + "#", 1)])

    def _on_message(self, _client, _userdata, message):
        with self.lock:
            if message.topic.startswith(COUNTERS):
                self._count(message.topic[len(COUNTERS):], int(message.payload))
            else:
                self._alert(json.loads(message.payload)["identifier"])

    def _count(self, name, value):
        self.counters[name] = value
        if name == "callback/max_us" and not self.slow_clock:
            self.longest_us = max(self.longest_us, value)

    def _alert(self, identifier):
        seen = self.alerts.setdefault(identifier, [])
        if seen and seen[-1] == self.kills:
            self.repeated.append(identifier)
        seen.append(self.kills)

    def broker_ended(self, killed):
        """To be called at every end of the broker, after it."""
        with self.lock:
            for name, value in self.counters.items():
                self.totals[name] = self.totals.get(name, 0) + value
            self.counters = {}
            self.kills += killed

    def get(self, name):
        """The counter of the broker that runs; None before it has told."""
        with self.lock:
            return self.counters.get(name)

    def total(self, name):
        """Over all brokers of the campaign; what a killed one counted last may be missing."""
        with self.lock:
            return self.totals.get(name, 0) + self.counters.get(name, 0)

    def wait(self, name, satisfied, timeout):
        """Whether a counter comes to satisfy a condition."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            value = self.get(name)
            if value is not None and satisfied(value):
                return True
            time.sleep(0.02)
        return False
