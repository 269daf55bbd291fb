"""A daemon that has worked through hundreds of nights needs no more than after fifty."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import BIN, log_of, wait_until
from tests.support.daemon.site import Site, make_site
from tests.support.daemon.state import connected
from tests.support.worlds.sites.busy_site import FAST
from vampd.model.nights import Kind, Status

_FIRST, _ALL, _AT_ONCE = 50, 500, 10
# Of the issue: what may come on top of what fifty nights need.
_ALLOWED = 1.1


@dataclass(frozen=True)
class Needs:
    """What a daemon takes from the system; memory that it shares with nobody."""

    threads: int
    descriptors: int
    kilobytes: int


@contextmanager
def cold(site: Site) -> Iterator[int]:
    """The real command and its pid: of a warm one, pages become its own as it touches them."""
    command = [str(BIN / "vampd"), "--config", str(site.config), "--log", "json"]
    with site.log.open("ab") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            yield process.pid
        finally:
            process.terminate()
        assert process.wait(60) == 0


def needs_of(pid: int) -> Needs:
    proc = Path(f"/proc/{pid}")
    rollup = (proc / "smaps_rollup").read_text().splitlines()
    private = [line.split() for line in rollup if line.startswith("Private_")]
    return Needs(
        len(os.listdir(proc / "task")),
        len(os.listdir(proc / "fd")),
        sum(int(words[1]) for words in private),
    )


def feed(site: Site, first: date, count: int) -> None:
    """So many nights, each of its own date, and wait until all are done."""
    for number in range(count):
        # A copy of one under another name would hold times of another date.
        night, _ = make_smallest(
            site.base, f"{first + timedelta(days=number):%Y%m%d}", Kind.ENGINEERING
        )
        (site.base / night.folder).rename(site.folder(night))
    wait_until(lambda: done(site) >= (first - _DAY).days + count, f"{count} nights more", 600)


_DAY = date(2001, 1, 1)


def done(site: Site) -> int:
    with connected(site) as connections:
        records = connections.store.nights()
    assert not [record for record in records if record.state.status is Status.HELD]
    return sum(record.state.status is Status.DONE for record in records)


@pytest.mark.soak
def test_hundreds_of_nights_leave_nothing_behind(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site", **FAST)
    seen: dict[int, Needs] = {}
    with cold(site) as pid:
        wait_until(lambda: log_of(site).named("daemon.started"), "its start")
        for fed in range(0, _ALL, _AT_ONCE):
            feed(site, _DAY + timedelta(days=fed), _AT_ONCE)
            seen[fed + _AT_ONCE] = needs_of(pid)
            print(fed + _AT_ONCE, seen[fed + _AT_ONCE], flush=True)
    early, late = seen[_FIRST], seen[_ALL]
    assert late.threads <= early.threads * _ALLOWED
    assert late.descriptors <= early.descriptors * _ALLOWED
    assert late.kilobytes <= early.kilobytes * _ALLOWED, (early, late)
