"""Servers and the load generator of the benchmark."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import time

from broker import Broker
from waiting import wait_until

TICKS = os.sysconf("SC_CLK_TCK")

# A city's counters come every 10 s. Whoever waits for them here does not wait so long, and they still cost
# nothing.
COUNTERS = {"stats_interval": "1s"}

# No client of a benchmark is to be cut off for being slow.
CONF = "max_inflight_messages 0\nmax_queued_messages 0\n"


def build_folder():
    return pathlib.Path(os.environ["HIGHWATER_BUILD"])


def thread_seconds(pid):
    """CPU seconds so far, by thread, the broker's own first."""
    seconds = {}
    for stat in pathlib.Path(f"/proc/{pid}/task").glob("*/stat"):
        fields = stat.read_text().rsplit(")", 1)[1].split()
        seconds[int(stat.parent.name)] = (int(fields[11]) + int(fields[12])) / TICKS
    return seconds


def memory_kib(pid, field="RssAnon"):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise RuntimeError(f"no {field} of {pid}")


def generate(port, **options):
    """Runs bench_load; what it reports."""
    command = [build_folder() / "tests" / "bench" / "bench_load", "--port", str(port)]
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        command += [flag] if value is True else [flag, str(value)]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=600)
    if run.returncode != 0:
        raise RuntimeError(f"bench_load ended with {run.returncode}: {run.stdout}")
    return json.loads(run.stdout)


class Subject(Broker):
    """A broker under measurement: bare, with the empty plugin, or with Highwater."""

    def __init__(self, folder, name, database=None, config=None, nagle=False, **options):
        self.name = name
        conf = CONF + ("set_tcp_nodelay false\n" if nagle else "")
        tail = ""
        if name == "empty":
            pathlib.Path(folder).parent.mkdir(exist_ok=True)
            module = pathlib.Path(folder).parent / "bench_empty.so"
            shutil.copy(build_folder() / "tests" / "bench" / "bench_empty.so", module)
            tail = f"plugin {module}"
        super().__init__(folder, database=database, config={**COUNTERS, **(config or {})},
                         plugin="plugin" if database else False, conf=conf, tail=tail, **options)

    def cpu_seconds(self):
        """Of the broker's own thread: the writer's are not the broker's loop."""
        return thread_seconds(self.process.pid)[self.process.pid]

    def all_cpu_seconds(self):
        return sum(thread_seconds(self.process.pid).values())

    def load(self, **options):
        """Loads the broker; the report, with the CPU of the broker's thread in µs a message."""
        before = self.cpu_seconds()
        report = generate(self.port, **options)
        report["broker_us"] = (self.cpu_seconds() - before) * 1e6 / report["sent"]
        return report

    def wait_drained(self):
        time.sleep(1.5)  # the counter may be of before the load, and is not published again unless it changes
        self.wait_counter("journal/pending", 0)

    def wait_counter(self, name, expected, timeout=300):
        with contextlib.closing(self.counters()) as counters:
            wait_until(lambda: counters.get(name) == expected, timeout, f"{name} is {expected}")
