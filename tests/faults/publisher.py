"""A sensor gateway: keeps each message, and sends it again, until the broker has acknowledged it."""

import collections
import time

from ledger import ACKNOWLEDGED, SENT, UNSENT
from mqtt_session import CONNACK, FAILED, PUBACK, PUBCOMP, PUBREC, WINDOW, Session, acknowledgement

RECONNECT_S = 0.2
SILENCE_S = 20  # a connection that acknowledges nothing for so long is given up


class Sent:
    """A message under way."""

    def __init__(self, station, i, at):
        self.station, self.i, self.at = station, i, at
        self.received = False  # QoS 2: PUBREC is there


class Publisher:
    def __init__(self, name, port, version, qos, clean, stations, rate, books):
        self.name, self.port, self.version, self.qos, self.clean = name, port, version, qos, clean
        self.stations, self.rate, self.books = stations, rate, books
        self.session = None
        self.outbox = collections.deque()  # (station, i) that must be sent again, oldest first
        self.inflight = {}  # packet id: Sent
        self.fresh = 0  # number of the next new message
        self.last_id = 0
        self.connect_at = 0.0
        self.budget, self.counted_at = 0.0, time.monotonic()

    # --- connection ---

    def connect(self, now):
        self.connect_at = now + RECONNECT_S
        try:
            self.session = Session(self.port, self.name, self.version, self.clean)
        except OSError:
            self.session = None
        return self.session is not None

    def lose(self):
        """The connection is gone; what was under way is kept."""
        self.session.close()
        self.session = None
        self.connect_at = time.monotonic() + RECONNECT_S
        self.books.reconnects += 1

    def welcome(self, body):
        if body[1] != 0:
            raise ConnectionError(f"refused: {body[1]}")
        self.session.ready = True
        now = time.monotonic()
        if body[0] & 1:  # the broker still knows the session: MQTT 3.1.1 and 5, 4.4
            for packet_id, sent in self.inflight.items():
                sent.at = now
                if sent.received:
                    self.session.release(packet_id)
                else:
                    payload = sent.station.payload(sent.i)
                    self.session.publish(sent.station.topic, payload, self.qos, packet_id, again=True)
        else:
            self.outbox.extendleft((s.station, s.i) for s in reversed(self.inflight.values()))
            self.inflight.clear()

    # --- sending ---

    def next_fresh(self):
        station = self.stations[self.fresh % len(self.stations)]
        i = self.fresh // len(self.stations)
        if i >= len(station.states):
            return None
        self.fresh += 1
        return station, i

    def next_message(self, generate):
        if self.outbox:
            return self.outbox.popleft()
        if not generate or self.budget < 1:
            return None
        self.budget -= 1
        return self.next_fresh()

    def next_id(self):
        while True:
            self.last_id = self.last_id % 65535 + 1
            if self.last_id not in self.inflight:
                return self.last_id

    def send_one(self, station, i, now):
        packet_id = self.next_id()
        if station.states[i] == UNSENT:
            station.states[i] = SENT
        if self.qos:
            self.inflight[packet_id] = Sent(station, i, now)
        self.books.sent += 1
        self.session.publish(station.topic, station.payload(i), self.qos, packet_id)

    def turn(self, now, generate, speed):
        """Sends what is due and fits."""
        self.budget = min(self.budget + (now - self.counted_at) * self.rate * speed, self.rate)
        self.counted_at = now
        if self.session is None or not self.session.ready:
            return
        self.session.flush()
        while len(self.inflight) < WINDOW and len(self.session.unsent) < 65536:
            message = self.next_message(generate)
            if message is None:
                break
            self.send_one(*message, now)
        if self.inflight and now - next(iter(self.inflight.values())).at > SILENCE_S:
            self.books.silences += 1
            raise ConnectionError("no acknowledgement")

    # --- acknowledgements ---

    def done(self, packet_id, now):
        sent = self.inflight.pop(packet_id, None)
        if sent is None:
            return
        if sent.station.states[sent.i] != ACKNOWLEDGED:
            sent.station.states[sent.i] = ACKNOWLEDGED
            self.books.acknowledged += 1
        self.books.longest_us = max(self.books.longest_us, int((now - sent.at) * 1e6))

    def refused(self, packet_id):
        sent = self.inflight.pop(packet_id, None)
        if sent is not None:
            self.books.refused += 1
            self.outbox.append((sent.station, sent.i))

    def take(self, kind, body, now):
        if kind == CONNACK:
            self.welcome(body)
        elif kind in (PUBACK, PUBREC, PUBCOMP):
            packet_id, reason = acknowledgement(body)
            if kind == PUBREC and reason < FAILED:
                if packet_id in self.inflight:
                    self.inflight[packet_id].received = True
                self.session.release(packet_id)
            elif kind == PUBCOMP or reason < FAILED:
                self.done(packet_id, now)
            else:
                self.refused(packet_id)

    def readable(self, now):
        for kind, body in self.session.read():
            self.take(kind, body, now)

    def idle(self):
        return not self.outbox and not self.inflight
