"""Alarms of several stations, and alarms through a crash of the broker."""

import datetime
import time

from alarm_scene import ALERTS, Scene, moment_of, set_alarm, set_silence
from waiting import PATIENCE, wait_until

# --- groups ---


def test_group_is_raised_by_so_many_of_its_members(scene, database):
    members = ["nha-be", "phu-an", "thu-dau-mot"]
    for station in members:
        set_alarm(database, 1.40, station=station)
    database.sql("SELECT highwater.set_group('city', 'two of three', 2, %s, period => '0')",
                 ([f"{station}/water_level/1" for station in members],))
    here = scene()
    wait_until(lambda: here.broker.counters().get("registry/datastreams") == 4)
    for station in members:
        here.say(1.0, 20, station=station)
    here.say(1.5, 10, station="nha-be")
    here.told(1)
    here.say(1.5, 9, station="phu-an")
    told = {t["station"]: t for t in here.told(3)}
    assert (told["city"]["cause"], told["city"]["property"], told["city"]["value"]) == ("group", "group", 2)
    here.say(1.5, 8, station="thu-dau-mot")
    here.told(4)
    here.say(1.0, 7, station="nha-be")
    here.told_no_more_than(5)
    here.say(1.0, 6, station="phu-an")
    ended = here.told(7)[5:]
    assert {(t["station"], t["msg_type"]) for t in ended} == {("phu-an", "Cancel"), ("city", "Cancel")}


def test_water_upstream_is_announced_downstream_with_its_arrival(scene, database):
    set_alarm(database, 2.0, station="katulampa")
    database.sql(
        "SELECT highwater.set_upstream('manggarai', 'water_level', 'katulampa', 'water_level', 1, '9 hours')")
    here = scene()
    wait_until(lambda: here.broker.counters().get("registry/datastreams") == 2)
    moment = here.say(2.1, 10, station="katulampa")
    told = {t["station"]: t for t in here.told(2)}
    assert (told["manggarai"]["cause"], told["manggarai"]["urgency"]) == ("upstream", "Expected")
    assert moment_of(told["manggarai"]["projected_time"]) == moment + datetime.timedelta(hours=9)


# --- restarts ---


def again(here):
    """A crash and a new start, with somebody who listens from the first moment on."""
    here.broker.kill9()
    here.broker.start()
    return Scene(here.broker)


def test_on_delay_goes_on_through_a_crash(scene, database):
    set_alarm(database, 1.40, on_delay=f"{4 * PATIENCE} seconds")
    here = scene()
    since = here.say(1.55)
    time.sleep(0.5)
    here = again(here)
    told = wait_until(lambda: here.subscriber.received(ALERTS), 10)[0].json()
    assert moment_of(told["phenomenon_time"]) == since + datetime.timedelta(seconds=4 * PATIENCE)
    here.say(1.56)
    here.told_no_more_than(1)
    database.wait_count(1, "alert_event")


def test_incident_with_delays_goes_on_through_crashes(scene, database):
    set_alarm(database, 1.40, on_samples=2, off_delay="4 minutes")
    here = scene()
    here.say(1.55, 20)
    here = again(here)
    here.say(1.60, 19)
    here.told(1)
    time.sleep(0.5)
    here = again(here)
    here.say(1.20, 18)
    time.sleep(0.3)
    here = again(here)
    here.say(1.21, 13)
    told = here.told(1)[0]
    assert (told["msg_type"], told["sequence"], told["peak"]) == ("Cancel", 2, 1.60)
    database.wait_count(2, "alert_event")
    assert database.sql("SELECT sequence, event FROM highwater.alert_event ORDER BY sequence") == [
        (1, "raised"), (2, "cleared")]


def test_broker_that_was_down_does_not_call_its_sensors_silent(scene, database):
    set_silence(database, 3 * PATIENCE)
    here = scene()
    here.say(1.0)
    here.broker.kill9()
    time.sleep(4 * PATIENCE)
    here.broker.start()
    here = Scene(here.broker)
    here.say(1.0)
    here.told_no_more_than(0, 1)
