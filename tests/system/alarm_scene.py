"""A broker that knows alarms, somebody who listens, and sensors.

Readings carry times of their own, so that an hour of water passes in a moment; what is to happen by the
clock is set up with delays of seconds.
"""

import datetime
import time

from readings import now, stamp, topic
from waiting import PATIENCE

STATION = "phu-an"
ALERTS = "highwater/alerts/#"
ALARM = "SELECT highwater.set_threshold(station_code => %s, property => %s, level => 1, name => 'I', "
ALARM += "set_value => %s"


def set_alarm(database, set_value, station=STATION, observed="water_level", **extra):
    """One level of an alarm; extra are further arguments of highwater.set_threshold()."""
    more = "".join(f", {name} => %s" for name in extra)
    database.sql(ALARM + more + ")", [station, observed, set_value, *extra.values()])


def set_silence(database, seconds):
    """Phú An reports each second, and is stale after so many without."""
    database.sql(
        "SELECT highwater.set_silence(%s, 'water_level', %s, expected_interval => '1 second')",
        (STATION, seconds),
    )


class Scene:
    """A broker that knows the alarms, somebody who listens, and a sensor."""

    def __init__(self, broker):
        self.broker = broker
        self.broker.wait_registry(1)
        self.subscriber = broker.client()
        self.subscriber.subscribe(ALERTS)
        self.sensor = broker.client()
        self.start = now()

    def say(self, value, minutes_ago=0.0, station=STATION, observed="water_level"):
        moment = self.start - datetime.timedelta(minutes=minutes_ago) if minutes_ago else now()
        self.sensor.publish(topic(station, observed), {"time": stamp(moment), "value": value})
        return moment

    def told(self, count, timeout=5.0):
        """The alerts so far, as soon as there are so many; AssertionError when there are more."""
        return [m.json() for m in self.subscriber.wait_received(count, ALERTS, timeout)]

    def told_no_more_than(self, count, seconds=0.5):
        time.sleep(seconds * PATIENCE)
        return self.told(count)

    def status(self, below):
        """The retained state of an alarm, as somebody learns it who comes now."""
        late = self.broker.client()
        late.subscribe(f"highwater/status/{below}")
        return late.wait_received(1)[0].json()


def moment_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def types(told):
    return [t["msg_type"] for t in told]
