"""The load: all publishers in one process of their own, so that faults and bookkeeping do not slow them."""

import multiprocessing
import random
import selectors
import signal
import time

from publisher import Publisher

# The words that the campaign and its load share.
NAMES = ("generate", "alarms", "speed", "cuts", "quit",
         "idle", "sent", "acknowledged", "refused", "reconnects", "silences", "longest_us")


class Books:
    """Named words in shared memory, each with one writer: the first five the campaign, the rest the load."""

    def __init__(self):
        object.__setattr__(self, "words", multiprocessing.RawArray("q", len(NAMES)))

    def __getattr__(self, name):
        return self.words[NAMES.index(name)]

    def __setattr__(self, name, value):
        self.words[NAMES.index(name)] = value


# (version, QoS, clean session, shape of the messages)
KINDS = (
    (4, 1, True, "value"), (4, 2, True, "value"), (5, 1, True, "object"), (5, 2, True, "value"),
    (4, 1, False, "object"), (4, 2, False, "value"), (5, 1, False, "value"), (5, 2, False, "object"),
    (4, 1, True, "alarm"), (5, 2, True, "alarm"), (4, 0, True, "value"),
)
PUBLISHERS_A_KIND = {"value": 2, "object": 2, "alarm": 1}
STATIONS_A_PUBLISHER = 4
ALARM_RATE = 60  # messages a second of one publisher; three transitions a second in all
SPEED = 4  # how much faster a rush is


def crew():
    """[(name, kind, codes of the stations)]"""
    found = []
    for number, kind in enumerate(KINDS):
        for k in range(PUBLISHERS_A_KIND[kind[3]]):
            name = f"{kind[3]}-{number}-{k}"
            found.append((name, kind, [f"{name}-{s}" for s in range(STATIONS_A_PUBLISHER)]))
    return found


def shapes():
    """The shape of every station's messages, for the ledger."""
    return {code: kind[3] for _, kind, codes in crew() for code in codes}


def rate_of_one(rate):
    return rate / len([name for name, kind, _ in crew() if kind[3] != "alarm"])


class Load:
    def __init__(self, port, ledger, rate, seed):
        """rate: messages a second of all publishers but those with the alarms."""
        self.books = Books()
        self.books.speed = 1
        self.random = random.Random(seed)
        self.selector = None
        self.publishers = []
        for name, (version, qos, clean, shape), codes in crew():
            one = ALARM_RATE if shape == "alarm" else rate_of_one(rate)
            stations = [ledger.stations[code] for code in codes]
            self.publishers.append(Publisher(name, port, version, qos, clean, stations, one, self.books))
        self.process = multiprocessing.get_context("fork").Process(target=self._run, daemon=True)

    # --- from the campaign's side ---

    def start(self):
        self.books.generate = 1
        self.process.start()

    def cut(self):
        """Breaks the connections of most publishers."""
        self.books.cuts += 1

    def rush(self, on):
        self.books.speed = SPEED if on else 1

    def finish(self, timeout):
        """No new messages; true when everything that was begun has been acknowledged."""
        self.books.generate = 0
        deadline = time.monotonic() + timeout
        self.books.idle = 0
        while time.monotonic() < deadline:
            time.sleep(0.05)
            if self.books.idle > 10 or not self.process.is_alive():
                break
        return self.books.idle > 10

    def end(self):
        if self.process.pid is None:
            return
        self.books.quit = 1
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()

    # --- in the load's process ---

    def _run(self):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the campaign ends us in its own time
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self.selector = selectors.DefaultSelector()
        cuts, parent = 0, multiprocessing.parent_process()
        while not self.books.quit and parent.is_alive():
            now = time.monotonic()
            if self.books.cuts != cuts:
                cuts = self.books.cuts
                self._cut()
            for publisher in self.publishers:
                self._turn(publisher, now)
            for key, _ in self.selector.select(0.004):
                self._guarded(key.data, lambda p: p.readable(time.monotonic()))
            idle = not self.books.generate and all(p.idle() for p in self.publishers)
            self.books.idle = self.books.idle + 1 if idle else 0

    def _turn(self, publisher, now):
        if publisher.session is None:
            if now >= publisher.connect_at and publisher.connect(now):
                self.selector.register(publisher.session, selectors.EVENT_READ, publisher)
            return
        is_alarm = publisher.stations[0].shape == "alarm"
        generate = self.books.generate and (not is_alarm or self.books.alarms)
        speed = 1 if is_alarm else self.books.speed
        self._guarded(publisher, lambda p: p.turn(now, generate, speed))

    def _guarded(self, publisher, act):
        session = publisher.session
        if session is None:
            return
        try:
            act(publisher)
        except OSError:
            self.selector.unregister(session)
            publisher.lose()

    def _cut(self):
        for publisher in self.publishers:
            if publisher.session is not None and self.random.random() < 0.7:
                self.selector.unregister(publisher.session)
                publisher.lose()
