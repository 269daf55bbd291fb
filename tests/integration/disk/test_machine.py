"""Which disks a device lies on, by a made /sys/dev/block."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import NoReturn

import pytest

from vampd.disk.machine import System, disks_under


class Sys:
    """Block devices as the kernel shows them."""

    def __init__(self, base: Path) -> None:
        self.devices = base / "dev" / "block"
        self.devices.mkdir(parents=True)
        self.nodes = base / "devices"
        self.mounts = base / "mountinfo"
        self.mounts.write_text("")

    def disks(self, device: int) -> frozenset[str] | None:
        return disks_under(device, System(self.devices, self.mounts))

    def mount(self, device: int, kind: str, source: str, options: str = "rw") -> None:
        """A file system, as the kernel shows it."""
        number = f"{os.major(device)}:{os.minor(device)}"
        with self.mounts.open("a") as file:
            file.write(f"40 1 {number} / /mnt/a rw shared:2 - {kind} {source} {options}\n")

    def add(self, device: int, name: str, *slaves: int, image: Path | None = None) -> Path:
        """A device, on others or in a file; ``name`` may lead through its disk's folder."""
        node = self.nodes / name
        node.mkdir(parents=True)
        number = f"{os.major(device)}:{os.minor(device)}"
        (self.devices / number).symlink_to(node)
        if "/" in name:
            (node / "partition").write_text("1\n")
        for slave in slaves:
            (node / "slaves" / str(slave)).mkdir(parents=True)
            text = f"{os.major(slave)}:{os.minor(slave)}\n"
            (node / "slaves" / str(slave) / "dev").write_text(text)
        if image is not None:
            (node / "loop").mkdir()
            (node / "loop" / "backing_file").write_text(f"{image}\n")
        return node


@pytest.fixture
def system(tmp_path: Path) -> Sys:
    return Sys(tmp_path / "sys")


def test_partitions_of_one_disk_share_it_and_other_disks_do_not(system: Sys) -> None:
    disk, other = os.makedev(8, 0), os.makedev(8, 16)
    first, second = os.makedev(8, 1), os.makedev(8, 2)
    system.add(disk, "sda")
    system.add(first, "sda/sda1")
    system.add(second, "sda/sda2")
    system.add(other, "sdb")
    found = [system.disks(each) for each in (disk, first, second, other)]
    assert found == [frozenset({name}) for name in ("sda", "sda", "sda", "sdb")]


def test_a_raid_lies_on_all_of_its_disks(system: Sys) -> None:
    first, second, raid = os.makedev(8, 1), os.makedev(8, 17), os.makedev(9, 0)
    system.add(first, "sda/sda1")
    system.add(second, "sdb/sdb1")
    system.add(raid, "md0", first, second)
    assert system.disks(raid) == frozenset({"sda", "sdb"})


def test_an_image_lies_where_its_file_does(system: Sys, tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(b"")
    under = image.stat().st_dev
    if not (system.devices / f"{os.major(under)}:{os.minor(under)}").exists():
        system.add(under, "sdc/sdc1")
    loop = os.makedev(7, 0)
    system.add(loop, "loop0", image=image)
    assert system.disks(loop) == frozenset({"sdc"})


SERVED = [
    ("nfs4", "127.0.0.1:/export/raw", "rw,addr=127.0.0.1"),
    ("nfs", "localhost:/export", "rw"),
    ("cifs", "//localhost/raw\\040data", "rw"),
    ("fuse.sshfs", "vampires@localhost:/mnt/fuuu", "rw"),
    ("fuse.sshfs", "[::1]:/mnt/fuuu", "rw"),
]


@pytest.mark.parametrize(("kind", "source", "options"), SERVED)
def test_of_what_this_machine_serves_to_itself_no_disk_is_known(
    system: Sys, kind: str, source: str, options: str
) -> None:
    device = os.makedev(0, 41)
    system.mount(device, kind, source, options)
    assert system.disks(device) is None


def test_a_server_whose_name_leads_nowhere_may_be_this_machine(
    system: Sys, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    system.mount(os.makedev(0, 41), "nfs4", "archive:/export")
    assert system.disks(os.makedev(0, 41)) is None


@pytest.mark.parametrize("kind", ["fuse.mergerfs", "overlay", "zfs", ""])
def test_of_what_shows_no_disk_none_is_known(system: Sys, kind: str) -> None:
    device = os.makedev(0, 41)
    if kind:
        system.mount(device, kind, "pool")
    assert system.disks(device) is None


def test_two_shares_of_one_server_are_lost_together_and_those_of_two_are_not(system: Sys) -> None:
    # Addresses for documentation, which no machine has.
    for minor, host in enumerate(("203.0.113.1", "203.0.113.1", "203.0.113.2")):
        system.mount(os.makedev(0, minor), "nfs4", f"s{minor}:/export", f"rw,addr={host}")
    first, second, other = (system.disks(os.makedev(0, minor)) for minor in range(3))
    assert first == second != other
    assert None not in (first, other)


def test_memory_is_itself_alone(system: Sys) -> None:
    for minor in (41, 42):
        system.mount(os.makedev(0, minor), "tmpfs", "tmpfs")
    assert system.disks(os.makedev(0, 41)) != system.disks(os.makedev(0, 42)) is not None


def test_of_what_lies_on_a_disk_that_is_not_known_too_no_disk_is_known(system: Sys) -> None:
    disk, pool, raid = os.makedev(8, 0), os.makedev(0, 41), os.makedev(9, 0)
    system.add(disk, "sda")
    system.mount(pool, "zfs", "pool")
    system.add(raid, "md0", disk, pool)
    assert system.disks(raid) is None
