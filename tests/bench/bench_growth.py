"""Part g: what a message costs as sources, datastreams and thresholds grow in number."""

import pathlib
import re

from bench_callback import staged

PART = "g. growth"
MESSAGES = 200000
STATIONS = 1000
WARM_UPS, WARM_UP = 3, 2  # so many times so many readings of each

REGISTER = """
WITH station AS (
    INSERT INTO highwater.station (code) SELECT 'bench-' || n FROM generate_series(0, %s - 1) n
    RETURNING station_id
), datastream AS (
    INSERT INTO highwater.datastream (station_id, property, unit)
    SELECT station_id, 'water_level', 'm' FROM station RETURNING datastream_id
)
INSERT INTO highwater.threshold (datastream_id, level, name, set_value, clear_value)
SELECT datastream_id, level, 'level ' || level, 10 + level, 9.9 + level
FROM datastream, generate_series(1, %s) level
"""


def growth(bench):
    """CPU of the broker's thread a message, and the callback's mean and p99: they should stay as they are."""
    for run in range(bench.runs):
        for count in sizes(bench, 1, 10, 100, min(1000, most_sources())):
            config = {"sources": sources(count)}
            one(bench, f"sources: {count:,}, the last matches", config=config)
            one(bench, f"sources: {count:,}, none matches", config=config, prefix="other")
        for count in sizes(bench, 1000, 10000, 100000):
            one(bench, f"datastreams: {count:,}", stations=count)
        for count in sizes(bench, 0, 3, 30):
            one(bench, f"thresholds a datastream: {count}", thresholds=count)
        bench.say(f"{PART}: run {run + 1} of {bench.runs}")


def sizes(bench, first, *others):
    """All of them, or, in a short run, the least and the greatest that it has the time for."""
    if bench.scale >= 1:
        return (first, *others)
    most = others[-1]
    return (first,) if most > bench.count(MESSAGES) else (first, most)


def most_sources():
    """As many as a configuration may have."""
    config = pathlib.Path(__file__).resolve().parents[2] / "plugin" / "config.h"
    return int(re.search(r"#define CONFIG_SOURCES_MAX\s+(\d+)", config.read_text(encoding="utf-8"))[1])


def sources(count):
    """The benchmark's own is the last one."""
    others = [f"network-{number}/{{station}}/{{property}}" for number in range(count - 1)]
    return [{"topic": topic, "format": "json"} for topic in [*others, "sensors/{station}/{property}"]]


def one(bench, case, config=None, prefix="sensors", stations=STATIONS, thresholds=0):
    """
    A broker of its own, whose datastreams are registered before it is measured. They have had readings until
    the file of what quality control remembers had grown to its size, and more: to grow flushes it, and then
    the first reading to be put on a page costs a fault.
    """
    database = bench.server.new_database()
    database.sql(REGISTER, (stations, thresholds))
    with staged(bench, database, WARM_UPS * WARM_UP * stations, config, whole_only=True) as subject:
        subject.wait_counter("registry/datastreams", stations)
        for _ in range(WARM_UPS):
            subject.load(messages=WARM_UP * stations, stations=stations, prefix=prefix)
            subject.wait_drained()
        load = subject.load(messages=bench.count(MESSAGES), stations=stations, prefix=prefix)
    callback = subject.report()["stages"]["own"]
    bench.results.add(PART, case, "broker's thread", "µs/message", load["broker_us"])
    bench.results.add(PART, case, "callback if not preempted, mean", "µs", callback["mean"] / 1e3)
    bench.results.add(PART, case, "callback if not preempted, p99", "µs", callback["p99"] / 1e3)
