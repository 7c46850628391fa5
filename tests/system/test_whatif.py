"""What history would have raised by the rules of today, or by others."""

import csv
import datetime
import io
import json
import os
import pathlib
import subprocess

import pytest

from readings import UTC, stamp
from test_recordings import play, rows_of

OLD_DATA = {"time": {"max_age": "0", "late_after": "0"}}
START = datetime.datetime(2025, 11, 21, tzinfo=UTC)
MINUTE = datetime.timedelta(minutes=1)

# A tide that passes level 1 twice and level 2 once, in steps of 10 minutes.
TIDE = [1.20, 1.38, 1.41, 1.47, 1.52, 1.46, 1.44, 1.36, 1.34, 1.20, 1.39, 1.43, 1.37, 1.30, 1.10]

READER = "whatif_reader"


def program():
    build = pathlib.Path(os.environ.get("HIGHWATER_BUILD", "build"))
    return (build / "examples" / "highwater-whatif").absolute()


def run(*arguments, **environment):
    return subprocess.run(
        [program()] + [str(a) for a in arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        timeout=60, check=False, env={**os.environ, "TZ": "UTC", **environment},
    )


class WhatIf:
    """The program as somebody runs it who may only read."""

    def __init__(self, database):
        self.database = database
        database.sql(
            f"DO $$ BEGIN IF to_regrole('{READER}') IS NULL THEN"
            f" CREATE ROLE {READER} LOGIN IN ROLE highwater_analyst; END IF; END $$"
        )
        server = database.server
        self.conninfo = f"host={server.folder} port={server.port} dbname={database.name} user={READER}"

    def run(self, *arguments):
        return run("--database", self.conninfo, *arguments)

    def said(self, *arguments):
        """The text on the standard output of a run that succeeds."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def alerts(self, *arguments):
        """The alerts, each a dict."""
        return list(csv.DictReader(io.StringIO(self.said("--csv", *arguments))))

    def levels(self, *arguments):
        """(minutes after START, level) of each transition."""
        return [(minutes(a["time"]), int(a["level"])) for a in self.alerts(*arguments)]

    def refused(self, *arguments):
        """What a run says that fails, and shows nothing."""
        done = self.run(*arguments)
        assert done.returncode == 1
        assert done.stdout == ""
        return done.stderr


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def minutes(text):
    return (moment(text) - START) / MINUTE


@pytest.fixture
def whatif(database):
    return WhatIf(database)


@pytest.fixture
def levels(database):
    database.sql("SELECT highwater.register_station('phu-an', 'Phú An', 10.776, 106.706)")
    database.set_threshold("phu-an", 1, 1.40, 1.35, name="báo động I", severity="Minor")
    database.set_threshold("phu-an", 2, 1.50, 1.45, name="báo động II")


def store(database, station, values, observed="water_level", start=START, step=10 * MINUTE, delay=None,
          quality=1, tests=0):
    """History of a datastream that is registered; a delay is that of the arrival."""
    rows = [(start + i * step, start + i * step + (delay or MINUTE / 60), value, quality, tests)
            for i, value in enumerate(values)]
    for at, received, value, flag, verdicts in rows:
        database.sql(
            "INSERT INTO highwater.observation"
            " (datastream_id, phenomenon_time, received_time, result, quality, quality_tests)"
            " SELECT datastream_id, %s, %s, %s, %s, %s FROM highwater.datastream"
            " JOIN highwater.station s USING (station_id) WHERE s.code = %s AND property = %s",
            (at, received, value, flag, verdicts, station, observed),
        )


def alert_events(database):
    return database.sql(
        "SELECT s.code, d.property, e.phenomenon_time, e.event, e.level, e.previous_level, e.value,"
        " e.threshold"
        " FROM highwater.alert_event e JOIN highwater.datastream d USING (datastream_id)"
        " JOIN highwater.station s USING (station_id) ORDER BY e.phenomenon_time, s.code, e.sequence"
    )


def as_event(a):
    return (a["station"], a["property"], moment(a["time"]), a["event"], int(a["level"]),
            int(a["previous_level"]), float(a["value"]), float(a["threshold"]))


def test_same_rules_give_the_alerts_that_the_broker_raised(make_broker, database, levels, whatif):
    broker = make_broker(database=database, config=OLD_DATA).start()
    broker.wait_registry(1)
    client = broker.client()
    for i, value in enumerate(TIDE):
        client.publish("sensors/phu-an/water_level", {"time": stamp(START + i * 10 * MINUTE), "value": value})
    database.wait_count(6, "alert_event")
    database.wait_count(len(TIDE))
    played = whatif.alerts("--late-after", "0")
    assert [as_event(a) for a in played] == alert_events(database)
    assert [int(a["level"]) for a in played] == [1, 2, 1, 0, 1, 0]
    said = whatif.said("--late-after", "0", "--summary")
    assert "2 of 2 incidents were raised then too; only by these rules: 0" in said
    assert "2 of 2 incidents of then are raised again; only then: 0" in said

    said = whatif.said("--late-after", "0", "--summary", "--set", "phu-an/water_level/1", "set=1.45")
    assert "1 of 1 incidents were raised then too, 1 later by up to 10m; only by these rules: 0" in said
    assert "1 of 2 incidents of then are raised again; only then: 1" in said


def test_other_levels_give_other_alerts(database, levels, whatif):
    store(database, "phu-an", TIDE)
    change = ["--set", "phu-an/water_level/1"]
    assert whatif.levels() == [(20, 1), (40, 2), (60, 1), (80, 0), (110, 1), (130, 0)]
    assert whatif.levels(*change, "set=1.45", "clear=1.40") == [(30, 1), (40, 2), (60, 1), (70, 0)]
    assert whatif.levels(*change, "drop") == [(40, 2), (60, 0)]
    assert whatif.levels("--set", "phu-an/water_level/3", "new", "set=1.51", "clear=1.5") == [
        (20, 1), (40, 3), (50, 2), (60, 1), (80, 0), (110, 1), (130, 0)
    ]
    assert whatif.levels(*change, "on-delay=15m") == [(35, 1), (40, 2), (60, 1), (80, 0)]
    assert whatif.levels("--set", "*/water_level/*", "off-delay=25m") == [(20, 1), (40, 2), (85, 1)]
    assert whatif.levels("--set", "*/water_level/*", "off-delay=25m", "--to", "2025-11-22")[3:] == [(155, 0)]
    assert database.count("alert") == 0


def test_levels_come_from_a_file_too(database, levels, whatif, scratch):
    store(database, "phu-an", TIDE)
    path = scratch / "levels"
    path.write_text('# higher\nphu-an/water_level/1 set=1.45 clear=1.40 name="I, new"\n', encoding="utf-8")
    raised = whatif.alerts("--levels", path)[0]
    assert (minutes(raised["time"]), raised["level_name"]) == (30, "I, new")
    path.write_text("\nphu-an/water_level/1 set=high\n", encoding="utf-8")
    assert f"{path}:2: set=high: not a number" in whatif.refused("--levels", path)


def test_stretch_has_a_beginning_and_an_end_and_knows_what_was_before(database, levels, whatif):
    store(database, "phu-an", TIDE)
    stretch = ["--from", stamp(START + 50 * MINUTE), "--to", stamp(START + 130 * MINUTE)]
    assert whatif.levels(*stretch) == [(60, 1), (80, 0), (110, 1)]
    said = whatif.said(*stretch)
    assert "\nincidents 1, transitions 3, " in said
    assert ", open from before 1\n" in said
    assert whatif.levels(*stretch, "--warm-up", "0") == [(50, 1), (80, 0), (110, 1)]


def test_late_readings_never_alarm_as_live(database, levels, whatif):
    store(database, "phu-an", TIDE, delay=31 * MINUTE)
    assert whatif.alerts() == []
    assert "readings that came late and never alarm, as live: 15 " in whatif.said("--summary")
    assert len(whatif.levels("--late-after", "0")) == 6
    assert len(whatif.levels("--late-after", "31m")) == 6


def test_failed_readings_raise_nothing_and_suspect_ones_need_a_second(database, levels, whatif):
    store(database, "phu-an", [1.2, 1.2, 1.2])
    store(database, "phu-an", [1.6], start=START + 5 * MINUTE, quality=4)
    store(database, "phu-an", [1.6], start=START + 15 * MINUTE, quality=3)
    assert whatif.levels() == []
    store(database, "phu-an", [1.6, 1.6], start=START + 31 * MINUTE, step=MINUTE, quality=3)
    assert whatif.levels() == [(32, 2)]


def test_verdict_that_came_with_the_next_reading_is_left_aside(database, levels, whatif):
    spike = 5  # its place in quality_test
    store(database, "phu-an", [1.2])
    store(database, "phu-an", [1.6], start=START + 10 * MINUTE, quality=4, tests=4 << 3 * spike)
    store(database, "phu-an", [1.2], start=START + 20 * MINUTE)
    assert whatif.levels() == [(10, 2), (20, 0)]


def test_silence_alarms_at_its_time(database, whatif):
    database.set_threshold("phu-an", 1, 9.0)
    database.sql("SELECT highwater.set_silence('phu-an', 'water_level', stale_after => 3,"
                 " expected_interval => '10 min')")
    store(database, "phu-an", [1.0, 1.0, 1.0])
    store(database, "phu-an", [1.0], start=START + 100 * MINUTE)
    told = [(a["cause"], minutes(a["time"]), a["event"]) for a in whatif.alerts()]
    assert told == [("stale", 50, "raised"), ("stale", 100, "cleared")]
    stretch = ["--to", stamp(START + 200 * MINUTE)]
    assert [minutes(a["time"]) for a in whatif.alerts(*stretch)] == [50, 100, 130]


def test_group_is_played_with_its_members(database, levels, whatif):
    database.set_threshold("nha-be", 1, 1.30, 1.20)
    database.sql("SELECT highwater.set_group('city', 'centre', 2,"
                 " '{phu-an/water_level/1,nha-be/water_level/1}', period => '15 min')")
    store(database, "phu-an", TIDE)
    store(database, "nha-be", [1.0, 1.31, 1.31, 1.31, 1.1, 1.1, 1.1], start=START + 5 * MINUTE)
    told = [(a["station"], minutes(a["time"]), a["event"]) for a in whatif.alerts("--station", "city")]
    assert told == [("city", 20, "raised"), ("city", 60, "cleared")]


def test_upstream_water_is_expected_after_its_travel_time(database, levels, whatif):
    database.sql("SELECT highwater.set_upstream('phu-an', 'water_level', 'tri-an', 'water_level', 2,"
                 " '9 hours')")
    database.set_threshold("tri-an", 2, 5.0)
    store(database, "phu-an", [1.0, 1.0])
    store(database, "tri-an", [4.0, 5.1, 5.2, 4.2])
    told = [a for a in whatif.alerts("--station", "phu-an") if a["cause"] == "upstream"]
    assert [(minutes(a["time"]), a["event"]) for a in told] == [(10, "raised"), (30, "cleared")]
    assert minutes(told[0]["expected_time"]) == 10 + 9 * 60


def test_rain_sums_rates_and_projections_are_played(database, levels, whatif):
    database.sql("SELECT highwater.set_threshold('roof', 'rainfall', 1, 'heavy', 30, cause => 'rain',"
                 " period => '1 hour')")
    database.sql("SELECT highwater.set_threshold('phu-an', 'water_level', 1, 'fast', 0.3, cause => 'rate',"
                 " period => '1 hour')")
    database.sql("SELECT highwater.set_projection('phu-an', 'water_level', '40 min')")
    store(database, "roof", [8, 8, 8, 8, 0, 0, 0, 0, 0, 0, 0, 0], observed="rainfall")
    store(database, "phu-an", [1.0 + 0.06 * i for i in range(8)])
    raised = {a["cause"]: a for a in whatif.alerts() if a["event"] == "raised"}
    assert set(raised) == {"rain", "rate", "projection", "threshold"}
    assert (minutes(raised["rain"]["time"]), raised["rain"]["value"], raised["rain"]["period_s"]) == (
        30, "32", "3600"
    )
    assert raised["rate"]["unit"] == "m/h"
    assert float(raised["rate"]["value"]) == pytest.approx(0.36)
    # 1.18 m at 30 minutes, 0.06 m in ten minutes: 1.40 m in 37 minutes.
    assert minutes(raised["projection"]["time"]) == 30
    assert raised["projection"]["expected_level"] == "báo động I"
    assert round(minutes(raised["projection"]["expected_time"])) == 67
    told = whatif.alerts("--property", "rainfall", "--set", "roof/rainfall/rain/1h/1", "set=35")
    assert told == []


def test_street_defaults_keep_splashes_out_as_live(database, whatif):
    database.sql("SELECT highwater.set_threshold('street', 'water_depth', 1, 'inundated', 0.10)")
    dry_and_splash = [0, 0, 0.12, 0, 0, 0]
    flood = [0, 0.01, 0.03, 0.05, 0.07, 0.09, 0.11, 0.13, 0.14, 0.12, 0.09, 0.06, 0.03] + [0] * 20
    store(database, "street", dry_and_splash, observed="water_depth", step=MINUTE)
    store(database, "street", flood, observed="water_depth", start=START + 60 * MINUTE, step=MINUTE)
    assert whatif.levels() == [(67, 1), (86, 0)]
    loose = ["--set", "*/water_depth/1", "on-delay=0", "on-samples=0", "off-delay=0"]
    assert whatif.levels(*loose) == [(66, 1), (71, 0)]


def test_rules_of_another_time(database, levels, whatif):
    database.sql(
        "INSERT INTO highwater.threshold (datastream_id, level, name, set_value, clear_value, valid_from)"
        " SELECT datastream_id, 1, 'next year', 1.45, 1.40, now() + interval '30 days'"
        " FROM highwater.threshold WHERE level = 1"
    )
    store(database, "phu-an", TIDE)
    assert whatif.levels()[0] == (20, 1)
    later = stamp(datetime.datetime.now(UTC) + datetime.timedelta(days=31))
    assert whatif.levels("--as-of", later)[0] == (30, 1)


def test_text_names_level_value_and_delay(database, levels, whatif):
    store(database, "phu-an", TIDE)
    lines = whatif.said("--set", "phu-an/water_level/1", "on-delay=15m").splitlines()
    assert lines[0].split() == [
        "time", "station", "property", "alarm", "level", "value", "threshold", "onset", "delay"
    ]
    assert lines[1].split()[:13] == [
        "2025-11-21T00:35:00+00:00", "phu-an", "water_level", "threshold", "▲", "1", "báo", "động", "I",
        "1.47", "m", "1.4", "00:20:00",
    ]
    assert lines[1].split()[13] == "15m"
    ended = next(line for line in lines if "✓" in line)
    assert "after 45m, peak 1.52" in ended


@pytest.mark.parametrize("arguments, said", [
    (["--from", "2025-11-22", "--to", "2025-11-21"], "is not after --from"),
    (["--from", "tomorrow"], "a day as 2025-11-21"),
    (["--set", "phu-an/water_level/7", "set=1"], "there is no such level"),
    (["--set", "phu-an/water_level/1", "clear=1.5"], "a rising level clears at or below its set value"),
    (["--set", "phu-an/water_level/1", "hight=1.5"], "after the path come set="),
    (["--station", "phu-on"], "no such station has a datastream"),
    (["--property", "rainfall"], "no datastream has this property"),
    (["--from", "2001-01-01", "--to", "2001-02-01"], "there are no readings"),
])
def test_mistakes_are_refused_with_what_is_allowed(database, levels, whatif, arguments, said):
    store(database, "phu-an", [1.0])
    done = whatif.run("--summary", *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stdout == ""


def test_database_that_is_not_ours_is_refused(bare_database):
    server = bare_database.server
    reached = f"host={server.folder} port={server.port} user=postgres"
    done = run("--database", f"{reached} dbname={bare_database.name}")
    assert done.returncode == 1
    assert "there is no schema highwater" in done.stderr
    done = run("--database", f"{reached} dbname=nowhere")
    assert done.returncode == 1
    assert "cannot connect" in done.stderr
    assert 'invalid connection option "hots"' in run("--database", "hots=x").stderr


def test_help_says_how_it_differs_from_live():
    done = run("--help")
    assert done.returncode == 0
    assert "how it differs from live" in done.stdout


@pytest.mark.parametrize("sensor, height_m", [("daily_happy_satyr", 1.578), ("daily_gentle_beetle", 2.726)])
def test_recorded_floods_raise_once_each_and_parked_cars_never(
    make_broker, database, whatif, shared_data, sensor, height_m
):
    """By the verdicts of the broker; FloodNet's sensors in a street that floods, and where cars park."""
    database.sql(
        f"SELECT highwater.set_conversion('{sensor}', 'water_depth', 'distance', input => 'distance',"
        f" input_unit => 'mm', mount_height => {height_m})"
    )
    database.sql(f"SELECT highwater.set_threshold('{sensor}', 'water_depth', 1, 'water', 0.05)")
    broker = make_broker(database=database, config=OLD_DATA).start()
    broker.wait_registry(1)
    path = shared_data / f"floodnet_{sensor}_2023-06.csv"
    play(broker, "--topic", f"sensors/{sensor}/distance", "--time-column", "time_utc", "--value", "dist_mm",
         "--unit", "mm", str(path))
    times = {row["time_utc"] for row in rows_of(path) if row["dist_mm"]}
    database.wait_at_least(len(times), sensor, "water_depth", timeout=60)

    alerts = whatif.alerts("--late-after", "0")
    events = json.loads((shared_data / "floodnet_event_candidates.json").read_text(encoding="utf-8"))
    floods = [e for e in events if e["sensor"] == sensor and e["judged"] == "flood-like"]
    raised = [moment(a["time"]) for a in alerts if a["event"] == "raised"]
    assert len(raised) == len(floods)
    for at, flood in zip(raised, floods):
        assert moment(flood["start"]) <= at <= moment(flood["peak_at"])
    assert sum(a["event"] == "cleared" for a in alerts) == len(raised)
    assert all(float(a["delay_s"]) < 130 for a in alerts if a["event"] == "raised")
