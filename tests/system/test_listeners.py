"""Where settings belong to listeners: the plugin is one listener's, or several's, or everyone's."""

import pytest

from broker import mosquitto_version
from processes import free_port
from readings import series, topic
from waiting import wait_until

HEAD = "per_listener_settings true"


def listener(port):
    return f"listener {port} 127.0.0.1\nallow_anonymous true\n"


def test_readings_and_alerts_take_their_route_with_per_listener_settings(make_broker, database):
    database.judge_nothing()
    database.set_threshold("phu-an", 1, 1.40)
    broker = make_broker(database=database, head=HEAD).start()
    subscriber = broker.client()
    subscriber.subscribe("highwater/alerts/#")
    client = broker.client()
    values = [1.0, 1.1, 1.2]
    client.publish_many(series("phu-an", values))
    database.wait_results("phu-an", values)
    # Before 2.0.15 there is no tick; a message does its work: the registry is known from the second on.
    counters = broker.counters()
    wait_until(lambda: client.publish("sensors/nha-be", "{}") or counters.get("registry/datastreams"))
    client.publish(topic("phu-an"), "1.5")
    assert [m.json()["value"] for m in subscriber.wait_received(1)] == [1.5]
    database.wait_count(1, "alert_event")


def test_counters_change_without_traffic_where_the_broker_ticks(make_broker, database, postgres):
    head = HEAD if mosquitto_version() >= (2, 0, 15) else ""
    broker = make_broker(database=database, head=head).start()
    counters = broker.counters()
    counters.wait("database/connected", 1)
    postgres.stop()
    wait_until(lambda: counters.get("database/connected") == 0, 5)
    broker.wait_for_log("highwater: database: connection lost")


def test_listener_without_the_plugin_is_left_alone(make_broker, database):
    port = free_port()
    head = f"{HEAD}\n{listener(port)}"
    broker = make_broker(database=database, head=head).start()
    other = broker.client(port=port)
    subscriber = broker.client()
    subscriber.subscribe("sensors/#")
    other.publish(topic("phu-an"), "not a number")
    subscriber.wait_received(1)
    broker.client().publish(topic("nha-be"), "1.5")
    database.wait_results("nha-be", [1.5])
    assert database.count("rejected") == 0


def check_both_are_served(broker, database, ports):
    """Each listener's readings are stored once, alerts are told once, and the plugin is called when idle."""
    database.judge_nothing()
    database.set_threshold("station-0", 1, 1.40)
    broker.start()
    broker.wait_registry(1)
    subscriber = broker.client()
    subscriber.subscribe("highwater/alerts/#")
    for i, port in enumerate(ports):
        broker.client(port=port).publish_many(series(f"station-{i}", [1.0, 1.5]))
    for i in range(len(ports)):
        database.wait_results(f"station-{i}", [1.0, 1.5])
    database.wait_count(1, "alert_event")
    assert len(subscriber.wait_received(1)) == 1
    counters = broker.counters()
    counters.wait("readings/stored", 2 * len(ports))
    assert counters.get("readings/received") == 2 * len(ports)
    broker.reload()
    broker.wait_for_log("highwater: configuration reloaded")
    broker.client(port=ports[-1]).publish(topic("nha-be"), "1.5")
    database.wait_results("nha-be", [1.5])


@pytest.mark.skipif(mosquitto_version() < (2, 1), reason="plugin_use came with Mosquitto 2.1")
def test_one_plugin_serves_the_listeners_that_use_it(make_broker, database):
    port, without = free_port(), free_port()
    tail = f"plugin_use highwater\n{listener(port)}plugin_use highwater\n{listener(without)}"
    broker = make_broker(database=database, plugin="plugin_load highwater", tail=tail)
    check_both_are_served(broker, database, [broker.port, port])
    broker.client(port=without).publish(topic("thu-dau-mot"), "1.5")
    broker.client().publish(topic("bien-hoa"), "1.5")
    database.wait_results("bien-hoa", [1.5])
    assert database.results("thu-dau-mot") == []


@pytest.mark.skipif(mosquitto_version() < (2, 1), reason="global_plugin came with Mosquitto 2.1")
def test_global_plugin_serves_all_with_per_listener_settings(make_broker, database):
    port = free_port()
    broker = make_broker(database=database, head=HEAD, plugin="global_plugin", tail=listener(port))
    check_both_are_served(broker, database, [broker.port, port])
