"""Part b: from publish to the committed row, Highwater's and those of others, in one run on one server."""

import concurrent.futures
import contextlib
import datetime
import itertools
import json
import time

from bench_peers import BATCH, C, COPY, HIGHWATER, INSERT, PEERS, RED, why_no_node_red
from bench_scene import TICKS, build_folder
from processes import end, family, spawn
from waiting import wait_until

PART = "b. storage"
YARDSTICK = "bare COPY"
STATIONS = 1000  # of bench_load
PATIENCE_S = 300  # of readings that are to be stored
MEANWHILE = 50000  # messages a second: a load that broker and database can both go on beside

# From the first PUBLISH to the last COMMIT. As fast as can be, bench_load's first reading is of a minute ago.
SUSTAINED = """
SELECT sum(rows)::bigint,
       extract(epoch FROM max(committed) - (min(first) + interval '1 minute'))::float8
FROM (SELECT count(*) AS rows, min(phenomenon_time) AS first, pg_xact_commit_timestamp(xmin) AS committed
      FROM highwater.observation GROUP BY xmin) AS transaction
"""

# At a rate bench_load's time is when the message was due.
LATENCY = """
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms), percentile_cont(0.99) WITHIN GROUP (ORDER BY ms),
       max(ms)
FROM (SELECT 1000 * extract(epoch FROM pg_xact_commit_timestamp(xmin) - phenomenon_time)::float8 AS ms
      FROM highwater.observation) AS reading
"""


class Scene:
    """A broker, what stores its readings, and the database that they go to, empty and with all stations."""

    def __init__(self, database, broker=None, process=None):
        self.database, self.broker, self.process = database, broker, process

    def cpu_seconds(self):
        """Of the broker, what stores, and PostgreSQL with all its processes, also those that have ended."""
        roots = [self.database.server.process, self.broker.process, self.process]
        return sum(family_seconds(process.pid) for process in roots if process is not None)

    def wait_ready(self):
        """Until a reading gets through; then the table is empty again."""
        client = self.broker.client()

        def stored(number):
            when = datetime.datetime.now(datetime.timezone.utc).isoformat()
            payload = json.dumps({"time": when, "value": number / 1000})
            client.publish("sensors/bench-0/water_level", payload)
            with contextlib.suppress(AssertionError):
                wait_until(lambda: self.database.value("SELECT max(result) FROM highwater.observation")
                           == number / 1000, 1)
                return True
            if self.process is not None and self.process.poll() is not None:
                raise RuntimeError(f"it ended with status {self.process.returncode}")
            return False

        if not any(stored(number) for number in range(1, 60)):
            raise RuntimeError("no reading gets through")
        client.close()
        self.broker.clients.remove(client)
        self.database.sql("TRUNCATE highwater.observation")
        self.database.sql("CHECKPOINT")

    def wait_stored(self, expected):
        """Counts only when the server is quiet: a count is work that what is measured would pay for."""
        deadline = time.monotonic() + PATIENCE_S
        with contextlib.closing(self.database.server.connect(self.database.name)) as connection, \
                connection.cursor() as cursor:
            for before, now in itertools.pairwise(wal_positions(cursor)):
                if now == before:
                    cursor.execute("SELECT count(*) FROM highwater.observation")
                    stored = cursor.fetchone()[0]
                    if stored == expected:
                        return
                    if stored > expected or time.monotonic() > deadline:
                        raise RuntimeError(f"{stored} rows of {expected}")
                elif time.monotonic() > deadline:
                    raise RuntimeError(f"{expected} rows are not stored within {PATIENCE_S} s")


def wal_positions(cursor):
    while True:
        cursor.execute("SELECT pg_current_wal_insert_lsn()")
        yield cursor.fetchone()[0]
        time.sleep(0.3)


def family_seconds(pid):
    """CPU of a process and its children, also of those that it has seen end."""
    seconds = 0
    for member in family(pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError), \
                open(f"/proc/{member}/stat", encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()
            seconds += sum(int(ticks) for ticks in fields[11:15 if member == pid else 13]) / TICKS
    return seconds


@contextlib.contextmanager
def city(bench, judged=True):
    """A database with all stations of bench_load. judged: with the quality rules of a new schema."""
    database = bench.server.new_database()
    database.sql("SELECT highwater.make_partitions()")
    database.sql("SELECT count(highwater.register_datastream('bench-' || i, 'water_level'))"
                 f" FROM generate_series(0, {STATIONS - 1}) AS i")
    if not judged:
        database.judge_nothing()
    try:
        yield database
    finally:
        database.drop_later()


@contextlib.contextmanager
def storing(bench, peer, nagle=None, judged=True):
    """A Scene in which readings get through, ended afterwards."""
    with city(bench, judged) as database, contextlib.ExitStack() as stack:
        if peer.command is None:
            broker, process = stack.enter_context(bench.subject("highwater", database, nagle=nagle)), None
            log = broker.log_path
        else:
            broker = stack.enter_context(bench.subject("bare", nagle=nagle))
            log = broker.folder / "peer.log"
            process = spawn(peer.command(broker.port, database, broker.folder / "peer"), log)
            stack.callback(end, process)
        scene = Scene(database, broker, process)
        try:
            scene.wait_ready()
            yield scene
        except Exception as error:
            said = log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise RuntimeError(f"{peer.name}: {error}\n{said}") from error


def sustained(bench, peer):
    """Rows a second as fast as the broker takes the messages, until the last is committed."""
    with storing(bench, peer) as scene:
        before = scene.cpu_seconds()
        sent = scene.broker.load(messages=bench.count(peer.messages))["sent"]
        scene.wait_stored(sent)
        cpu = scene.cpu_seconds() - before
        rows, seconds = scene.database.sql(SUSTAINED)[0]
    bench.results.add(PART, peer.name, "sustained", "rows/s", rows / seconds)
    bench.results.add(PART, peer.name, "CPU of broker, peer and PostgreSQL", "s/million rows",
                      cpu * 1e6 / rows)


def rows_now(database):
    """How many rows there are, and when that was."""
    return database.sql("SELECT count(*), extract(epoch FROM now())::float8 FROM highwater.observation")[0]


def under_load(bench):
    """Rows a second that Highwater makes up for after an outage, while messages come."""
    with storing(bench, HIGHWATER) as scene, concurrent.futures.ThreadPoolExecutor() as pool:
        bench.server.freeze()
        try:
            sent = scene.broker.load(messages=bench.count(1500000))["sent"]
        finally:
            bench.server.thaw()
        # After a long outage it connects anew, in its own time: that is no rate.
        wait_until(lambda: rows_now(scene.database)[0] > 0, 60, "the first rows after the outage")
        loading = pool.submit(scene.broker.load, rate=MEANWHILE, wake_after=8, seconds=bench.seconds(2.5))
        before, started = rows_now(scene.database)
        report = loading.result()
        after, ended = rows_now(scene.database)
        scene.wait_stored(sent + report["sent"])
    rows, left = after - before, sent + report["sent"] - after
    bench.results.add(PART, HIGHWATER.name, "stored while messages come", "rows/s", rows / (ended - started))
    bench.results.add(PART, HIGHWATER.name, "published meanwhile", "messages/s", report["per_second"])
    bench.results.add(PART, HIGHWATER.name, "not yet stored then", "% of the backlog", 100 * left / sent)


def yardstick(bench):
    """Rows a second of a COPY loop beside a bare broker under the same load."""
    program = build_folder() / "tests" / "bench" / "bench_copy_loop"
    with city(bench) as database, bench.subject("bare") as broker, \
            concurrent.futures.ThreadPoolExecutor() as pool:
        database.sql("CHECKPOINT")
        log = broker.folder / "peer.log"
        loading = pool.submit(broker.load, rate=MEANWHILE, wake_after=8, seconds=bench.seconds(2.5))
        process = spawn([program, database.conninfo], log)
        try:
            report = loading.result()
        finally:
            status = end(process, 60)
        said = log.read_text(encoding="utf-8")
        if status != 0:
            raise RuntimeError(f"{YARDSTICK}: status {status}: {said}")
    loop = json.loads(said)
    bench.results.add(PART, YARDSTICK, "stored while messages come", "rows/s", loop["rows"] / loop["seconds"])
    bench.results.add(PART, YARDSTICK, "published meanwhile", "messages/s", report["per_second"])


def latency(bench, peer, nagle):
    """From when a message was due to its COMMIT, at a rate that none but the slowest feels."""
    with storing(bench, peer, nagle, judged=False) as scene:
        report = scene.broker.load(rate=1000, seconds=bench.seconds(5), no_delay=True)
        scene.wait_stored(report["sent"])
        figures = scene.database.sql(LATENCY)[0]
    case = f"{peer.name}, 1,000/s, set_tcp_nodelay {'false' if nagle else 'true'}"
    for name, value in zip(("p50", "p99", "most"), figures):
        bench.results.add(PART, case, name, "ms", value)


def ratios(results):
    """Run by run: what ran minutes apart is not compared."""
    def ratio(peer_name, measure):
        mine = results.values[(PART, HIGHWATER.name, measure, "rows/s")]
        theirs = results.values.get((PART, peer_name, measure, "rows/s"), [])
        for one, other in zip(mine, theirs):
            results.add(PART, f"Highwater to {peer_name}", measure, "times", one / other)

    ratio(YARDSTICK, "stored while messages come")
    for peer in (C, COPY, BATCH, INSERT, RED):
        ratio(peer.name, "sustained")


def explain(results, peers, skipped):
    lines = ["| what stores | after its kill -9 | with the database away |", "|---|---|---|"]
    lines += [f"| {peer.name} | {peer.killed} | {peer.away} |" for peer in peers]
    results.note(PART, "\n".join(lines))
    if skipped:
        results.note(PART, f"{RED.name}: skipped: {skipped}.")
    counts = ", ".join(f"{peer.name} {peer.messages:,}" for peer in peers)
    results.note(PART, f"""All at QoS 1, 60 bytes, {STATIONS:,} stations, into the same table of one server.

- *Sustained*: from the first PUBLISH to the last COMMIT, messages as fast as the broker takes them: {counts}.
- *Stored while messages come*: Highwater's backlog of an outage, once the first of it is stored, and a loop
  that copies made-up rows, each while {MEANWHILE:,} messages a second are published. Highwater's counts only
  when some of the backlog is not yet stored then.
- *1,000/s*: from when a message was due to its COMMIT by the server's track_commit_timestamp, which is taken
  just before the flush to disk, for all alike. Without quality rules: a spike's verdict comes later, and
  would replace the row. In the other figures Highwater has them, and judges what it stores.
- *A batch* of Python's is 1,000 rows, or what has come in 50 ms.
- *CPU* is without that of the publisher.""")


def store(bench):
    skipped = why_no_node_red(short=bench.scale < 1)
    peers = [peer for peer in PEERS if peer is not RED or not skipped]
    for run in range(bench.runs):
        for peer in peers:
            sustained(bench, peer)
        under_load(bench)
        yardstick(bench)
        for peer, nagle in itertools.product(peers, (False, True)):
            latency(bench, peer, nagle)
        bench.say(f"{PART}: run {run + 1} of {bench.runs}")
    ratios(bench.results)
    explain(bench.results, peers, skipped)
