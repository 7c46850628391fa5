"""Nothing is lost and nothing doubled, whoever dies."""

import threading
import time

import pytest

from mqtt import RawClient
from readings import series, topic
from waiting import PATIENCE, wait_until


class Feed:
    """Publishes readings from a thread of its own; the client sends again what is not acknowledged."""

    def __init__(self, broker, station, count, pause=0.001):
        self.values = [i / 1000 for i in range(count)]
        self.client = broker.client(client_id=f"feed-{station}", clean=False)
        self.sent = []
        self.thread = threading.Thread(target=self._run, args=(series(station, self.values), pause))
        self.thread.start()

    def _run(self, messages, pause):
        for message_topic, payload in messages:
            self.sent.append(self.client.send(message_topic, payload))
            time.sleep(pause)

    def acknowledged(self):
        return sum(self.client.is_published(mid) for mid in list(self.sent))

    def wait(self, timeout=40):
        self.thread.join()
        wait_until(lambda: self.acknowledged() == len(self.values), timeout, "every acknowledgement")


def test_broker_runs_and_journals_with_the_database_stopped_before_the_start(make_broker, database, postgres):
    postgres.stop()
    broker = make_broker(database=database).start()
    client = broker.client()
    values = [i / 100 for i in range(500)]
    client.publish_many(series("phu-an", values))
    client.publish(topic("phu-an"), "not a number")
    broker.wait_for_log(r"(?i)highwater: .*(database|PostgreSQL)")
    counters = broker.counters()
    counters.wait("readings/journalled", 500)
    assert counters.get("database/connected") == 0
    postgres.start()
    database.wait_results("phu-an", values, timeout=20)
    database.wait_count(1, "rejected")
    wait_until(lambda: counters.get("database/connected") == 1, what="connected")
    wait_until(lambda: counters.get("journal/pending") == 0, what="everything committed")


def test_journal_outlives_the_broker_while_the_database_is_away(make_broker, database, postgres):
    postgres.stop()
    broker = make_broker(database=database).start()
    broker.client().publish_many(series("phu-an", [1.0, 1.1, 1.2]))
    broker.stop()
    broker.start()
    broker.client().publish_many(series("nha-be", [2.0]))
    broker.kill9()
    broker.start()
    postgres.start()
    database.wait_results("phu-an", [1.0, 1.1, 1.2], timeout=20)
    database.wait_results("nha-be", [2.0])


@pytest.mark.parametrize("way", ["stop", "kill9"])
def test_database_that_goes_and_comes_loses_and_doubles_nothing(make_broker, database, postgres, way):
    broker = make_broker(database=database).start()
    feed = Feed(broker, "phu-an", 2000)
    for _ in range(2):
        time.sleep(0.5)
        getattr(postgres, way)()
        time.sleep(0.3)
        postgres.start()
    feed.wait()
    database.wait_results("phu-an", feed.values, timeout=30)
    assert database.count() == 2000
    assert database.count("rejected") == 0


def test_frozen_database_does_not_hold_up_the_broker(make_broker, database, postgres):
    broker = make_broker(database=database).start()
    client = broker.client()
    client.publish_many(series("phu-an", [1.0, 1.1]))
    database.wait_count(2)
    postgres.freeze()
    slowest = 0.0
    readings = series("nha-be", [i / 100 for i in range(300)])
    for message_topic, payload in readings:
        started = time.monotonic()
        client.publish(message_topic, payload)
        slowest = max(slowest, time.monotonic() - started)
    assert slowest < 0.5 * PATIENCE
    postgres.thaw()
    database.wait_count(302, timeout=30)


def test_broker_stops_soon_with_the_database_frozen(make_broker, database, postgres):
    broker = make_broker(database=database).start()
    broker.client().publish_many(series("phu-an", [1.0]))
    database.wait_count(1)
    postgres.freeze()
    broker.client().publish_many(series("phu-an", [1.1]))
    started = time.monotonic()
    broker.stop()
    assert time.monotonic() - started < 3.0 * PATIENCE
    postgres.thaw()
    broker.start()
    database.wait_count(2, timeout=20)


def test_kill_9_of_the_broker_under_load_loses_and_doubles_nothing(make_broker, database):
    broker = make_broker(database=database).start()
    feed = Feed(broker, "phu-an", 3000)
    for _ in range(3):
        time.sleep(0.7)
        broker.kill9()
        broker.start()
    feed.wait()
    database.wait_results("phu-an", feed.values, timeout=20)
    assert database.count() == 3000
    assert database.count("rejected") == 0
    assert database.count("loss") == 0


def test_kill_9_of_both_keeps_every_acknowledged_reading(make_broker, database, postgres):
    broker = make_broker(database=database).start()
    acknowledged = []
    messages = series("phu-an", [i / 1000 for i in range(50000)])
    sender = RawClient(broker.port, version=4)  # sends nothing again

    def run():
        try:
            for i, (message_topic, payload) in enumerate(messages):
                sender.publish(message_topic, payload.encode())
                acknowledged.append(i / 1000)
        except OSError:
            pass

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.3)
    postgres.kill9()
    time.sleep(0.2)
    broker.kill9()
    thread.join()
    sender.close()
    assert 10 < len(acknowledged) < len(messages)
    broker.start()
    postgres.start()
    database.wait_at_least(len(acknowledged), "phu-an", timeout=20)
    stored = database.results("phu-an")
    # One more may be there: journalled, but killed before its acknowledgement.
    assert stored[: len(acknowledged)] == acknowledged
    assert len(stored) <= len(acknowledged) + 1


def test_missing_schema_is_named_with_its_remedy_and_made_good_without_a_restart(make_broker, bare_database):
    broker = make_broker(database=bare_database).start()
    broker.client().publish_many(series("phu-an", [1.0, 1.1]))
    broker.wait_for_log(r"highwater: .*install\.sql")
    bare_database.install_schema()
    bare_database.wait_results("phu-an", [1.0, 1.1], timeout=20)


def test_schema_of_another_version_is_named_and_left_alone(make_broker, database):
    database.sql(
        "CREATE OR REPLACE FUNCTION highwater.schema_version() RETURNS integer LANGUAGE sql AS 'SELECT 4711'"
    )
    broker = make_broker(database=database).start()
    broker.client().publish_many(series("phu-an", [1.0]))
    broker.wait_for_log(r"highwater: .*4711")
    assert database.count() == 0


def test_log_tells_when_the_database_goes_and_comes_back(make_broker, database, postgres):
    broker = make_broker(database=database).start()
    broker.counters().wait("database/connected", 1)
    before = len(broker.log())
    postgres.stop()
    broker.wait_for_log(r"highwater: .*", since=before)
    between = len(broker.log())
    postgres.start()
    broker.wait_for_log(r"highwater: .*", since=between, timeout=20)
    broker.counters().wait("database/connected", 1)


def test_session_is_recognised_by_its_application_name(broker, database):
    broker.wait_registry()
    assert database.value(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE application_name LIKE 'highwater%%' AND usename = 'highwater' AND datname = %s",
        (database.name,),
    ) == 1
