"""The readings of tests/faults/outage: stations of which every reading can be told from all others by sums.

Reading k of a station has the value k / 10,000, so that PostgreSQL can say alone whether each is there once.
MQTT 3.1.1 at QoS 1, where a client may have as many messages under way as it has packet ids.
"""

import contextlib
import multiprocessing
import selectors
import signal
import socket
import struct
import time

from mqtt import RawClient, packet

READINGS_MAX = 90000  # of a station: the values stay below 10 m
IDS = 10000  # packet ids used, over and over; a window is much smaller
SUBSCRIBE = 0x82
ID_BYTES = [struct.pack("!H", number) for number in range(1, IDS + 1)]
PUBACKS = b"".join(b"\x40\x02" + number for number in ID_BYTES) * 2
PUBACK_SIZE = 4


def topic(code):
    return f"sensors/{code}/water_level".encode()


def publish_packet(topic_name, packet_id, time_ms, value):
    body = struct.pack("!H", len(topic_name)) + topic_name + ID_BYTES[packet_id]
    return packet(0x32, body + b'{"time":%d,"value":%.4f}' % (time_ms, value))


class Publisher:
    """One connection and its stations. Acknowledgements come in the order of the messages; else it fails."""

    def __init__(self, port, name, stations):
        self.client = RawClient(port, client_id=name, version=4)
        self.socket = self.client.socket
        self.socket.setblocking(False)
        self.topics = [topic(code) for code in stations]
        self.sent = self.acknowledged = 0
        self.unsent, self.received = bytearray(), bytearray()

    def add(self, k, time_ms):
        """Reading k of the station whose turn it is."""
        to = self.topics[self.sent % len(self.topics)]
        self.unsent += publish_packet(to, self.sent % IDS, time_ms, k / 10000)
        self.sent += 1

    def send(self):
        """As much as can be sent without waiting."""
        with contextlib.suppress(BlockingIOError):
            while self.unsent:
                del self.unsent[:self.socket.send(self.unsent)]

    def receive(self):
        """What has arrived."""
        with contextlib.suppress(BlockingIOError):
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("the broker closed the connection of a publisher")
            self.received += data
            self._count()

    def _count(self):
        whole = len(self.received) // PUBACK_SIZE * PUBACK_SIZE
        at = self.acknowledged % IDS * PUBACK_SIZE
        if self.received[:whole] != PUBACKS[at:at + whole]:
            raise ConnectionError("an acknowledgement that was not to come")
        self.acknowledged += whole // PUBACK_SIZE
        del self.received[:whole]


class Worker:
    """A process of its own, forked by start() before the owner has threads, at work from begin() on.

    words are shared with the owner; error says why it ended by itself.
    """

    def __init__(self, words):
        self.words = multiprocessing.RawArray("q", words)
        self.go = multiprocessing.RawValue("b", 0)
        self.quit = multiprocessing.RawValue("b", 0)
        self.error = multiprocessing.RawArray("c", 500)
        self.process = multiprocessing.get_context("fork").Process(target=self._guarded, daemon=True)

    def _guarded(self):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        while not self.go.value and not self.over():
            time.sleep(0.02)
        if self.over():
            return
        try:
            self.run()
        except (OSError, AssertionError) as error:
            self.error.value = f"{type(self).__name__}: {error!r}".encode()[:499]

    def over(self):
        return self.quit.value or not multiprocessing.parent_process().is_alive()

    def start(self):
        self.process.start()
        return self

    def begin(self):
        self.go.value = 1
        return self

    def ended(self):
        return not self.process.is_alive()

    def check(self):
        """AssertionError when it has failed."""
        if self.error.value:
            raise AssertionError(self.error.value.decode())

    def finish(self, timeout=30):
        """Ends it in good order: what was sent is acknowledged."""
        self.quit.value = 1
        self.process.join(timeout)
        self.check()
        assert self.process.exitcode == 0, f"{type(self).__name__} does not end: {self.process.exitcode}"

    def kill(self):
        if self.process.pid is not None and self.process.is_alive():
            self.process.kill()
            self.process.join()


class Flood(Worker):
    """As many readings as the broker takes, until every station has sent its own; then it ends by itself."""

    WINDOW = 400
    CHUNK = 100

    def __init__(self, port, stations, first, last, time_ms, connections=40):
        """Readings first to last of each station; time_ms(k) is when reading k was taken."""
        super().__init__(1)
        self.port, self.stations, self.connections = port, stations, connections
        self.first, self.last, self.time_ms = first, last, time_ms

    @property
    def acknowledged(self):
        return self.words[0]

    def _feed(self, publisher):
        """Puts readings into the window; true when there are none left."""
        size = len(publisher.topics)
        total = (self.last - self.first + 1) * size
        if publisher.sent - publisher.acknowledged <= self.WINDOW - self.CHUNK:
            for _ in range(min(self.CHUNK, total - publisher.sent)):
                k = self.first + publisher.sent // size
                publisher.add(k, self.time_ms(k))
        return publisher.acknowledged == total

    def run(self):
        n = min(self.connections, len(self.stations))
        publishers = [Publisher(self.port, f"flood-{i}", self.stations[i::n]) for i in range(n)]
        selector = selectors.DefaultSelector()
        for publisher in publishers:
            selector.register(publisher.socket, selectors.EVENT_READ, publisher)
            self._feed(publisher)
            publisher.send()
        open_ones = n
        while open_ones and not self.over():
            for key, _ in selector.select(0.1):
                publisher = key.data
                publisher.receive()
                if self._feed(publisher):
                    selector.unregister(publisher.socket)
                    publisher.client.close()
                    open_ones -= 1
                else:
                    publisher.send()
            self.words[0] = sum(p.acknowledged for p in publishers)


class Live(Worker):
    """Readings of now, at a steady rate, until it is told to finish."""

    CONNECTIONS = 10
    PERIOD = 0.01

    def __init__(self, port, stations, rate):
        super().__init__(2)
        self.port, self.stations, self.rate = port, stations, rate

    @property
    def acknowledged(self):
        return self.words[0]

    @property
    def most_waiting(self):
        """The most messages that were not acknowledged at once."""
        return self.words[1]

    def run(self):
        n = self.CONNECTIONS
        publishers = [Publisher(self.port, f"live-{i}", self.stations[i::n]) for i in range(n)]
        begun, begun_ms = time.monotonic(), int(time.time() * 1000)
        sent, size = 0, len(self.stations) // n
        while True:
            due = 0 if self.over() else int((time.monotonic() - begun) * self.rate) - sent
            for _ in range(due):
                publisher = publishers[sent % n]
                # When it was due: after a pause of ours, a station's next two must not have one time.
                publisher.add(publisher.sent // size, begun_ms + sent * 1000 // self.rate)
                sent += 1
            for publisher in publishers:
                publisher.send()
                publisher.receive()
            self.words[0] = sum(p.acknowledged for p in publishers)
            self.words[1] = max(self.words[1], sent - self.words[0])
            if self.over() and self.words[0] == sent:
                return
            time.sleep(self.PERIOD)


class Probe(Worker):
    """Crosses a threshold again and again; latencies_us() is from PUBLISH to a subscriber's receipt."""

    STATION = "probe"
    LOW, HIGH = 0.5, 1.5  # of a threshold between them
    CAPACITY = 200000

    def __init__(self, port, pause):
        super().__init__(self.CAPACITY + 1)
        self.port, self.pause = port, pause

    @property
    def count(self):
        return self.words[0]

    def latencies_us(self, begin, end):
        return sorted(self.words[1 + begin:1 + end])

    def _subscribe(self):
        subscriber = RawClient(self.port, client_id="probe-subscriber", version=4)
        subscriber.socket.settimeout(10)
        name = f"highwater/alerts/{self.STATION}/#".encode()
        subscriber.socket.sendall(packet(SUBSCRIBE, b"\0\1" + struct.pack("!H", len(name)) + name + b"\1"))
        kind, answer = subscriber.read()
        assert kind == 0x90 and answer[2] == 1, (kind, answer)
        return subscriber

    def _cross(self, publisher, subscriber, value):
        payload = b'{"time":%d,"value":%.1f}' % (int(time.time() * 1000), value)
        begun = time.monotonic_ns()
        publisher.publish(topic(self.STATION).decode(), payload)
        kind, alert = subscriber.read()
        us = (time.monotonic_ns() - begun) // 1000
        assert kind & 0xF0 == 0x30 and b'"value":%.1f' % value in alert.replace(b" ", b""), alert
        after_topic = 2 + struct.unpack("!H", alert[:2])[0]
        subscriber.socket.sendall(packet(0x40, alert[after_topic:after_topic + 2]))
        return us

    def run(self):
        subscriber = self._subscribe()
        publisher = RawClient(self.port, client_id="probe", version=4)
        while not self.over() and self.count < self.CAPACITY:
            value = self.LOW if self.count % 2 else self.HIGH
            # Its packet ids are two bytes as everyone's.
            publisher.next_id %= 60000
            self.words[1 + self.count] = self._cross(publisher, subscriber, value)
            self.words[0] += 1
            time.sleep(self.pause)
        subscriber.socket.settimeout(0.5)
        with contextlib.suppress(socket.timeout):
            raise AssertionError(f"one alert more than there were crossings: {subscriber.read()}")
