"""Where settings belong to listeners: the plugin is one listener's, and Mosquitto 2.0 gives it no tick."""

from broker import mosquitto_version
from processes import free_port
from readings import series, topic
from waiting import wait_until

HEAD = "per_listener_settings true"


def test_readings_and_alerts_take_their_route_with_per_listener_settings(make_broker, database):
    database.set_threshold("phu-an", 1, 1.40)
    broker = make_broker(database=database, head=HEAD).start()
    subscriber = broker.client()
    subscriber.subscribe("highwater/alerts/#")
    client = broker.client()
    values = [1.0, 1.1, 1.2]
    client.publish_many(series("phu-an", values))
    database.wait_results("phu-an", values)
    # Where there is no tick, a message does its work: the registry is known from the second on.
    counters = broker.counters()
    wait_until(lambda: client.publish("sensors/nha-be", "{}") or counters.get("registry/datastreams"))
    client.publish(topic("phu-an"), "1.5")
    assert [m.json()["value"] for m in subscriber.wait_received(1)] == [1.5]
    database.wait_count(1, "alert_event")


def test_counters_change_without_traffic_where_the_broker_ticks(make_broker, database, postgres):
    head = HEAD if mosquitto_version() >= (2, 1) else ""
    broker = make_broker(database=database, head=head).start()
    counters = broker.counters()
    counters.wait("database/connected", 1)
    postgres.stop()
    wait_until(lambda: counters.get("database/connected") == 0, 5)
    broker.wait_for_log("highwater: database: connection lost")


def test_listener_without_the_plugin_is_left_alone(make_broker, database):
    port = free_port()
    head = f"{HEAD}\nlistener {port} 127.0.0.1\nallow_anonymous true\n"
    broker = make_broker(database=database, head=head).start()
    other = broker.client(port=port)
    subscriber = broker.client()
    subscriber.subscribe("sensors/#")
    other.publish(topic("phu-an"), "not a number")
    subscriber.wait_received(1)
    broker.client().publish(topic("nha-be"), "1.5")
    database.wait_results("nha-be", [1.5])
    assert database.count("rejected") == 0
