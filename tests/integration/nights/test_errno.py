"""Calls of libc that fail at random, over all stages: once the faults are gone, no trace is left.

The daemon, its workers and rsync run under a shim below Python. Whatever failed, no one does
anything: in the end every tree, the ledger and the archive are those of a run that nothing
disturbed.
"""

from __future__ import annotations

import errno
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import settle, wait_until
from tests.support.daemon.site import Site, configure, make_site
from tests.support.daemon.state import (
    LedgerRow,
    audit,
    connected,
    ledger_rows,
    product_tree,
    raw_state,
    record_of,
)
from tests.support.examples import seeds_of_round
from tests.support.tools.errno_shim import Call, Shim
from tests.support.worlds.sites.failing_calls import daemon_under
from vampd.model.nights import Kind, NightId, Status

NIGHTS = (
    NightId("20251105", Kind.ARCHIVE),
    NightId("20251106", Kind.ENGINEERING),
    NightId("20251107", Kind.ARCHIVE),
)
# At least so many in a run; its nights are new ones whenever they are done.
FAULTS = 300
NUMBERS = (
    errno.ENOSPC,
    errno.EIO,
    errno.EDQUOT,
    errno.EROFS,
    errno.EACCES,
    errno.ESTALE,
    errno.EMFILE,
)
# In one life of the nights, so that they come to their end.
_MOST_A_LIFE = 40
_LONGEST_SKIP = 80
_WITHIN_S = 90.0

Trees = dict[NightId, tuple[dict[str, str], dict[str, str]]]


@dataclass(frozen=True)
class Reference:
    """An undisturbed run of these nights."""

    site: Site
    trees: Trees
    ids: list[LedgerRow]


def set_up(site: Site) -> None:
    configure(
        site,
        schedule={"workers": 2},
        watch={"scan_every_s": 1},
        retry={"attempts": 9, "first_delay_s": 0.05, "max_delay_s": 0.1},
    )


def trees_of(site: Site) -> Trees:
    """Every night's tree here and there, whatever the site's own place."""
    trees = {}
    for night in NIGHTS:
        here = product_tree(site.folder(night))
        for path in site.folder(night).glob("manifest*"):
            here[path.name] = path.read_text().replace(str(site.base), "")
        trees[night] = (here, product_tree(site.copy(night)))
    return trees


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    site = make_site(tmp_path_factory.mktemp("reference"))
    set_up(site)
    for number, night in enumerate(NIGHTS):
        make_smallest(site.root, night.date, night.kind, seed=number)
    settle(site)
    return Reference(site, trees_of(site), ledger_rows(site))


@dataclass
class Weather:
    """Faults, one after another, and what they hit."""

    shim: Shim
    chance: random.Random
    hit: Counter[str] = field(default_factory=Counter)
    shown: list[str] = field(default_factory=list)

    def blow(self, site: Site, most: int, is_over: Callable[[], bool]) -> None:
        """Until so many calls have failed, or there is nothing left to hit."""
        begun = self.shim.hits
        while self.shim.hits - begun < most and not is_over():
            number = self.chance.choice(NUMBERS)
            calls = self.chance.choice(list(Call))
            before = self.shim.hits
            self.shim.arm(
                calls,
                number,
                self.chance.choice((site.root, site.destination, site.database.parent)),
                skip=self.chance.randrange(_LONGEST_SKIP) * (calls is not Call.LIST),
                burst=self.chance.choice((1, 2, 5, 10)),
            )
            deadline = time.monotonic() + self.chance.uniform(0.02, 0.3)
            while self.shim.hits == before and time.monotonic() < deadline:
                time.sleep(0.01)
            hits = self.shim.hits - before
            if hits:
                self.hit[errno.errorcode[number]] += hits
                self.shown.append(f"{errno.errorcode[number]} {self.shim.last}")
        self.shim.disarm()


def is_done(site: Site) -> bool:
    with suppress(AssertionError):
        return site.database.exists() and all(
            record_of(site, night).state.status is Status.DONE for night in NIGHTS
        )
    return False


def live(reference: Reference, site: Site, weather: Weather) -> None:
    """One life of the nights in this weather, judged at its end."""
    set_up(site)
    for night in NIGHTS:
        for stream in ("vcam1", "vcam2"):
            shutil.copytree(reference.site.folder(night) / stream, site.folder(night) / stream)
    before = {night: raw_state(site.folder(night)) for night in NIGHTS}
    with daemon_under(weather.shim, site) as process:

        def is_over() -> bool:
            return process.poll() is not None or is_done(site)

        try:
            weather.blow(site, _MOST_A_LIFE, is_over)
            wait_until(is_over, "done", _WITHIN_S)
        finally:
            print("\n".join(weather.shown[-80:]))
            if site.database.exists():
                with connected(site) as connections:
                    print(*connections.store.nights(), sep="\n")
        assert process.poll() is None, site.log.read_text()[-4000:]
    for night in NIGHTS:
        shown = audit(site, night)
        assert shown["balanced"], shown["findings"]
    assert trees_of(site) == reference.trees
    assert ledger_rows(site) == reference.ids
    assert {night: raw_state(site.folder(night)) for night in NIGHTS} == before


@pytest.mark.soak
@pytest.mark.parametrize("seed", seeds_of_round(1))
def test_calls_that_fail_at_random_leave_no_trace(
    reference: Reference, tmp_path: Path, seed: int
) -> None:
    with Shim.built(tmp_path) as shim:
        weather = Weather(shim, random.Random(seed))
        lives = 0
        while shim.hits < FAULTS:
            lives += 1
            site = make_site(tmp_path / f"site{lives}")
            live(reference, site, weather)
    print(f"{weather.hit.total()} faults in {lives} lives: {dict(weather.hit)}")
