"""The broker calls the plugin between messages too, whatever wakes its loop and whatever its clock shows."""

import re
import time

import pytest

from broker import FAKETIME
from processes import connectable
from readings import topic
from waiting import wait_until


def test_messages_just_before_do_not_put_off_the_next_call(broker, client):
    counters = broker.counters()
    for sent in (5, 10, 15, 20):
        for _ in range(5):
            client.publish(topic("phu-an"), "1.5")
            time.sleep(0.02)
        counters.wait("messages/matched", sent, timeout=1)


def shows_the_past(broker):
    """Whether a line of the log, one of a new connection at the latest, is two hours old."""
    assert connectable(broker.port)
    return any(int(shown) < time.time() - 7000 for shown in re.findall(r"(?m)^(\d+): ", broker.log()))


@pytest.mark.skipif(FAKETIME is None, reason="there is no libfaketime")
def test_clock_that_is_set_back_does_not_put_off_the_next_call(make_broker, database, postgres):
    broker = make_broker(database=database)
    broker.clock_file = broker.folder / "clock"
    broker.clock_file.write_text("+0\n", encoding="utf-8")
    broker.start()
    counters = broker.counters()
    counters.wait("database/connected", 1)
    broker.clock_file.write_text("-7200\n", encoding="utf-8")
    wait_until(lambda: shows_the_past(broker), what="libfaketime has read it")
    postgres.stop()
    broker.wait_for_log("highwater: database: connection lost")
    wait_until(lambda: counters.get("database/connected") == 0)
