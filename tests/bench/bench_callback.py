"""Part d: how long the message callback holds up the broker, by stage, and why the slowest did."""

import contextlib
import json
import shutil

from bench_scene import Subject, build_folder
from processes import give

PART = "d. callback"
BY_STAGE = "d. callback by stage"
READINGS_PER_SECOND = 50000
READINGS = {60: 1, 170: 2}  # of a message, by its size
SECONDS, WARM_UP = 10, 2

MEASURES = (("mean", "mean"), ("p50", "p50"), ("p99", "p99"), ("p999", "p99.9"), ("max", "max"))
STAGES = ("topic", "decode", "look-up", "QC", "journal", "QC memory", "rules", "wake writer", "the rest")
CAUSES = (("preempted", "another thread had the processor"), ("waited", "waited by itself"),
          ("ran", "had the processor"))


class Staged(Subject):
    """A broker with bench_stages.so: the same plugin, with a clock around its stages."""

    def __init__(self, folder, database, skip, config=None, nagle=False, whole_only=False):
        super().__init__(folder, "stages", database, config, nagle=nagle)
        self.module = shutil.copy(build_folder() / "tests" / "bench" / "bench_stages.so", self.folder)
        self.environment = {"HIGHWATER_STAGES": self.folder / "reports" / "stages.json",
                            "HIGHWATER_STAGES_SKIP": skip,
                            "HIGHWATER_STAGES_WHOLE": "1" if whole_only else ""}
        reports = self.folder / "reports"
        reports.mkdir()
        give(reports, "mosquitto")

    def _command(self):
        return ["env", *(f"{name}={value}" for name, value in self.environment.items()), *super()._command()]

    def report(self):
        """There once the broker has ended."""
        return json.loads(self.environment["HIGHWATER_STAGES"].read_text(encoding="utf-8"))


@contextlib.contextmanager
def staged(bench, database, skip, config=None, whole_only=False):
    """Skips the first callbacks. whole_only: no stages, and hardly any cost of measuring them."""
    bench.made += 1
    folder = bench.folder / f"stages-{bench.made}"
    subject = Staged(folder, database, skip, config, bench.nagle, whole_only)
    subject.start()
    try:
        subject.wait_registry()
        yield subject
    finally:
        subject.stop()


def callback(bench):
    cases = [(size, state) for size in READINGS for state in ("database up", "database frozen")]
    for run in range(bench.runs):
        for size, state in cases:
            case = f"{size} B, {state}"
            load, report = measure(bench, size, frozen=state == "database frozen")
            note_whole(bench.results, case, load, report)
            note_stages(bench.results, case, report)
            note_curves(bench.results, case, report)
            bench.say(f"{PART}: {case}: {in_words(report)}")
        bench.say(f"{PART}: run {run + 1} of {bench.runs}")


def measure(bench, size, frozen):
    """A broker of its own each time: a journal that has just begun, a memory that is warm."""
    rate = READINGS_PER_SECOND / READINGS[size]
    warm_up = bench.seconds(SECONDS) * WARM_UP / SECONDS
    with staged(bench, bench.server.new_database(), int(rate * warm_up)) as subject:
        if frozen:
            bench.server.freeze()
        try:
            load = subject.load(rate=rate, seconds=bench.seconds(SECONDS) + warm_up, qos=1, size=size)
        finally:
            if frozen:
                bench.server.thaw()
        if frozen:
            subject.wait_drained()
    return load, subject.report()


def note_whole(results, case, load, report):
    whole, own = report["stages"]["whole"], report["stages"]["own"]
    for key, name in MEASURES:
        results.add(PART, case, f"whole callback, {name}", "µs", whole[key] / 1e3)
    for key, name in MEASURES[2:]:
        results.add(PART, case, f"those never preempted, {name}", "µs", own[key] / 1e3)
    results.add(PART, case, "counted", "callbacks", whole["count"])
    for key, name in (("over_50_us", "over 50 µs"), ("over_2_ms", "over 2 ms")):
        results.add(PART, case, name, "callbacks", sum(report[key].values()))
        for cause, words in CAUSES:
            results.add(PART, case, f"{name}: {words}", "callbacks", report[key][cause])
    results.add(PART, case, "tick between messages, max", "µs", report["stages"]["tick"]["max"] / 1e3)
    results.add(PART, case, "measuring itself, mean", "µs", cost_of_measuring(report) / 1e3)
    results.add(PART, case, "load", "messages/s", load["per_second"])


def cost_of_measuring(report):
    """ns of a callback that are the clock's, not the plugin's."""
    costs = report["measuring"]
    return costs["calls"] * (costs["inside_ns"] + costs["outside_ns"])


def note_stages(results, case, report):
    for stage in (*STAGES, "whole", "own"):
        spread = report["stages"][stage]
        row = "whole, never preempted" if stage == "own" else stage
        for key, name in MEASURES:
            results.add_to_grid(BY_STAGE, case, row, name, "ns", spread[key])


def note_curves(results, case, report):
    lines = [("whole callback", case, "whole"), ("whole callback, if never preempted", case, "own")]
    for panel, line, stage in lines + [(f"by stage: {case}", stage, stage) for stage in STAGES]:
        results.add_to_curve(panel, line, report["stages"][stage]["bins"])


def in_words(report):
    whole = report["stages"]["whole"]
    text = ", ".join(f"{name} {whole[key] / 1e3:.2f}" for key, name in MEASURES) + " µs"
    worst = [f"{slow['whole'] / 1e3:.0f} µs at {slow['at'] / 1e9:.3f} s ({slow['cause']}, "
             f"{slow['worst']} {slow['stages'][slow['worst']] / 1e3:.0f} µs, faults "
             f"{slow['minor_faults']}+{slow['major_faults']})" for slow in report["slowest"][:5]]
    slow = {name: count for name, count in report["over_50_us_in"].items() if count}
    return f"{text}; over 50 µs {report['over_50_us']} {slow}, over 2 ms {report['over_2_ms']}; " \
           f"the slowest: {'; '.join(worst)}"
