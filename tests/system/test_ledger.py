"""Every reading that comes in is stored, a duplicate, or on the ledger: to the last one."""

import datetime

import pytest

from readings import now, series, stamp, topic
from waiting import wait_until

LOST = "SELECT coalesce(sum(count), 0)::integer FROM highwater.loss"


def lost_by_reason(database):
    return dict(database.sql("SELECT reason, sum(count)::integer FROM highwater.loss GROUP BY reason"))


def send_bad_ones(client, station):
    """One of each kind that cannot be stored."""
    client.publish(topic(station), "nan")
    client.publish(topic(station), "")
    client.publish(topic(station, "colour"), "1.5")
    client.publish(topic(station), '{"value": 1.5, "unit": "hPa"}')
    client.publish(topic(station), f'{{"time": "{stamp(now() - datetime.timedelta(days=400))}", "value": 1}}')
    client.publish(topic(station), f'{{"time": "{stamp(now() + datetime.timedelta(hours=1))}", "value": 1}}')
    client.publish(f"sensors/{station}", '{"water_level": "high", "rainfall": 2}')


def test_what_came_in_is_stored_or_a_duplicate_or_on_the_ledger(make_broker, database):
    database.sql("""CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN RAISE EXCEPTION 'no 66s here'; END $$""")
    database.sql("""CREATE TRIGGER refuse BEFORE INSERT ON highwater.observation FOR EACH ROW
                    WHEN (NEW.result = 66) EXECUTE FUNCTION refuse()""")
    broker = make_broker(database=database, config={"max_datastreams": 5}).start()
    client, counters = broker.client(), broker.counters()
    good = series("phu-an", [1 + i / 100 for i in range(200)])
    client.publish_many(good)
    database.wait_count(200)
    client.publish_many(good[:50])  # the database knows these
    client.publish_many(good[199:] * 3)  # of these the first is known to the database, the rest to memory
    client.publish_many(series("nha-be", [65.0, 66.0, 67.0]))
    send_bad_ones(client, "nha-be")
    for i in range(5):
        client.publish(topic(f"new-{i}"), "1.0")  # three of them are too many

    wait_until(lambda: counters.get("journal/pending") == 0 and counters.get("readings/received") == 269, 10)
    wait_until(lambda: len(lost_by_reason(database)) >= 9, 10, "all reasons on the ledger")
    assert lost_by_reason(database) == {
        "invalid_json": 1,
        "empty_payload": 1,
        "unknown_property": 1,
        "wrong_unit": 1,
        "time_too_old": 1,
        "time_in_future": 1,
        "not_a_number": 1,
        "too_many_datastreams": 3,
        "database": 1,
    }
    stored = database.count()
    duplicates = counters.get("readings/duplicate") + counters.get("readings/already_stored")
    assert counters.get("readings/received") == stored + duplicates + database.value(LOST)
    assert database.count("rejected") == database.value(LOST)
    spans = "SELECT count(*) FROM highwater.loss WHERE started > ended OR ended > now() + interval '1 minute'"
    assert database.value(spans) == 0


def test_losses_counted_without_database_and_over_a_kill_are_told_once(make_broker, database, postgres):
    postgres.stop()
    broker = make_broker(database=database).start()
    client = broker.client()
    for _ in range(7):
        client.publish(topic("phu-an"), "nan")
    broker.kill9()
    broker.start()
    broker.client().publish(topic("phu-an"), "nan")
    postgres.start()
    wait_until(lambda: database.value(LOST) == 8, 15, "8 losses")
    broker.kill9()
    broker.start()
    broker.client().publish(topic("phu-an"), "nan")
    wait_until(lambda: database.value(LOST) == 9, 15, "9 losses")
    database.wait_count(9, "rejected")  # a loss may be told a transaction before the letter


def segment_records(path):
    """Offsets of the records in a segment's file, as journal_format.h has them."""
    data = path.read_bytes()
    at, offsets = 4096, []
    while at + 8 <= len(data) and data[at + 6]:
        offsets.append(at)
        at += 8 + (int.from_bytes(data[at + 4:at + 6], "little") + 7) // 8 * 8
    return offsets


@pytest.mark.parametrize("stored", [0, 30])
def test_what_a_damaged_journal_lost_is_on_the_ledger_once(make_broker, database, postgres, stored):
    values = [1 + i / 100 for i in range(100)]
    messages = series("phu-an", values)
    broker = make_broker(database=database).start()
    broker.client().publish_many(messages[:stored])
    database.wait_count(stored)
    postgres.stop()
    broker.client().publish_many(messages[stored:])
    broker.stop()
    segment = min((broker.state_dir / "journal").glob("*.seg"))
    records = segment_records(segment)
    assert len(records) == 100
    with open(segment, "r+b") as file:
        file.seek(records[60] + 20)
        file.write(b"!")
    assert "damaged" in broker.refused()

    broker.write_config({"journal": {"on_damage": "skip"}})
    broker.start()
    broker.kill9()  # told in no database yet, it is told later all the same
    broker.start()
    postgres.start()
    database.wait_results("phu-an", values[:60], timeout=20)
    wait_until(lambda: lost_by_reason(database) == {"journal_damaged": 40}, 10, "the loss on the ledger")
    broker.stop()
    broker.start()
    broker.client().publish(topic("phu-an"), "7.0")
    database.wait_count(61)
    assert lost_by_reason(database) == {"journal_damaged": 40}
