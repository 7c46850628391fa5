"""Alerts as CAP 1.2: every document is valid, and the chain of an incident holds together."""

import json
import re
import shutil
import subprocess
import xml.etree.ElementTree

import pytest

from conftest import SHARED_DATA
from readings import topic
from waiting import wait_until

STATION = "phu-an"
CAP = "highwater/cap/#"
ALERTS = "highwater/alerts/#"
NAMESPACE = "{urn:oasis:names:tc:emergency:cap:1.2}"
SCHEMA = SHARED_DATA / "cap12.xsd"

SETTINGS = {"sender": "highwater@example.org", "utc_offset": "+07:00", "radius": "2km"}
POLYGON = "10.77,106.70 10.78,106.70 10.78,106.71 10.77,106.70"

# What CAP 1.2 has, in its order; (name, required). The schema says so too, where it is at hand.
ALERT = [
    ("identifier", True), ("sender", True), ("sent", True), ("status", True), ("msgType", True),
    ("source", False), ("scope", True), ("restriction", False), ("addresses", False), ("code", False),
    ("note", False), ("references", False), ("incidents", False), ("info", True),
]
INFO = [
    ("language", False), ("category", True), ("event", True), ("responseType", False), ("urgency", True),
    ("severity", True), ("certainty", True), ("audience", False), ("eventCode", False), ("effective", False),
    ("onset", False), ("expires", False), ("senderName", False), ("headline", False), ("description", False),
    ("instruction", False), ("web", False), ("contact", False), ("parameter", False), ("resource", False),
    ("area", True),
]
AREA = [("areaDesc", True), ("polygon", False), ("circle", False)]

WORDS = {
    "status": "Actual Exercise System Test Draft",
    "msgType": "Alert Update Cancel",
    "scope": "Public Restricted Private",
    "category": "Met Infra",
    "urgency": "Immediate Expected Future Past Unknown",
    "severity": "Extreme Severe Moderate Minor Unknown",
    "certainty": "Observed Likely Possible Unlikely Unknown",
}

IDENTIFIER = r"[^\s,<&]+"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d"


def names(element):
    assert all(child.tag.startswith(NAMESPACE) for child in element)
    return [child.tag[len(NAMESPACE):] for child in element]


def text(element, path):
    """The text of the one element with this path; None when there is none."""
    found = element.findall("/".join(NAMESPACE + name for name in path.split("/")))
    assert len(found) <= 1, path
    return found[0].text if found else None


def check_order(element, model):
    """Children are those of the model, in its order, and the required ones are there."""
    found = names(element)
    places = [[name for name, _ in model].index(name) for name in found]
    assert places == sorted(places), found
    assert [name for name, required in model if required and name not in found] == []


def check_area(area):
    check_order(area, AREA)
    polygon, circle = text(area, "polygon"), text(area, "circle")
    assert polygon is None or circle is None
    if polygon:
        points = polygon.split(" ")
        assert len(points) >= 4 and points[0] == points[-1]
        assert all(re.fullmatch(r"-?\d+(\.\d+)?,-?\d+(\.\d+)?", point) for point in points)
    if circle:
        assert re.fullmatch(r"-?\d+(\.\d+)?,-?\d+(\.\d+)? \d+(\.\d+)?", circle)


def check_rules(alert):
    """What CAP 1.2 rules in words: 3.2.1 and 3.3.2."""
    assert re.fullmatch(IDENTIFIER, text(alert, "identifier"))
    assert re.fullmatch(IDENTIFIER, text(alert, "sender"))
    references = text(alert, "references")
    assert (references is not None) == (text(alert, "msgType") != "Alert")
    assert references is None or re.fullmatch(f"{IDENTIFIER},{IDENTIFIER},{TIME}", references)
    assert text(alert, "scope") != "Restricted" or text(alert, "restriction")
    for element in alert.iter():
        name = element.tag[len(NAMESPACE):]
        assert name not in WORDS or element.text in WORDS[name].split(), (name, element.text)
        if name in ("sent", "effective", "onset", "expires"):
            assert re.fullmatch(TIME, element.text), (name, element.text)
            assert not element.text.endswith("+00:00"), "UTC is -00:00"


def check_schema(payload):
    assert shutil.which("xmllint"), "run examples/packages.sh test"
    command = ["xmllint", "--noout", "--nonet", "--schema", SCHEMA, "-"]
    said = subprocess.run(
        command, input=payload, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    assert said.returncode == 0, said.stdout.decode() + payload.decode()


def parsed(message):
    """The alert element of a document, once it has been found valid."""
    if SCHEMA.is_file():
        check_schema(message.payload)
    alert = xml.etree.ElementTree.fromstring(message.payload)
    assert alert.tag == NAMESPACE + "alert"
    check_order(alert, ALERT)
    for info in alert.findall(NAMESPACE + "info"):
        check_order(info, INFO)
        for area in info.findall(NAMESPACE + "area"):
            check_area(area)
    check_rules(alert)
    return alert


def reference_to(alert):
    return ",".join(text(alert, name) for name in ("sender", "identifier", "sent"))


@pytest.fixture
def make_armed(make_broker, database):
    """Makes a broker with CAP, and Phú An with two levels."""

    def make(place=(10.776, 106.706), settings=None, **alerts):
        database.judge_nothing()
        database.sql("SELECT highwater.register_station(%s, 'Phú An <&>', %s, %s)", (STATION, *place))
        database.set_threshold(STATION, 1, 1.40, name="báo động I", severity="Minor")
        database.set_threshold(STATION, 2, 1.50, name="báo động II")
        config = {"alerts": {"cap": {**SETTINGS, **(settings or {})}, **alerts}}
        broker = make_broker(database=database, config=config).start()
        broker.wait_registry(1)
        return broker

    return make


def raised(broker, *values):
    """The CAP messages that readings of these values make, one each; and who listened."""
    subscriber = broker.client()
    subscriber.subscribe(CAP)
    subscriber.subscribe(ALERTS)
    client = broker.client()
    for value in values:
        client.publish(topic(STATION), str(value))
    return [parsed(message) for message in subscriber.wait_received(len(values), CAP)], subscriber


@pytest.mark.memcheck
def test_an_incident_is_a_chain_of_alert_update_and_cancel(make_armed):
    broker = make_armed()
    chain, subscriber = raised(broker, 1.42, 1.52, 1.44, 1.20)
    assert [text(alert, "msgType") for alert in chain] == ["Alert", "Update", "Update", "Cancel"]
    assert text(chain[0], "references") is None
    assert [text(alert, "references") for alert in chain[1:]] == [reference_to(alert) for alert in chain[:3]]
    assert len({text(alert, "incidents") for alert in chain}) == 1
    assert len({text(alert, "identifier") for alert in chain}) == 4
    assert {(text(alert, "status"), text(alert, "scope")) for alert in chain} == {("Test", "Restricted")}

    told = subscriber.received(CAP)
    assert {(message.topic, message.qos, message.retain) for message in told} == {
        (f"highwater/cap/{STATION}", 1, False)
    }
    alerts = [message.json() for message in subscriber.wait_received(4, ALERTS)]
    assert [alert["identifier"] for alert in alerts] == [text(alert, "identifier") for alert in chain]
    for alert, cap in zip(alerts, chain):
        info = cap.find(NAMESPACE + "info")
        for name in ("severity", "urgency", "certainty"):
            assert text(info, name) == alert[name]


def test_the_chain_goes_on_after_a_crash(make_armed):
    broker = make_armed()
    chain, _ = raised(broker, 1.42, 1.52)
    broker.kill9()
    broker.start()
    subscriber = broker.client()
    subscriber.subscribe(CAP)
    broker.client().publish(topic(STATION), "1.2")

    def end():
        return [message for message in subscriber.received(CAP) if b"<msgType>Cancel<" in message.payload]

    wait_until(end, 5, "the Cancel")
    alert = parsed(end()[0])
    assert text(alert, "references") == reference_to(chain[1])
    assert text(alert, "incidents") == text(chain[0], "incidents")


def test_each_language_has_its_own_words(make_armed):
    texts = {"headline": "{name} {value}{unit} > {threshold} <b>&", "instruction": ""}
    thai = {"event": "น้ำท่วม", "sensor_event": "เซนเซอร์ขัดข้อง"}
    settings = {
        "languages": {"vi-VN": {}, "en-US": texts, "th": thai},
        "sender_name": "Trung tâm chống ngập", "web": "https://example.org/?a=1&b=2", "contact": "115",
        "note": "mùa mưa", "addresses": "duty@example.org", "expires": "12h",
    }
    (alert,), _ = raised(make_armed(settings=settings), 1.42)
    infos = alert.findall(NAMESPACE + "info")
    assert [text(info, "language") for info in infos] == ["vi-VN", "en-US", "th"]
    assert [text(info, "event") for info in infos] == ["Ngập lụt", "Flood", "น้ำท่วม"]
    assert [text(info, "headline") for info in infos] == [
        "Phú An <&>: báo động I, 1.42 m", "Phú An <&> 1.42m > 1.4 <b>&", None
    ]
    assert [text(info, "instruction") is None for info in infos] == [False, True, True]
    assert {text(info, "web") for info in infos} == {"https://example.org/?a=1&b=2"}


@pytest.mark.parametrize(
    "place, area, expected",
    [
        ((10.776, 106.706), None, ["areaDesc", "circle"]),
        ((10.776, 106.706), POLYGON, ["areaDesc", "polygon"]),
        ((None, None), None, ["areaDesc"]),
    ],
    ids=["circle", "polygon", "nowhere"],
)
def test_area_is_polygon_or_circle_or_a_name(make_armed, database, place, area, expected):
    database.sql("SELECT highwater.register_station(%s, cap_area => %s)", (STATION, area))
    (alert,), _ = raised(make_armed(place), 1.42)
    for info in alert.findall(NAMESPACE + "info"):
        found = info.find(NAMESPACE + "area")
        assert names(found) == expected
        assert text(found, "areaDesc") == "Phú An <&>"
        assert text(found, "polygon") == area
        assert text(found, "circle") in (None, "10.776000,106.706000 2.000")


def test_a_test_alert_has_status_test_and_joins_no_chain(make_armed):
    broker = make_armed(settings={"status": "Actual"}, operators=["*"], anonymous_operators=True)
    chain, subscriber = raised(broker, 1.42)
    command = {"command": "test", "station": STATION, "property": "water_level", "reason": "drill <1>"}
    broker.client().publish("$CONTROL/highwater/v1", json.dumps({"commands": [command]}))
    test = parsed(subscriber.wait_received(2, CAP)[1])
    assert (text(test, "status"), text(test, "msgType")) == ("Test", "Alert")
    assert text(test, "note") == "test alert: drill <1>"
    assert text(test, "incidents") is None
    broker.client().publish(topic(STATION), "1.2")
    end = parsed(subscriber.wait_received(3, CAP)[2])
    assert (text(end, "status"), text(end, "msgType")) == ("Actual", "Cancel")
    assert text(end, "references") == reference_to(chain[0])


def test_without_the_key_there_is_no_cap(make_broker, database):
    database.judge_nothing()
    database.set_threshold(STATION, 1, 1.40)
    broker = make_broker(database=database).start()
    broker.wait_registry(1)
    subscriber = broker.client()
    subscriber.subscribe("highwater/#")
    broker.client().publish(topic(STATION), "1.5")
    subscriber.wait_received(1, ALERTS)
    broker.client().publish(topic(STATION), "1.0")
    subscriber.wait_received(2, ALERTS)
    assert subscriber.received(CAP) == []


def test_an_outsider_cannot_publish_there(make_armed):
    broker = make_armed()
    chain, subscriber = raised(broker, 1.42)
    broker.client().publish(f"highwater/cap/{STATION}", "<alert/>", qos=0)
    broker.client().publish(topic(STATION), "1.2")
    told = subscriber.wait_received(2, CAP)
    assert text(parsed(told[1]), "references") == reference_to(chain[0])
