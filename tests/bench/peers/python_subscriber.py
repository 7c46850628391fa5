#!/usr/bin/python3
"""Subscribers as most write them, with paho and psycopg2: an INSERT a message, or an INSERT or COPY a batch.

usage: python_subscriber.py insert|batch|copy PORT CONNINFO    until SIGTERM
"""

import datetime
import io
import json
import sys
import threading

import paho.mqtt.client as mqtt
import psycopg2
import psycopg2.extras

COLUMNS = "datastream_id, phenomenon_time, result, quality, received_time"
NOT_EVALUATED = 2
BATCH_MAX = 1000  # rows
WAIT_S = 0.05  # of a batch that is not full


class Rows:
    """Messages as rows, with the datastreams looked up once."""

    def __init__(self, connection):
        with connection.cursor() as cursor:
            cursor.execute("SELECT code, datastream_id FROM highwater.datastream"
                           " JOIN highwater.station USING (station_id) WHERE property = 'water_level'")
            self.streams = {f"sensors/{code}/water_level": stream for code, stream in cursor}
        connection.commit()

    def of(self, message):
        reading = json.loads(message.payload)
        return (self.streams[message.topic], reading["time"], reading["value"], NOT_EVALUATED,
                datetime.datetime.now(datetime.timezone.utc))


class Insert:
    """Stored and committed when on_message() returns: only then does paho acknowledge."""

    def __init__(self, connection):
        self.connection, self.rows = connection, Rows(connection)
        self.cursor = connection.cursor()

    def on_message(self, _client, _userdata, message):
        self.cursor.execute(
            f"INSERT INTO highwater.observation ({COLUMNS}) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING", self.rows.of(message))
        self.connection.commit()

    def run(self, client):
        client.loop_forever()


class Batch:
    """Acknowledged when queued. What has come since the last batch is the next, full or after a moment."""

    def __init__(self, connection):
        self.connection, self.rows = connection, Rows(connection)
        self.queue, self.full = [], threading.Event()

    def on_message(self, _client, _userdata, message):
        self.queue.append(self.rows.of(message))
        if len(self.queue) >= BATCH_MAX:
            self.full.set()

    def run(self, client):
        client.loop_start()
        while True:
            self.full.wait(WAIT_S)
            self.full.clear()
            batch = self.queue[:]
            del self.queue[:len(batch)]  # not what on_message() has added since
            if batch:
                self.store(batch)

    def store(self, batch):
        with self.connection.cursor() as cursor:
            psycopg2.extras.execute_values(
                cursor, f"INSERT INTO highwater.observation ({COLUMNS}) VALUES %s ON CONFLICT DO NOTHING",
                batch, page_size=BATCH_MAX)
        self.connection.commit()


class Copy(Batch):
    """The same, by the fastest way that PostgreSQL has."""

    def store(self, batch):
        text = "".join(f"{stream}\t{time}\t{value}\t{quality}\t{received}\n"
                       for stream, time, value, quality, received in batch)
        with self.connection.cursor() as cursor:
            cursor.copy_expert(f"COPY highwater.observation ({COLUMNS}) FROM STDIN", io.StringIO(text))
        self.connection.commit()


def main():
    kind, port, conninfo = sys.argv[1:]
    peer = {"insert": Insert, "batch": Batch, "copy": Copy}[kind](psycopg2.connect(conninfo))
    api = (mqtt.CallbackAPIVersion.VERSION2,) if hasattr(mqtt, "CallbackAPIVersion") else ()  # paho 2, paho 1
    client = mqtt.Client(*api, client_id=f"bench-python-{kind}", clean_session=False)
    client.on_connect = lambda *_: client.subscribe("sensors/+/water_level", qos=1)
    client.on_message = peer.on_message
    client.connect("127.0.0.1", int(port))
    peer.run(client)


main()
