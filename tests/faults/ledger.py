"""What every station sends, and what became of each message: the campaign's own books.

Message i of a station is known beforehand: its time, its values, its bytes. So a single byte for each is
enough to tell afterwards what must be in the database, what may be there, and what nobody ever sent.
"""

import datetime
import mmap

UNSENT, SENT, ACKNOWLEDGED = 0, 1, 2

PROPERTIES = ("water_level", "rainfall", "battery_voltage")
ALARM_PERIOD = 200  # readings from one low water to the next
STEP_MS = 1  # between two readings of a station


class Station:
    def __init__(self, code, shape, base_ms, states):
        """shape: "value", one property a message; "object", several; "alarm", one with a tide in it."""
        self.code = code
        self.shape = shape
        self.base_ms = base_ms  # phenomenon time of message 0, Unix time
        self.states = states  # one byte a message
        self.properties = PROPERTIES if shape == "object" else PROPERTIES[:1]
        topic = f"sensors/{code}" if shape == "object" else f"sensors/{code}/{PROPERTIES[0]}"
        self.topic = topic.encode()
        self.clock = str if base_ms % 2 == 0 else rfc3339

    def time_ms(self, i):
        return self.base_ms + i * STEP_MS

    def value(self, i, place):
        """The result of property number place in message i: exact as a double, and told from all others."""
        return level(i) if self.shape == "alarm" else i + place / 8

    def payload(self, i):
        moment = self.clock(self.time_ms(i))
        if self.shape == "object":
            members = "".join(f', "{name}": {self.value(i, k)}' for k, name in enumerate(self.properties))
            return f'{{"time": {moment}{members}}}'.encode()
        return f'{{"time": {moment}, "value": {self.value(i, 0)}}}'.encode()


def rfc3339(ms):
    moment = datetime.datetime.fromtimestamp(ms // 1000, datetime.timezone.utc)
    return f'"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"'


def level(i):
    """A tide between 0.5 and 3.0 m, with a last digit that no threshold has."""
    phase = i % ALARM_PERIOD
    up = min(phase, ALARM_PERIOD - phase) / (ALARM_PERIOD / 2)
    return round(0.5 + 2.5 * up, 3) + (i % 1000 + 1) / 1e6


def bases_ms(now):
    """Where series begin: today, over the edge of this month, and in months with and without a partition."""
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    ago = [datetime.timedelta(hours=1), now - month + datetime.timedelta(seconds=3),
           datetime.timedelta(days=28), datetime.timedelta(days=100), datetime.timedelta(days=1),
           datetime.timedelta(days=200)]
    return [int((now - distance).timestamp() * 1000) for distance in ago]


class Ledger:
    """All stations. The states are shared memory: the load's process writes, the campaign reads."""

    def __init__(self, now, shapes, capacity):
        """shapes: by name of the station; capacity: most messages of one station."""
        self.memory = mmap.mmap(-1, capacity * len(shapes))
        view = memoryview(self.memory)
        bases = bases_ms(now)
        self.stations = {}
        for k, (code, shape) in enumerate(shapes.items()):
            states = view[k * capacity:(k + 1) * capacity]
            base = bases[0] if shape == "alarm" else bases[k % len(bases)]
            self.stations[code] = Station(code, shape, base + k % 2, states)

    def readings(self, at_least=ACKNOWLEDGED):
        """How many readings have come that far."""
        total = 0
        for station in self.stations.values():
            states = bytes(station.states)
            messages = sum(states.count(state) for state in range(at_least, ACKNOWLEDGED + 1))
            total += messages * len(station.properties)
        return total
