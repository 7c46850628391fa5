"""Quality control, conversions and gaps, from PUBLISH to the row."""

import datetime
import json
import time

import pytest

from readings import UTC, now, stamp, topic
from test_recordings import OLD_DATA, moment, play, rows_of
from waiting import PATIENCE, wait_until

STATION = "phu-an"
PASS, NOT_EVALUATED, SUSPECT, FAIL, MISSING = 1, 2, 3, 4, 9


def flags(database, station=STATION, observed="water_level"):
    """(result, quality) in order of phenomenon time."""
    return database.sql(
        "SELECT o.result, o.quality FROM highwater.observation o"
        " JOIN highwater.datastream d USING (datastream_id) JOIN highwater.station s USING (station_id)"
        " WHERE s.code = %s AND d.property = %s"
        " ORDER BY o.phenomenon_time",
        (station, observed),
    )


def wait_flags(database, expected, station=STATION, observed="water_level"):
    seen = []

    def there():
        seen[:] = flags(database, station, observed)
        return seen == expected

    try:
        wait_until(there, 10)
    except AssertionError:
        pass
    assert seen == expected


def verdicts(database, station=STATION, observed="water_level"):
    """The tests of each reading, spelled out, in order of phenomenon time."""
    return [row[0] for row in database.sql(
        "SELECT highwater.quality_text(o.quality_tests) FROM highwater.observation o"
        " JOIN highwater.datastream d USING (datastream_id) JOIN highwater.station s USING (station_id)"
        " WHERE s.code = %s AND d.property = %s ORDER BY o.phenomenon_time", (station, observed))]


def only(database, station=STATION, observed="water_level", **rules):
    """Registers a datastream that is judged by these tests only: name={column: value}."""
    database.sql("DELETE FROM highwater.quality_rule")
    number = database.value("SELECT highwater.register_datastream(%s, %s)", (station, observed))
    for test, columns in rules.items():
        names = ["datastream_id", "test"] + list(columns)
        database.sql(
            f"INSERT INTO highwater.quality_rule ({', '.join(names)})"
            f" VALUES ({', '.join(['%s'] * len(names))})",
            [number, test] + list(columns.values()),
        )
    return number


def say(client, start, values, station=STATION, observed="water_level", step=60):
    """Readings a step of seconds apart, from start on."""
    for i, value in enumerate(values):
        when = start + datetime.timedelta(seconds=step * i)
        client.publish(topic(station, observed), json.dumps({"time": stamp(when), "value": value}))


@pytest.fixture
def start_of():
    """A moment so long ago that this many minutes have passed since."""
    return lambda minutes: now().replace(microsecond=0) - datetime.timedelta(minutes=minutes)


def ready(make_broker, database, **options):
    """A broker that knows all datastreams."""
    broker = make_broker(database=database, **options).start()
    broker.wait_registry(database.count("datastream"))
    return broker


# --- vectors, end to end ---


def vector_rules(case):
    params = case["params"]
    if case["test"] == "gross_range":
        span = params["suspect_span"] or [None, None]
        return {"gross_range": {"fail_min": params["fail_span"][0], "fail_max": params["fail_span"][1],
                                "suspect_min": span[0], "suspect_max": span[1]}}
    if case["test"] == "spike":
        return {"spike": {"suspect_threshold": params["suspect_threshold"] or None,
                          "fail_threshold": params["fail_threshold"] or None, "method": params["method"]}}
    return {"rate_of_change": {"suspect_threshold": params["threshold_per_s"],
                               "fail_threshold": params["fail_threshold_per_s"]}}


@pytest.mark.parametrize("name", [
    "gross_range/suite_basic", "spike/suite_basic", "spike/suite_negative",
    "spike/suite_methods_full_average", "spike/ramp_no_spike_differential",
    "spike/exactly_at_threshold_passes",
    "rate_of_change/suite_negative", "rate_of_change/real_csv_400", "gross_range/real_csv_400",
])
def test_flags_of_the_reference_come_out_of_the_database(make_broker, database, shared_data, name):
    cases = json.loads((shared_data / "qartod_vectors.json").read_text(encoding="utf-8"))["cases"]
    (case,) = [c for c in cases if f"{c['test']}/{c['name']}" == name]
    times = case.get("tinp_epoch_s") or range(1_700_000_000, 1_700_000_000 + 60 * len(case["inp"]), 60)
    readings = [(t, v, f) for t, v, f in zip(times, case["inp"], case["expected"]) if v is not None]
    assert len(readings) == len(case["inp"]), "a missing value cannot be sent; choose another vector"
    only(database, **vector_rules(case))
    broker = ready(make_broker, database, config=OLD_DATA)
    broker.client().publish_many(
        [(topic(STATION), json.dumps({"time": t, "value": v})) for t, v, _ in readings])
    wait_flags(database, [(v, f) for _, v, f in readings])


# --- the stream ---


def test_the_newest_waits_for_its_successor_and_the_stored_row_is_settled(make_broker, database, start_of):
    only(database, spike={"suspect_threshold": 0.1, "fail_threshold": 0.5, "method": "average"})
    broker = ready(make_broker, database)
    client, begin = broker.client(), start_of(10)
    say(client, begin, [1.00, 1.01, 3.00])
    wait_flags(database, [(1.00, NOT_EVALUATED), (1.01, FAIL), (3.00, NOT_EVALUATED)])
    assert verdicts(database)[2] == "spike not evaluated"
    say(client, begin + datetime.timedelta(minutes=3), [1.02])
    wait_flags(database, [(1.00, NOT_EVALUATED), (1.01, FAIL), (3.00, FAIL), (1.02, NOT_EVALUATED)])
    assert verdicts(database)[2] == "spike fail"


@pytest.mark.parametrize("end", ["stop", "kill9"])
def test_what_quality_control_remembers_survives_a_restart(make_broker, database, start_of, end):
    only(database, spike={"suspect_threshold": 0.1, "fail_threshold": 0.5, "method": "differential"},
         rate_of_change={"suspect_threshold": 0.01})
    broker = ready(make_broker, database)
    begin = start_of(10)
    say(broker.client(), begin, [1.00, 3.00])
    wait_flags(database, [(1.00, PASS), (3.00, SUSPECT)])
    getattr(broker, end)()
    broker.start()
    broker.wait_registry(1)
    say(broker.client(), begin + datetime.timedelta(minutes=2), [1.00])
    wait_flags(database, [(1.00, PASS), (3.00, FAIL), (1.00, SUSPECT)])


def test_a_spike_is_settled_after_an_outage_of_the_database(make_broker, database, postgres, start_of):
    only(database, spike={"suspect_threshold": 0.1, "fail_threshold": 0.5, "method": "average"})
    broker = ready(make_broker, database)
    client, begin = broker.client(), start_of(10)
    say(client, begin, [1.00, 1.00])
    database.wait_count(2)
    postgres.stop()
    say(client, begin + datetime.timedelta(minutes=2), [5.00, 1.00])
    postgres.start()
    wait_flags(database, [(1.00, NOT_EVALUATED), (1.00, FAIL), (5.00, FAIL), (1.00, NOT_EVALUATED)])


def test_a_value_for_a_stamp_that_has_one_is_not_stored_and_both_are_suspect(make_broker, database, start_of):
    only(database, time={})
    broker = ready(make_broker, database)
    client, begin = broker.client(), start_of(5)
    say(client, begin, [1.0, 1.1])
    wait_flags(database, [(1.0, PASS), (1.1, PASS)])
    say(client, begin + datetime.timedelta(minutes=1), [1.7])
    wait_flags(database, [(1.0, PASS), (1.1, SUSPECT)])


def test_a_rule_that_is_changed_judges_what_comes_next(make_broker, database, start_of):
    number = only(database, gross_range={"fail_max": 5})
    broker = ready(make_broker, database)
    client, begin = broker.client(), start_of(10)
    say(client, begin, [4.0])
    wait_flags(database, [(4.0, PASS)])
    database.sql("UPDATE highwater.quality_rule SET fail_max = 3 WHERE datastream_id = %s", (number,))
    edited, sent = time.monotonic(), 0

    def judged_anew():
        nonlocal sent
        sent += 1
        say(client, begin + datetime.timedelta(seconds=sent), [4.0])
        return (4.0, FAIL) in flags(database)

    wait_until(judged_anew, 5)
    assert time.monotonic() - edited < 1.5 * PATIENCE


def test_what_failed_raises_no_alarm_and_what_is_missing_neither(make_broker, database, start_of):
    database.set_threshold(STATION, 1, 1.40)
    only(database, gross_range={"fail_max": 10}, missing={"codes": [9999]})
    broker = ready(make_broker, database)
    subscriber = broker.client()
    subscriber.subscribe("highwater/alerts/#")
    say(broker.client(), start_of(5), [1.0, 20.0, 9999, 1.5])
    (told,) = subscriber.wait_received(1, "highwater/alerts/#")
    assert told.json()["value"] == 1.5
    assert told.json()["quality"] == PASS
    wait_flags(database, [(1.0, PASS), (20.0, FAIL), (None, MISSING), (1.5, PASS)])
    broker.counters().wait("readings/failed", 1)
    broker.counters().wait("readings/missing", 1)


# --- conversions ---


def test_distance_becomes_depth_and_the_raw_value_is_kept(make_broker, database, start_of):
    database.sql("DELETE FROM highwater.quality_rule")
    database.value("SELECT highwater.register_datastream(%s, 'water_depth')", (STATION,))
    database.sql(
        "SELECT highwater.set_conversion(%s, 'water_depth', 'distance', input => 'distance',"
        " input_unit => 'mm', mount_height => 1.578)", (STATION,))
    database.sql("INSERT INTO highwater.quality_rule (property, test, codes)"
                 " VALUES ('water_depth', 'missing', '{9999,5000}')")
    broker = ready(make_broker, database)
    say(broker.client(), start_of(5), [1578, 1103, 9999], observed="distance")
    wait_flags(database, [(0.0, PASS), (pytest.approx(0.475), PASS), (None, MISSING)], observed="water_depth")
    assert database.sql("SELECT raw FROM highwater.observation ORDER BY phenomenon_time") == [
        (1578,), (1103,), (9999,)]
    assert database.count("rejected") == 0


def test_a_sensor_that_is_moved_is_converted_as_it_stood(make_broker, database, start_of):
    database.sql("DELETE FROM highwater.quality_rule")
    begin = start_of(10)
    database.value("SELECT highwater.register_datastream(%s, 'water_level')", (STATION,))
    for height, since in ((4.20, "-infinity"), (4.50, stamp(begin + datetime.timedelta(minutes=1)))):
        database.sql(
            "SELECT highwater.set_conversion(%s, 'water_level', 'distance', input => 'distance',"
            " mount_height => %s, valid_from => %s)", (STATION, height, since))
    broker = ready(make_broker, database)
    say(broker.client(), begin, [2.70, 2.70], observed="distance")
    wait_flags(database, [(pytest.approx(1.5), NOT_EVALUATED), (pytest.approx(1.8), NOT_EVALUATED)])


def test_pressure_is_compensated_by_the_air_pressure_of_another_station(make_broker, database, start_of):
    database.sql("DELETE FROM highwater.quality_rule")
    air = database.value("SELECT highwater.register_datastream('tan-son-nhat', 'air_pressure')")
    database.value("SELECT highwater.register_datastream(%s, 'water_level')", (STATION,))
    database.sql(
        "SELECT highwater.set_conversion(%s, 'water_level', 'pressure', input => 'water_pressure',"
        " air_datastream_id => %s, air_max_age => '10 min', shift => -0.5)", (STATION, air))
    broker = ready(make_broker, database)
    client, begin = broker.client(), start_of(30)
    say(client, begin, [1113.25], observed="water_pressure")
    say(client, begin, [1013.25], station="tan-son-nhat", observed="air_pressure")
    say(client, begin + datetime.timedelta(minutes=5), [1113.25, 1113.25], observed="water_pressure",
        step=600)
    head = 100 * 100 / (1000 * 9.80665) - 0.5
    wait_flags(database, [(None, MISSING), (pytest.approx(head), NOT_EVALUATED), (None, MISSING)])


def test_a_rain_counter_becomes_increments(make_broker, database, start_of):
    database.sql("DELETE FROM highwater.quality_rule")
    database.value("SELECT highwater.register_datastream(%s, 'rainfall')", (STATION,))
    database.sql(
        "SELECT highwater.set_conversion(%s, 'rainfall', 'counter', input => 'rainfall_total',"
        " input_unit => '1', bucket => 0.2, modulus => 65536, increment_max => 50)", (STATION,))
    broker = ready(make_broker, database)
    say(broker.client(), start_of(10), [65530, 65534, 4, 4, 0, 1], observed="rainfall_total")
    rain = [None, 0.8, 1.2, 0, None, 0.2]
    wait_flags(database, [(r and pytest.approx(r), MISSING if r is None else NOT_EVALUATED) for r in rain],
               observed="rainfall")


def test_a_counter_survives_a_restart(make_broker, database, start_of):
    database.sql("DELETE FROM highwater.quality_rule")
    database.value("SELECT highwater.register_datastream(%s, 'rainfall')", (STATION,))
    database.sql(
        "SELECT highwater.set_conversion(%s, 'rainfall', 'counter', input => 'rainfall_total')", (STATION,))
    broker = ready(make_broker, database)
    begin = start_of(10)
    say(broker.client(), begin, [10.0], observed="rainfall_total")
    broker.kill9()
    broker.start()
    broker.wait_registry(1)
    say(broker.client(), begin + datetime.timedelta(minutes=1), [12.5], observed="rainfall_total")
    wait_flags(database, [(None, MISSING), (2.5, NOT_EVALUATED)], observed="rainfall")


def test_a_unit_in_the_payload_is_converted_or_refused(make_broker, database):
    database.sql("DELETE FROM highwater.quality_rule")
    broker = make_broker(database=database).start()
    client = broker.client()
    begin = now()
    for seconds, value, unit in ((0, 153, "cm"), (1, 5, "[ft_i]"), (2, 3, "hPa")):
        client.publish(topic(STATION), json.dumps(
            {"time": stamp(begin + datetime.timedelta(seconds=seconds)), "value": value, "unit": unit}))
    wait_flags(database, [(pytest.approx(1.53), NOT_EVALUATED), (pytest.approx(1.524), NOT_EVALUATED)])
    database.wait_count(1, "rejected")
    assert database.rejected() == [(topic(STATION), "wrong_unit")]


def test_a_new_survey_is_worked_into_what_is_stored(make_broker, database, start_of):
    number = only(database, observed="water_depth", gross_range={"suspect_max": 0.5})
    database.sql(
        "SELECT highwater.set_conversion(%s, 'water_depth', 'distance', input => 'distance',"
        " mount_height => 1.5)",
        (STATION,))
    broker = ready(make_broker, database)
    say(broker.client(), start_of(5), [1.4, 0.95], observed="distance")
    wait_flags(database, [(pytest.approx(0.1), PASS), (pytest.approx(0.55), SUSPECT)], observed="water_depth")
    database.sql("UPDATE highwater.conversion SET mount_height = 1.4")
    changed = database.sql(
        "SELECT old_result, new_result, old_quality, new_quality"
        " FROM highwater.recompute(%s, '-infinity', 'infinity') ORDER BY phenomenon_time",
        (number,))
    assert [(round(a, 6), round(b, 6), c, d) for a, b, c, d in changed] == [
        (0.1, 0.0, PASS, PASS), (0.55, 0.45, SUSPECT, PASS)]
    assert [(round(result, 6), flag) for result, flag in flags(database, observed="water_depth")] == [
        (0.0, PASS), (0.45, PASS)]


# --- gaps ---


def test_a_gap_is_a_fact_and_the_frame_counter_tells_whose_fault_it_is(make_broker, database, start_of):
    database.sql("DELETE FROM highwater.quality_rule")
    number = database.value("SELECT highwater.register_datastream(%s, 'distance')", (STATION,))
    database.sql(
        "UPDATE highwater.datastream SET expected_interval = '1 min', gap_after = '90 s'"
        " WHERE datastream_id = %s", (number,))
    broker = ready(make_broker, database)
    client, begin = broker.client(), start_of(30)
    # Five minutes of lost packets, then five minutes in which the sensor sent nothing.
    for minute, frame in ((0, 100), (1, 101), (6, 106), (11, 107)):
        client.publish(f"sensors/{STATION}", json.dumps({
            "time": stamp(begin + datetime.timedelta(minutes=minute)), "distance": 1.5,
            "frame_counter": frame}))
    database.wait_count(8)
    database.wait_count(2, "silence")
    gaps = database.sql(
        "SELECT gap_from, gap_to, expected, received, frames_lost, cause FROM highwater.gap"
        " WHERE station = %s AND property = 'distance' AND gap_to IS NOT NULL ORDER BY gap_from", (STATION,))
    at = [begin + datetime.timedelta(minutes=m) for m in (1, 6, 11)]
    assert [(g[0].astimezone(UTC), g[1].astimezone(UTC)) + g[2:] for g in gaps] == [
        (at[0], at[1], 4, 0, 4, "packets lost"), (at[1], at[2], 4, 0, 0, "sensor silent")]


# --- recordings, with the defaults ---


def test_the_glitch_of_river_aire_is_flagged_and_its_flood_is_not(make_broker, database, shared_data):
    path = shared_data / "ea_river_aire_leeds_2025.csv"
    for station in {row["station"] for row in rows_of(path)}:
        database.sql("SELECT highwater.register_datastream(%s, 'water_level')", (station,))
    broker = ready(make_broker, database, config=OLD_DATA)
    play(broker, "--topic", "sensors/{station}/water_level", "--time-column", "dateTime_utc",
         "--value", "value_m", "--unit", "m", str(path))
    database.wait_count(len({(r["station"], moment(r["dateTime_utc"])) for r in rows_of(path)}), timeout=60)
    wait_until(lambda: database.value(
        "SELECT o.quality FROM highwater.observation o JOIN highwater.datastream USING (datastream_id)"
        " JOIN highwater.station s USING (station_id)"
        " WHERE s.code = 'L1705A' AND phenomenon_time = '2025-10-03 20:00Z'") in (SUSPECT, FAIL), 10)
    assert database.value(
        "SELECT count(*) FROM highwater.observation WHERE quality = 4"
        " AND phenomenon_time BETWEEN '2025-09-01Z' AND '2025-10-01Z'") == 0
    assert database.value("SELECT count(*) FROM highwater.observation WHERE quality = 2") == 0


@pytest.mark.parametrize("station", ["daily_happy_satyr", "daily_gentle_beetle"])
def test_street_distances_become_depths_and_no_error_code_a_level(
    make_broker, database, shared_data, station
):
    path = shared_data / f"floodnet_{station}_2023-06.csv"
    rows = rows_of(path)
    baseline = sorted(int(r["dist_mm"]) for r in rows if r["dist_mm"])[len(rows) // 2]
    database.value("SELECT highwater.register_datastream(%s, 'water_depth')", (station,))
    database.sql(
        "SELECT highwater.set_conversion(%s, 'water_depth', 'distance', input => 'distance',"
        " input_unit => 'mm', mount_height => %s)", (station, baseline / 1000))
    broker = ready(make_broker, database, config=OLD_DATA)
    # As the gateway has it: raw millimetres, a configuration frame without a distance, 9999 for no echo.
    sent, codes = {}, 0
    messages = []
    for row in rows:
        if not row["dist_mm"]:
            continue
        distance = int(row["dist_mm"])
        sent.setdefault(moment(row["time_utc"]), distance)
        messages.append((f"sensors/{station}", json.dumps({"time": row["time_utc"], "distance": distance})))
    messages.append((f"sensors/{station}", json.dumps({"time": "2023-08-01T00:00:00Z", "distance": 9999})))
    messages.append((f"sensors/{station}", json.dumps({"time": "2023-08-01T00:01:00Z", "distance": 5000})))
    messages.append((f"sensors/{station}/distance", json.dumps({"time": "2023-08-01T00:02:00Z"})))
    broker.client().publish_many(messages, timeout=120)
    codes = 2 + sum(1 for d in sent.values() if d in (9999, 5000))
    database.wait_count(len(sent) + 2, timeout=60)
    assert database.rejected() == [(f"sensors/{station}/distance", "missing_value")]
    assert database.value("SELECT count(*) FROM highwater.observation WHERE quality = 9") == codes
    assert database.value("SELECT count(*) FROM highwater.observation WHERE result IS NULL") == codes
    assert database.value("SELECT count(*) FROM highwater.observation WHERE raw IN (9999, 5000)"
                          " AND result IS NOT NULL") == 0
    depths = dict((t.astimezone(UTC), r) for t, r in database.sql(
        "SELECT phenomenon_time, result FROM highwater.observation WHERE result IS NOT NULL"))
    for when, distance in sent.items():
        if distance not in (9999, 5000):
            assert depths[when] == pytest.approx((baseline - distance) / 1000, abs=1e-9)


def test_what_the_plugin_cannot_use_is_named_and_the_rest_goes_on(make_broker, database, start_of):
    number = only(database, gross_range={"fail_max": 10})
    # No check of the schema lets this in; an owner who drops them gets told all the same.
    database.sql("ALTER TABLE highwater.quality_rule DISABLE TRIGGER USER")
    database.sql("ALTER TABLE highwater.quality_test DROP CONSTRAINT test_id_is_from_0_to_9")
    database.sql("INSERT INTO highwater.quality_test (test_id, code, name, description, parameters)"
                 " VALUES (99, 'moon_phase', 'Moon', 'Not known to the plugin', '{}')")
    database.sql("INSERT INTO highwater.quality_rule (datastream_id, test) VALUES (%s, 'moon_phase')",
                 (number,))
    broker = ready(make_broker, database)
    broker.wait_for_log("moon_phase")
    say(broker.client(), start_of(5), [1.0, 20.0])
    wait_flags(database, [(1.0, PASS), (20.0, FAIL)])
