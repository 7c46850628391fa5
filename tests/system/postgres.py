"""A private PostgreSQL cluster on a Unix socket, and databases in it."""

import glob
import pathlib
import signal

import psycopg2

from processes import alive, end, family, free_port, give, kill_family, run_quietly, signal_all, spawn
from waiting import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
WRITER = "highwater"  # login role of the plugin
TEMPLATE = "highwater_template"

SETTINGS = """
listen_addresses = ''
port = {port}
unix_socket_directories = '{folder}'
shared_buffers = 32MB
max_connections = 40
fsync = off
autovacuum = off
log_min_messages = warning
"""


def bindir():
    """The programs of the newest PostgreSQL that Debian has installed."""
    found = glob.glob("/usr/lib/postgresql/*/bin/postgres")
    if not found:
        raise RuntimeError("no /usr/lib/postgresql/*/bin/postgres: run examples/packages.sh run")
    return pathlib.Path(max(found, key=lambda path: int(path.split("/")[4]))).parent


class Postgres:
    def __init__(self, folder, settings=SETTINGS):
        self.folder = pathlib.Path(folder)
        self.settings = settings
        self.data = self.folder / "data"
        self.log_path = self.folder / "postgres.log"
        self.port = free_port()  # part of the socket's name only
        self.process = None
        self.frozen = []
        self.databases = 0
        self.done_with = []  # databases that no test uses any more

    def create(self):
        """initdb, start, and a template database with the schema."""
        self.folder.mkdir(mode=0o755)
        give(self.folder, "postgres")
        run_quietly(
            [bindir() / "initdb", "--pgdata", self.data, "--username=postgres", "--auth=trust",
             "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"],
            user="postgres",
        )
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write(self.settings.format(port=self.port, folder=self.folder))
        self.start()
        self.sql(f"CREATE DATABASE {TEMPLATE}", database="postgres")
        self.install_schema(TEMPLATE)
        self.sql(f"CREATE ROLE {WRITER} LOGIN IN ROLE highwater_writer", database="postgres")

    def install_schema(self, database):
        run_quietly(
            [bindir() / "psql", "--no-psqlrc", "--quiet", "--host", self.folder, "--port", self.port,
             "--username=postgres", "--dbname", database, "--file", ROOT / "schema" / "install.sql"]
        )

    def start(self):
        if self.process is not None:
            return
        self.process = spawn([bindir() / "postgres", "-D", self.data], self.log_path, user="postgres")
        wait_until(self._answers, 30, "PostgreSQL accepts connections")

    def _answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended:\n{self.log_path.read_text()}")
        try:
            self.connect("postgres").close()
        except psycopg2.OperationalError:
            return False
        return True

    def stop(self):
        """Fast shutdown, as systemctl stop does it: sessions are broken off."""
        if self.process is None:
            return
        self.thaw()
        self.process.send_signal(signal.SIGINT)
        end(self.process, 30)
        self.process = None

    def kill9(self):
        """A crash of the whole server."""
        self.thaw()
        kill_family(self.process)
        self.process = None

    def freeze(self):
        """Connections stay open and nothing answers, as when a network link dies."""
        signal_all([self.process.pid], signal.SIGSTOP)
        self.frozen = family(self.process.pid)
        signal_all(self.frozen, signal.SIGSTOP)

    def thaw(self):
        signal_all(reversed(self.frozen), signal.SIGCONT)
        self.frozen = []

    def restore(self):
        """Running and answering again, whatever a test did."""
        self.thaw()
        if self.process is not None and (self.process.poll() is not None or not alive(self.process.pid)):
            self.process = None
        self.start()

    def connect(self, database, user="postgres"):
        connection = psycopg2.connect(
            host=str(self.folder), port=self.port, dbname=database, user=user, connect_timeout=5
        )
        connection.autocommit = True
        return connection

    def sql(self, text, values=None, database="postgres", user="postgres"):
        """Runs SQL; the rows of the last statement, or [] when it gives none."""
        connection = self.connect(database, user)
        try:
            with connection.cursor() as cursor:
                cursor.execute(text, values)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def new_database(self, schema=True):
        # Only now have the brokers of the tests before let go of theirs.
        while self.done_with:
            self.sql(f"DROP DATABASE {self.done_with.pop()} WITH (FORCE)")
        self.databases += 1
        name = f"city_{self.databases}"
        template = f" TEMPLATE {TEMPLATE}" if schema else ""
        self.sql(f"CREATE DATABASE {name}{template}")
        return Database(self, name)


class Database:
    """One test's database. Questions that many tests ask have a name here."""

    def __init__(self, server, name):
        self.server = server
        self.name = name

    @property
    def conninfo(self):
        """What plugin_opt_database says."""
        return f"host={self.server.folder} port={self.server.port} dbname={self.name} user={WRITER}"

    def sql(self, text, values=None, user="postgres"):
        return self.server.sql(text, values, self.name, user)

    def value(self, text, values=None):
        return self.sql(text, values)[0][0]

    def install_schema(self):
        self.server.install_schema(self.name)

    def drop_later(self):
        self.server.done_with.append(self.name)

    def results(self, station, observed="water_level"):
        """Results of a datastream in order of phenomenon time."""
        rows = self.sql(
            "SELECT o.result FROM highwater.observation o JOIN highwater.datastream USING (datastream_id)"
            " JOIN highwater.station s USING (station_id) WHERE s.code = %s AND property = %s"
            " ORDER BY phenomenon_time",
            (station, observed),
        )
        return [row[0] for row in rows]

    def count(self, table="observation"):
        return self.value(f"SELECT count(*) FROM highwater.{table}")

    def wait_count(self, expected, table="observation", timeout=10.0):
        """Waits for a number of rows; says how many there were when they do not come."""
        seen = []

        def there():
            seen[:] = [self.count(table)]
            return seen[0] >= expected

        try:
            wait_until(there, timeout)
        except AssertionError:
            pass
        assert seen[0] == expected, f"{seen[0]} rows in {table}, expected {expected}"

    def wait_results(self, station, expected, observed="water_level", timeout=10.0):
        seen = []

        def there():
            seen[:] = self.results(station, observed)
            return len(seen) >= len(expected)

        try:
            wait_until(there, timeout)
        except AssertionError:
            pass
        assert seen == expected

    def wait_at_least(self, count, station, observed="water_level", timeout=10.0):
        wait_until(lambda: len(self.results(station, observed)) >= count, timeout, f"{count} of {observed}")

    def set_threshold(self, station, level, set_value, clear_value=None, observed="water_level", **extra):
        names = {"name": f"level {level}", "direction": "rising", "severity": "Moderate"}
        names.update(extra)
        self.sql(
            "SELECT highwater.set_threshold(%s, %s, %s, %s, %s, %s, %s, %s)",
            (station, observed, level, names["name"], set_value, clear_value, names["direction"],
             names["severity"]),
        )

    def judge_nothing(self):
        """Readings get no verdict: a test's come within a moment, and would be too fast for any river."""
        self.sql("DELETE FROM highwater.quality_rule")

    def rejected(self, station=None):
        """(topic, reason) in order of arrival."""
        return self.sql(
            "SELECT topic, reason FROM highwater.rejected"
            " WHERE %s::text IS NULL OR topic LIKE '%%/' || %s || '/%%' ORDER BY position",
            (station, station),
        )
