"""Alarms of every cause, with their delays: what raises them, what does not, and what time alone brings."""

import datetime

import pytest

from alarm_scene import ALERTS, STATION, moment_of, set_alarm, set_silence, types
from readings import now
from waiting import PATIENCE, wait_until

# --- delays ---


@pytest.mark.memcheck
def test_on_delay_ends_by_the_clock_when_no_reading_comes(scene, database):
    set_alarm(database, 1.40, on_delay=f"{2 * PATIENCE} seconds")
    here = scene()
    since = here.say(1.55)
    here.told_no_more_than(0, 1)
    told = here.told(1)[0]
    assert (told["msg_type"], told["level"], told["value"]) == ("Alert", 1, 1.55)
    assert moment_of(told["phenomenon_time"]) == since + datetime.timedelta(seconds=2 * PATIENCE)
    database.wait_count(1, "alert_event")
    assert database.value("SELECT onset FROM highwater.alert_event") == since


def test_value_that_falls_back_within_the_on_delay_raises_nothing(scene, database):
    set_alarm(database, 1.40, on_delay="2 minutes")
    here = scene()
    here.say(1.55, 10)
    here.say(1.30, 9)
    here.say(1.55, 8)
    here.say(1.56, 6.5)
    here.told_no_more_than(0)
    here.say(1.57, 5.5)
    assert here.told(1)[0]["value"] == 1.57


def test_two_samples_raise_before_the_on_delay_is_over(scene, database):
    set_alarm(database, 1.40, on_delay="10 minutes", on_samples=2)
    here = scene()
    here.say(1.55, 10)
    here.told_no_more_than(0)
    here.say(1.56, 9)
    assert here.told(1)[0]["value"] == 1.56


def test_off_delay_ends_by_the_clock_when_no_reading_comes(scene, database):
    set_alarm(database, 1.40, off_delay=f"{2 * PATIENCE} seconds")
    here = scene()
    here.say(1.55)
    below = here.say(1.20)
    here.told_no_more_than(1, 1)
    told = here.told(2)[1]
    assert (told["msg_type"], told["level"]) == ("Cancel", 0)
    assert moment_of(told["phenomenon_time"]) == below + datetime.timedelta(seconds=2 * PATIENCE)


def test_incident_is_told_again_while_it_lasts(scene, database):
    set_alarm(database, 1.40, repeat_after="5 minutes")
    here = scene()
    for minutes_ago in (20, 16, 14, 11, 8):
        here.say(1.55, minutes_ago)
    here.say(1.00, 7)
    told = here.told(4)
    assert [(t["msg_type"], t["previous_level"], t["level"]) for t in told] == [
        ("Alert", 0, 1), ("Update", 1, 1), ("Update", 1, 1), ("Cancel", 1, 0)]
    assert len({t["incident"] for t in told}) == 1
    database.wait_count(4, "alert_event")
    assert [row[0] for row in database.sql("SELECT event FROM highwater.alert_event ORDER BY sequence")] == [
        "raised", "repeated", "repeated", "cleared"]


def test_latching_level_holds_when_the_water_is_gone(scene, database):
    set_alarm(database, 1.40, latching=True)
    here = scene()
    here.say(1.55, 5)
    here.say(0.50, 4)
    here.told_no_more_than(1)
    assert here.status(f"{STATION}/water_level")["level"] == 1


def test_threshold_holds_from_the_moment_that_it_is_valid_from(scene, database):
    set_alarm(database, 9.0)
    here = scene()
    begins = now() + datetime.timedelta(seconds=3 * PATIENCE)
    set_alarm(database, 1.40, valid_from=begins)
    here.say(1.55)
    here.told_no_more_than(0, 1)

    def told():
        here.say(1.55)
        return here.subscriber.received(ALERTS)

    wait_until(told, 10, "an alert by the new threshold")
    assert moment_of(here.told(1)[0]["phenomenon_time"]) >= begins


# --- what is believed ---


def limit(database, observed="water_level", **columns):
    """A gross range test for a datastream."""
    number = database.value("SELECT highwater.register_datastream(%s, %s)", (STATION, observed))
    names = "".join(f", {name}" for name in columns)
    database.sql(
        f"INSERT INTO highwater.quality_rule (datastream_id, test{names})"
        f" VALUES (%s, 'gross_range'{', %s' * len(columns)})", [number, *columns.values()])


def test_suspect_reading_raises_only_when_the_next_bears_it_out(scene, database):
    set_alarm(database, 1.40)
    limit(database, fail_min=-5, fail_max=5, suspect_min=-3, suspect_max=1.45)
    here = scene()
    here.say(1.00, 20)
    here.say(4.18, 19)
    here.say(1.01, 18)
    here.say(1.50, 17)
    here.told_no_more_than(0)
    here.say(1.52, 16)
    told = here.told(1)[0]
    assert (told["level"], told["value"], told["quality"]) == (1, 1.50, 3)


def test_failed_reading_neither_raises_nor_clears(scene, database):
    set_alarm(database, 1.40)
    limit(database, fail_min=0, fail_max=5, suspect_min=0, suspect_max=5)
    here = scene()
    here.say(6.00, 20)
    here.say(6.10, 19)
    here.say(6.20, 18)
    here.told_no_more_than(0)
    here.say(1.50, 17)
    here.say(-1.0, 16)
    here.say(-1.1, 15)
    here.told_no_more_than(1)


def test_parked_car_raises_nothing_and_water_that_jumped_does(scene, database):
    set_alarm(database, 0.05, observed="water_depth")
    here = scene()
    street = {"observed": "water_depth"}
    here.say(0.0, 29, **street)
    for minutes_ago in range(28, 20, -1):
        here.say(1.10 + minutes_ago % 2 * 0.004, minutes_ago, **street)
    here.told_no_more_than(0)
    for minutes_ago in (20, 19, 18):
        here.say(0.0, minutes_ago, **street)
    here.say(0.60, 10, **street)
    here.told_no_more_than(0)
    here.say(0.64, 9, **street)
    here.say(0.69, 8, **street)
    assert here.told(1)[0]["level"] == 1


# --- causes ---


def test_rate_of_rise_is_an_alarm_of_its_own(scene, database):
    set_alarm(database, 0.5, cause="rate", period="10 minutes")
    here = scene()
    for i, minutes_ago in enumerate(range(28, 6, -2)):
        here.say(1.00 + 0.02 * i, minutes_ago)  # 0.6 m an hour
    told = here.told(1)[0]
    assert (told["cause"], told["unit"], told["level"]) == ("rate", "m/h", 1)
    assert told["value"] == pytest.approx(0.6)
    assert "/water_level/rate-600/" in told["incident"]
    assert here.status(f"{STATION}/water_level/rate/600")["level"] == 1
    for minutes_ago in (6, 4, 2):
        here.say(1.20, minutes_ago)
    assert types(here.told(2)) == ["Alert", "Cancel"]


def test_rain_adds_up_over_its_period(scene, database):
    set_alarm(database, 20, observed="rainfall", cause="rain", period="10 minutes")
    here = scene()
    for minutes_ago in range(29, 9, -1):
        here.say(1.5, minutes_ago, observed="rainfall")  # 15 mm in ten minutes
    here.told_no_more_than(0)
    for minutes_ago in range(9, 5, -1):
        here.say(4.0, minutes_ago, observed="rainfall")
    told = here.told(1)[0]
    assert (told["cause"], told["unit"], told["property"]) == ("rain", "mm", "rainfall")
    assert 20 <= told["value"] < 25


def test_sensor_that_is_silent_is_stale_until_it_is_back(scene, database):
    set_silence(database, 2)
    set_alarm(database, 1.40)
    here = scene()
    here.say(1.0)
    told = here.told(1)[0]
    assert (told["cause"], told["msg_type"], told["level"]) == ("stale", "Alert", 1)
    assert here.status(f"{STATION}/water_level/stale")["level"] == 1
    assert here.status(f"{STATION}/water_level")["level"] == 0
    here.say(1.0)
    assert types(here.told(2)) == ["Alert", "Cancel"]
    database.wait_count(2, "alert_event")
    assert database.count("flood_event") == 0


def test_sensor_that_was_never_heard_is_stale(scene, database):
    set_silence(database, 2)
    told = scene().told(1)[0]
    assert (told["cause"], told["station"]) == ("stale", STATION)


def test_readings_without_a_value_in_a_row_are_a_sensor_error(scene, database):
    set_alarm(database, 3, cause="sensor_error")
    set_alarm(database, 1.40)
    limit(database, fail_min=0, fail_max=5, suspect_min=0, suspect_max=5)
    here = scene()
    for minutes_ago in (20, 19):
        here.say(9.9, minutes_ago)
    here.say(1.0, 18)
    for minutes_ago in (17, 16):
        here.say(9.9, minutes_ago)
    here.told_no_more_than(0)
    here.say(9.9, 15)
    assert here.told(1)[0]["cause"] == "sensor_error"
    here.say(1.0, 14)
    assert types(here.told(2)) == ["Alert", "Cancel"]


def test_low_battery_is_the_state_of_its_datastream(scene, database):
    set_alarm(database, 3.40, observed="battery_voltage", cause="low_battery")
    here = scene()
    here.say(3.60, 20, observed="battery_voltage")
    here.say(3.39, 10, observed="battery_voltage")
    told = here.told(1)[0]
    assert (told["cause"], told["direction"]) == ("low_battery", "falling")
    assert here.status(f"{STATION}/battery_voltage")["cause"] == "low_battery"


def test_rising_alert_says_when_the_next_level_is_expected(scene, database):
    for level, value in ((1, 1.40), (2, 1.60)):
        database.set_threshold(STATION, level, value, name="I" * level)
    database.sql("SELECT highwater.set_projection(%s, 'water_level', '30 minutes')", (STATION,))
    here = scene()
    for i, minutes_ago in enumerate(range(28, 6, -2)):
        here.say(1.22 + 0.02 * i, minutes_ago)  # 0.01 m a minute, 1.42 at the end
    told = {t["cause"]: t for t in here.told(2)}
    assert told["projection"]["unit"] == "min"
    assert (told["projection"]["urgency"], told["projection"]["certainty"]) == ("Expected", "Likely")
    expected = moment_of(told["threshold"]["projected_time"])
    assert told["threshold"]["projected_level"] == 2
    assert abs(expected - (moment_of(told["threshold"]["phenomenon_time"])
                           + datetime.timedelta(minutes=20))) < datetime.timedelta(minutes=2)
