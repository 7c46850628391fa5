"""What befalls the broker, its clients, its clock and its disk."""

import contextlib
import errno
import json
import threading
import time

from kinds import fault, hold, variant, wait_or_miss
from scene import CONFIG


@fault("broker-kill", "kill -9 of the broker, then a start", (0.0, 3.0), (0.0, 0.5))
def broker_kill(scene, step):
    scene.broker_kill()
    time.sleep(step.hold)
    scene.broker_start()


@fault("broker-stop", "stop and start of the broker", (0.0, 3.0), (0.0, 0.5), cost=2.0)
def broker_stop(scene, step):
    scene.broker_stop()
    time.sleep(step.hold)
    scene.broker_start()


@fault("broker-reload", "SIGHUP: a good file, a bad one, a good one again", (0.2, 1.0), (0.2, 0.4))
def broker_reload(scene, step):
    good = {**CONFIG, "alerts": {"qos": 1 + int(step.choice * 2)}}
    for config in (good, json.dumps(CONFIG)[:-7], CONFIG):
        scene.broker.write_config(config)
        scene.broker.reload()
        time.sleep(step.hold / 3)


@fault("connections-cut", "most publishers lose their connection", (0.2, 1.0), (0.2, 0.5))
def connections_cut(scene, step):
    scene.load.cut()
    time.sleep(step.hold)


@fault("clock-steps", "the broker's clock is set forward and back (libfaketime)", (4.0, 12.0), (3.0, 3.5),
       cost=2.0)
def clock_steps(scene, step):
    clock = scene.folder / "clock"
    scene.broker_stop()
    clock.write_text("+0\n", encoding="utf-8")
    scene.broker.clock_file = clock
    scene.watch.slow_clock = True
    try:
        scene.broker_start()
        for offset in ("+3600", "-7200", "+3456000", "-1"):
            clock.write_text(offset + "\n", encoding="utf-8")
            time.sleep(step.hold / 4)
            scene.check()
    finally:
        scene.broker.clock_file = None
        if scene.broker.running():
            variant(step, (scene.broker_stop, scene.broker_kill))()
        scene.watch.slow_clock = False
        scene.broker_start()


@contextlib.contextmanager
def rush(scene):
    scene.load.rush(True)
    try:
        yield
    finally:
        scene.load.rush(False)


def refusals(scene):
    return scene.watch.get("readings/unjournalled") or 0


class Filler:
    """Takes every byte that becomes free in a folder."""

    def __init__(self, folder):
        self.path = folder / "filler"
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        with open(self.path, "wb", buffering=0) as file:
            while not self.ended.is_set():
                try:
                    file.write(b"\0" * 4096)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    time.sleep(0.005)

    def remove(self):
        self.ended.set()
        self.thread.join()
        self.path.unlink()


@fault("disk-full", "the disk of the state directory is full, mostly until readings are refused", (3.0, 15.0),
       (2.0, 4.0), overlays=True, cost=6.0)
def disk_full(scene, step):
    before = refusals(scene)
    filler = Filler(scene.broker.state_dir)
    try:
        with rush(scene):
            if step.choice < 0.7:
                scene.cluster.primary.stop()
                wait_or_miss(lambda: refusals(scene) > before, 40, "the journal had room enough")
            else:
                hold(scene, step)  # what is stored is deleted, and the journal lives on that room
        hold(scene, step)
    finally:
        filler.remove()
        scene.cluster.restore()


@fault("journal-limit", "journal.max_size is reached while the database is away", (2.0, 12.0), (1.0, 2.0),
       overlays=True, cost=10.0)
def journal_limit(scene, step):
    before = refusals(scene)
    away, back = variant(step, (
        (scene.cluster.primary.stop, scene.cluster.restore),
        (scene.cluster.primary.freeze, scene.cluster.primary.thaw),
    ))
    away()
    try:
        with rush(scene):
            wait_or_miss(lambda: refusals(scene) > before, 60, "the journal had room enough")
        hold(scene, step)
    finally:
        back()


@fault("twin-broker", "a second broker hears the same readings and stores them too", (4.0, 15.0), (3.0, 4.0),
       cost=2.0)
def twin_broker(scene, step):
    twin = scene.make_twin(bridge=True)
    scene.twin_ran = True
    twin.start()
    time.sleep(step.hold)
    scene.check()
    variant(step, (twin.stop, twin.kill9))()
