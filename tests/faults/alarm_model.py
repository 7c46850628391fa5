"""Which transitions a series must cause: the contract of thresholds, written a second time and simply."""

import datetime

from ledger import UNSENT

# (level, name, set value); clear values are the schema's default, 0.05 m below
THRESHOLDS = ((1, "báo động I", 1.40), (2, "báo động II", 1.80), (3, "báo động III", 2.30))
DEADBAND = 0.05


def level_after(level, value):
    """The highest level that is reached, or that was held and is not cleared."""
    reached = [n for n, _, at in THRESHOLDS if value >= at or (n <= level and value >= at - DEADBAND)]
    return max(reached, default=0)


def incident_time(ms):
    moment = datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc)
    return f"{moment:%Y%m%dT%H%M%S}.{moment.microsecond:06d}Z"


def transitions(station):
    """{identifier: level} of all messages that were sent, in their order."""
    found, level, incident, sequence = {}, 0, "", 0
    for i, state in enumerate(bytes(station.states)):
        if state == UNSENT:
            break
        after = level_after(level, station.value(i, 0))
        if after == level:
            continue
        if level == 0:
            incident = f"{station.code}/{station.properties[0]}/{incident_time(station.time_ms(i))}"
            sequence = 0
        sequence += 1
        level = after
        found[f"{incident}/{sequence}"] = level
    return found
