"""What befalls PostgreSQL, and the connection to it."""

import contextlib
import os
import random
import signal
import time

import psycopg2

from kinds import Missed, fault, hold, variant
from processes import alive, kill_family
from scene import database_answers


def writer_or_miss(scene, where="true", timeout=10.0):
    pid = scene.cluster.writer(where, timeout)
    if pid is None:
        raise Missed(f"no session of the plugin with {where}")
    return pid


def kill_backend(scene, pid):
    """The postmaster then ends all other sessions and recovers."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.2)
    database_answers(scene)


@fault("backend-kill", "kill -9 of the database session, which restarts the server", (0.0, 1.0), (0.0, 0.2))
def backend_kill(scene, step):
    kill_backend(scene, writer_or_miss(scene))
    time.sleep(step.hold)


@fault("backend-freeze", "SIGSTOP of the database session", (1.0, 30.0), (1.0, 2.0), overlays=True)
def backend_freeze(scene, step):
    pid = writer_or_miss(scene)
    os.kill(pid, signal.SIGSTOP)
    try:
        hold(scene, step)
    finally:
        if alive(pid):
            os.kill(pid, signal.SIGCONT)


@fault("cluster-kill", "kill -9 of the whole database server", (0.0, 10.0), (0.2, 1.5), overlays=True,
       cost=2.0)
def cluster_kill(scene, step):
    scene.cluster.primary.kill9()
    try:
        hold(scene, step)
    finally:
        scene.cluster.restore()


@fault("cluster-stop", "stop and start of the database server", (0.0, 15.0), (0.2, 1.5), overlays=True,
       cost=2.0)
def cluster_stop(scene, step):
    scene.cluster.primary.stop()
    try:
        hold(scene, step)
    finally:
        scene.cluster.restore()


@fault("cluster-freeze", "SIGSTOP of the whole database server", (1.0, 30.0), (1.0, 2.5), overlays=True)
def cluster_freeze(scene, step):
    scene.cluster.primary.freeze()
    try:
        hold(scene, step)
    finally:
        scene.cluster.primary.thaw()


def in_any_order(step, acts):
    random.Random(step.choice).shuffle(acts)
    for act in acts:
        act()


@fault("both-kill", "kill -9 of broker and database server", (0.0, 3.0), (0.0, 0.5), cost=2.0)
def both_kill(scene, step):
    try:
        in_any_order(step, [scene.broker_kill, scene.cluster.primary.kill9])
        time.sleep(step.hold)
    finally:
        in_any_order(step, [scene.broker_start, scene.cluster.restore])


@fault("both-stop", "stop and start of broker and database server", (0.0, 3.0), (0.0, 0.5), cost=3.0)
def both_stop(scene, step):
    try:
        in_any_order(step, [scene.broker_stop, scene.cluster.primary.stop])
        time.sleep(step.hold)
    finally:
        in_any_order(step, [scene.broker_start, scene.cluster.restore])


@fault("copy-ended", "the session is ended, or its statement cancelled, in mid-COPY", (0.0, 5.0), (0.0, 0.5),
       cost=2.0)
def copy_ended(scene, step):
    """A partition is locked, so that COPY stands still with rows in it."""
    connection = scene.cluster.connect()
    try:
        connection.autocommit = False
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_char(now() AT TIME ZONE 'UTC', '\"observation_y\"YYYY\"m\"MM')")
            partition = cursor.fetchone()[0]
            cursor.execute(f"SET lock_timeout = '5s'; LOCK TABLE ONLY highwater.{partition} IN SHARE MODE")
            pid = writer_or_miss(scene, "wait_event_type = 'Lock' AND query ~ 'highwater.observation'")
            time.sleep(step.hold)
            end = variant(step, ("pg_terminate_backend", "pg_cancel_backend", "kill"))
            if end == "kill":
                kill_backend(scene, pid)
            else:
                cursor.execute(f"SELECT {end}(%s)", (pid,))
                connection.rollback()
    except psycopg2.errors.LockNotAvailable as error:
        raise Missed("the partition is busy") from error
    finally:
        connection.close()


@fault("commit-ended", "the session is ended in mid-COMMIT: outcome unknown, in fact committed", (0.0, 5.0),
       (0.0, 0.5), overlays=True, cost=2.0)
def commit_ended(scene, step):
    """COMMIT waits for a standby that there is not, after it has been written."""
    scene.cluster.setting("synchronous_standby_names", "nobody")
    try:
        pid = writer_or_miss(scene, "wait_event = 'SyncRep' AND query !~ 'FOR UPDATE'")
        hold(scene, step)
        end = variant(step, ("terminate", "terminate", "kill", "cluster", "cancel"))
        if end == "terminate":
            scene.cluster.sql("SELECT pg_terminate_backend(%s)", (pid,))
        elif end == "cancel":
            scene.cluster.sql("SELECT pg_cancel_backend(%s)", (pid,))
        elif end == "kill":
            kill_backend(scene, pid)
        else:
            scene.cluster.primary.kill9()
    finally:
        scene.cluster.restore()


@fault("read-only", "the server takes no writes for a while", (1.0, 10.0), (0.5, 1.5), overlays=True)
def read_only(scene, step):
    scene.cluster.setting("default_transaction_read_only", "on")
    try:
        hold(scene, step)
    finally:
        scene.cluster.setting("default_transaction_read_only", None)


@fault("failover", "the primary dies and a synchronous standby takes over", (1.0, 6.0), (0.5, 1.0),
       overlays=True, cost=6.0)
def failover(scene, step):
    cluster = scene.cluster
    cluster.drop_spare()
    try:
        cluster.add_standby()
        hold(scene, step)
        if step.choice < 0.3:
            cluster.primary.freeze()  # dead for the standby, and silent for the plugin, which hangs on to it
            cluster.promote()
            time.sleep(step.hold)
            cluster.spare.thaw()
            kill_family(cluster.spare.process)
            cluster.spare.process = None
        else:
            cluster.primary.kill9()
            cluster.promote()
    finally:
        cluster.drop_spare()
        cluster.restore()


@fault("no-partition", "no partition takes the rows of some months", (1.0, 8.0), (1.0, 1.5), overlays=True)
def no_partition(scene, step):
    def alter(change):
        scene.cluster.sql("SET statement_timeout = '20s';"
                          f"ALTER TABLE highwater.observation {change}")

    alter("DETACH PARTITION highwater.observation_default")
    try:
        hold(scene, step)
    finally:
        alter("ATTACH PARTITION highwater.observation_default DEFAULT")


@fault("no-permission", "INSERT on observation is revoked and granted again", (1.0, 8.0), (0.5, 1.5),
       overlays=True)
def no_permission(scene, step):
    scene.cluster.sql("REVOKE INSERT ON highwater.observation FROM highwater_writer")
    try:
        hold(scene, step)
    finally:
        scene.cluster.sql("GRANT INSERT ON highwater.observation TO highwater_writer")
