"""A wrong configuration is refused with its place and remedy; a bad reload changes nothing."""

import json
import os

import pytest

from readings import series, topic
from waiting import wait_until

# what is wrong: (text of highwater.json, line, what the message names)
BAD_CONFIGS = {
    "unknown_key": ('{\n  "prefix": "highwater",\n  "sauces": []\n}\n', 3, ["sauces", "sources"]),
    "unknown_key_below": ('{\n  "journal": {\n    "sink": "100ms"\n  }\n}\n', 3, ["sink", "sync"]),
    "bad_duration": ('{\n  "time": {\n    "max_age": "a year"\n  }\n}\n', 3, ["a year"]),
    "bad_size": ('{\n  "journal": {\n\n    "max_size": "4 gigs"\n  }\n}\n', 4, ["4 gigs"]),
    "bad_choice": ('{\n  "register": "always"\n}\n', 2, ["always", "auto", "known"]),
    "wrong_type": ('{\n  "prefix": 5\n}\n', 2, ["prefix"]),
    "unknown_format": (
        '{\n  "sources": [\n    {"topic": "a/{station}",\n     "format": "yaml"}\n  ]\n}\n',
        4, ["yaml", "json"],
    ),
    "pattern_without_station": (
        '{\n  "sources": [\n    {\n      "topic": "a/b",\n      "format": "json"\n    }\n  ]\n}\n',
        4, ["station"],
    ),
    "qos_out_of_range": ('{\n  "alerts": {\n    "qos": 3\n  }\n}\n', 3, ["3"]),
    "duplicate_key": ('{\n  "prefix": "a",\n  "prefix": "b"\n}\n', 3, ["prefix"]),
    "not_json": ('{\n  "prefix": "a"\n  "register": "auto"\n}\n', 3, []),
}


@pytest.mark.parametrize("case", BAD_CONFIGS)
def test_bad_config_is_refused_at_the_start_with_file_line_and_remedy(make_broker, database, case):
    text, line, names = BAD_CONFIGS[case]
    broker = make_broker(database=database, config=text)
    log = broker.refused()
    complaint = [entry for entry in log.splitlines() if "highwater.json" in entry]
    assert complaint, log
    assert f"{broker.config_path}:{line}:" in complaint[0]
    for name in names:
        assert name in complaint[0]


def test_missing_config_file_is_refused(make_broker, database):
    broker = make_broker(database=database)
    os.unlink(broker.config_path)
    assert str(broker.config_path) in broker.refused()


def test_unknown_option_is_refused_with_those_that_are_allowed(make_broker, database):
    broker = make_broker(database=database, options={"statedir": "/var/lib/x"})
    log = broker.refused()
    assert "statedir" in log
    assert "state_dir" in log


@pytest.mark.parametrize("option", ["database", "state_dir"])
def test_missing_option_is_refused_by_name(make_broker, database, option):
    assert option in make_broker(database=database, options={option: None}).refused()


def test_unreadable_conninfo_is_refused(make_broker):
    log = make_broker(options={"database": "host=/tmp dbnaam=city"}).refused()
    assert "dbnaam" in log


def test_state_directory_that_cannot_be_used_is_refused(make_broker, database):
    broker = make_broker(database=database)
    (broker.folder / "file").write_text("")
    broker.options["state_dir"] = broker.folder / "file" / "below"
    assert "state_dir" in broker.refused() or str(broker.options["state_dir"]) in broker.log()


def test_one_state_directory_serves_one_broker(make_broker, database):
    first = make_broker(database=database).start()
    second = make_broker(database=database, options={"state_dir": first.state_dir})
    assert str(first.state_dir) in second.refused()
    assert first.running()


def test_reload_takes_up_a_good_config(make_broker, database):
    broker = make_broker(database=database).start()
    client = broker.client()
    client.publish("gauges/phu-an/water_level", "1.0")
    broker.write_config({"sources": [{"topic": "gauges/{station}/{property}", "format": "json"}]})
    broker.reload()
    counters = broker.counters()

    def matched():
        client.publish("gauges/phu-an/water_level", "1.1")
        return counters.get("messages/matched")

    wait_until(matched, what="the new source")
    client.publish(topic("phu-an"), "2.0")  # no longer a source
    wait_until(lambda: counters.get("journal/pending") == 0 and database.count() > 0, what="committed")
    assert set(database.results("phu-an")) == {1.1}


def test_reload_of_a_bad_config_leaves_the_old_one_in_force(make_broker, database):
    broker = make_broker(database=database).start()
    client = broker.client()
    client.publish_many(series("phu-an", [1.0]))
    before = len(broker.log())
    broker.write_config('{\n  "prefix": "elsewhere",\n  "registre": "auto"\n}\n')
    broker.reload()
    match = broker.wait_for_log(r"highwater: .*highwater\.json.*", since=before)
    assert "registre" in match.group()
    assert "3" in match.group()
    subscriber = broker.client()
    subscriber.subscribe("highwater/rejected/#")
    client.publish(topic("phu-an"), "not a number")
    subscriber.wait_received(1)
    client.publish_many(series("phu-an", [1.1]))
    database.wait_count(2)


def test_config_with_every_key_is_taken(make_broker, database):
    config = {
        "prefix": "highwater",
        "sources": [
            {"topic": "sensors/{station}/{property}", "format": "json"},
            {"topic": "sensors/{station}", "format": "json"},
        ],
        "register": "auto",
        "max_datastreams": 100000,
        "on_invalid": "reject",
        "time": {"max_future": "5m", "max_age": "366d", "late_after": "30m"},
        "journal": {"max_size": "64MiB", "segment_size": "16MiB", "sync": "100ms", "on_damage": "refuse"},
        "alerts": {"qos": 1},
        "stats_interval": "10s",
        "shutdown_timeout": "5s",
    }
    broker = make_broker(database=database, config=json.dumps(config)).start()
    broker.client().publish(topic("phu-an"), "1.5")
    database.wait_results("phu-an", [1.5])
