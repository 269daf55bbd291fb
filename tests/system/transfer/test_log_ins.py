"""A log-in takes a part of a second of two machines: a question is one, a part of a night four."""

import random
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.support.fakes.paces import SteeredPace
from tests.support.tools.sshd import running_sshd
from tests.support.worlds.archive.archive_sites import ssh_transfer
from tests.support.worlds.archive.arrivals import PRODUCTS, STEADY, assert_arrived, host_of
from tests.support.worlds.archive.known_world import NIGHT, World
from vampd.adapters.archive import log_in
from vampd.engine.archive.delivery import Delivery, Lanes
from vampd.errors import ClaimLost, RemoteUnavailable
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


@pytest.fixture
def turned_away(tmp_path, sshd, monkeypatch):
    """An ssh that ends with these words, but for one log-in of so many; how many there were."""
    monkeypatch.setattr(log_in, "_WAITS_S", (0.0, 0.0))
    log = tmp_path / "log-ins"
    log.touch()

    def make(said: str, but_each: int = 0) -> tuple[str, ...]:
        program = tmp_path / "turned-away"
        program.write_text(
            f"""#!/bin/bash
echo x >>{log}
if test {but_each} = 0 || test $(($(wc -l <{log}) % {but_each})) != 0; then
    echo "{said}" >&2
    exit 255
fi
exec "$@"
"""
        )
        program.chmod(0o755)
        return (str(program), *sshd.ssh)

    return make, lambda: len(log.read_text().splitlines())


TURNED_AWAY = "kex_exchange_identification: Connection closed by remote host"


def test_who_is_turned_away_before_it_logs_in_tries_again(night_folder, disk, turned_away):
    make, log_ins = turned_away
    host = host_of(ssh_transfer(disk, make(TURNED_AWAY, 3)))
    host.send(NIGHT, night_folder, PRODUCTS, Compare.SIZE_AND_TIME, STEADY)
    assert_arrived(night_folder, disk)
    assert set(host.files(NIGHT)) == set(PRODUCTS)
    assert log_ins() % 3 == 0


@pytest.mark.parametrize(
    ("said", "tries"), [(TURNED_AWAY, 3), ("Connection closed by 192.0.2.1 port 22", 1)]
)
def test_a_host_that_lets_nobody_in_is_not_reached(night_folder, disk, turned_away, said, tries):
    make, log_ins = turned_away
    with pytest.raises(RemoteUnavailable, match="closed from the other side"):
        host_of(ssh_transfer(disk, make(said))).files(NIGHT)
    assert log_ins() == tries


def test_who_waits_to_be_let_in_stops_at_once(disk, turned_away, monkeypatch):
    make, log_ins = turned_away
    pace = SteeredPace()

    def wait(*_):
        pace.stop()
        return 60.0

    monkeypatch.setattr(random, "uniform", wait)
    with pytest.raises(ClaimLost):
        host_of(ssh_transfer(disk, make(TURNED_AWAY))).digests(NIGHT, PRODUCTS, pace)
    assert log_ins() == 1


@pytest.mark.soak
def test_where_one_may_begin_to_log_in_at_once_all_get_in(tmp_path, tool, disk):
    with running_sshd(tmp_path, tool, startups=1) as sshd:
        host = host_of(ssh_transfer(disk, sshd.ssh))
        with ThreadPoolExecutor(6) as threads:
            listed = [threads.submit(partial(host.files, NIGHT)) for _ in range(24)]
    assert [one.result() for one in listed] == [{}] * 24
