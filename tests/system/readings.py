"""Readings as sensors send them."""

import datetime

UTC = datetime.timezone.utc


def now():
    return datetime.datetime.now(UTC)


def stamp(moment):
    return moment.isoformat().replace("+00:00", "Z")


def topic(station, observed="water_level"):
    return f"sensors/{station}/{observed}"


def series(station, values, end=None, step=datetime.timedelta(seconds=1)):
    """[(topic, payload)] of readings with times of their own, a step apart, the last at end (now)."""
    start = (end or now()) - step * len(values)
    return [
        (topic(station), f'{{"time": "{stamp(start + step * (i + 1))}", "value": {value}}}')
        for i, value in enumerate(values)
    ]
