"""Copies to a destination of this machine, which vampd makes itself: whole, or not there."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.support.examples import others_in_soak
from tests.support.fakes.fake_night_reader import FakeFile
from tests.support.fakes.paces import SteeredPace
from tests.support.worlds.archive.archive_sites import NIGHT, local_transfer, write_file
from tests.support.worlds.archive.arrivals import (
    PRODUCTS,
    SIZE,
    STEADY,
    assert_arrived,
    host_of,
    named,
    watching_final_names,
)
from tests.support.worlds.hostile.three_users import OWNER
from tests.support.worlds.hostile.unprivileged import made_open_folder
from vampd.adapters.archive import copying
from vampd.errors import ClaimLost, TransientError
from vampd.model.plan import Compare


class PaceAt:
    """Does something once, at the nth check."""

    paused = stopped = False

    def __init__(self, check, act):
        self._left, self._act = check, act

    def check(self):
        self._left -= 1
        if self._left == 0:
            self._act()


@pytest.fixture
def pieces(monkeypatch):
    """A product has three pieces."""
    monkeypatch.setattr(copying, "CHUNK_BYTES", SIZE // 3)


def send(disk, folder, files=PRODUCTS, compare=Compare.SIZE_AND_TIME, pace=STEADY):
    host_of(local_transfer(disk)).send(NIGHT, folder, files, compare, pace)


def everything(disk):
    return [path for path in disk.rglob("*") if path.is_file()]


@pytest.mark.parametrize("check", others_in_soak([6, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12]))
def test_what_is_stopped_leaves_whole_products_and_nothing_else(night_folder, disk, pieces, check):
    def stop():
        raise ClaimLost("stopped", "the test stopped the work")

    with watching_final_names(disk):
        with pytest.raises(ClaimLost):
            send(disk, night_folder, pace=PaceAt(check, stop))
        # Before each product, and before each of its pieces, somebody may stop it.
        assert len(named(disk)) == (check - 1) // 4
        assert len(everything(disk)) == len(named(disk))
        send(disk, night_folder)
    assert_arrived(night_folder, disk)


def test_what_a_killed_copy_left_goes_with_the_next_one(night_folder, disk):
    sending = (
        "import sys; from pathlib import Path;"
        " from tests.system.transfer.test_copies_here import PRODUCTS, send;"
        " send(*map(Path, sys.argv[1:]))"
    )
    environ = {**os.environ, "VAMPD_FAILPOINT": "archive.copy.written#2"}
    command = [sys.executable, "-c", sending, str(disk), str(night_folder)]
    killed = subprocess.run(command, env=environ, check=False, start_new_session=True)
    assert killed.returncode < 0
    assert len(named(disk)) == 1
    (left,) = set(everything(disk)) - {disk / NIGHT.date / PRODUCTS[0]}
    assert left.name.startswith(".vampd-")
    send(disk, night_folder)
    assert_arrived(night_folder, disk)
    assert len(everything(disk)) == len(PRODUCTS)


def test_a_copy_stands_still_while_it_is_paused(night_folder, disk):
    pace = SteeredPace()
    pace.pause()
    host = host_of(local_transfer(disk))
    thread = threading.Thread(
        target=host.send, args=(NIGHT, night_folder, PRODUCTS, Compare.SIZE_AND_TIME, pace)
    )
    thread.start()
    time.sleep(0.3)
    assert everything(disk) == []
    pace.resume()
    thread.join(20)
    assert_arrived(night_folder, disk)


def test_a_file_that_is_made_shorter_meanwhile_is_no_copy_and_keeps_no_other(
    night_folder, disk, pieces
):
    cut = night_folder / PRODUCTS[0]
    with pytest.raises(TransientError) as caught:
        send(disk, night_folder, pace=PaceAt(3, lambda: os.truncate(cut, SIZE // 2)))
    assert caught.value.code == "source_unreadable"
    assert caught.value.context["files"] == (PRODUCTS[0],)
    assert named(disk).keys() == {Path(path).name for path in PRODUCTS[1:]}
    assert len(everything(disk)) == 2


def test_one_that_may_not_be_read_is_named_and_keeps_no_other(night_folder):
    if os.geteuid() != 0:
        pytest.skip("only root may become another user")
    with made_open_folder() as base:
        here, disk = base / NIGHT.date, base / "disk"
        disk.mkdir()
        for path in PRODUCTS:
            write_file(here, path, FakeFile(path.encode()))
        for made in (base, *base.rglob("*")):
            OWNER.own(made, 0o755)
        (here / PRODUCTS[1]).chmod(0)

        def refused():
            with pytest.raises(TransientError) as caught:
                send(disk, here)
            return caught.value.code, caught.value.message, caught.value.context["files"]

        code, message, files = OWNER.does(refused)
        assert (code, files) == ("source_unreadable", (PRODUCTS[1],))
        assert message.startswith("permission is denied here: ")
        there = disk / NIGHT.date
        assert [path for path in PRODUCTS if (there / path).exists()] == PRODUCTS[::2]


def test_one_with_the_same_bytes_and_another_time_gets_the_time_alone(night_folder, disk):
    send(disk, night_folder)
    copy, original = disk / NIGHT.date / PRODUCTS[0], night_folder / PRODUCTS[0]
    inode = copy.stat().st_ino
    os.utime(copy, ns=(1, 1))
    send(disk, night_folder, compare=Compare.CHECKSUM)
    assert copy.stat().st_mtime_ns == original.stat().st_mtime_ns
    assert copy.stat().st_ino == inode
    send(disk, night_folder, compare=Compare.NOTHING)
    assert copy.stat().st_ino != inode


def test_one_that_is_replaced_keeps_its_permissions_and_no_more_rights(night_folder, disk):
    send(disk, night_folder)
    copy = disk / NIGHT.date / PRODUCTS[0]
    copy.write_bytes(b"other bytes")
    copy.chmod(0o6640)
    send(disk, night_folder)
    assert copy.stat().st_mode & 0o7777 == 0o640
    assert_arrived(night_folder, disk)


@pytest.mark.soak
def test_no_block_of_a_copy_is_shared_with_what_it_was_made_of(night_folder, disk, tool, tmp_path):
    """A clone would be the same blocks again: two names, one copy."""
    trace = tmp_path / "trace"
    sending = (
        "import sys; from pathlib import Path;"
        " from tests.system.transfer.test_copies_here import send; send(*map(Path, sys.argv[1:]))"
    )
    traced = [tool("strace"), "-f", "-qq", "-e", "trace=copy_file_range,ioctl,pwrite64"]
    program = [sys.executable, "-c", sending, str(disk), str(night_folder)]
    subprocess.run([*traced, "-o", str(trace), *program], check=True)
    assert_arrived(night_folder, disk)
    calls = trace.read_text()
    assert calls.count("pwrite64(") >= len(PRODUCTS)
    assert "copy_file_range(" not in calls
    assert "FICLONE" not in calls
