"""A private Mosquitto on a free loopback port, with or without the plugin."""

import contextlib
import functools
import glob
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import xml.etree.ElementTree

import mqtt
from processes import connectable, end, free_port, give, kill_family, spawn
from waiting import PATIENCE, wait_until

CONFIG_NAME = "highwater.json"
MODULE_NAME = "mosquitto_highwater.so"
FAKETIME = next(iter(glob.glob("/usr/lib/*/faketime/libfaketime.so.1")), None)

# Not "max_queued_messages 0", no limit: Mosquitto before 2.0.22 then hangs up on who is denied a publish.
BASE_CONF = """
listener {port} 127.0.0.1
allow_anonymous true
persistence false
set_tcp_nodelay true
max_queued_messages 100000
log_type error
log_type warning
log_type notice
log_type information
"""

# What every test wants: counters soon, and no long farewell.
BASE_CONFIG = {"stats_interval": "200ms", "shutdown_timeout": "1s"}


def mosquitto_program():
    """The broker under test: HIGHWATER_MOSQUITTO, a name or a path, or else the one that is installed."""
    name = os.environ.get("HIGHWATER_MOSQUITTO", "mosquitto")
    found = shutil.which(name, path="/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin")
    if not found:
        raise RuntimeError(f"{name} is not there: run examples/packages.sh run, or see HIGHWATER_MOSQUITTO")
    return found


@functools.lru_cache(maxsize=None)
def mosquitto_version():
    """Of the broker under test, as (major, minor, revision)."""
    command = [mosquitto_program(), "-h"]
    said = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False
    ).stdout
    found = re.search(r"mosquitto version (\d+)\.(\d+)\.(\d+)", said)
    if not found:
        raise RuntimeError(f"{mosquitto_program()} -h tells no version: {said[:200]}")
    return int(found[1]), int(found[2]), int(found[3])


def built_module():
    """The module under test, below the build folder that HIGHWATER_BUILD names."""
    path = os.path.abspath(os.path.join(os.environ.get("HIGHWATER_BUILD", "build"), "plugin", MODULE_NAME))
    if not os.path.isfile(path):
        raise RuntimeError(f"{path} is not there: set HIGHWATER_BUILD, or use tests/run.sh system")
    return path


class Broker:
    clock_file = None  # its first line is what libfaketime adds to the clock of the day

    def __init__(
        self, folder, database=None, config=None, plugin="plugin", options=None, conf="", head="", tail="",
        memcheck=False
    ):
        """
        config    dict for highwater.json, laid over BASE_CONFIG; a string is written as it is;
                  False: no config file
        plugin    the option of mosquitto.conf that loads the plugin; False: none does
        options   further plugin_opt_ values by name; None as a value takes one away
        conf      further lines of mosquitto.conf, of its listener
        head      lines of mosquitto.conf that come before the listener
        tail      lines of mosquitto.conf that come after the plugin and its options
        """
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(mode=0o755)
        # A copy, since user mosquitto may not be let into the folder that the clone is in.
        self.module = shutil.copy(built_module(), self.folder)
        self.state_dir = self.folder / "state"
        self.state_dir.mkdir(mode=0o700)
        give(self.state_dir, "mosquitto")
        self.log_path = self.folder / "mosquitto.log"
        self.log_path.touch()
        self.config_path = self.folder / CONFIG_NAME
        self.memcheck = memcheck
        self.runs = 0
        self.port = free_port()
        self.process = None
        self.clients = []
        self.plugin = plugin
        self.conf = conf
        self.head = head
        self.tail = tail
        self.options = {"state_dir": self.state_dir}
        if database is not None:
            self.options["database"] = database.conninfo
        if config is not False:
            self.options["config"] = self.config_path
            self.write_config({} if config is None else config)
        self.options.update(options or {})

    def write_config(self, config):
        text = config if isinstance(config, str) else json.dumps({**BASE_CONFIG, **config}, indent=2)
        self.config_path.write_text(text, encoding="utf-8")
        os.chmod(self.config_path, 0o644)

    def _write_conf(self):
        lines = [self.head, BASE_CONF.format(port=self.port), self.conf]
        if self.plugin:
            lines.append(f"{self.plugin} {self.module}")
            given = {name: value for name, value in self.options.items() if value is not None}
            lines += [f"plugin_opt_{name} {value}" for name, value in given.items()]
        lines.append(self.tail)
        path = self.folder / "mosquitto.conf"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def _command(self):
        command = [mosquitto_program(), "-c", self._write_conf()]
        if self.memcheck:
            command = [
                "valgrind", "--quiet", "--vgdb=no", "--leak-check=full", "--show-leak-kinds=definite",
                "--num-callers=30", "--xml=yes", f"--xml-file={self.memcheck_path()}",
            ] + command
        if self.clock_file is not None:
            command = [
                "env", f"LD_PRELOAD={FAKETIME}", f"FAKETIME_TIMESTAMP_FILE={self.clock_file}",
                "FAKETIME_CACHE_DURATION=1", "FAKETIME_DONT_FAKE_MONOTONIC=1",
            ] + command
        return command

    def start(self):
        """Starts and waits until clients can connect."""
        self.launch()

        def listening():
            assert self.process.poll() is None, f"the broker ended:\n{self.log()}"
            return connectable(self.port)

        wait_until(listening, 10, "the broker listens")
        return self

    def launch(self):
        """Starts and does not wait."""
        assert self.process is None
        self.runs += 1
        self.process = spawn(self._command(), self.log_path)

    def refused(self):
        """Starts a broker that is to refuse; returns what it logged."""
        self.launch()
        try:
            status = self.process.wait(10 * PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the broker started all the same:\n{self.log()}") from None
        self.process = None
        assert status > 0, f"ended by signal {-status}, or without an error: {status}\n{self.log()}"
        return self.log()

    def stop(self):
        """Ends in good order; no harm when it does not run."""
        for client in self.clients:
            client.close()
        self.clients = []
        if self.process is None:
            return
        running = self.running()
        status = end(self.process, 10 * PATIENCE)
        self.process = None
        assert running, f"the broker had ended by itself with status {status}:\n{self.log()}"
        assert status == 0, f"the broker ended with status {status}:\n{self.log()}"
        if self.memcheck:
            errors = memcheck_errors(self.memcheck_path())
            assert not errors, "valgrind:\n" + "\n\n".join(errors)

    def kill9(self):
        """A crash. Clients stay, and find their connections broken."""
        kill_family(self.process)
        self.process = None

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def wait_for_log(self, pattern, timeout=5.0, since=0):
        """Waits for a line; returns the match. since: a length of log() before which nothing counts."""
        try:
            return wait_until(lambda: re.search(pattern, self.log()[since:]), timeout)
        except AssertionError:
            raise AssertionError(f"no line like {pattern!r} in the log:\n{self.log()[since:]}") from None

    def client(self, **options):
        client = mqtt.Client(options.pop("port", self.port), **options)
        self.clients.append(client)
        return client

    def counters(self):
        return Counters(self)

    def wait_registry(self, datastreams=0):
        """Waits until the plugin has read the registry from the database."""
        with contextlib.closing(self.counters()) as counters:
            counters.wait("database/connected", 1)
            wait_until(lambda: (counters.get("registry/datastreams") or 0) >= datastreams, 5, "registry read")

    def memcheck_path(self):
        return self.folder / f"memcheck-{self.runs}.xml"


class Counters:
    """$SYS/broker/highwater as it stands."""

    PREFIX = "$SYS/broker/highwater/"

    def __init__(self, broker):
        self.broker, self.client = broker, broker.client()
        self.client.subscribe(self.PREFIX + "#")

    def close(self):
        """Not needed for the broker's end; for those who mind what hearing the counters costs."""
        self.broker.clients.remove(self.client)
        self.client.close()

    def all(self):
        newest = {}
        for message in self.client.received():
            newest[message.topic[len(self.PREFIX):]] = int(message.payload)
        return newest

    def get(self, name):
        return self.all().get(name)

    def wait(self, name, expected, timeout=5.0):
        """Waits until a counter reaches a value; it must not be another one then."""
        wait_until(lambda: (self.get(name) or 0) >= expected, timeout, f"{name} reaches {expected}")
        assert self.get(name) == expected


def memcheck_errors(path):
    """Errors that valgrind saw: every misuse of memory, and leaks with the module in their stack."""
    found = []
    for error in xml.etree.ElementTree.parse(path).getroot().iter("error"):
        frames = list(error.iter("frame"))
        kind = error.findtext("kind", "")
        ours = any(MODULE_NAME in frame.findtext("obj", "") for frame in frames)
        if kind.startswith("Leak_") and not (kind == "Leak_DefinitelyLost" and ours):
            continue
        what = error.findtext("what") or error.findtext("xwhat/text")
        stack = [" ".join(f.findtext(part, "?") for part in ("fn", "file", "line")) for f in frames]
        found.append("\n    ".join([f"{kind}: {what}"] + stack))
    return found
