"""From a sensor's topic to rows in PostgreSQL."""

import datetime

import pytest

from readings import UTC, now, series, stamp, topic
from waiting import wait_until


@pytest.mark.memcheck
def test_bare_number_is_stored_with_its_time_of_arrival(client, database):
    before = now()
    client.publish(topic("phu-an"), "1.53")
    after = now()
    database.wait_count(1)
    rows = database.sql("SELECT result, phenomenon_time, received_time, quality FROM highwater.observation")
    result, phenomenon_time, received_time, quality = rows[0]
    assert result == 1.53
    assert before <= phenomenon_time <= after
    assert received_time == phenomenon_time
    assert quality == 2


VIETNAM = datetime.timezone(datetime.timedelta(hours=7))


@pytest.mark.parametrize(
    "written",
    [
        lambda moment: f'"{moment.astimezone(VIETNAM).isoformat()}"',
        lambda moment: f"{moment.timestamp():.3f}",
        lambda moment: f"{moment.timestamp() * 1000:.0f}",
    ],
    ids=["rfc3339_with_offset", "unix_seconds", "unix_milliseconds"],
)
def test_object_is_stored_with_its_own_time(client, database, written):
    moment = now().replace(microsecond=250000) - datetime.timedelta(minutes=10)
    client.publish(topic("phu-an"), f'{{"time": {written(moment)}, "value": 1.53, "unit": "m"}}')
    database.wait_count(1)
    assert database.sql("SELECT result, phenomenon_time FROM highwater.observation") == [(1.53, moment)]


@pytest.mark.memcheck
def test_object_with_many_properties_is_a_row_each_and_the_rest_is_ignored(broker, client, database):
    moment = now().replace(microsecond=0) - datetime.timedelta(minutes=1)
    client.publish(
        "sensors/street-12",
        {"time": stamp(moment), "water_level": 1.53, "rainfall": 0.2, "battery_voltage": 3.61,
         "firmware": "1.2", "wetness": None},
    )
    database.wait_count(3)
    rows = database.sql(
        "SELECT property, unit, result, phenomenon_time FROM highwater.observation"
        " JOIN highwater.datastream USING (datastream_id) ORDER BY property"
    )
    assert rows == [
        ("battery_voltage", "V", 3.61, moment),
        ("rainfall", "mm", 0.2, moment),
        ("water_level", "m", 1.53, moment),
    ]
    broker.counters().wait("members/ignored", 2)


def test_new_station_and_datastream_register_themselves_on_the_first_reading(client, database):
    client.publish(topic("kênh-tẻ", "water_depth"), "0.12")
    database.wait_count(1)
    assert database.sql(
        "SELECT s.code, d.property, d.unit"
        " FROM highwater.station s JOIN highwater.datastream d USING (station_id)"
    ) == [("kênh-tẻ", "water_depth", "m")]


def test_works_without_a_config_file(make_broker, database):
    broker = make_broker(database=database, config=False).start()
    broker.client().publish(topic("phu-an"), "1.5")
    database.wait_results("phu-an", [1.5])


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_every_quality_of_service_is_stored(client, database, qos):
    for message_topic, payload in series("phu-an", [1.0, 1.1, 1.2]):
        client.publish(message_topic, payload, qos)
    database.wait_results("phu-an", [1.0, 1.1, 1.2])


def test_readings_reach_subscribers_unchanged(broker, client, database):
    subscriber = broker.client()
    subscriber.subscribe("sensors/#")
    sent = series("phu-an", [1.0, 1.1])
    client.publish_many(sent)
    assert [(m.topic, m.payload.decode()) for m in subscriber.wait_received(2)] == sent
    database.wait_count(2)


def test_reading_sent_twice_is_stored_once(broker, client, database):
    sent = series("phu-an", [1.0, 1.1, 1.2])
    client.publish_many(sent + sent + [sent[2]])
    database.wait_count(3)
    client.publish_many(series("phu-an", [9.0]))
    database.wait_results("phu-an", [1.0, 1.1, 1.2, 9.0])
    wait_until(lambda: broker.counters().get("journal/pending") == 0, what="everything committed")
    assert database.count() == 4


def test_second_value_for_a_time_does_not_replace_the_first_nor_stop_the_rest(client, database):
    end = now()
    first = series("phu-an", [1.0], end=end)
    second = series("phu-an", [7.7], end=end)
    client.publish_many(first)
    database.wait_count(1)
    client.publish_many(second + series("nha-be", [2.0, 2.1], end=end))
    database.wait_results("nha-be", [2.0, 2.1])
    assert database.results("phu-an") == [1.0]


def test_two_brokers_with_the_same_readings_store_them_once(make_broker, database):
    brokers = [make_broker(database=database).start() for _ in range(2)]
    sent = series("phu-an", [i / 100 for i in range(200)])
    for broker in brokers:
        broker.client().publish_many(sent)
    for broker in brokers:
        counters = broker.counters()
        wait_until(lambda c=counters: c.get("journal/pending") == 0, what="everything committed")
    database.wait_count(200)
    assert database.count("rejected") == 0


def test_readings_far_from_now_go_to_the_default_partition(make_broker, database):
    broker = make_broker(database=database, config={"time": {"max_age": "0"}}).start()
    broker.client().publish(topic("phu-an"), '{"time": "2001-02-03T04:05:06Z", "value": 1.5}')
    database.wait_results("phu-an", [1.5])
    assert database.sql("SELECT phenomenon_time FROM highwater.observation_default") == [
        (datetime.datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC),)
    ]


def test_partitions_are_made_ahead_of_time(client, database):
    client.publish(topic("phu-an"), "1.5")
    database.wait_count(1)
    name = f"observation_y{now():%Ym%m}"
    assert database.value(f"SELECT count(*) FROM highwater.{name}") == 1
    partitions = database.value(
        "SELECT count(*) FROM pg_inherits WHERE inhparent = 'highwater.observation'::regclass"
    )
    assert partitions >= 5  # the months around this one, and the default


@pytest.mark.memcheck
def test_register_known_rejects_what_is_not_registered_until_it_is(make_broker, database):
    database.sql("SELECT highwater.register_station('phu-an'),"
                 " highwater.register_datastream('phu-an', 'water_level')")
    broker = make_broker(database=database, config={"register": "known"}).start()
    broker.wait_registry(1)
    client = broker.client()
    client.publish(topic("phu-an"), "1.5")
    client.publish(topic("phu-an", "flow"), "80")
    client.publish(topic("nha-be"), "1.6")
    database.wait_count(1)
    database.wait_count(2, "rejected")
    assert database.rejected() == [
        ("sensors/phu-an/flow", "not_registered"), ("sensors/nha-be/water_level", "not_registered")
    ]
    assert database.count("station") == 1

    database.sql("SELECT highwater.register_station('nha-be'),"
                 " highwater.register_datastream('nha-be', 'water_level')")
    broker.wait_registry(2)
    client.publish(topic("nha-be"), "1.7")
    database.wait_results("nha-be", [1.7])


def test_max_datastreams_bounds_what_registers_itself(make_broker, database):
    broker = make_broker(database=database, config={"max_datastreams": 2}).start()
    client = broker.client()
    for station in ("a", "b", "c", "a"):
        client.publish(topic(station), "1.5")
    database.wait_count(3)
    database.wait_count(1, "rejected")
    assert database.rejected() == [("sensors/c/water_level", "too_many_datastreams")]
    assert database.count("datastream") == 2


def test_latest_shows_the_newest_observation_of_each_datastream(client, database):
    client.publish_many(series("phu-an", [1.0, 1.1, 1.2]) + series("nha-be", [2.0]))
    database.wait_count(4)
    assert database.sql("SELECT station, property, result, unit FROM highwater.latest ORDER BY station",
                        user="postgres") == [
        ("nha-be", "water_level", 2.0, "m"), ("phu-an", "water_level", 1.2, "m")
    ]


def test_sources_of_the_config_name_other_topics(make_broker, database):
    sources = [{"topic": "city/+/{property}/{station}", "format": "json"}]
    broker = make_broker(database=database, config={"sources": sources}).start()
    client = broker.client()
    client.publish("city/district-4/water_level/phu-an", "1.5")
    client.publish(topic("nha-be"), "1.6")
    client.publish("city/district-7/water_level/phu-an", "1.7")
    database.wait_results("phu-an", [1.5, 1.7])
    assert database.count() == 2
