"""Everything that runs during a campaign, and how it is taken apart."""

import contextlib
import datetime
import os
import pathlib
import shutil
import subprocess
import time

import psycopg2

from alarm_model import THRESHOLDS
from broker import Broker
from cluster import Cluster
from ledger import Ledger
from load import Load, rate_of_one, shapes
from processes import give
from waiting import wait_until
from watch import Watch

# Guards by the clock are off: clocks are stepped, and every reading must be taken.
CONFIG = {
    "stats_interval": "200ms",
    "shutdown_timeout": "5s",
    "time": {"max_future": "0", "max_age": "0", "late_after": "0"},
    "journal": {"max_size": "6MiB", "segment_size": "1MiB"},
}
DISK = "24m"  # of the state directory, when a small file system can be mounted


class Failure(Exception):
    """A promise that did not hold while the campaign ran."""


class Scene:
    def __init__(self, folder, seed, seconds, rate, small_disk):
        self.folder = pathlib.Path(folder)
        self.started = time.monotonic()
        self.small_disk = small_disk
        self.mounted = False
        self.slowest_stop = 0.0
        self.twin_ran = False
        self.cluster = Cluster(self.folder)
        self.broker = self.twin = self.watch = None
        now = datetime.datetime.now(datetime.timezone.utc)
        # Rushes are short: twice the plain number of messages is room enough.
        capacity = int(max(rate_of_one(rate) / 4, 20) * (seconds + 120) * 2)
        self.ledger = Ledger(now, shapes(), capacity)
        self.load = None
        self.seed, self.rate = seed, rate

    def say(self, text):
        print(f"[{time.monotonic() - self.started:6.1f} s] {text}", flush=True)

    # --- beginning ---

    def set_up(self, late_schema):
        """Servers and load. late_schema: the broker finds no schema at first, and journals."""
        self.cluster.create()
        if not late_schema:
            self.prepare_database()
        self.broker = Broker(self.folder / "broker", database=self.cluster, config=CONFIG)
        if self.small_disk:
            self._mount(self.broker.state_dir)
        # Forked before anything here has a thread.
        self.load = Load(self.broker.port, self.ledger, self.rate, self.seed)
        self.broker.start()
        self.load.start()
        self.watch = Watch(self.broker.port)
        if late_schema:
            time.sleep(3)
            self.prepare_database()
        self.begin_alarms()

    def prepare_database(self):
        self.cluster.install_schema()
        # A tide in seconds is no river's: suspect all the way, each transition is a reading late.
        self.cluster.sql("DELETE FROM highwater.quality_rule WHERE test IN ('spike', 'rate_of_change')")
        for code in self.alarm_stations():
            for level, name, value in THRESHOLDS:
                self.cluster.sql("SELECT highwater.set_threshold(%s, %s, %s, %s, %s)",
                                 (code, "water_level", level, name, value))

    def alarm_stations(self):
        return [code for code, station in self.ledger.stations.items() if station.shape == "alarm"]

    def begin_alarms(self):
        """Only when the broker knows the thresholds, so that every transition is to be expected."""
        enough = len(self.alarm_stations())
        if not self.watch.wait("registry/datastreams", lambda n: n >= enough, 30):
            raise Failure("the broker does not learn the thresholds")
        time.sleep(0.5)  # the snapshot is counted before the broker's thread has it
        self.load.books.alarms = 1

    def _mount(self, path):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0700", "tmpfs", path], check=True)
        self.mounted = True
        give(path, "mosquitto")

    # --- the brokers ---

    def broker_kill(self):
        self.broker.kill9()
        self.watch.broker_ended(killed=True)

    def broker_stop(self):
        before = time.monotonic()
        try:
            self.broker.stop()
        except AssertionError as failure:
            raise Failure(str(failure)[:2000]) from failure
        self.slowest_stop = max(self.slowest_stop, time.monotonic() - before)
        self.watch.broker_ended(killed=False)

    def broker_start(self):
        if self.broker.process is not None:
            return
        try:
            self.broker.start()
        except AssertionError as failure:
            raise Failure(f"the broker does not start: {str(failure)[-2000:]}") from failure

    def make_twin(self, bridge):
        """A second broker with the plugin and a journal of its own; with the bridge it hears what the first
        one hears."""
        if self.twin is None:
            own = self.cluster.conninfo + " application_name=highwater-twin"
            self.twin = Broker(self.folder / "twin", config=CONFIG, options={"database": own})
        lines = ["connection twin", f"address 127.0.0.1:{self.broker.port}", "topic sensors/# in 1",
                 "notifications false", "restart_timeout 1", "remote_clientid twin"]
        self.twin.conf = "\n".join(lines) if bridge else ""
        return self.twin

    def check(self):
        """Nothing that should run has ended by itself."""
        for name, broker in (("broker", self.broker), ("twin", self.twin)):
            if broker is not None and broker.process is not None and broker.process.poll() is not None:
                raise Failure(f"the {name} ended by itself with status {broker.process.returncode}:\n"
                              f"{broker.log()[-3000:]}")
        if not self.load.process.is_alive():
            raise Failure("the load has ended")

    def check_flow(self, timeout=30):
        """Acknowledgements go on."""
        before = self.load.books.acknowledged
        deadline = time.monotonic() + timeout
        while self.load.books.acknowledged == before:
            self.check()
            if time.monotonic() > deadline:
                raise Failure(f"no acknowledgement for {timeout} s with every fault removed")
            time.sleep(0.02)

    # --- the end ---

    def drained(self, timeout):
        """Seconds until everything that was acknowledged has left the journals, or None."""
        self.broker_start()
        if self.twin is not None:
            if self.twin.process is not None:
                self.twin.stop()
            self.make_twin(bridge=False).start()
        before = time.monotonic()
        if not self.load.finish(timeout):
            self.say("not everything that was sent has been acknowledged")
            return None
        time.sleep(0.5)  # two rounds of counters
        if not self.watch.wait("journal/pending", lambda n: n == 0, timeout):
            return None
        if self.twin is not None:
            twin = Watch(self.twin.port)
            done = twin.wait("journal/pending", lambda n: n == 0, timeout)
            twin.close()
            if not done:
                return None
        return time.monotonic() - before

    def keep_state(self):
        """A mounted state directory would be gone with us."""
        if self.mounted:
            shutil.copytree(self.broker.state_dir, self.folder / "state-kept", dirs_exist_ok=True)

    def tear_down(self):
        """Ends everything, however far it had come."""
        if self.load is not None:
            self.load.end()
        if self.watch is not None:
            self.watch.close()
        for broker in (self.broker, self.twin):
            if broker is not None and broker.process is not None:
                with contextlib.suppress(ProcessLookupError, AssertionError):
                    broker.kill9()
        self.cluster.stop()

    def unmount(self):
        if self.mounted:
            subprocess.run(["umount", self.broker.state_dir], check=False)
            if os.path.ismount(self.broker.state_dir):
                subprocess.run(["umount", "--lazy", self.broker.state_dir], check=False)
            self.mounted = False


def database_answers(scene, timeout=30):
    def answers():
        try:
            return scene.cluster.value("SELECT 1")
        except psycopg2.Error:
            return False

    wait_until(answers, timeout, "PostgreSQL answers")
