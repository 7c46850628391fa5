"""Loading the plugin changes nothing for topics that no source matches."""

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from waiting import wait_until


def properties():
    chosen = Properties(PacketTypes.PUBLISH)
    chosen.ContentType = "text/plain"
    chosen.ResponseTopic = "answers/here"
    chosen.CorrelationData = b"\x01\x02\x00\xff"
    chosen.UserProperty = [("colour", "blue"), ("colour", "green")]
    return chosen


# topic, payload, qos, retain
MESSAGES = [
    ("home/lamp", b"on", 0, False),
    ("home/lamp", b"off", 1, True),
    ("home/lamp/brightness", b"", 1, False),
    ("binary", bytes(range(256)) * 200, 2, False),
    ("sensors", b"no station", 1, False),
    ("sensors/a/b/c", b"too deep", 1, True),
    ("sensor/phu-an/water_level", b"1.5", 1, False),
    ("/sensors/phu-an/water_level", b"1.5", 1, False),
    ("highwaters/alerts/x", b"not the prefix", 1, True),
    ("unicode/Sông Sài Gòn", "nước".encode(), 2, True),
    ("home/lamp", b"", 1, True),
]


def traffic(broker):
    """What a subscriber sees of MESSAGES, live and retained: everything that a message bears."""
    broker.start()
    live = broker.client(version=paho.MQTTv5, client_id="live")
    live.subscribe("#", qos=2)
    sender = broker.client(version=paho.MQTTv5, client_id="sender")
    for topic, payload, qos, retain in MESSAGES:
        sender.publish(topic, payload, qos, retain, properties())
    live.wait_received(len(MESSAGES))
    later = broker.client(version=paho.MQTTv5, client_id="later")
    later.subscribe("#", qos=2)
    wait_until(lambda: len(later.received()) >= 3)
    seen = [(m.topic, m.payload, m.qos, m.retain, str(m.properties)) for m in live.received()]
    kept = sorted((m.topic, m.payload, m.qos, m.retain, str(m.properties)) for m in later.received())
    broker.stop()
    return seen, kept


def test_other_topics_are_delivered_as_without_the_plugin(make_broker, database):
    bare = traffic(make_broker(plugin=False, config=False))
    loaded = traffic(make_broker(database=database))
    assert len(bare[0]) == len(MESSAGES)
    assert [entry[1] for entry in bare[1]] == [b"not the prefix", b"too deep", "nước".encode()]
    assert loaded == bare
    assert database.count() == 0
    assert database.count("rejected") == 0


def test_access_control_of_the_broker_stays_as_it_was(make_broker, database):
    outcomes = []
    for choice in ({"plugin": False, "config": False}, {"database": database}):
        broker = make_broker(**choice)
        acl = broker.folder / "acl"
        acl.write_text("topic read open/#\ntopic readwrite both/#\ntopic readwrite sensors/#\n")
        acl.chmod(0o644)
        broker.conf = f"acl_file {acl}"
        broker.start()
        subscriber = broker.client()
        subscriber.subscribe("#")
        sender = broker.client()
        for topic in ("open/a", "both/a", "closed/a", "sensors/phu-an/water_level"):
            sender.publish(topic, b"1.5")
        sender.publish("both/end", b"end")
        wait_until(lambda s=subscriber: s.received("both/end"))
        outcomes.append([m.topic for m in subscriber.received()])
    assert outcomes[0] == ["both/a", "sensors/phu-an/water_level", "both/end"]
    assert outcomes[1] == outcomes[0]


def test_sessions_keep_messages_as_without_the_plugin(make_broker, database):
    for choice in ({"plugin": False, "config": False}, {"database": database}):
        broker = make_broker(**choice)
        broker.start()
        away = broker.client(client_id="away", clean=False)
        away.subscribe("#")
        away.close()
        broker.client().publish("news/one", b"kept for you")
        broker.client().publish("sensors/phu-an/water_level", b"1.5")
        back = broker.client(client_id="away", clean=False)
        assert [m.payload for m in back.wait_received(2)] == [b"kept for you", b"1.5"]
