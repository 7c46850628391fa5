"""Compares what was acknowledged with what is in the database."""

import collections
import dataclasses

from alarm_model import transitions
from ledger import ACKNOWLEDGED, SENT, UNSENT

READINGS = """
    COPY (SELECT s.code, d.property, extract(epoch FROM o.phenomenon_time) * 1000, o.result
          FROM highwater.observation o JOIN highwater.datastream d USING (datastream_id)
          JOIN highwater.station s USING (station_id)) TO STDOUT
"""
EXAMPLES = 5


@dataclasses.dataclass
class Reckoning:
    acknowledged: int = 0
    stored: int = 0
    lost: int = 0
    duplicated: int = 0
    invented: int = 0
    alerts: int = 0
    alerts_lost: int = 0
    alerts_wrong: int = 0
    rejected: int = 0
    unstored: int = 0  # sent at QoS 0, and not there
    examples: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)

    def blame(self, kind, what):
        setattr(self, kind, getattr(self, kind) + 1)
        if getattr(self, kind) <= EXAMPLES:
            self.examples.append(f"{kind}: {what}")

    def good(self):
        return not (self.lost or self.duplicated or self.invented or self.alerts_lost or self.alerts_wrong
                    or self.rejected)


class Rows:
    """Takes COPY's lines one by one and ticks them off."""

    def __init__(self, ledger, result):
        self.ledger, self.result = ledger, result
        self.found = {}  # (station, property): one byte a message
        self.rest = ""

    def write(self, data):
        lines = (self.rest + data.decode()).split("\n")
        self.rest = lines.pop()
        for line in lines:
            self.row(line)

    def row(self, line):
        self.result.stored += 1
        code, name, ms, value = line.split("\t")
        station = self.ledger.stations.get(code)
        if station is None or name not in station.properties:
            self.result.blame("invented", line)
            return
        i = float(ms) - station.base_ms
        known = i.is_integer() and 0 <= i < len(station.states) and station.states[int(i)] != UNSENT
        if not known or float(value) != station.value(int(i), station.properties.index(name)):
            self.result.blame("invented", line)
            return
        found = self.found.setdefault((code, name), bytearray(len(station.states)))
        if found[int(i)]:
            self.result.blame("duplicated", line)
        found[int(i)] = 1


def reckon_readings(cluster, ledger, result):
    rows = Rows(ledger, result)
    with cluster.session() as cursor:
        cursor.copy_expert(READINGS, rows)
    for code, station in ledger.stations.items():
        states = bytes(station.states)
        for name in station.properties:
            found = rows.found.get((code, name), bytes(len(states)))
            result.acknowledged += states.count(ACKNOWLEDGED)
            missing = [i for i, state in enumerate(states) if state == ACKNOWLEDGED and not found[i]]
            for i in missing:
                result.blame("lost", f"{code}/{name} message {i} of {len(states)}, {station.payload(i)}")
            result.unstored += sum(state == SENT and not found[i] for i, state in enumerate(states))
    keys = cluster.sql("SELECT count(*), count(DISTINCT (datastream_id, phenomenon_time))"
                       " FROM highwater.observation")[0]
    if keys[0] != keys[1]:
        result.blame("duplicated", f"{keys[0]} rows with {keys[1]} keys")


def reckon_alerts(cluster, ledger, watch, twin_ran, result):
    """Every transition that the readings call for is stored; an incident counts from 1 without a gap."""
    expected = {}
    for station in ledger.stations.values():
        if station.shape == "alarm":
            expected.update(transitions(station))
    stored = cluster.sql("SELECT identifier, level, incident, sequence FROM highwater.alert_event")
    result.alerts = len(stored)
    incidents = collections.defaultdict(list)
    for identifier, level, incident, sequence in stored:
        incidents[incident].append(sequence)
        # The twin hears a part of the readings, and makes incidents of its own of them.
        if not twin_ran and expected.get(identifier) != level:
            result.blame("alerts_wrong", f"{identifier} level {level}, expected {expected.get(identifier)}")
    for incident, sequences in incidents.items():
        if sorted(sequences) != list(range(1, len(sequences) + 1)):
            result.blame("alerts_wrong", f"{incident} has the sequence {sorted(sequences)}")
    there = {row[0] for row in stored}
    missing = sorted(set(expected) - there)
    # With the journal full to its reserve an alert is published and not stored: counted, not lost.
    excused = watch.total("alerts/unjournalled")
    if excused:
        result.notes.append(f"{len(missing)} alerts not stored, {excused} counted as unjournalled")
    for identifier in missing[excused:]:
        result.blame("alerts_lost", identifier)
    for identifier in set(watch.repeated):
        result.blame("alerts_wrong", f"{identifier} was published twice without a kill between")
    for identifier in set(watch.alerts) - there - set(missing):
        result.blame("alerts_lost", f"{identifier} was published and is not stored")


def reckon(cluster, ledger, watch, twin_ran):
    result = Reckoning()
    reckon_readings(cluster, ledger, result)
    reckon_alerts(cluster, ledger, watch, twin_ran, result)
    for topic, reason, detail in cluster.sql("SELECT topic, reason, detail FROM highwater.rejected"):
        result.blame("rejected", f"{topic} {reason} {detail}")
    for reason, count in cluster.sql("SELECT reason, sum(count) FROM highwater.loss GROUP BY reason"):
        result.notes.append(f"on the ledger of losses: {count} {reason}")
    result.notes.append(f"{result.unstored} readings sent at QoS 0 are not stored")
    return result
