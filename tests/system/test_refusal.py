"""What the journal cannot take is never acknowledged as if it had been, and alerts go on all the same."""

import datetime
import os
import subprocess

import pytest

from broker import mosquitto_version
from mqtt import RawClient
from processes import give
from readings import now, stamp, topic
from waiting import wait_until

STATION = "phu-an"
# One message of many readings fills a journal sooner.
OBSERVED = ["water_level", "water_depth", "wind_speed", "flow", "velocity", "rainfall", "humidity"]
MIB = 1 << 20
SEGMENT = {"segment_size": "1MiB"}
QUOTA_EXCEEDED = 0x97
LOST = "SELECT coalesce(sum(count), 0)::integer FROM highwater.loss WHERE reason = 'journal_full'"

PROTOCOLS = pytest.mark.parametrize("version", [4, 5], ids=["mqtt311", "mqtt5"])
QOS = pytest.mark.parametrize("qos", [1, 2], ids=["qos1", "qos2"])


class SizeLimit:
    """A journal that may not grow; room comes with the database."""

    journal = {"max_size": "4MiB", **SEGMENT}
    told = r"highwater: .*journal.*max_size"

    def __init__(self, folder):
        self.path = folder

    def make_room(self):
        pass

    def remove(self):
        pass


class SmallDisk:
    """A file system of a few MiB; room comes with more of it."""

    journal = {"max_size": "64MiB", **SEGMENT}
    told = r"highwater: .*journal: No space left on device"

    def __init__(self, folder):
        self.path = folder
        if os.geteuid() != 0:
            pytest.skip("only root can mount a small file system")
        mount = ["mount", "-t", "tmpfs", "-o", f"size={5 * MIB},mode=0700", "tmpfs", folder]
        run = subprocess.run(mount, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if run.returncode != 0:
            pytest.skip(f"no small file system can be mounted here: {run.stdout.strip()}")

    def make_room(self):
        subprocess.run(["mount", "-o", f"remount,size={32 * MIB}", self.path], check=True)

    def remove(self):
        # Lazily: a broker that a failed test left behind may still be in there.
        subprocess.run(["umount", "--lazy", self.path], check=True)


@pytest.fixture(params=[SizeLimit, SmallDisk], ids=["max_size", "disk"])
def limit(request, scratch):
    folder = scratch / f"limit-{os.urandom(4).hex()}"
    folder.mkdir(mode=0o700)
    found = request.param(folder)
    give(folder, "mosquitto")
    yield found
    found.remove()


@pytest.fixture
def without_database(limit, make_broker, database, postgres):
    """A broker that knows a threshold, whose journal is limited and whose database is away."""
    database.set_threshold("nha-be", 1, 1.40)
    broker = make_broker(
        database=database, config={"journal": limit.journal}, options={"state_dir": limit.path}
    ).start()
    broker.wait_registry(1)
    postgres.stop()
    return broker


class Sender:
    """Sends in lockstep, comes back after a broken connection, and notes what was refused and how."""

    def __init__(self, broker, version, qos):
        self.broker, self.version, self.qos = broker, version, qos
        self.refused = []
        self.start = now() - datetime.timedelta(hours=10)
        self.raw = None
        self.connect()

    def connect(self):
        self.raw = RawClient(self.broker.port, f"sender-{self.version}-{self.qos}", self.version)

    def send(self, message_topic, payload):
        """Whether the broker took it over. An answer other than the two that are right fails."""
        soft = self.version == 5 and mosquitto_version() >= (2, 1)
        try:
            code = self.raw.publish(message_topic, payload.encode(), self.qos)
        except ConnectionError:
            assert not soft, "disconnected instead of 0x97"
            self.raw.close()
            self.connect()
        else:
            if code in (0, 0x10):  # 0x10: taken, and nobody has subscribed
                return True
            assert soft and code == QUOTA_EXCEEDED, f"answered with {code:#x}"
            self.raw.ping()
        self.refused.append((message_topic, payload))
        return False

    def send_number(self, i):
        time_text = stamp(self.start + datetime.timedelta(seconds=i))
        members = "".join(f', "{name}": {i}' for name in OBSERVED)
        return self.send(f"sensors/{STATION}", f'{{"time": "{time_text}"{members}}}')

    def fill(self, taken=0):
        """Sends numbers from taken on until one is refused, and returns that."""
        while self.send_number(taken):
            taken += 1
            assert taken < 30000, "the journal is never full"
        return taken

    def send_again(self):
        """What was refused, in its order; all of it must be taken now."""
        again, self.refused = self.refused, []
        for message_topic, payload in again:
            assert self.send(message_topic, payload), f"{message_topic} is refused again"


def wait_for_room(limit, postgres, counters):
    limit.make_room()
    postgres.start()
    counters.wait("database/connected", 1, timeout=20)
    wait_until(lambda: counters.get("journal/pending") == 0, 20, "everything committed")


@PROTOCOLS
@QOS
def test_full_journal_refuses_and_takes_the_resends_once_there_is_room(
    limit, without_database, database, postgres, version, qos
):
    broker = without_database
    subscriber = broker.client()
    subscriber.subscribe("sensors/nha-be/#")
    sender = Sender(broker, version, qos)
    taken = sender.fill()
    broker.wait_for_log(limit.told)
    for i in range(1, 4):
        assert not sender.send_number(taken + i)
    assert not sender.send(topic("nha-be"), f'{{"time": "{stamp(now())}", "value": 1.25}}')
    counters = broker.counters()
    # Of the first message that was refused, some readings may have been taken.
    wait_until(lambda: (counters.get("readings/unjournalled") or 0) > 3 * len(OBSERVED), what="counted")
    assert not counters.get("readings/lost")
    assert not subscriber.received("sensors/#"), "a refused reading was passed on"

    wait_for_room(limit, postgres, counters)
    for name in OBSERVED:
        assert database.results(STATION, name)[:taken] == list(range(taken)), "acknowledged and not stored"
    assert len(sender.refused) == 5
    sender.send_again()
    for name in OBSERVED:
        database.wait_results(STATION, list(range(taken + 4)), name)
    database.wait_results("nha-be", [1.25])
    assert database.count() == len(OBSERVED) * (taken + 4) + 1
    subscriber.wait_received(1, "sensors/#")
    assert database.count("rejected") == 0
    assert database.value(LOST) == 0
    broker.wait_for_log("highwater: journal: there is room again")


@pytest.mark.parametrize("limit", [SmallDisk], indirect=True, ids=["disk"])
def test_room_on_the_disk_is_enough_without_the_database(limit, without_database, database, postgres):
    sender = Sender(without_database, 4, 1)
    taken = sender.fill()
    limit.make_room()
    wait_until(lambda: sender.send_number(taken), 10, "room again")
    postgres.start()
    database.wait_results(STATION, list(range(taken + 1)), timeout=20)


@PROTOCOLS
def test_alerts_go_on_with_the_journal_full_and_are_in_the_table_afterwards(
    limit, without_database, database, postgres, version
):
    broker = without_database
    subscriber = broker.client()
    subscriber.subscribe("highwater/alerts/#")
    sender = Sender(broker, version, 1)
    sender.fill()
    for value in (1.45, 1.20):  # above the threshold, and below again
        assert not sender.send(topic("nha-be"), f'{{"time": "{stamp(now())}", "value": {value}}}')
    told = [m.json() for m in subscriber.wait_received(2)]
    assert [(t["msg_type"], t["value"]) for t in told] == [("Alert", 1.45), ("Cancel", 1.20)]
    counters = broker.counters()
    wait_until(lambda: counters.get("alerts/published") == 2, what="counted")
    assert not counters.get("alerts/unjournalled")

    wait_for_room(limit, postgres, counters)
    sender.send_again()
    database.wait_results("nha-be", [1.45, 1.20])
    assert database.sql("SELECT msg_type, value FROM highwater.alert_event ORDER BY sequence") == [
        ("Alert", 1.45), ("Cancel", 1.20)
    ]
    subscriber.wait_received(2)  # the resends are no news


def test_broker_that_starts_with_a_full_journal_refuses_and_alerts(
    limit, without_database, database, postgres
):
    broker = without_database
    sender = Sender(broker, 5, 1)
    taken = sender.fill()
    broker.kill9()
    broker.start()
    sender.connect()
    # On a disk the end of the last segment, which is cut off at start, may make room for a while.
    last = sender.fill(taken + 1)
    subscriber = broker.client()
    subscriber.subscribe("highwater/alerts/#")
    assert not sender.send(topic("nha-be"), f'{{"time": "{stamp(now())}", "value": 1.45}}')
    subscriber.wait_received(1)
    wait_for_room(limit, postgres, broker.counters())
    sender.send_again()
    database.wait_results(STATION, list(range(last + 1)), timeout=20)
    database.wait_results("nha-be", [1.45])
    database.wait_count(1, "alert_event")


def test_qos_0_passes_with_the_journal_full_and_is_on_the_ledger(limit, without_database, database, postgres):
    broker = without_database
    Sender(broker, 4, 1).fill()
    subscriber = broker.client()
    subscriber.subscribe("sensors/nha-be/#")
    client = broker.client()
    for i in range(20):
        client.publish(topic("nha-be"), f"{i / 100}", qos=0)
    assert [m.payload for m in subscriber.wait_received(20)][-1] == b"0.19"
    counters = broker.counters()
    counters.wait("readings/lost", 20)
    limit.make_room()
    postgres.start()
    wait_until(lambda: database.value(LOST) == 20, 20, "20 losses on the ledger")
    assert database.results("nha-be") == []


@pytest.mark.parametrize("protocol", ["mqttv311", "mqttv50"])
def test_bridge_sends_again_what_a_full_journal_refused(
    limit, without_database, make_broker, database, postgres, protocol
):
    if protocol == "mqttv50" and mosquitto_version() >= (2, 1):
        pytest.skip("a bridge of Mosquitto gives up what is answered with 0x97")
    broker = without_database
    Sender(broker, 4, 1).fill()
    far = make_broker(plugin=False, config=False, conf=f"""
connection upstream
address 127.0.0.1:{broker.port}
bridge_protocol_version {protocol}
cleansession false
restart_timeout 1
topic sensors/# out 1
""").start()
    counters = broker.counters()
    before = counters.get("readings/unjournalled") or 0
    far.client().publish(topic("nha-be"), f'{{"time": "{stamp(now())}", "value": 1.25}}')
    wait_until(lambda: (counters.get("readings/unjournalled") or 0) > before, 10, "refused")
    limit.make_room()
    postgres.start()
    database.wait_results("nha-be", [1.25], timeout=20)
