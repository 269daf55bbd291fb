"""A log-in takes a part of a second of two machines: a question is one, a part of a night four."""

from pathlib import Path

import pytest

from tests.support.worlds.archive.archive_sites import ssh_transfer
from tests.support.worlds.archive.arrivals import PRODUCTS, STEADY, assert_arrived, host_of
from tests.support.worlds.archive.known_world import NIGHT, World
from vampd.engine.archive.delivery import Delivery, Lanes
from vampd.model.plan import Compare
from vampd.model.proofs import Place


@pytest.fixture
def counted(tmp_path, sshd):
    """The words of an ssh that writes down each log-in, and what counts the new ones."""
    log, program = tmp_path / "log-ins", tmp_path / "counted"
    log.touch()
    program.write_text(f'#!/bin/sh\necho x >>{log}\nexec "$@"\n')
    program.chmod(0o755)

    def since_last() -> int:
        count = len(log.read_text().splitlines())
        log.write_text("")
        return count

    return (str(program), *sshd.ssh), since_last


@pytest.mark.parametrize("mount_point", [None, Path("/")])
def test_each_question_is_one_log_in(night_folder, disk, counted, mount_point):
    words, log_ins = counted
    world = World()
    world.host = host_of(ssh_transfer(disk, words))
    world.mount_point = mount_point
    archive = world.archive()
    archive.get_ready(STEADY)
    log_ins()
    assert archive.files(NIGHT) == {}
    assert log_ins() == 1
    lanes = Lanes(1)
    delivery = Delivery(NIGHT, night_folder, archive, world.receipts, STEADY, lanes)
    delivery.deliver(PRODUCTS, Compare.SIZE_AND_TIME)
    # Whether it is the archive, rsync, what a killed one has left, and the reading there.
    assert log_ins() == 4
    assert_arrived(night_folder, disk)
    assert set(world.receipts.of(NIGHT, Place.ARCHIVE)) == set(PRODUCTS)
    archive.digests(NIGHT, PRODUCTS, STEADY)
    assert log_ins() == 1
    archive.recognize()
    assert log_ins() == 1
