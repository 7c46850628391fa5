"""What operators do with alarms over $CONTROL/highwater/v1, and who is let to."""

import datetime
import json
import os
import re
import time

import pytest

from broker import mosquitto_version
from processes import free_port, give, run_quietly
from readings import now, topic
from waiting import PATIENCE, wait_until

STATION = "phu-an"
HERE = {"station": STATION, "property": "water_level"}
ALERTS = "highwater/alerts/#"
STATUS = f"highwater/status/{STATION}/water_level"
CONTROL = "$CONTROL/highwater/v1"
RESPONSE = CONTROL + "/response"
CONFIG = {"alerts": {"operators": ["duty", "trực ban"]}}

ACTIONS = (
    "SELECT event, user_name, client_id, reason FROM highwater.alert_event"
    " WHERE event NOT IN ('raised', 'changed', 'cleared') ORDER BY sent"
)


class Operator:
    """A client that asks and waits for the answer; it does not subscribe."""

    def __init__(self, broker, user="duty", client_id="desk-1", **options):
        self.client = broker.client(user=user, client_id=client_id, **options)

    def answers(self):
        return self.client.received(RESPONSE)

    def send(self, payload, qos=1):
        """One request; its responses."""
        before = len(self.answers())
        self.client.publish(CONTROL, payload, qos=qos)
        return self.client.wait_received(before + 1, RESPONSE)[before].json()["responses"]

    def ask(self, *commands, qos=1):
        return self.send(json.dumps({"commands": commands}), qos)

    def do(self, command, **members):
        """One command, which must be carried out; its data."""
        (response,) = self.ask({"command": command, **members})
        assert "error" not in response, response
        assert response["command"] == command
        return response["data"]

    def refused(self, command, **members):
        """One command, which must be refused; the sentence."""
        (response,) = self.ask({"command": command, **members})
        return response["error"]


def arm(make_broker, database, config=None, **options):
    broker = make_broker(database=database, config=config or CONFIG, **options).start()
    broker.wait_registry(1)
    return broker


@pytest.fixture
def levels(database):
    """Phú An with two alarm levels; clear values 0.05 m below. Jumps within a moment are not suspect here."""
    database.judge_nothing()
    database.sql("SELECT highwater.register_station(%s, 'Phú An', 10.776, 106.706)", (STATION,))
    for level, value in ((1, 1.40), (2, 1.50)):
        database.set_threshold(STATION, level, value, name=f"báo động {'I' * level}")


@pytest.fixture
def armed(make_broker, database, levels):
    return arm(make_broker, database)


def say(broker, *values, station=STATION):
    client = broker.client()
    for value in values:
        client.publish(topic(station), str(value))


def listen(broker, *filters):
    subscriber = broker.client()
    for topic_filter in filters or (ALERTS,):
        subscriber.subscribe(topic_filter)
    return subscriber


def status(broker):
    """The retained status, as one that comes now learns it."""
    subscriber = listen(broker, STATUS)
    wait_until(lambda: subscriber.received(STATUS), 5, "a retained status")
    return subscriber.received(STATUS)[0].json()


def told(subscriber, count):
    return [(m.json()["event"], m.json()["level"]) for m in subscriber.wait_received(count, ALERTS)]


def nothing_more(subscriber, count, seconds=0.4):
    time.sleep(seconds * PATIENCE)
    return told(subscriber, count)


@pytest.mark.memcheck
def test_acknowledgement_is_recorded_and_shown(armed, database):
    subscriber = listen(armed)
    say(armed, 1.00, 1.42)
    raised = subscriber.wait_received(1, ALERTS)[0].json()
    assert raised["acknowledged"] is False
    operator = Operator(armed, user="trực ban")
    assert operator.do("acknowledge", **HERE, reason="đã báo phường") == {"applied": 1}
    now_is = status(armed)
    assert (now_is["level"], now_is["acknowledged"], now_is["incident"]) == (1, True, raised["incident"])
    assert (now_is["user"], now_is["client"], now_is["reason"]) == ("trực ban", "desk-1", "đã báo phường")
    database.wait_count(2, "alert_event")
    assert database.sql(ACTIONS) == [("acknowledged", "trực ban", "desk-1", "đã báo phường")]
    assert database.value("SELECT incident FROM highwater.alert_event WHERE event = 'acknowledged'") == (
        raised["incident"]
    )
    armed.wait_for_log(r"operator trực ban \(client desk-1\): phu-an/water_level acknowledged, 1 alarm: đã")
    sentence = operator.refused("acknowledge", **HERE)
    assert sentence.startswith("phu-an/water_level has nothing to acknowledge")
    say(armed, 1.20)
    assert told(subscriber, 2) == [("raised", 1), ("cleared", 0)]


def test_a_higher_level_asks_for_acknowledgement_again(armed):
    say(armed, 1.42)
    operator = Operator(armed)
    operator.do("acknowledge", **HERE)
    say(armed, 1.52)
    assert status(armed)["acknowledged"] is False
    operator.do("acknowledge", **HERE)
    assert status(armed)["acknowledged"] is True


def test_latched_alarm_ends_by_acknowledgement(make_broker, database, levels):
    database.sql("UPDATE highwater.threshold SET latching = true")
    broker = arm(make_broker, database)
    subscriber = listen(broker)
    say(broker, 1.42, 1.10)
    assert nothing_more(subscriber, 1) == [("raised", 1)]
    Operator(broker).do("acknowledge", **HERE)
    assert told(subscriber, 2) == [("raised", 1), ("cleared", 0)]
    assert status(broker)["level"] == 0
    database.wait_count(3, "alert_event")
    assert database.value("SELECT count(*) FROM highwater.flood_event WHERE ended IS NOT NULL") == 1


def test_acknowledged_latched_alarm_ends_when_the_water_has_gone(make_broker, database, levels):
    database.sql("UPDATE highwater.threshold SET latching = true")
    broker = arm(make_broker, database)
    subscriber = listen(broker)
    say(broker, 1.42)
    Operator(broker).do("acknowledge", **HERE)
    assert nothing_more(subscriber, 1) == [("raised", 1)]
    say(broker, 1.10)
    assert told(subscriber, 2) == [("raised", 1), ("cleared", 0)]


@pytest.mark.memcheck
def test_shelved_alarm_is_silent_until_the_time_is_over_and_then_tells(armed, database):
    subscriber = listen(armed)
    operator = Operator(armed)
    started = now()
    data = operator.do("shelve", **HERE, duration="2s", reason="pump test")
    until = datetime.datetime.fromisoformat(data["shelved_until"].replace("Z", "+00:00"))
    assert data["applied"] == 1
    assert 0 < (until - started).total_seconds() < 4
    assert status(armed)["shelved_until"] == data["shelved_until"]
    say(armed, 1.42)
    assert status(armed)["level"] == 1
    assert subscriber.received(ALERTS) == []
    wait_until(lambda: status(armed)["shelved_until"] is None, 6, "the end of shelving")
    assert now() >= until
    assert [level for _, level in told(subscriber, 1)] == [1]
    say(armed, 1.20)
    assert told(subscriber, 2)[1] == ("cleared", 0)

    wait_until(lambda: len(database.sql(ACTIONS)) >= 2, 5, "both actions in the database")
    shelved, unshelved = database.sql(ACTIONS)[:2]
    assert shelved == ("shelved", "duty", "desk-1", "pump test")
    assert (unshelved[0], unshelved[1]) == ("unshelved", None)
    assert abs(database.value("SELECT until FROM highwater.alert_event WHERE event = 'shelved'") - until) < (
        datetime.timedelta(milliseconds=1)
    )


def test_end_that_comes_while_shelved_is_told_of_an_incident_that_was_told(armed):
    subscriber = listen(armed)
    say(armed, 1.42)
    Operator(armed).do("shelve", **HERE, duration="1h", reason="boats")
    say(armed, 1.20)
    assert told(subscriber, 2) == [("raised", 1), ("cleared", 0)]


def test_unshelving_tells_what_was_missed(armed, database):
    subscriber = listen(armed)
    operator = Operator(armed)
    operator.do("shelve", **HERE, duration="8h", reason="boats")
    say(armed, 1.42, 1.52)
    assert nothing_more(subscriber, 0) == []
    operator.do("unshelve", **HERE)
    assert [level for _, level in told(subscriber, 1)] == [2]
    assert status(armed)["shelved_until"] is None
    assert operator.refused("unshelve", **HERE) == "phu-an/water_level is not shelved"
    wait_until(lambda: len(database.sql(ACTIONS)) >= 2, 5)
    assert [row[0] for row in database.sql(ACTIONS)][:2] == ["shelved", "unshelved"]


@pytest.mark.parametrize("off, on, member, refusal", [
    ("suppress", "unsuppress", "suppressed", "is not suppressed"),
    ("out_of_service", "in_service", "out_of_service", "is not out of service"),
])
def test_alarm_is_taken_away_and_brought_back(armed, database, off, on, member, refusal):
    subscriber = listen(armed)
    operator = Operator(armed)
    operator.do(off, **HERE, reason="mooring broke")
    assert status(armed)[member] is True
    say(armed, 1.42)
    assert nothing_more(subscriber, 0) == []
    (shown,) = operator.do("list", state=member)["alarms"]
    assert (shown["station"], shown["level"], shown[member]) == (STATION, 1, True)
    operator.do(on, **HERE)
    assert status(armed)[member] is False
    assert [level for _, level in told(subscriber, 1)] == [1]
    assert operator.refused(on, **HERE) == f"phu-an/water_level {refusal}"
    wait_until(lambda: len(database.sql(ACTIONS)) >= 2, 5)
    events = {"suppress": ["suppressed", "unsuppressed"], "out_of_service": ["out_of_service", "in_service"]}
    assert [row[0] for row in database.sql(ACTIONS)][:2] == events[off]


def test_list_shows_every_alarm_a_page_at_a_time(make_broker, database, levels):
    for i in range(5):
        database.set_threshold(f"gauge-{i}", 1, 2.0)
    broker = arm(make_broker, database)
    operator = Operator(broker)
    broker.wait_registry(6)
    say(broker, 1.0)
    for i in range(5):
        say(broker, 2.1 if i == 3 else 1.9, station=f"gauge-{i}")
    assert operator.do("list")["totalCount"] == 6
    data = operator.do("list", state="active")
    assert data["totalCount"] == 1
    assert (data["alarms"][0]["station"], data["alarms"][0]["value"]) == ("gauge-3", 2.1)
    shown = listen(broker, "highwater/status/gauge-3/#").wait_received(1)[0].json()
    assert {**data["alarms"][0], "sent": None} == {**shown, "sent": None}
    pages = [operator.do("list", count=2, offset=offset) for offset in (0, 2, 4)]
    stations = [alarm["station"] for page in pages for alarm in page["alarms"]]
    assert sorted(stations) == sorted(["phu-an"] + [f"gauge-{i}" for i in range(5)])
    assert operator.do("list", station="nowhere") == {"alarms": [], "totalCount": 0}


def test_alarm_without_thresholds_leaves_the_list_unless_it_is_taken_away(make_broker, database, levels):
    database.set_threshold("gone", 1, 2.0)
    database.set_threshold("kept", 1, 2.0)
    broker = arm(make_broker, database)
    operator = Operator(broker)
    for station in ("gone", "kept"):
        say(broker, 1.0, station=station)
    assert operator.do("list")["totalCount"] == 2
    operator.do("suppress", station="kept", property="water_level", reason="dredging")
    database.sql("DELETE FROM highwater.threshold")
    wait_until(lambda: operator.do("list")["totalCount"] == 1, 5, "the alarm that has nothing to say is gone")
    assert operator.do("list")["alarms"][0]["station"] == "kept"
    operator.do("unsuppress", station="kept", property="water_level")
    assert operator.do("list")["totalCount"] == 0


def test_test_alert_goes_out_and_changes_nothing(armed, database):
    subscriber = listen(armed)
    say(armed, 1.42)
    before = status(armed)
    Operator(armed).do("test", **HERE, reason="monthly")
    alert = subscriber.wait_received(2, ALERTS)[1].json()
    assert (alert["event"], alert["station"], alert["reason"]) == ("test", STATION, "monthly")
    assert alert["incident"] is None
    assert status(armed) == before
    database.wait_count(2, "alert_event")
    assert database.sql(ACTIONS) == [("test", "duty", "desk-1", "monthly")]
    assert database.count("alert") == 1


def test_operators_act_with_the_database_away(armed, database, postgres):
    postgres.stop()
    subscriber = listen(armed)
    say(armed, 1.42)
    operator = Operator(armed)
    operator.do("acknowledge", **HERE)
    operator.do("suppress", **HERE, reason="known")
    assert (status(armed)["acknowledged"], status(armed)["suppressed"]) == (True, True)
    say(armed, 1.52)
    assert nothing_more(subscriber, 1) == [("raised", 1)]
    postgres.start()
    wait_until(lambda: database.count("alert_event") >= 4, 20, "all that was done meanwhile")
    assert database.sql(ACTIONS) == [
        ("acknowledged", "duty", "desk-1", None), ("suppressed", "duty", "desk-1", "known")
    ]
    assert database.value("SELECT announced FROM highwater.alert_event WHERE event = 'changed'") is False


def test_what_operators_did_survives_kill_9(armed, database):
    subscriber = listen(armed)
    say(armed, 1.42)
    operator = Operator(armed)
    operator.do("acknowledge", **HERE)
    until = operator.do("shelve", **HERE, duration="1h", reason="boats")["shelved_until"]
    armed.kill9()
    armed.start()
    wait_until(lambda: status(armed)["shelved_until"] == until, 5, "still shelved")
    assert status(armed)["acknowledged"] is True
    subscriber = listen(armed)
    say(armed, 1.52)
    assert nothing_more(subscriber, 0) == []
    operator = Operator(armed)
    assert operator.do("list", state="shelved")["totalCount"] == 1
    operator.do("unshelve", **HERE)
    assert [level for _, level in told(subscriber, 1)] == [2]
    database.wait_count(1, "alert")
    wait_until(lambda: len(database.sql(ACTIONS)) >= 3, 10)
    assert [row[0] for row in database.sql(ACTIONS)][:3] == ["acknowledged", "shelved", "unshelved"]


def test_operators_act_on_an_alarm_that_nothing_else_is_known_of(armed, database, postgres):
    """The registry's copy is lost and the database away: what is known is the alarm's state."""
    say(armed, 1.42)
    database.wait_count(1, "alert_event")
    postgres.stop()
    armed.kill9()
    (armed.state_dir / "registry").unlink()
    armed.start()
    operator = Operator(armed)
    operator.do("acknowledge", **HERE)
    operator.do("shelve", **HERE, duration="1h", reason="boats")
    assert operator.do("list", state="shelved")["alarms"][0]["level"] == 1
    operator.do("unshelve", **HERE)
    operator.do("suppress", **HERE, reason="known")
    assert operator.refused("test", **HERE).startswith("there is no alarm")
    now_is = status(armed)
    assert (now_is["level"], now_is["acknowledged"], now_is["suppressed"]) == (1, True, True)
    postgres.start()
    armed.wait_registry(1)
    wait_until(lambda: len(database.sql(ACTIONS)) >= 4, 20, "all that was done meanwhile")
    assert [row[0] for row in database.sql(ACTIONS)] == ["acknowledged", "shelved", "unshelved", "suppressed"]
    assert database.count("rejected") == 0


def test_shelving_ends_in_time_although_the_broker_was_away(armed):
    say(armed, 1.00)
    Operator(armed).do("shelve", **HERE, duration="1s", reason="short")
    armed.kill9()
    time.sleep(1.2)
    armed.start()
    subscriber = listen(armed)
    wait_until(lambda: status(armed)["shelved_until"] is None, 5, "the end of shelving")
    say(armed, 1.42)
    assert told(subscriber, 1) == [("raised", 1)]


# --- who may ---


def refused_as_a_whole(operator, commands):
    (response,) = operator.ask(*commands)
    assert response["command"] == "Unknown command"
    return response["error"]


ACKNOWLEDGE = {"command": "acknowledge", **HERE}


def test_clients_without_a_user_name_are_refused_and_logged_once(armed, database):
    say(armed, 1.42)
    nobody = Operator(armed, user=None, client_id="stranger")
    sentence = refused_as_a_whole(nobody, [ACKNOWLEDGE, ACKNOWLEDGE])
    assert sentence.startswith("this client has no user name")
    armed.wait_for_log("operators: refused client stranger: this client has no user name")
    for _ in range(20):
        refused_as_a_whole(nobody, [ACKNOWLEDGE])
    time.sleep(0.3)
    assert armed.log().count("operators: refused") == 1
    assert status(armed)["acknowledged"] is False
    assert database.sql(ACTIONS) == []


def test_users_that_are_not_in_the_list_are_refused(armed):
    say(armed, 1.42)
    sentence = refused_as_a_whole(Operator(armed, user="intruder"), [{"command": "list"}])
    assert sentence == (
        'user "intruder" may not act on alarms: add the name to "alerts.operators" of the configuration'
    )
    armed.wait_for_log("operators: refused client desk-1: user \"intruder\" may not act")


def test_without_the_key_nobody_may_act_until_a_reload_brings_it(make_broker, database, levels):
    broker = arm(make_broker, database, config={"alerts": {"qos": 1}})
    say(broker, 1.42)
    operator = Operator(broker)
    assert refused_as_a_whole(operator, [ACKNOWLEDGE]).endswith("which has none so far")
    broker.write_config(CONFIG)
    broker.reload()
    broker.wait_for_log("highwater: configuration reloaded")
    assert operator.do("acknowledge", **HERE) == {"applied": 1}


def test_anonymous_clients_may_act_if_the_config_says_so(make_broker, database, levels):
    broker = arm(make_broker, database, config={"alerts": {"anonymous_operators": True}})
    say(broker, 1.42)
    Operator(broker, user=None).do("acknowledge", **HERE)
    database.wait_count(2, "alert_event")
    assert database.sql(ACTIONS) == [("acknowledged", None, "desk-1", None)]


ACL = """
topic readwrite #
topic read $SYS/#
user duty
topic readwrite $CONTROL/highwater/v1/#
topic readwrite $CONTROL/highwater/v1
"""


def test_the_broker_guards_the_topic_besides(make_broker, database, levels):
    broker = make_broker(database=database, config=CONFIG)
    passwords, acl = broker.folder / "passwords", broker.folder / "acl"
    passwords.touch()
    for user in ("duty", "trực ban"):
        run_quietly(["mosquitto_passwd", "-b", passwords, user, "secret"])
    acl.write_text(ACL, encoding="utf-8")
    for path in (passwords, acl):
        os.chmod(path, 0o644)
    broker.conf = f"password_file {passwords}\nacl_file {acl}"
    broker.start()
    broker.wait_registry(1)
    say(broker, 1.42)
    barred = Operator(broker, user="trực ban", client_id="desk-2")
    barred.client.publish(CONTROL, {"commands": [ACKNOWLEDGE]})
    Operator(broker).do("list")
    assert barred.answers() == []
    assert status(broker)["acknowledged"] is False
    Operator(broker, client_id="desk-3").do("acknowledge", **HERE)


def test_nobody_else_reads_the_answers(armed):
    curious = listen(armed, "$CONTROL/#", RESPONSE)
    other = Operator(armed, client_id="desk-2")
    operator = Operator(armed)
    say(armed, 1.00)
    assert operator.do("list")["totalCount"] == 1
    time.sleep(0.2 * PATIENCE)
    assert curious.received("$CONTROL/#") == other.answers() == []
    assert not operator.answers()[0].retain


@pytest.mark.parametrize("version, qos", [(4, 0), (4, 2), (5, 1), (5, 2)])
def test_every_protocol_and_quality_of_service_is_answered_once(armed, version, qos):
    operator = Operator(armed, version=version)
    commands = [{"command": "list", "correlationData": "7"}, {"command": "test", **HERE}]
    responses = operator.ask(*commands, qos=qos)
    assert [(r["command"], r.get("correlationData")) for r in responses] == [("list", "7"), ("test", None)]
    time.sleep(0.2 * PATIENCE)
    assert len(operator.answers()) == 1


def test_operators_act_with_per_listener_settings(make_broker, database, levels):
    broker = make_broker(database=database, config=CONFIG, head="per_listener_settings true").start()
    operator = Operator(broker)

    def there():
        say(broker, 1.42)  # before 2.0.15 nothing but messages calls the plugin
        return operator.do("list")["totalCount"] == 1

    wait_until(there, 10, "the registry")
    wait_until(lambda: operator.do("list", state="active")["totalCount"] == 1 or there(), 5)
    assert operator.do("acknowledge", **HERE) == {"applied": 1}


def test_a_second_instance_starts_although_the_topic_may_be_taken(make_broker, database, levels):
    """Mosquitto 2.1 has one $CONTROL for all listeners, 2.0 has one for each."""
    port = free_port()
    broker = make_broker(database=database, config=CONFIG, head="per_listener_settings true")
    state = broker.folder / "other"
    state.mkdir()
    give(state, "mosquitto")
    options = {**broker.options, "state_dir": state}
    broker.tail = "\n".join(
        [f"listener {port} 127.0.0.1", "allow_anonymous true", f"plugin {broker.module}"]
        + [f"plugin_opt_{name} {value}" for name, value in options.items()]
    )
    broker.start()
    assert "totalCount" in Operator(broker).do("list")
    assert "totalCount" in Operator(broker, port=port, client_id="desk-2").do("list")
    warning = f"operators cannot act on the alarms of {state}: {re.escape(CONTROL)} does not come here"
    assert bool(re.search(warning, broker.log())) == (mosquitto_version() >= (2, 1))


# --- what cannot be done ---


@pytest.mark.memcheck
def test_bad_requests_are_answered_and_harm_nothing(armed):
    operator = Operator(armed)
    say(armed, 1.00)
    commands = [{"command": "test", **HERE}] * 10000
    (response,) = operator.ask(*commands[:500])
    assert response["error"].startswith('"commands" has 500 commands: allowed are 1 to 100')
    (response,) = operator.ask(*commands)
    assert response["error"].endswith(" bytes: allowed are 1 to 65536")
    for payload, sentence in (
        (b"", "the request has 0 bytes"),
        (b"\xff\xfe", "the request is not UTF-8 text"),
        (b"[" * 60000, "the request is not JSON"),
        (b"{}", "a request without \"commands\""),
        (b"x" * 1_900_000, "the request has 1900000 bytes"),  # 2.1 takes no packet above 2 MB
    ):
        (response,) = operator.send(payload)
        assert response["error"].startswith(sentence)
    nowhere = {"station": "đâu đó", "property": "water_level"}
    for command in ("acknowledge", "unshelve", "test"):
        assert operator.refused(command, **nowhere).startswith("there is no alarm đâu đó/water_level")
    assert operator.do("list")["totalCount"] == 1
    armed.counters().wait("readings/received", 1)


def test_other_topics_of_control_are_not_ours(armed):
    client = armed.client(user="duty")
    client.publish(CONTROL + "/x", {"commands": [{"command": "list"}]})
    client.publish("$CONTROL/highwater/v2", {"commands": [{"command": "list"}]})
    time.sleep(0.2 * PATIENCE)
    assert client.received(RESPONSE) == []
