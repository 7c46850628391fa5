"""Which fault comes when: drawn from the seed before the campaign begins."""

import dataclasses
import random

from faults import FAULTS, OVERLAYS


@dataclasses.dataclass
class Step:
    number: int
    kind: str
    pause: float  # s before it
    hold: float  # s that it lasts, more or less
    overlay: str  # a second fault in its middle, or ""
    choice: float  # what a fault with variants chooses by, 0 to 1

    def __str__(self):
        more = f" + {self.overlay}" if self.overlay else ""
        return f"{self.number:3} after {self.pause:.1f} s: {self.kind}{more}, {self.hold:.1f} s"


def draw(source, number, kind, short):
    fault = FAULTS[kind]
    low, high = fault.short if short else fault.long
    # Mostly short holds, now and then a long one.
    hold = low + (high - low) * source.random() ** 2
    overlay = source.choice(OVERLAYS) if fault.overlays and source.random() < 0.35 else ""
    pause = source.uniform(0.2, 0.8) if short else source.uniform(0.3, 4.0)
    return Step(number, kind, pause, hold, overlay, source.random())


def make(seed, kinds, seconds):
    """Steps for so many seconds. Every kind comes once before any comes again. seconds None: once each."""
    source = random.Random(seed)
    steps, planned = [], 0.0
    while seconds is None or planned < seconds:
        deck = list(kinds)
        source.shuffle(deck)
        for kind in deck:
            step = draw(source, len(steps) + 1, kind, seconds is None)
            planned += step.pause + step.hold + FAULTS[kind].cost
            steps.append(step)
        if seconds is None:
            break
    return steps
