"""The plugin's threads keep out of the broker's way."""

import os
import pathlib

from waiting import wait_until

NICE = 16  # place of the nice value in /proc/PID/stat, after the name


def threads(broker):
    """Thread ids by name."""
    folder = pathlib.Path(f"/proc/{broker.process.pid}/task")
    return {(task / "comm").read_text().strip(): int(task.name) for task in folder.iterdir()}


def files(broker, thread):
    """What a thread's open files are, but for 0 to 2."""
    folder = pathlib.Path(f"/proc/{broker.process.pid}/task/{thread}/fd")
    found = {int(entry.name): os.readlink(entry) for entry in folder.iterdir()}
    return {name for number, name in found.items() if number > 2}


def test_files_are_kept_apart_so_that_the_broker_reads_as_fast_as_alone(broker, database, client):
    client.publish("sensors/phu-an/water_level", "1.53")
    database.wait_results("phu-an", [1.53])
    own = threads(broker)
    brokers = files(broker, broker.process.pid)
    writers = files(broker, own["highwater"])
    assert not [name for name in brokers if str(broker.state_dir) in name]
    assert [name for name in writers if str(broker.state_dir / "journal") in name]
    assert files(broker, own["highwater care"]) == writers
    # The one file on both sides wakes the writer. A socket of the broker's would stay open when it closes it.
    assert brokers & writers == {"anon_inode:[eventfd]"}


def test_nothing_is_opened_on_the_broker_s_side_as_readings_come_and_go(broker, database, client):
    client.publish("sensors/phu-an/water_level", "1.53")
    database.wait_results("phu-an", [1.53])
    before = files(broker, broker.process.pid)
    database.set_threshold("phu-an", 1, 1.5)
    broker.reload()
    broker.wait_for_log("configuration reloaded")
    client.publish("sensors/nha-be/water_level", "1.6")
    database.wait_results("nha-be", [1.6])
    assert files(broker, broker.process.pid) == before


def test_the_writer_gives_way_to_the_broker(broker):
    def nice(thread):
        stat = pathlib.Path(f"/proc/{broker.process.pid}/task/{thread}/stat").read_text()
        return int(stat.rsplit(")", 1)[1].split()[NICE])

    writer = threads(broker)["highwater"]
    wait_until(lambda: nice(writer) > nice(broker.process.pid))
