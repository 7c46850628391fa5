"""Recordings of real gauges, played through the broker into PostgreSQL."""

import csv
import datetime
import os
import pathlib
import subprocess

from readings import UTC
from waiting import wait_until

# The recordings are older than any sensible limit, and are to raise alarms all the same.
OLD_DATA = {"time": {"max_age": "0", "late_after": "0"}}


def play(broker, *arguments):
    """Runs highwater-player as fast as the broker takes it; returns when all is acknowledged."""
    player = pathlib.Path(os.environ.get("HIGHWATER_BUILD", "build")) / "examples" / "highwater-player"
    run = subprocess.run(
        [player.absolute(), "--host", "127.0.0.1", "--port", str(broker.port), "--quiet", "--speed", "0"]
        + list(arguments),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
    )
    assert run.returncode == 0, run.stdout


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def stored(database, station, observed):
    return database.sql(
        "SELECT phenomenon_time, result FROM highwater.observation"
        " JOIN highwater.datastream USING (datastream_id) JOIN highwater.station s USING (station_id)"
        " WHERE s.code = %s AND property = %s ORDER BY phenomenon_time",
        (station, observed),
    )


def crossings(values, set_value, clear_value):
    """Values that raise and clear a falling threshold: what alerts are expected to say."""
    raised, expected = False, []
    for value in values:
        if not raised and value <= set_value:
            expected.append(("Alert", value))
            raised = True
        elif raised and value > clear_value:
            expected.append(("Cancel", value))
            raised = False
    return expected


def test_floodnet_recording_is_stored_whole_and_its_floods_raise_and_clear(
    make_broker, database, shared_data
):
    path = shared_data / "floodnet_daily_happy_satyr_2023-06.csv"
    readings = sorted({(moment(row["time_utc"]), int(row["dist_mm"]) / 1000) for row in rows_of(path)})
    # The sensor looks down on the street from 1.578 m; 4 in of water leave 1.476 m of air.
    database.set_threshold("happy-satyr", 1, 1.476, 1.496, observed="distance", direction="falling")
    expected = crossings([value for _, value in readings], 1.476, 1.496)
    assert len(expected) >= 4
    broker = make_broker(database=database, config=OLD_DATA).start()
    broker.wait_registry(1)
    subscriber = broker.client()
    subscriber.subscribe("highwater/alerts/#")

    play(broker, "--topic", "sensors/happy-satyr", "--time-column", "time_utc",
         "--value", "dist_mm=distance/1000", "--value", "batt_v=battery_voltage", str(path))

    told = [m.json() for m in subscriber.wait_received(len(expected), "highwater/alerts/#")]
    assert [(t["msg_type"], t["value"]) for t in told] == expected
    database.wait_at_least(len(readings), "happy-satyr", "distance", timeout=60)
    assert stored(database, "happy-satyr", "distance") == readings
    database.wait_count(len(expected), "alert_event")
    assert database.count("alert") == len([kind for kind, _ in expected if kind == "Alert"])
    assert database.count("rejected") == 0
    batteries = sum(1 for row in rows_of(path) if row["batt_v"])
    wait_until(lambda: len(stored(database, "happy-satyr", "battery_voltage")) == batteries, 30)


def test_river_aire_recording_is_stored_whole_for_three_stations_with_its_glitch(
    make_broker, database, shared_data
):
    path = shared_data / "ea_river_aire_leeds_2025.csv"
    by_station = {}
    for row in rows_of(path):
        reading = (moment(row["dateTime_utc"]), float(row["value_m"]))
        by_station.setdefault(row["station"], set()).add(reading)
    assert len(by_station) == 3
    broker = make_broker(database=database, config=OLD_DATA).start()

    play(broker, "--topic", "sensors/{station}/water_level", "--time-column", "dateTime_utc",
         "--value", "value_m", "--unit", "m", str(path))

    for station, readings in by_station.items():
        database.wait_at_least(len(readings), station, timeout=60)
        assert stored(database, station, "water_level") == sorted(readings)
    assert database.count() == sum(len(readings) for readings in by_station.values())
    assert database.count("rejected") == 0
    glitch = moment("2025-10-03T20:00:00Z")
    assert (glitch, 4.183) in stored(database, "L1705A", "water_level")
