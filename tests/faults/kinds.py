"""The table of fault kinds, and what all of them need."""

import dataclasses
import time
import typing

FAULTS = {}

# What may happen in the middle of another fault. None of them needs the database.
OVERLAYS = ("broker-kill", "broker-stop", "broker-reload", "connections-cut")


class Missed(Exception):
    """The fault could not be brought about this time; nothing is wrong."""


@dataclasses.dataclass
class Fault:
    act: typing.Callable  # act(scene, step): injects, holds and removes
    text: str
    long: tuple  # s, shortest and longest hold in a campaign
    short: tuple  # s, in the short form
    overlays: bool  # another fault may come in the middle
    cost: float  # s that it takes besides the hold


def fault(name, text, long, short, overlays=False, cost=1.0):
    def register(act):
        FAULTS[name] = Fault(act, text, long, short, overlays, cost)
        return act
    return register


def hold(scene, step):
    """Lets the fault last; the second one, if the plan has one, comes at a third of it."""
    time.sleep(step.hold / 3)
    if step.overlay:
        FAULTS[step.overlay].act(scene, dataclasses.replace(step, overlay="", hold=min(step.hold / 3, 1.0)))
    time.sleep(step.hold * 2 / 3)


def variant(step, choices):
    """One of choices, as the plan has drawn it."""
    return choices[int(step.choice * len(choices))]


def wait_or_miss(predicate, timeout, what):
    deadline = time.monotonic() + timeout
    while not predicate():
        if time.monotonic() > deadline:
            raise Missed(what)
        time.sleep(0.02)
