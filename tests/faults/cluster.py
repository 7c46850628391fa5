"""The database of the campaign: one server that takes writes, and a place for the standby that follows it."""

import contextlib
import pathlib
import shutil
import subprocess
import time

import psycopg2

from postgres import WRITER, Postgres, bindir
from processes import alive, give, kill_family, run_quietly
from waiting import wait_until

NAME = "city"

# Much is written in short time, and old data directories are not kept; shared memory in files goes with them.
EXTRA = """
max_wal_size = 128MB
wal_keep_size = 64MB
dynamic_shared_memory_type = mmap
wal_receiver_status_interval = 1s
log_min_messages = fatal
"""


class Node(Postgres):
    """One server, which may begin as a copy of another."""

    def create(self):
        super().create()
        self._configure(EXTRA)
        self.stop()
        self.start()

    def _configure(self, text):
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write(text)

    def create_as_standby_of(self, primary):
        self.folder.mkdir(mode=0o755, exist_ok=True)
        give(self.folder, "postgres")
        run_quietly(
            [bindir() / "pg_basebackup", "--pgdata", self.data, "--host", primary.folder, "--port",
             primary.port, "--username=postgres", "--write-recovery-conf", "--wal-method=stream",
             "--checkpoint=fast", "--no-sync"],
            user="postgres",
        )
        self._configure(f"\nport = {self.port}\nunix_socket_directories = '{self.folder}'\n")
        self.start()

    def discard(self):
        """Kills what still runs and deletes the data, and the segment of shared memory that a kill leaves."""
        if self.process is not None:
            self.kill9()
        pid_file = self.data / "postmaster.pid"
        if pid_file.exists():
            lines = pid_file.read_text().splitlines()
            segment = lines[6].split() if len(lines) > 6 else []
            if len(segment) == 2:
                subprocess.run(["ipcrm", "--shmem-id", segment[1]], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.data, ignore_errors=True)

    def running(self):
        return self.process is not None and self.process.poll() is None and alive(self.process.pid)


class Cluster:
    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.nodes = [Node(folder / "pg0"), Node(folder / "pg1")]
        self.primary, self.spare = self.nodes

    def create(self):
        self.primary.create()
        self.primary.sql(f"CREATE DATABASE {NAME}")

    @property
    def conninfo(self):
        """Both servers; libpq takes the one that accepts writes."""
        hosts = ",".join(str(node.folder) for node in self.nodes)
        ports = ",".join(str(node.port) for node in self.nodes)
        return f"host={hosts} port={ports} dbname={NAME} user={WRITER} target_session_attrs=read-write"

    def install_schema(self):
        self.primary.install_schema(NAME)

    def sql(self, text, values=None):
        # Ours must not wait for a standby that a fault has invented.
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET synchronous_commit = local; SET default_transaction_read_only = off")
                cursor.execute(text, values)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def value(self, text, values=None):
        return self.sql(text, values)[0][0]

    def connect(self):
        return self.primary.connect(NAME)

    @contextlib.contextmanager
    def session(self):
        """A connection for several questions, which may find that the server is gone."""
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def setting(self, name, value):
        """ALTER SYSTEM, in force at once; None takes it back."""
        change = f"RESET {name}" if value is None else f"SET {name} = '{value}'"
        with self.session() as cursor:
            cursor.execute(f"ALTER SYSTEM {change}")
            cursor.execute("SELECT pg_reload_conf()")

    def writer(self, where="true", timeout=10.0):
        """Process id of the broker's session that satisfies a condition, or None when it does not come."""
        deadline = time.monotonic() + timeout
        question = ("SELECT pid FROM pg_stat_activity WHERE application_name = 'highwater'"
                    f" AND datname = '{NAME}' AND ({where})")
        with contextlib.suppress(psycopg2.Error), self.session() as cursor:
            while time.monotonic() < deadline:
                cursor.execute(question)
                row = cursor.fetchone()
                if row:
                    return row[0]
                time.sleep(0.005)
        return None

    # --- failover ---

    def add_standby(self):
        """Returns when every commit from now on is on both servers."""
        self.spare.create_as_standby_of(self.primary)
        self.setting("synchronous_standby_names", "*")
        wait_until(
            lambda: self.primary.sql("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
                                     " AND state = 'streaming'"),
            20, "the standby is synchronous",
        )

    def promote(self):
        """The standby takes over; the old primary must not take part any more."""
        self.spare.sql("SELECT pg_promote(true, 30)")
        wait_until(lambda: not self.spare.sql("SELECT pg_is_in_recovery()")[0][0], 30, "promoted")
        self.primary, self.spare = self.spare, self.primary

    def drop_spare(self):
        self.spare.discard()

    def restore(self):
        """Running, answering and taking writes, whatever a fault did."""
        self.primary.restore()
        for name in ("synchronous_standby_names", "default_transaction_read_only"):
            self.setting(name, None)

    def stop(self):
        for node in self.nodes:
            with contextlib.suppress(OSError):
                node.thaw()
            if node.running():
                try:
                    node.stop()
                except subprocess.SubprocessError:
                    kill_family(node.process)
        if self.spare.data.exists():
            self.spare.discard()
