"""A packer that works for another host pauses and ends by the lease, and then names nothing."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.tools.packing import FRAMELIST, prepare
from vampd.disk import leased
from vampd.disk.leased import LeasePace, read_lease, write_lease
from vampd.disk.shared import SharedMeter
from vampd.errors import ClaimLost
from vampd.fits.products import packed
from vampd.fits.worker import pack_framelist
from vampd.model.crew import PackOrder
from vampd.model.cubes import Framelist
from vampd.model.lease import LEASE_EVERY_S, PAUSE_AFTER_S, STOP_AFTER_S, Lease, Term

TOKEN, OTHER, ORDER = "0" * 16, "1" * 16, "a" * 16
LEASE = Lease(TOKEN, 1, orders=frozenset({ORDER}))


@dataclass
class Clock:
    now: float = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(leased, "_seconds_since_boot", made)
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_lease(tmp_path / "lease", LEASE)
    return tmp_path / "lease"


@pytest.fixture
def pace(path: Path) -> LeasePace:
    return LeasePace(path, Term(TOKEN, ORDER, since=1))


def test_a_lease_replaces_the_one_before(path: Path) -> None:
    write_lease(path, replace(LEASE, count=2))
    assert read_lease(path) == replace(LEASE, count=2)
    assert [each.name for each in path.parent.iterdir()] == ["lease"]


def test_what_a_killed_writer_left_is_in_nobodys_way(path: Path) -> None:
    path.with_name(".lease.new").write_text("half")
    write_lease(path, replace(LEASE, count=2))
    assert [each.name for each in path.parent.iterdir()] == ["lease"]


def test_nothing_outside_is_read_or_written_in_its_place(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(other)
    assert read_lease(path) is None
    path.with_name(".lease.new").symlink_to(other)
    write_lease(path, replace(LEASE, count=9))
    assert read_lease(other) == LEASE


def test_a_pace_looks_once_a_second(path: Path, pace: LeasePace, clock: Clock) -> None:
    assert not pace.paused
    write_lease(path, replace(LEASE, count=2, paused=True))
    assert not pace.paused
    clock.now += LEASE_EVERY_S
    assert pace.paused
    assert not pace.stopped


def test_a_daemon_that_stands_still_pauses_its_workers_and_then_ends_them(
    pace: LeasePace, clock: Clock
) -> None:
    pace.check()
    clock.now += PAUSE_AFTER_S
    assert pace.paused
    clock.now += STOP_AFTER_S - PAUSE_AFTER_S
    assert pace.stopped
    with pytest.raises(ClaimLost):
        pace.check()


def test_a_lease_that_goes_away_is_one_that_stands_still(
    path: Path, pace: LeasePace, clock: Clock
) -> None:
    pace.check()
    path.unlink()
    clock.now += PAUSE_AFTER_S
    assert pace.paused
    write_lease(path, replace(LEASE, count=2))
    clock.now += LEASE_EVERY_S
    pace.check()


def test_who_was_stopped_stays_so(path: Path, pace: LeasePace, clock: Clock) -> None:
    write_lease(path, replace(LEASE, token=OTHER))
    assert pace.stopped
    write_lease(path, LEASE)
    clock.now += 9.0
    assert pace.stopped


def test_each_process_looks_for_itself(path: Path, pace: LeasePace) -> None:
    pace.check()
    write_lease(path, replace(LEASE, token=OTHER))
    assert not pace.stopped
    assert pickle.loads(pickle.dumps(pace)).stopped


def new_daemon(path: Path, _: Framelist, __: Clock) -> None:
    write_lease(path, Lease(OTHER, 1, orders=frozenset({ORDER})))


def given_up(path: Path, _: Framelist, __: Clock) -> None:
    write_lease(path, replace(LEASE, count=2, orders=frozenset()))


def silence(_: Path, __: Framelist, clock: Clock) -> None:
    clock.now += STOP_AFTER_S


@pytest.mark.parametrize("meanwhile", [new_daemon, given_up, silence])
def test_a_packer_that_was_frozen_names_nothing_when_it_is_no_longer_wanted(
    path: Path,
    pace: LeasePace,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[Path, Framelist, Clock], None],
) -> None:
    _, framelist = prepare(path.parent)
    folder = path.parent / "20251106"
    (path.parent / FRAMELIST).rename(folder / framelist.path)

    def freeze(name: str) -> None:
        if name == "packed.proven":
            clock.now += LEASE_EVERY_S
            meanwhile(path, framelist, clock)

    monkeypatch.setattr(packed, "failpoint", freeze)
    given: Any = pace
    meter = SharedMeter.create(path.with_name("meter"))
    with pytest.raises(ClaimLost):
        pack_framelist(PackOrder(folder, framelist.path, "full"), given, meter)
    assert not (folder / framelist.packed_path).exists()
    assert not list((folder / "vgen2").glob(".*"))
