"""Transfers under way, and what has arrived."""

import threading
import time
from contextlib import contextmanager

from tests.support.worlds.archive.archive_sites import NIGHT
from vampd.adapters.archive import open_archive_host
from vampd.adapters.archive.rsync import PARTIAL_FOLDER
from vampd.disk.pace import SteadyPace

STEADY = SteadyPace()


PRODUCTS = [
    "vgen2/vcam1_10:11:12.123456.fits.fz",
    "vgen2/vcam1_10:11:14.654321.fits.fz",
    "vgen2/vcam2_10:11:13.000001.fits.fz",
]


SIZE = 3_000_000


def host_of(transfer):
    return open_archive_host(transfer, NIGHT.kind)


def arriving(disk):
    """The hidden files of products that are not whole yet, with bytes in them."""
    folder = disk / NIGHT.date / "vgen2"
    hidden = [*folder.glob(".*.fz.*"), *(folder / PARTIAL_FOLDER).glob("*")]
    return [file for file in hidden if size_of(file)]


def size_of(file):
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def named(disk):
    """The products under their final names, with their sizes."""
    folder = disk / NIGHT.date / "vgen2"
    return {file.name: file.stat().st_size for file in folder.glob("*.fits.fz")}


@contextmanager
def watching_final_names(disk):
    """Look at the destination again and again; every name must be whole whenever it is seen."""
    ended = threading.Event()
    truncated: list[tuple[str, int]] = []

    def watch():
        while not ended.is_set():
            truncated.extend(item for item in named(disk).items() if item[1] != SIZE)
            time.sleep(0.001)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
    assert truncated == []


def assert_arrived(night_folder, disk):
    for path in PRODUCTS:
        assert (disk / NIGHT.date / path).read_bytes() == (night_folder / path).read_bytes()
    assert arriving(disk) == []
