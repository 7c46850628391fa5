"""One campaign from its plan to its reckoning."""

import collections
import contextlib
import time
import traceback

import acknowledgement
import plan
import psycopg2
from faults import FAULTS, SCHEMA_LATE, Missed
from reckoning import reckon
from scene import Failure, Scene, database_answers


DRAIN_S = 120
TRIES = 3  # in the short form, where every kind must come


class Campaign:
    def __init__(self, folder, options, kinds, small_disk):
        self.options = options
        self.late_schema = SCHEMA_LATE in kinds
        drawn = [kind for kind in kinds if kind != SCHEMA_LATE]
        seconds = None if options.short else options.minutes * 60
        self.steps = plan.make(options.seed, drawn, seconds) if drawn else []
        length = sum(s.pause + s.hold + FAULTS[s.kind].cost for s in self.steps)
        self.scene = Scene(folder, options.seed, length, options.rate, small_disk)
        self.seconds = seconds
        self.done = collections.Counter()
        self.missed = {}
        self.failures = []

    def print_plan(self):
        print(f"seed {self.options.seed}, {len(self.steps)} steps:")
        if self.late_schema:
            print(f"    {SCHEMA_LATE}")
        for step in self.steps:
            print(f"  {step}")

    def run(self):
        """True when every promise held."""
        try:
            self._run()
        except Failure as failure:
            self.failures.append(str(failure))
        except (AssertionError, OSError, RuntimeError, psycopg2.Error):
            self.failures.append(traceback.format_exc())
        for failure in self.failures:
            self.scene.say(f"FAILED: {failure}")
        return not self.failures

    def _run(self):
        scene = self.scene
        scene.set_up(self.late_schema)
        self.done[SCHEMA_LATE] += self.late_schema
        scene.say("the load runs")
        begun = time.monotonic()
        for step in self.steps:
            if self.seconds is not None and time.monotonic() - begun > self.seconds:
                break
            time.sleep(step.pause)
            self._take(step)
        self._end()

    def _take(self, step):
        scene = self.scene
        for _ in range(TRIES if self.options.short else 1):
            before, acknowledged = time.monotonic(), scene.load.books.acknowledged
            hit = self._attempt(step)
            self._recover(step)
            count = scene.load.books.acknowledged - acknowledged
            more = f" + {step.overlay}" if step.overlay else ""
            scene.say(f"{step.number:3} {step.kind}{more}: {time.monotonic() - before:.1f} s,"
                      f" {count} acknowledged{'' if hit else ', missed: ' + self.missed[step.kind]}")
            if hit:
                self.done[step.kind] += 1
                self.done.update([step.overlay] if step.overlay else [])
                self.missed.pop(step.kind, None)
                return

    def _attempt(self, step):
        try:
            FAULTS[step.kind].act(self.scene, step)
        except Missed as missed:
            self.missed[step.kind] = str(missed)
        except psycopg2.Error as error:
            # The server was still coming back from the fault before.
            self.missed[step.kind] = str(error).strip()
        else:
            return True
        return False

    def _recover(self, step):
        scene = self.scene
        try:
            scene.cluster.restore()
            database_answers(scene)
            scene.broker_start()
            scene.check()
            scene.check_flow()
        except Failure as failure:
            raise Failure(f"after {step}: {failure}") from failure

    def _end(self):
        scene = self.scene
        scene.say("all faults removed")
        drained = scene.drained(DRAIN_S)
        if drained is None:
            self.failures.append(f"the journal is not empty {DRAIN_S} s after the last fault:"
                                 f" {scene.watch.get('journal/pending')} records wait")
        else:
            scene.say(f"drained after {drained:.1f} s")
        scene.check()
        self._report(reckon(scene.cluster, scene.ledger, scene.watch, scene.twin_ran))
        if self.options.rounds:
            scene.broker_stop()
            scene.say(acknowledgement.run(scene.folder, scene.cluster, self.options.rounds))
        if self.options.short and self.missed:
            self.failures += [f"{kind} did not come about: {why}" for kind, why in self.missed.items()]

    def _report(self, result):
        scene, books = self.scene, self.scene.load.books
        for line in result.examples + result.notes:
            scene.say(line)
        scene.say(f"{books.sent} messages sent, {books.reconnects} reconnects, {books.refused} refused,"
                  f" {scene.watch.total('readings/unjournalled')} readings turned away,"
                  f" slowest acknowledgement {books.longest_us / 1000:.0f} ms,"
                  f" slowest stop of the broker {scene.slowest_stop:.1f} s,"
                  f" {scene.watch.total('database/retries')} retries of the writer")
        kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(self.done.items()) if n)
        print(f"acknowledged {result.acknowledged}, stored {result.stored}, lost {result.lost},"
              f" duplicated {result.duplicated}, invented {result.invented}, rejected {result.rejected},"
              f" alerts {result.alerts}, alerts lost {result.alerts_lost}, alerts wrong"
              f" {result.alerts_wrong}, longest callback {scene.watch.longest_us} µs, faults: {kinds}",
              flush=True)
        if not result.good():
            self.failures.append("the books do not agree")
        if books.silences:
            self.failures.append(f"{books.silences} times a connected broker acknowledged nothing for long")

    def tear_down(self, keep):
        with contextlib.suppress(OSError):
            if keep:
                self.scene.keep_state()
        self.scene.tear_down()
        self.scene.unmount()
