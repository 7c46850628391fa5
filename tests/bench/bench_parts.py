"""What the benchmark measures, a function a part. Each leaves its figures in a Results."""

import contextlib
import random
import time

from bench_callback import callback
from bench_growth import growth
from bench_scene import Subject, memory_kib
from bench_store import store

ALERT_LEVEL = ("bench-alert", 1, 1.0, 0.9)


class Bench:
    def __init__(self, folder, server, results, runs, scale, nagle=False):
        self.folder, self.server, self.results = folder, server, results
        self.runs, self.scale, self.nagle = runs, scale, nagle
        self.made = 0

    def count(self, messages):
        return max(2000, int(messages * self.scale))

    def seconds(self, seconds):
        return max(1.0, seconds * self.scale)

    @contextlib.contextmanager
    def subject(self, name, database=None, config=None, nagle=None):
        self.made += 1
        subject = Subject(self.folder / f"{name}-{self.made}", name, database, config,
                          nagle=self.nagle if nagle is None else nagle)
        subject.start()
        try:
            if database is not None:
                subject.wait_registry()
            yield subject
        finally:
            subject.stop()

    def say(self, text):
        print(text, flush=True)


def throughput(bench):
    """Messages a second and CPU of the broker's thread, as fast as the broker takes them."""
    part = "a. throughput"
    combinations = [(qos, size) for qos in (1, 0) for size in (60, 170)]
    with contextlib.ExitStack() as stack:
        subjects = {
            "bare": stack.enter_context(bench.subject("bare")),
            "empty plugin": stack.enter_context(bench.subject("empty")),
            "Highwater": stack.enter_context(bench.subject("highwater", bench.server.new_database())),
        }
        cases = [("bare", "bare", "sensors"), ("empty plugin", "empty plugin", "sensors"),
                 ("Highwater, matched", "Highwater", "sensors"),
                 ("Highwater, unmatched", "Highwater", "other")]
        for run in range(bench.runs + 1):  # the first one warms up, and is not counted
            random.Random(run).shuffle(cases)  # none always follows on the same one's work
            for qos, size in combinations:
                for case, name, prefix in cases:
                    messages = bench.count(300000 if qos else 600000)
                    report = subjects[name].load(messages=messages, qos=qos, size=size, prefix=prefix)
                    subject = f"{case}, QoS {qos}, {size} B"
                    if prefix == "sensors" and name == "Highwater":
                        subjects[name].wait_drained()
                    if run > 0:
                        bench.results.add(part, subject, "throughput", "messages/s", report["per_second"])
                        bench.results.add(part, subject, "broker's thread", "µs/message", report["broker_us"])
                        bench.results.add(part, subject, "generator", "of a core", report["cpu_share"])
            bench.say(f"{part}: run {run} of {bench.runs}")
    for qos, size in combinations:
        for case in ("empty plugin", "Highwater, matched", "Highwater, unmatched"):
            share_of_bare(bench.results, part, f"{case}, QoS {qos}, {size} B", f"bare, QoS {qos}, {size} B")


def share_of_bare(results, part, case, bare):
    """Run by run: what ran side by side is compared, not what ran minutes apart."""
    key = ("throughput", "messages/s")
    pairs = zip(results.values[(part, case, *key)], results.values[(part, bare, *key)])
    for mine, theirs in list(pairs):
        results.add(part, case, "share of bare", "%", 100 * mine / theirs)


def alerts(bench):
    """From PUBLISH to receipt of the alert: idle and loaded, database up and frozen, Nagle on and off."""
    part = "c. alerts"
    with contextlib.ExitStack() as stack:
        subjects = {}
        for nagle in (False, True):
            database = bench.server.new_database()
            database.set_threshold(*ALERT_LEVEL)
            subject = stack.enter_context(bench.subject("highwater", database, nagle=nagle))
            subject.wait_registry(1)
            subjects[f"set_tcp_nodelay {'false' if nagle else 'true'}"] = subject
        for run in range(bench.runs):
            for setting, subject in subjects.items():
                hear_alerts(bench, part, subject, f"database up, {setting}")
                bench.server.freeze()
                try:
                    hear_alerts(bench, part, subject, f"database frozen, {setting}")
                finally:
                    bench.server.thaw()
                    subject.wait_drained()
            bench.say(f"{part}: run {run + 1} of {bench.runs}")


def hear_alerts(bench, part, subject, state):
    for case, rate in (("idle", 1), ("1,000/s", 1000), ("20,000/s", 20000)):
        report = subject.load(rate=rate, seconds=bench.seconds(3), alert_rate=50, no_delay=True)
        if report["alerts_heard"] != report["alerts_sent"] or report["alerts_strange"]:
            raise RuntimeError(f"alerts do not match: {report}")
        for quantile, name in (("p50", "p50"), ("p99", "p99"), ("max", "most")):
            bench.results.add(part, f"{case}, {state}", name, "ms", report["alert_us"][quantile] / 1000)


def catch_up(bench):
    """How fast what waits in the journal reaches PostgreSQL when that comes back."""
    part = "e. catch-up"
    database = bench.server.new_database()
    with bench.subject("highwater", database, {"stats_interval": "100ms"}) as subject:
        for run in range(bench.runs):
            bench.server.freeze()
            try:
                report = subject.load(messages=bench.count(500000))
            finally:
                started = time.monotonic()
                bench.server.thaw()
            subject.wait_counter("journal/pending", 0)
            took = time.monotonic() - started
            bench.results.add(part, "after an outage", "rows stored", "rows/s", report["sent"] / took)
            bench.say(f"{part}: run {run + 1} of {bench.runs}")


def memory(bench):
    """Anonymous memory of the broker by number of datastreams, each of which has had two readings."""
    part = "f. memory"
    for count in (1000, 10000, 100000):
        if count * 2 > bench.count(200000) and bench.scale < 1:
            continue
        database = bench.server.new_database()
        with bench.subject("highwater", database) as subject:
            before = memory_kib(subject.process.pid)
            subject.load(messages=2 * count, stations=count)
            subject.wait_drained()
            subject.wait_counter("registry/datastreams", count)
            grown = memory_kib(subject.process.pid) - before
            bench.results.add(part, f"{count:,} datastreams", "memory", "bytes each", grown * 1024 / count)
        bench.say(f"{part}: {count:,} datastreams")


PARTS = {
    "throughput": throughput,
    "store": store,
    "alerts": alerts,
    "callback": callback,
    "catch-up": catch_up,
    "memory": memory,
    "growth": growth,
}
