"""What a host has packed and lost is counted, told by vampd's sign, and shown."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.crew.hosts import MARK, CrewSite
from tests.support.daemon.commands import run_here
from vampd import __version__
from vampd.adapters.crew import HostSign
from vampd.adapters.crew.accounts import WINDOW_S, Accounts
from vampd.disk.life_signs import inode_of, leave_sign, own_mark, sign_path
from vampd.model.life_sign import HostAccount, LifeSign, parse_sign, write_sign
from vampd.model.roll_call import ROLL_CALL_FOLDER, CrewMember

NIGHT, OTHER = Path("/n/20251106"), Path("/n/20251107")


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Counted:
    frames: int = 0
    size: int = 0

    def add(self, frames: int, size: int) -> None:
        self.frames += frames
        self.size += size


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(clock: Clock) -> Accounts:
    return Accounts(clock)


def test_a_rate_is_of_the_last_ten_minutes(accounts: Accounts, clock: Clock) -> None:
    counted = Counted()
    meter = accounts.metered(counted, "w1")
    clock.now += 100.0
    meter.add(3, 6_000)
    assert accounts.told() == {"w1": HostAccount(60, 0)}
    clock.now += 500.0
    assert accounts.told() == {"w1": HostAccount(10, 0)}
    clock.now += WINDOW_S
    assert accounts.told() == {"w1": HostAccount(0, 0)}
    assert (counted.frames, counted.size) == (3, 6_000)


def test_what_a_lost_packer_had_done_is_taken_back(accounts: Accounts, clock: Clock) -> None:
    meter = accounts.metered(Counted(), "w1")
    clock.now += 100.0
    meter.add(3, 6_000)
    meter.add(-3, -6_000)
    accounts.lose("w1")
    assert accounts.told() == {"w1": HostAccount(0, 1)}


def test_who_packs_a_night_is_known_while_it_has_its_orders(accounts: Accounts) -> None:
    with accounts.carrying(NIGHT, "w2"), accounts.carrying(NIGHT, "w1"):
        with accounts.carrying(OTHER, "w3"), accounts.carrying(NIGHT, "w1"):
            assert accounts.packers(OTHER) == ("w3",)
        assert accounts.packers(NIGHT) == ("w1", "w2")
        assert accounts.packers(OTHER) == ()
    assert accounts.packers(NIGHT) == ()


def sign(path: Path, **hosts: HostAccount) -> LifeSign:
    now = time.time()
    return LifeSign(__version__, own_mark(), inode_of(path), up_since=now, seen_at=now, hosts=hosts)


def test_a_sign_of_life_tells_of_hosts_and_one_of_before_of_none(tmp_path: Path) -> None:
    told = sign(tmp_path / "none", w1=HostAccount(1_000, 2))
    content = write_sign(told)
    assert parse_sign(content) == told
    found = json.loads(content)
    del found["hosts"]
    before = parse_sign(json.dumps(found).encode())
    assert before is not None
    assert before.hosts == {}


@pytest.mark.parametrize("hosts", [3, {"w1": 3}, {"w1": {"bytes_per_s": "x", "losses": 0}}])
def test_a_sign_that_tells_of_hosts_otherwise_is_none(tmp_path: Path, hosts: object) -> None:
    found = json.loads(write_sign(sign(tmp_path / "none")))
    assert parse_sign(json.dumps(found | {"hosts": hosts}).encode()) is None


def test_the_command_shows_what_each_host_has_packed_and_lost(tmp_path: Path) -> None:
    site = CrewSite(tmp_path)
    (site.root / ROLL_CALL_FOLDER).mkdir()
    for host in ("w1", "w2"):
        member = CrewMember(host, __version__, MARK, 1, 4, 3, 1 << 30)
        HostSign(site.root, lambda _, member=member: member).show()  # type: ignore[misc]
    database = site.folder / "state" / "vampd.db"
    database.parent.mkdir()
    database.touch()
    leave_sign(sign_path(database), sign(database, w1=HostAccount(123_400_000, 2)))
    words = ["vampctl", "crew", "--config", str(site.configuration)]
    shown = {
        host["host"]: (host["bytes_per_s"], host["losses"])
        for host in json.loads(run_here([*words, "--json"]).stdout)["hosts"]
    }
    assert shown == {"w1": (123_400_000, 2), "w2": (None, None)}
    assert "123.4     2  " in run_here(words).stdout
