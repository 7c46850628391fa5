"""Servers as child processes: who runs them, how they end, what they leave."""

import os
import pwd
import signal
import socket
import subprocess

from waiting import wait_until


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def identity(user):
    """Popen arguments that make root become user; nothing when we are not root."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def give(path, user):
    """Hands a file or folder to user, when we are root."""
    if os.geteuid() == 0:
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def spawn(command, log, user=None):
    """Starts a server in the background with both outputs appended to log."""
    with open(log, "ab") as output:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd="/",
            **(identity(user) if user else {}),
        )


def stat_fields(pid):
    """State and parent of a process, or None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return fields[0], int(fields[1])


def alive(pid):
    fields = stat_fields(pid)
    return fields is not None and fields[0] not in "ZX"


def family(pid):
    """The process and its children, parent first."""
    children = []
    for name in os.listdir("/proc"):
        fields = stat_fields(name) if name.isdigit() else None
        if fields and fields[1] == pid:
            children.append(int(name))
    return [pid] + children


def signal_all(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def kill_family(process):
    """kill -9 for a server and its children at once; returns when all are gone."""
    pids = family(process.pid)
    signal_all(pids, signal.SIGSTOP)  # nobody forks while the list is worked through
    pids = sorted(set(pids) | set(family(process.pid)))
    signal_all(pids, signal.SIGKILL)
    process.wait()
    wait_until(lambda: not any(alive(pid) for pid in pids), what="killed processes gone")


def connectable(port):
    """True when something listens at a port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def end(process, timeout=10):
    """Asks a server to end, insists after timeout; returns its exit status."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            kill_family(process)
    return process.returncode


def run_quietly(command, user=None, timeout=60):
    """Runs a command to its end; its output is in the exception when it fails."""
    run = subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
        cwd="/",
        **(identity(user) if user else {}),
    )
    if run.returncode != 0:
        raise RuntimeError(f"{command}: exit status {run.returncode}\n{run.stdout}")
    return run.stdout

