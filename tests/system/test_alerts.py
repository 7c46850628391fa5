"""Threshold alerts: each once, in time, with enough in it to act, and none that is false."""

import datetime
import time

import pytest

from mqtt import RawClient
from readings import now, stamp, topic
from waiting import PATIENCE, wait_until

STATION = "phu-an"
ALERTS = "highwater/alerts/#"
STATUS = f"highwater/status/{STATION}/water_level"

CONTRACT_FIELDS = {
    "identifier", "incident", "sequence", "msg_type", "sent", "station", "name", "property",
    "latitude", "longitude", "level", "level_name", "previous_level", "cause", "direction", "value",
    "unit", "datum", "threshold", "phenomenon_time", "started", "peak", "peak_time", "quality",
    "severity", "urgency", "certainty", "event", "period", "onset", "projected_level",
    "projected_level_name", "projected_time", "acknowledged", "shelved_until", "suppressed",
    "out_of_service", "held", "user", "client", "reason",
}


@pytest.fixture
def levels(database):
    """Phú An with its three alarm levels; clear values 0.05 m below."""
    database.judge_nothing()
    database.sql("SELECT highwater.register_station(%s, 'Phú An', 10.776, 106.706)", (STATION,))
    for level, value, severity in ((1, 1.40, "Minor"), (2, 1.50, "Moderate"), (3, 1.60, "Severe")):
        database.set_threshold(STATION, level, value, name=f"báo động {'I' * level}", severity=severity)


@pytest.fixture
def armed(make_broker, database, levels):
    """A broker that knows the levels."""
    broker = make_broker(database=database).start()
    broker.wait_registry(1)
    return broker


def listen(broker, *filters):
    subscriber = broker.client()
    for topic_filter in filters or (ALERTS,):
        subscriber.subscribe(topic_filter)
    return subscriber


def say(client, *values, station=STATION):
    for value in values:
        client.publish(topic(station), str(value))


def nothing_more(subscriber, count, seconds=0.5):
    """No message beyond count comes within a while."""
    time.sleep(seconds * PATIENCE)
    subscriber.wait_received(count, ALERTS)


@pytest.mark.memcheck
def test_rise_and_fall_are_alert_updates_and_cancel_of_one_incident(armed, database):
    subscriber = listen(armed)
    say(armed.client(), 1.00, 1.42, 1.52, 1.55, 1.44, 1.30)
    told = [m.json() for m in subscriber.wait_received(4, ALERTS)]
    assert [(t["msg_type"], t["previous_level"], t["level"]) for t in told] == [
        ("Alert", 0, 1), ("Update", 1, 2), ("Update", 2, 1), ("Cancel", 1, 0)
    ]
    assert [t["value"] for t in told] == [1.42, 1.52, 1.44, 1.30]
    assert [t["sequence"] for t in told] == [1, 2, 3, 4]
    assert len({t["incident"] for t in told}) == 1
    assert len({t["identifier"] for t in told}) == 4
    assert [t["peak"] for t in told] == [1.42, 1.52, 1.55, 1.55]
    assert [t["severity"] for t in told[:3]] == ["Minor", "Moderate", "Minor"]
    assert not any(m.retain for m in subscriber.received(ALERTS))

    database.wait_count(4, "alert_event")
    assert database.sql(
        "SELECT sequence, msg_type, previous_level, level, value FROM highwater.alert_event ORDER BY sequence"
    ) == [
        (1, "Alert", 0, 1, 1.42), (2, "Update", 1, 2, 1.52),
        (3, "Update", 2, 1, 1.44), (4, "Cancel", 1, 0, 1.30),
    ]
    incident, level, ended, peak = database.sql("SELECT incident, level, ended, peak FROM highwater.alert")[0]
    assert incident == told[0]["incident"]
    assert (level, peak) == (0, 1.55)
    assert ended is not None
    assert database.count("alert") == 1


def test_alert_says_what_the_contract_lists(armed):
    subscriber = listen(armed)
    moment = now().replace(microsecond=0)
    armed.client().publish(topic(STATION), {"time": stamp(moment), "value": 1.42})
    message = subscriber.wait_received(1, ALERTS)[0]
    assert message.topic == f"highwater/alerts/{STATION}/water_level"
    assert message.qos == 1
    told = message.json()
    assert CONTRACT_FIELDS == set(told)
    expected = {
        "msg_type": "Alert", "sequence": 1, "cause": "threshold", "direction": "rising",
        "station": STATION, "name": "Phú An", "latitude": 10.776, "longitude": 106.706,
        "property": "water_level", "value": 1.42, "unit": "m", "threshold": 1.40,
        "level": 1, "level_name": "báo động I", "previous_level": 0,
        "phenomenon_time": stamp(moment), "started": stamp(moment), "peak": 1.42, "peak_time": stamp(moment),
        "severity": "Minor", "urgency": "Immediate", "certainty": "Observed",
        "event": "raised", "acknowledged": False, "user": None,
    }
    assert {key: told[key] for key in expected} == expected
    sent = datetime.datetime.fromisoformat(told["sent"].replace("Z", "+00:00"))
    assert abs((sent - now()).total_seconds()) < 10


def test_wavering_inside_the_deadband_raises_once(armed):
    subscriber = listen(armed)
    client = armed.client()
    say(client, 1.41, 1.39, 1.41, 1.36, 1.40, 1.35, 1.42)
    assert [m.json()["level"] for m in subscriber.wait_received(1, ALERTS)] == [1]
    nothing_more(subscriber, 1)
    say(client, 1.34)
    assert [m.json()["msg_type"] for m in subscriber.wait_received(2, ALERTS)] == ["Alert", "Cancel"]


def test_jump_over_two_levels_raises_the_highest(armed):
    subscriber = listen(armed)
    say(armed.client(), 1.00, 1.65)
    told = subscriber.wait_received(1, ALERTS)[0].json()
    assert (told["msg_type"], told["level"], told["level_name"]) == ("Alert", 3, "báo động III")
    nothing_more(subscriber, 1)


def test_first_reading_ever_raises_when_it_is_high(armed):
    subscriber = listen(armed)
    say(armed.client(), 1.52)
    assert subscriber.wait_received(1, ALERTS)[0].json()["level"] == 2


def test_falling_threshold_alerts_on_low_water(make_broker, database):
    database.judge_nothing()
    database.set_threshold("weir", 1, 0.50, 0.60, direction="falling", name="low water")
    broker = make_broker(database=database).start()
    broker.wait_registry(1)
    subscriber = listen(broker)
    say(broker.client(), 0.9, 0.5, 0.4, 0.6, 0.61, station="weir")
    told = [m.json() for m in subscriber.wait_received(2, ALERTS)]
    assert [(t["msg_type"], t["value"], t["direction"]) for t in told] == [
        ("Alert", 0.5, "falling"), ("Cancel", 0.61, "falling")
    ]
    assert told[1]["peak"] == 0.4


def test_status_is_retained_and_is_the_state_now(armed):
    client = armed.client()
    say(client, 1.00, 1.42, 1.65)
    watching = listen(armed, ALERTS)
    status = listen(armed, "highwater/status/#")
    message = status.wait_received(1)[0]
    assert message.topic == STATUS
    assert message.retain
    assert message.json()["level"] == 3
    say(client, 1.0)
    cancel = watching.wait_received(1, ALERTS)[0].json()
    late = listen(armed, "highwater/status/#")
    assert late.wait_received(1)[0].json() == cancel


def test_late_reading_is_stored_and_raises_no_alarm(armed, database):
    subscriber = listen(armed)
    client = armed.client()
    client.publish(topic(STATION), {"time": stamp(now() - datetime.timedelta(minutes=31)), "value": 1.7})
    database.wait_results(STATION, [1.7])
    nothing_more(subscriber, 0)
    armed.counters().wait("readings/late", 1)


def test_reading_older_than_the_last_changes_no_level(armed, database):
    subscriber = listen(armed)
    client = armed.client()
    client.publish(topic(STATION), {"time": stamp(now()), "value": 1.0})
    client.publish(topic(STATION), {"time": stamp(now() - datetime.timedelta(minutes=1)), "value": 1.7})
    database.wait_count(2)
    nothing_more(subscriber, 0)


def test_threshold_edited_in_sql_holds_within_a_second(armed, database):
    subscriber = listen(armed)
    client = armed.client()
    say(client, 1.20)
    nothing_more(subscriber, 0, 0.2)
    database.sql("UPDATE highwater.threshold SET set_value = 1.10, clear_value = 1.05 WHERE level = 1")
    edited = time.monotonic()

    def told():
        say(client, 1.20)
        return subscriber.received(ALERTS)

    wait_until(told, 5, "an alert by the edited threshold")
    took = time.monotonic() - edited
    assert took < 1.0 * PATIENCE
    assert subscriber.received(ALERTS)[0].json()["threshold"] == 1.10


def test_threshold_added_in_sql_for_a_new_station_holds_within_a_second(broker, database):
    subscriber = listen(broker)
    client = broker.client()
    say(client, 0.20, station="street-12")
    database.wait_count(1)
    database.set_threshold("street-12", 1, 0.10)
    edited = time.monotonic()

    def told():
        say(client, 0.20, station="street-12")
        return subscriber.received(ALERTS)

    wait_until(told, 5, "an alert by the new threshold")
    assert time.monotonic() - edited < 1.0 * PATIENCE


def test_threshold_taken_away_ends_the_incident(armed, database):
    subscriber = listen(armed)
    client = armed.client()
    say(client, 1.42)
    subscriber.wait_received(1, ALERTS)
    database.sql("DELETE FROM highwater.threshold")

    def told():
        say(client, 1.42)
        return len(subscriber.received(ALERTS)) > 1

    wait_until(told, 5, "the cancel")
    assert subscriber.received(ALERTS)[1].json()["msg_type"] == "Cancel"
    ended = "SELECT count(*) FROM highwater.flood_event WHERE ended IS NOT NULL AND level = 0"
    wait_until(lambda: database.value(ended) == 1, what="the end in SQL")
    assert database.count("rejected") == 0


def test_open_incident_outlives_a_lost_registry_copy(armed, database, postgres):
    subscriber = listen(armed)
    say(armed.client(), 1.55)
    subscriber.wait_received(1, ALERTS)
    postgres.stop()
    armed.kill9()
    (armed.state_dir / "registry").unlink()
    armed.start()
    subscriber = listen(armed)
    client = armed.client()
    say(client, 1.58, 1.20)
    nothing_more(subscriber, 0)
    postgres.start()
    armed.wait_registry(1)
    say(client, 1.21)
    assert [m.json()["msg_type"] for m in subscriber.wait_received(1, ALERTS)] == ["Cancel"]



def test_incident_survives_kill_9_is_not_raised_again_and_clears(make_broker, database, levels):
    broker = make_broker(database=database).start()
    broker.wait_registry(1)
    subscriber = listen(broker)
    say(broker.client(), 1.00, 1.52)
    raised = subscriber.wait_received(1, ALERTS)[0].json()
    time.sleep(0.5)
    broker.kill9()
    broker.start()
    subscriber = listen(broker, ALERTS, "highwater/status/#")
    wait_until(lambda: subscriber.received(STATUS), what="the state now, told again after the restart")
    assert subscriber.received(STATUS)[-1].json()["level"] == 2
    client = broker.client()
    say(client, 1.53)
    nothing_more(subscriber, 0)
    say(client, 1.20)
    cancel = subscriber.wait_received(1, ALERTS)[0].json()
    assert (cancel["msg_type"], cancel["incident"]) == ("Cancel", raised["incident"])
    assert cancel["peak"] == 1.53
    database.wait_count(2, "alert_event")
    assert database.count("alert") == 1


def test_incident_survives_a_restart_in_good_order(make_broker, database, levels):
    broker = make_broker(database=database).start()
    broker.wait_registry(1)
    subscriber = listen(broker)
    say(broker.client(), 1.52)
    raised = subscriber.wait_received(1, ALERTS)[0].json()
    broker.stop()
    broker.start()
    subscriber = listen(broker)
    say(broker.client(), 1.10)
    told = [m.json() for m in subscriber.wait_received(1, ALERTS)]
    assert [(t["msg_type"], t["incident"]) for t in told] == [("Cancel", raised["incident"])]


@pytest.mark.memcheck
def test_alerts_go_on_with_the_database_stopped_before_the_start(make_broker, database, postgres, levels):
    broker = make_broker(database=database).start()
    broker.wait_registry(1)
    broker.stop()
    postgres.stop()
    broker.start()
    subscriber = listen(broker)
    client = broker.client()
    say(client, 1.00, 1.42, 1.30)
    told = [m.json() for m in subscriber.wait_received(2, ALERTS)]
    assert [t["msg_type"] for t in told] == ["Alert", "Cancel"]
    assert told[0]["name"] == "Phú An"
    postgres.start()
    database.wait_results(STATION, [1.00, 1.42, 1.30], timeout=20)
    database.wait_count(2, "alert_event")


@pytest.mark.parametrize("below", ["/alerts/x/water_level", "/status/x/water_level", "/rejected/x", ""])
def test_publish_below_the_prefix_is_refused(armed, below):
    target = "highwater" + below
    subscriber = listen(armed, "highwater/#", "highwater")
    liar = RawClient(armed.port, "liar", version=5)
    assert liar.publish(target, b'{"level": 3}') == 0x87
    old_liar = RawClient(armed.port, "old-liar", version=4)
    old_liar.publish(target, b'{"level": 3}')
    armed.client().publish("highwaters/not/ours", "x")
    time.sleep(0.2 * PATIENCE)
    assert subscriber.received() == []
    for client in (liar, old_liar):
        client.close()
    armed.counters().wait("messages/refused", 2)


def test_alert_is_published_with_the_quality_of_service_of_the_config(make_broker, database, levels):
    broker = make_broker(database=database, config={"alerts": {"qos": 2}}).start()
    broker.wait_registry(1)
    subscriber = broker.client()
    subscriber.subscribe(ALERTS, qos=2)
    say(broker.client(), 1.42)
    assert subscriber.wait_received(1, ALERTS)[0].qos == 2


def test_prefix_of_the_config_is_used(make_broker, database, levels):
    broker = make_broker(database=database, config={"prefix": "city/flood"}).start()
    broker.wait_registry(1)
    subscriber = listen(broker, "city/flood/#")
    say(broker.client(), 1.42)
    subscriber.wait_received(1, "city/flood/alerts/#")
    subscriber.wait_received(1, f"city/flood/status/{STATION}/water_level")
