"""Fixtures: one PostgreSQL cluster a run, a fresh database a test, as many brokers as a test asks for."""

import os
import pathlib
import re
import shutil
import signal
import sys
import tempfile
import time

import pytest

sys.path.insert(0, os.path.dirname(__file__))

import alarm_scene  # noqa: E402
import broker as broker_module  # noqa: E402
import postgres as postgres_module  # noqa: E402

SHARED_DATA = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data"


def pytest_addoption(parser):
    parser.addoption("--memcheck", action="store_true", help="run every broker under valgrind")


def pytest_configure(config):
    config.addinivalue_line("markers", "memcheck: short and broad enough to be run under valgrind as well")
    # timeout(1) ends a run by SIGTERM: servers are to be ended all the same.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))


@pytest.fixture(scope="session")
def scratch():
    """A folder that the users postgres and mosquitto can reach, with a short name for sockets."""
    folder = tempfile.mkdtemp(prefix="highwater-test-")
    os.chmod(folder, 0o755)
    yield pathlib.Path(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def cluster(scratch):
    server = postgres_module.Postgres(scratch / "postgres")
    try:
        server.create()
        yield server
    finally:
        server.stop()


@pytest.fixture
def postgres(cluster):
    """The server; running at the start of each test, whatever the test before did."""
    cluster.restore()
    yield cluster
    cluster.restore()


@pytest.fixture
def database(postgres):
    database = postgres.new_database()
    yield database
    database.drop_later()


@pytest.fixture
def bare_database(postgres):
    """A database without the schema."""
    database = postgres.new_database(schema=False)
    yield database
    database.drop_later()


@pytest.fixture
def make_broker(scratch, request):
    """Makes brokers; each is stopped at the end, which must succeed."""
    made = []
    folder = scratch / f"{re.sub('[^A-Za-z0-9_]', '_', request.node.name)[:40]}-{time.monotonic_ns()}"
    folder.mkdir(mode=0o755)

    def make(**options):
        options.setdefault("memcheck", request.config.getoption("--memcheck"))
        made.append(broker_module.Broker(folder / str(len(made)), **options))
        return made[-1]

    make.made = made
    yield make
    failures = []
    for broker in made:
        try:
            broker.stop()
        except AssertionError as failure:
            failures.append(failure)
        # Preallocated journals of all tests would not fit a /tmp that is kept in memory.
        shutil.rmtree(broker.state_dir)
    if failures:
        raise failures[0]


@pytest.fixture
def broker(make_broker, database):
    """A started broker with the plugin and a database."""
    return make_broker(database=database).start()


@pytest.fixture
def client(broker):
    return broker.client()


@pytest.fixture
def scene(make_broker, database):
    """Makes the scene, once the alarms are set up; readings are judged by no test of quality."""
    database.judge_nothing()

    def make(**options):
        return alarm_scene.Scene(make_broker(database=database, **options).start())

    return make


@pytest.fixture
def shared_data():
    """Recordings that are no part of the project; tests that play them skip without."""
    if not SHARED_DATA.is_dir():
        pytest.skip("../shared/data is not there")
    return SHARED_DATA


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failed test shows the logs of its brokers."""
    outcome = yield
    report = outcome.get_result()
    if report.failed and "make_broker" in getattr(item, "funcargs", {}):
        made = [broker for broker in item.funcargs["make_broker"].made if broker.log_path.exists()]
        for broker in made:
            report.sections.append((f"log of {broker.folder}", broker.log()[-8000:]))
