"""Recordings of real water, with the documented defaults: a flood raises one alarm, an object none."""

import json

import pytest

from readings import UTC
from test_recordings import OLD_DATA, moment, play, rows_of
from waiting import wait_until

LEVEL = 0.05  # the first notice of a wet street


def alarms(database, station):
    """(started, ended, onset) of its incidents."""
    return database.sql(
        "SELECT started, ended, onset FROM highwater.alert_incident WHERE station = %s ORDER BY started",
        (station,),
    )


def play_street(broker, database, path, station, mount_height):
    database.sql(
        "SELECT highwater.set_conversion(%s, 'water_depth', 'distance', input => 'distance',"
        " input_unit => 'mm', mount_height => %s)",
        (station, mount_height),
    )
    database.sql("SELECT highwater.set_threshold(%s, 'water_depth', 1, 'flooded', %s)", (station, LEVEL))
    broker.start()
    broker.wait_registry(1)
    play(broker, "--topic", f"sensors/{station}/distance", "--time-column", "time_utc", "--value", "dist_mm",
         "--unit", "mm", str(path))
    expected = len({row["time_utc"] for row in rows_of(path) if row["dist_mm"]})
    database.wait_at_least(expected, station, "water_depth", timeout=120)


def test_each_flood_of_a_street_raises_one_alarm_at_its_second_sample_at_the_latest(
    make_broker, database, shared_data
):
    path = shared_data / "floodnet_daily_happy_satyr_2023-06.csv"
    events = json.loads((shared_data / "floodnet_event_candidates.json").read_text(encoding="utf-8"))
    floods = [e for e in events if e["sensor"] == "daily_happy_satyr" and e["judged"] == "flood-like"]
    assert len(floods) == 11

    play_street(make_broker(database=database, config=OLD_DATA), database, path, "happy-satyr", 1.578)

    wait_until(lambda: len(alarms(database, "happy-satyr")) >= 11, 30)
    found = alarms(database, "happy-satyr")
    assert len(found) == 11, found
    depths = sorted({(moment(row["time_utc"]), 1.578 - int(row["dist_mm"]) / 1000)
                     for row in rows_of(path) if row["dist_mm"]})
    for flood, (started, ended, onset) in zip(floods, found):
        begin, end = moment(flood["start"]), moment(flood["end"])
        wet = [time for time, depth in depths if begin <= time <= end and depth >= LEVEL - 1e-9]
        assert started in wet[:2], (flood, started)
        assert onset == wet[0] and ended is not None and ended >= wet[-1], (flood, onset, ended)


def test_objects_under_the_sensor_raise_none(make_broker, database, shared_data):
    path = shared_data / "floodnet_daily_gentle_beetle_2023-06.csv"
    play_street(make_broker(database=database, config=OLD_DATA), database, path, "gentle-beetle", 2.726)
    assert not alarms(database, "gentle-beetle")


def play_river(broker, path):
    play(broker, "--topic", "sensors/{station}/water_level", "--time-column", "dateTime_utc",
         "--value", "value_m", "--unit", "m", str(path))


def rises(values, set_value, clear_value):
    """Times at which a level is raised and cleared again, by set and clear value alone."""
    raised, times = None, []
    for time, value in values:
        if raised is None and value >= set_value:
            raised = time
        elif raised is not None and value < clear_value:
            times.append((raised, time))
            raised = None
    return times + ([(raised, None)] if raised else [])


@pytest.mark.parametrize("station, set_value, floods",
                         [("L1602", 1.20, 1), ("L1705A", 20.90, 1), ("L1707A", 23.00, 1)])
def test_the_flood_of_a_river_raises(make_broker, database, shared_data, station, set_value, floods):
    path = shared_data / "ea_river_aire_leeds_2025.csv"
    values = sorted({(moment(row["dateTime_utc"]), float(row["value_m"]))
                     for row in rows_of(path) if row["station"] == station})
    september = [(raised, cleared) for raised, cleared in rises(values, set_value, set_value - 0.05)
                 if raised.astimezone(UTC).strftime("%Y-%m") == "2025-09"]
    assert len(september) == floods
    database.set_threshold(station, 1, set_value)
    if station == "L1705A":  # a level that the glitch alone is beyond
        database.set_threshold(station, 2, 4.5, 4.6, direction="falling")
    broker = make_broker(database=database, config=OLD_DATA).start()
    broker.wait_registry(1)

    play_river(broker, path)

    database.wait_at_least(len(values), station, timeout=60)
    found = [(started, ended) for started, ended, _ in alarms(database, station)]
    assert [pair for pair in found if september[0][0] <= pair[0] <= september[0][1]] == september
    glitch = moment("2025-10-03T20:00:00Z")
    assert not [pair for pair in found if abs((pair[0] - glitch).total_seconds()) < 86400], found
    assert found == rises([v for v in values if v != (glitch, 4.183)], set_value, set_value - 0.05)


def test_a_glitch_does_not_end_an_alarm(make_broker, database, shared_data):
    path = shared_data / "ea_river_aire_leeds_2025.csv"
    values = sorted({(moment(row["dateTime_utc"]), float(row["value_m"]))
                     for row in rows_of(path) if row["station"] == "L1705A"})
    glitch = moment("2025-10-03T20:00:00Z")
    expected = rises([v for v in values if v != (glitch, 4.183)], 20.10, 20.05)
    assert [pair for pair in expected if pair[0] < glitch and (pair[1] is None or pair[1] > glitch)]
    database.set_threshold("L1705A", 1, 20.10)
    broker = make_broker(database=database, config=OLD_DATA).start()
    broker.wait_registry(1)
    play_river(broker, path)
    database.wait_at_least(len(values), "L1705A", timeout=60)
    assert [(started, ended) for started, ended, _ in alarms(database, "L1705A")] == expected
