"""Which disks a device lies on, by a made /sys/dev/block."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vampd.disk.machine import disks_under


class Sys:
    """Block devices as the kernel shows them."""

    def __init__(self, base: Path) -> None:
        self.devices = base / "dev" / "block"
        self.devices.mkdir(parents=True)
        self.nodes = base / "devices"

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
    found = [disks_under(each, system.devices) for each in (disk, first, second, other)]
    assert found == [{"sda"}, {"sda"}, {"sda"}, {"sdb"}]


def test_a_raid_lies_on_all_of_its_disks(system: Sys) -> None:
    first, second, raid = os.makedev(8, 1), os.makedev(8, 17), os.makedev(9, 0)
    system.add(first, "sda/sda1")
    system.add(second, "sdb/sdb1")
    system.add(raid, "md0", first, second)
    assert disks_under(raid, system.devices) == {"sda", "sdb"}


def test_an_image_lies_where_its_file_does(system: Sys, tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(b"")
    under = image.stat().st_dev
    if not (system.devices / f"{os.major(under)}:{os.minor(under)}").exists():
        system.add(under, "sdc/sdc1")
    loop = os.makedev(7, 0)
    system.add(loop, "loop0", image=image)
    assert disks_under(loop, system.devices) == {"sdc"}


def test_what_is_no_block_device_is_itself_alone(system: Sys) -> None:
    network, other = os.makedev(0, 41), os.makedev(0, 42)
    assert disks_under(network, system.devices) == disks_under(network, system.devices)
    assert disks_under(network, system.devices) != disks_under(other, system.devices)
