"""A transfer that is killed, stopped or paused leaves whole products only and goes on."""

import os
import signal
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from tests.support.examples import others_in_soak
from tests.support.fakes.paces import SteeredPace
from tests.support.worlds.archive.archive_sites import NIGHT, ssh_transfer
from tests.support.worlds.archive.arrivals import (
    PRODUCTS,
    STEADY,
    arriving,
    assert_arrived,
    host_of,
    named,
    watching_final_names,
)
from vampd.adapters.archive.rsync import PARTIAL_FOLDER
from vampd.errors import (
    ClaimLost,
    TransientError,
    VampdError,
)
from vampd.model.plan import Compare

SLOW = "2m"  # bytes a second: slow enough to be caught in the middle of a file


FAR_SIDE_WAITS_S = 5  # longer than a busy machine makes anybody wait


@pytest.fixture
def over_ssh(sshd):
    """Settings that lead to a folder through sshd: there rsync copies."""
    return partial(ssh_transfer, ssh=sshd.ssh)


@pytest.fixture
def slow_rsync(tmp_path, tool):
    """An rsync that needs seconds for each product."""
    script = tmp_path / "slow-rsync"
    script.write_text(f'#!/bin/sh\nexec {tool("rsync")} --bwlimit={SLOW} "$@"\n')
    script.chmod(0o755)
    return str(script)


class Sending(threading.Thread):
    """A send that runs beside the test, and what became of it."""

    def __init__(self, transfer, folder, pace=STEADY):
        super().__init__(daemon=True)
        self.error = None
        self._work = lambda: host_of(transfer).send(
            NIGHT, folder, PRODUCTS, Compare.SIZE_AND_TIME, pace
        )
        self.start()

    def run(self):
        try:
            self._work()
        except VampdError as error:
            self.error = error


def await_true(condition, within_s=20.0):
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.005)


def rsyncs_of_this_test():
    """The pids of our own children that send."""
    children = [
        int(pid)
        for task in Path("/proc/self/task").iterdir()
        for pid in (task / "children").read_text().split()
    ]
    return [
        pid for pid in children if b"/vampd-sending-" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


@pytest.mark.parametrize("victim", others_in_soak(["rsync", "its whole group"]))
def test_rsync_killed_midway_leaves_whole_products_only_and_is_resumed(
    night_folder, disk, slow_rsync, over_ssh, victim
):
    with watching_final_names(disk):
        sending = Sending(over_ssh(disk, rsync=slow_rsync), night_folder)
        await_true(lambda: arriving(disk))
        for pid in rsyncs_of_this_test():
            (os.kill if victim == "rsync" else os.killpg)(pid, signal.SIGKILL)
        sending.join(20)
        assert sending.error is not None
        assert sending.error.code == "transfer_killed"
        assert len(named(disk)) < len(PRODUCTS)
        host = host_of(over_ssh(disk))
        host.send(NIGHT, night_folder, PRODUCTS, Compare.SIZE_AND_TIME, STEADY)
    for path in PRODUCTS:
        assert (disk / NIGHT.date / path).read_bytes() == (night_folder / path).read_bytes()
    assert set(host.files(NIGHT)) == set(PRODUCTS)


@pytest.fixture
def leftover(night_folder, disk, slow_rsync, over_ssh):
    """What a receiver that was killed has left of a product."""
    sending = Sending(over_ssh(disk, rsync=slow_rsync), night_folder)
    await_true(lambda: arriving(disk))
    (left,) = arriving(disk)
    for pid in writers_of(left):
        os.kill(pid, signal.SIGKILL)
    sending.join(20)
    assert isinstance(sending.error, TransientError)
    assert left.exists()
    return left


def writers_of(path):
    """The pids of the processes that have a file open."""
    pids = set()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(link) == str(path):
                pids.add(int(link.parts[2]))
        except OSError:
            continue  # of another user, or gone
    return pids


def send_all(night_folder, disk, transfer_to):
    host_of(transfer_to(disk)).send(NIGHT, night_folder, PRODUCTS, Compare.SIZE_AND_TIME, STEADY)


def test_what_a_killed_receiver_left_goes_when_its_product_has_arrived(
    night_folder, disk, over_ssh, leftover
):
    send_all(night_folder, disk, over_ssh)
    assert_arrived(night_folder, disk)
    assert [path.name for path in disk.rglob(".*")] == []


def test_no_hidden_file_goes_whose_bytes_are_not_all_in_the_product(
    night_folder, disk, transfer_to
):
    folder = disk / NIGHT.date / "vgen2"
    folder.mkdir(parents=True)
    name = Path(PRODUCTS[0]).name
    whole = (night_folder / PRODUCTS[0]).read_bytes()
    kept = {
        f".{name}.aaaaaa": b"theirs",
        f".{name}.bbbbbb": whole + b"longer",
        f".{name}.cccccc": whole[:1000] + b"another end",
        f".{name}.ddddd": whole[:1000],
        f".{name}.eeeeeee": whole[:1000],
        f".{name}.ff-fff": whole[:1000],
        f".{name}": whole,
        f"{name}.gggggg": whole,
        ".other.fits.fz.hhhhhh": whole,
    }
    for path, content in kept.items():
        (folder / path).write_bytes(content)
    (folder / f".{name}.iiiiii").symlink_to(night_folder / PRODUCTS[0])
    for path, content in {f".{name}.aZ09bB": whole, f".{name}.jjjjjj": b""}.items():
        (folder / path).write_bytes(content)
    send_all(night_folder, disk, transfer_to)
    left = {path.name for path in folder.iterdir()}
    assert left == {*kept, f".{name}.iiiiii", *(Path(path).name for path in PRODUCTS)}
    assert {path: (folder / path).read_bytes() for path in kept} == kept


def test_stopping_keeps_what_has_arrived_aside_and_going_on_uses_it_up(
    night_folder, disk, slow_rsync, over_ssh
):
    pace = SteeredPace()
    with watching_final_names(disk):
        sending = Sending(over_ssh(disk, rsync=slow_rsync), night_folder, pace)
        await_true(lambda: arriving(disk))
        pace.stop()
        sending.join(10)
        assert isinstance(sending.error, ClaimLost)
        aside = disk / NIGHT.date / "vgen2" / PARTIAL_FOLDER
        await_true(lambda: list(aside.glob("*.fits.fz")))
        send_all(night_folder, disk, over_ssh)
    assert_arrived(night_folder, disk)
    assert not aside.exists()


@pytest.mark.soak
def test_a_pause_longer_than_the_far_side_waits_is_no_failure(night_folder, disk, slow_rsync, sshd):
    pace = SteeredPace()
    sending = Sending(
        ssh_transfer(disk, sshd.ssh, rsync=slow_rsync, timeout_s=FAR_SIDE_WAITS_S),
        night_folder,
        pace,
    )
    await_true(lambda: arriving(disk))
    pace.pause()
    time.sleep(1.2 * FAR_SIDE_WAITS_S)
    pace.resume()
    sending.join(60)
    assert sending.error is None
    assert_arrived(night_folder, disk)
