"""What stores readings besides Highwater: how each is started, and what it promises."""

import collections
import json
import pathlib
import shutil
import subprocess

from bench_scene import build_folder
from postgres import WRITER

FOLDER = pathlib.Path(__file__).resolve().parent / "peers"
NODE_RED = FOLDER.parents[2] / "build-test" / "node-red"

# The PostgreSQL node that is most downloaded, node-red-contrib-re-postgres, brings a driver of 2017 that
# never connects on Node.js 14 and later. This one has the driver of today.
NODE_RED_PACKAGES = ("node-red@4.1.8", "node-red-contrib-postgrestor-next@0.5.2")

# name; messages as fast as the broker takes them; command(port, database, folder), None: it is the broker;
# what becomes of readings when it is killed, and with the database away
Peer = collections.namedtuple("Peer", "name messages command killed away")


def python(kind):
    def command(port, database, _folder):
        return ["/usr/bin/python3", FOLDER / "python_subscriber.py", kind, port, database.conninfo]
    return command


def subscriber(port, database, _folder):
    return [build_folder() / "tests" / "bench" / "bench_copy_subscriber", port, database.conninfo]


def node_red(port, database, folder):
    """Its folder is its own; the datastreams it needs are looked up for it."""
    folder.mkdir()
    streams = database.sql("SELECT code, datastream_id FROM highwater.datastream"
                           " JOIN highwater.station USING (station_id)")
    names = {f"sensors/{code}/water_level": stream for code, stream in streams}
    (folder / "streams.json").write_text(json.dumps(names), encoding="utf-8")
    shutil.copy(FOLDER / "node_red_flow.json", folder / "flow.json")
    environment = {
        "NODE_ENV": "production",
        "BENCH_PORT": port,
        "BENCH_PGHOST": database.server.folder,
        "BENCH_PGPORT": database.server.port,
        "BENCH_PGDATABASE": database.name,
        "BENCH_PGUSER": WRITER,
        "BENCH_STREAMS": folder / "streams.json",
    }
    return ["env", *(f"{name}={value}" for name, value in environment.items()), shutil.which("node"),
            NODE_RED / "node_modules" / "node-red" / "red.js", "--userDir", folder,
            "--settings", FOLDER / "node_red_settings.js", folder / "flow.json"]


def why_no_node_red(short):
    """Installs Node-RED where it is missing; why it cannot be measured, or None."""
    if not shutil.which("node"):
        return "there is no Node.js"
    done = NODE_RED / "installed.txt"
    if done.exists() and done.read_text(encoding="utf-8") == "\n".join(NODE_RED_PACKAGES):
        return None
    if short:
        return "it is not installed, and a short run installs nothing"
    if not shutil.which("npm"):
        return "there is no npm"
    NODE_RED.mkdir(parents=True, exist_ok=True)
    (NODE_RED / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    install = ["npm", "install", "--no-audit", "--no-fund", "--no-update-notifier", "--ignore-scripts"]
    try:
        run = subprocess.run([*install, *NODE_RED_PACKAGES], cwd=NODE_RED, stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
                             check=False, timeout=600)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"npm install: {type(error).__name__}"
    if run.returncode != 0:
        return f"npm install ended with {run.returncode}: {' '.join(run.stderr.split()[:12])}"
    done.write_text("\n".join(NODE_RED_PACKAGES), encoding="utf-8")
    return None


HIGHWATER = Peer(
    "Highwater", 2000000, None,
    "Nothing acknowledged is lost or stored twice: it is in the journal.",
    "The journal takes what comes, up to its max_size; beyond it nothing is acknowledged.",
)
INSERT = Peer(
    "Python, an INSERT a message", 8000, python("insert"),
    "Nothing that it acknowledged is lost: COMMIT comes before its PUBACK. What it has not had waits in the "
    "broker's RAM: by default 1,000 messages at most (max_queued_messages), none over a broker's restart.",
    "It ends; as there.",
)
BATCH = Peer(
    "Python, an INSERT a batch", 60000, python("batch"),
    "What is in its RAM is lost: paho acknowledges when on_message returns, before COMMIT.",
    "It ends, and what is in its RAM is lost.",
)
COPY = Peer(
    "Python, a COPY a batch", 60000, python("copy"),
    "As above.",
    "As above; a redelivered reading ends it as well.",
)
RED = Peer(
    "Node-RED", 20000, node_red,
    "What is in its RAM is lost: MQTT.js acknowledges before the flow has stored it.",
    "Each INSERT that fails is a line in its log, and its reading is lost.",
)
C = Peer(
    "C, libmosquitto and COPY", 1000000, subscriber,
    "What is in its RAM is lost: libmosquitto acknowledges when on_message returns, before COMMIT.",
    "It ends, and what is in its RAM is lost; a redelivered reading ends it as well.",
)

PEERS = (HIGHWATER, INSERT, BATCH, COPY, RED, C)
