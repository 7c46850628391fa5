"""Counters and gauges below $SYS/broker/highwater."""

import pathlib
import re

from readings import series, topic
from waiting import wait_until

PLUGIN = pathlib.Path(__file__).resolve().parents[2] / "plugin"


def names(header):
    """The quoted names of a header's X-macro list."""
    return re.findall(r'\bX\(\w+, "([^"]+)"', (PLUGIN / header).read_text(encoding="utf-8"))


def test_every_counter_is_published_and_retained(broker):
    expected = set(names("stats.h"))
    assert len(expected) > 15
    counters = broker.counters()
    wait_until(lambda: expected <= set(counters.all()), what=f"{expected}")
    late = broker.client()
    late.subscribe(counters.PREFIX + "#")
    wait_until(lambda: expected <= {m.topic[len(counters.PREFIX):] for m in late.received() if m.retain})


def test_counters_add_up(broker, client, database):
    client.publish_many(series("phu-an", [1.0, 1.1, 1.2]) + series("nha-be", [2.0, 2.1]))
    repeated = series("phu-an", [3.0])
    client.publish_many(repeated + repeated)
    client.publish(topic("phu-an"), "not a number")
    client.publish(topic("phu-an", "colour"), "1.5")
    client.publish("other/topic", "1.5")
    database.wait_count(6)
    counters = broker.counters()
    for name, expected in {
        "messages/matched": 9,
        "readings/received": 9,
        "readings/journalled": 6,
        "readings/duplicate": 1,
        "readings/stored": 6,
        "rejected/total": 2,
        "rejected/invalid_json": 1,
        "rejected/unknown_property": 1,
        "datastreams": 2,
        "database/connected": 1,
    }.items():
        counters.wait(name, expected)
    wait_until(lambda: counters.get("journal/pending") == 0)
    assert counters.get("database/batches") >= 1
    assert counters.get("journal/bytes") > 0


def test_gauge_of_active_alerts_follows_the_alerts(make_broker, database):
    database.judge_nothing()
    database.set_threshold("phu-an", 1, 1.40)
    broker = make_broker(database=database).start()
    broker.wait_registry(1)
    client = broker.client()
    counters = broker.counters()
    client.publish(topic("phu-an"), "1.5")
    counters.wait("alerts/active", 1)
    client.publish(topic("phu-an"), "1.0")
    wait_until(lambda: counters.get("alerts/active") == 0)
    counters.wait("alerts/published", 2)
