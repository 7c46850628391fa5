"""kill -9 of the broker by the publisher itself, in the moment in which it reads an acknowledgement."""

import os
import select
import signal
import time

import psycopg2

from broker import Broker
from mqtt_session import PUBACK, PUBCOMP, PUBREC, Session, acknowledgement
from scene import Failure
from waiting import wait_until


class Killer:
    """Sends readings all at once and kills at the first acknowledgement."""

    def __init__(self, broker, version, qos):
        self.pid, self.qos = broker.process.pid, qos
        self.session = Session(broker.port, "killer", version, True)
        self.acknowledged = []
        self.killed_after_us = None

    def packets(self, timeout=10):
        if not select.select([self.session], [], [], timeout)[0]:
            raise Failure("no answer from the broker")
        return self.session.read()

    def run(self, topic, payloads):
        """payloads by packet id. What was acknowledged before the connection broke is in acknowledged."""
        self.packets()  # CONNACK
        for packet_id, payload in payloads.items():
            self.session.publish(topic, payload, self.qos, packet_id)
        try:
            while len(self.acknowledged) < len(payloads):
                self.take(self.packets(), time.monotonic())
        except OSError:
            pass
        self.session.close()

    def take(self, packets, arrived):
        for kind, body in packets:
            # QoS 2: from PUBREC on, the message is the broker's (MQTT 5, 4.3.3).
            if kind in (PUBACK, PUBREC) and not acknowledgement(body)[1] >= 0x80:
                if self.killed_after_us is None:
                    os.kill(self.pid, signal.SIGKILL)
                    self.killed_after_us = int((time.monotonic() - arrived) * 1e6)
                self.acknowledged.append(acknowledgement(body)[0])
            elif kind == PUBCOMP:
                break


def stored(cluster, station):
    try:
        rows = cluster.sql(
            "SELECT result FROM highwater.observation JOIN highwater.datastream USING (datastream_id)"
            " JOIN highwater.station USING (station_id) WHERE code = %s", (station,))
    except psycopg2.Error:
        return set()
    return {row[0] for row in rows}


def one_round(broker, cluster, number):
    """Returns how many readings were acknowledged, and the µs from acknowledgement to kill."""
    station = f"killed-{number}"
    start_ms = int(time.time() * 1000)
    count = (1, 1, 5, 20)[number % 4]
    payloads = {k: f'{{"time": {start_ms + k}, "value": {k}}}'.encode() for k in range(1, count + 1)}
    broker.start()
    killer = Killer(broker, version=(4, 5)[number % 2], qos=(1, 2)[number // 2 % 2])
    killer.run(f"sensors/{station}/water_level".encode(), payloads)
    if not killer.acknowledged:
        raise Failure(f"round {number}: nothing was acknowledged")
    broker.kill9()
    broker.start()
    try:
        wait_until(lambda: set(killer.acknowledged) <= stored(cluster, station), 20)
    except AssertionError:
        missing = sorted(set(killer.acknowledged) - stored(cluster, station))
        raise Failure(f"round {number}: lost {missing} of {killer.acknowledged} acknowledged") from None
    broker.kill9()
    return len(killer.acknowledged), killer.killed_after_us


def run(folder, cluster, rounds):
    """A sentence about it; Failure when an acknowledged reading is not found."""
    broker = Broker(folder / "acknowledgement", database=cluster)
    total, times = 0, []
    try:
        for number in range(rounds):
            count, after_us = one_round(broker, cluster, number)
            total += count
            times.append(after_us)
    finally:
        if broker.process is not None:
            broker.kill9()
    times.sort()
    return (f"{rounds} kills at an acknowledgement, {times[len(times) // 2]} µs after it (median; longest"
            f" {times[-1]} µs): "
            f"{total} acknowledged, all found")
