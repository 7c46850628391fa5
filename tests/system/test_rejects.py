"""A bad reading costs one reading, and leaves its reason."""

import datetime

import pytest

from readings import now, series, stamp, topic
from waiting import wait_until

MEBIBYTE = 1 << 20

# what is wrong: (topic below sensors/, payload, reason)
MALFORMED = {
    "empty": ("phu-an/water_level", b"", "empty_payload"),
    "one_mebibyte_of_brackets": ("phu-an/water_level", b"[" * MEBIBYTE, "payload_too_large"),
    "brackets_below_the_size_limit": ("phu-an/water_level", b"[" * 60000, "invalid_json"),
    "nul_bytes": ("phu-an/water_level", b"\0\0\0", "invalid_utf8"),
    "nul_after_a_number": ("phu-an/water_level", b"1.5\0", "invalid_utf8"),
    "invalid_utf8": ("phu-an/water_level", b'{"value": 1.5, "unit": "\xff\xfe"}', "invalid_utf8"),
    "nan": ("phu-an/water_level", b"NaN", "invalid_json"),
    "nan_in_an_object": ("phu-an/water_level", b'{"value": NaN}', "invalid_json"),
    "infinity": ("phu-an/water_level", b"-Infinity", "invalid_json"),
    "overflow": ("phu-an/water_level", b"1e999", "out_of_range"),
    "overflow_in_an_object": ("phu-an/water_level", b'{"value": -1e999}', "out_of_range"),
    "duplicate_keys": ("phu-an/water_level", b'{"value": 1.5, "value": 1.6}', "duplicate_key"),
    "string_for_a_number": ("phu-an/water_level", b'{"value": "1.5"}', "not_a_number"),
    "true_for_a_number": ("phu-an/water_level", b'{"value": true}', "not_a_number"),
    "array": ("phu-an/water_level", b"[1.5]", "wrong_shape"),
    "number_where_an_object_is_due": ("phu-an", b"1.5", "wrong_shape"),
    "text": ("phu-an/water_level", b"high water", "invalid_json"),
    "two_numbers": ("phu-an/water_level", b"0.201|0.109", "invalid_json"),
    "cut_off": ("phu-an/water_level", b'{"value": 1.5', "invalid_json"),
    "no_value": ("phu-an/water_level", b'{"unit": "m"}', "missing_value"),
    "year_9999": ("phu-an/water_level", b'{"time": "9999-12-31T23:59:59Z", "value": 1.5}', "time_in_future"),
    "year_1970": ("phu-an/water_level", b'{"time": 1, "value": 1.5}', "time_too_old"),
    "no_zone": ("phu-an/water_level", b'{"time": "2026-11-22T10:15:00", "value": 1.5}', "invalid_time"),
    "no_such_day": ("phu-an/water_level", b'{"time": "2026-02-30T10:15:00Z", "value": 1.5}', "invalid_time"),
    "time_of_another_type": ("phu-an/water_level", b'{"time": [], "value": 1.5}', "invalid_time"),
    "wrong_unit": ("phu-an/water_level", b'{"value": 5.2, "unit": "hPa"}', "wrong_unit"),
    "unknown_property": ("phu-an/colour", b"1.5", "unknown_property"),
    "station_code_too_long": ("x" * 65 + "/water_level", b"1.5", "invalid_station"),
    "bad_member_of_many": ("phu-an", b'{"water_level": "1.5"}', "not_a_number"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_payload_is_told_with_its_reason_and_harms_no_other(broker, database, case):
    below, payload, reason = MALFORMED[case]
    original = "sensors/" + below
    subscriber = broker.client()
    subscriber.subscribe("highwater/rejected/#")
    client = broker.client(client_id="gauge-7")
    good = series("nha-be", [1.1, 1.2])

    client.publish(*good[0])
    client.publish(original, payload)
    client.publish(*good[1])

    letter = subscriber.wait_received(1)[0]
    assert letter.topic == "highwater/rejected/" + original
    assert not letter.retain
    told = letter.json()
    assert told["reason"] == reason, told
    assert told["client"] == "gauge-7"
    assert told["detail"]
    if len(payload) < 100 and reason != "invalid_utf8":
        assert told["payload"] == payload.decode()

    database.wait_results("nha-be", [1.1, 1.2])
    database.wait_count(1, "rejected")
    row = database.sql(
        "SELECT topic, client_id, reason, payload_length, payload, detail FROM highwater.rejected"
    )[0]
    assert row[:4] == (original, "gauge-7", reason, len(payload))
    assert bytes(row[4] or b"") == payload[:4096]
    assert row[5]
    assert database.count() == 2
    assert broker.running()


@pytest.mark.memcheck
def test_all_malformed_payloads_in_one_go_leave_the_good_ones_stored(broker, client, database):
    values = [i / 100 for i in range(len(MALFORMED) + 1)]
    good = series("nha-be", values)
    messages = [good[0]]
    for (below, payload, _), reading in zip(MALFORMED.values(), good[1:]):
        messages += [("sensors/" + below, payload), reading]
    client.publish_many(messages)
    database.wait_results("nha-be", values)
    database.wait_count(len(MALFORMED), "rejected")
    assert [reason for _, reason in database.rejected()] == [m[2] for m in MALFORMED.values()]
    counters = broker.counters()
    counters.wait("rejected/total", len(MALFORMED))
    counters.wait("rejected/not_a_number", sum(m[2] == "not_a_number" for m in MALFORMED.values()))


def test_bad_member_of_an_object_costs_that_member_alone(broker, client, database):
    subscriber = broker.client()
    subscriber.subscribe("highwater/rejected/#")
    client.publish("sensors/phu-an", {"water_level": 1.5, "rainfall": "much", "battery_voltage": 3.6})
    database.wait_count(2)
    database.wait_count(1, "rejected")
    told = subscriber.wait_received(1)[0].json()
    assert told["reason"] == "not_a_number"
    assert "rainfall" in told["detail"]


def test_rejected_payload_is_not_delivered_to_subscribers(broker, client, database):
    subscriber = broker.client()
    subscriber.subscribe("sensors/#")
    client.publish(topic("phu-an"), "not a number")
    client.publish(topic("phu-an"), "1.5")
    assert [m.payload for m in subscriber.wait_received(1)] == [b"1.5"]
    database.wait_count(1, "rejected")


def test_on_invalid_pass_delivers_to_subscribers_and_does_not_store(make_broker, database):
    broker = make_broker(database=database, config={"on_invalid": "pass"}).start()
    subscriber = broker.client()
    subscriber.subscribe("sensors/#")
    client = broker.client()
    client.publish(topic("phu-an"), "not a number")
    client.publish(topic("phu-an"), "1.5")
    assert [m.payload for m in subscriber.wait_received(2)] == [b"not a number", b"1.5"]
    database.wait_results("phu-an", [1.5])
    database.wait_count(1, "rejected")


def test_rejected_reading_is_acknowledged_so_that_it_is_not_sent_for_ever(client, database):
    client.publish(topic("phu-an"), "not a number")  # waits for the acknowledgement
    database.wait_count(1, "rejected")


def test_time_guards_are_turned_off_by_zero(make_broker, database):
    config = {"time": {"max_future": "0", "max_age": "0"}}
    broker = make_broker(database=database, config=config).start()
    client = broker.client()
    client.publish(topic("phu-an"), '{"time": "1971-01-01T00:00:00Z", "value": 1.0}')
    client.publish(topic("phu-an"), '{"time": "2999-01-01T00:00:00Z", "value": 2.0}')
    database.wait_results("phu-an", [1.0, 2.0])


def test_refuses_reading_from_the_future_beyond_the_limit_only(client, database):
    near = now() + datetime.timedelta(minutes=4)
    far = now() + datetime.timedelta(minutes=6)
    client.publish(topic("phu-an"), {"time": stamp(near), "value": 1.0})
    client.publish(topic("phu-an"), {"time": stamp(far), "value": 2.0})
    database.wait_results("phu-an", [1.0])
    database.wait_count(1, "rejected")
    assert database.rejected() == [(topic("phu-an"), "time_in_future")]


def test_value_that_postgresql_refuses_costs_one_row(make_broker, database):
    database.sql("ALTER TABLE highwater.observation ADD CONSTRAINT unlucky CHECK (result <> 13.13)")
    broker = make_broker(database=database).start()
    values = [i / 100 for i in range(300)]
    values[170] = 13.13
    broker.client().publish_many(series("phu-an", values))
    database.wait_count(299)
    database.wait_count(1, "rejected")
    assert database.results("phu-an") == values[:170] + values[171:]
    reason, detail = database.sql("SELECT reason, detail FROM highwater.rejected")[0]
    assert reason == "database"
    assert "unlucky" in detail
    counters = broker.counters()
    wait_until(lambda: counters.get("journal/pending") == 0, what="everything committed")
    counters.wait("rejected/database", 1)
