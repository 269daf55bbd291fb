"""Faults of archive copies: verify names all and only those, and exactly those are repaired.

Each kind alone at first, then up to fifty at a time; nothing else there is written.
"""

from __future__ import annotations

import json
import os
import random
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.conftest import IN_SOAK
from tests.support.builders.nights import make_scenario
from tests.support.builders.smallest_night import SMALLEST
from tests.support.daemon.site import Site, make_site
from tests.support.examples import seeds_of_round
from tests.support.worlds.proof.beginning import DATE, TABLES
from tests.support.worlds.proof.damage import Fault, inflict
from tests.support.worlds.proof.in_process import InProcess, as_nobody
from tests.support.worlds.proof.witness import SUMS, tree_of
from vampd.model.nights import Kind, NightId, Status
from vampd.simulate import CROP_64, Scenario

NIGHT = NightId(DATE, Kind.ENGINEERING)
# Times that each kind happens alone, and times that many happen together.
_ALONE = 2
_TOGETHER = 40
_MOST = 50
_AT_LEAST = 800
_RUNS = 12 if IN_SOAK else 4
# What verify has to name; an extra file is nobody's, and stays.
_HARMLESS = frozenset({Fault.EXTRA})


@dataclass(frozen=True)
class Copy:
    """A night of many products that is safe, and what its archive copy is."""

    site: Site
    vampd: InProcess
    good: dict[str, str]
    older: dict[str, Path]

    @property
    def folder(self) -> Path:
        return self.site.copy(NIGHT)

    def stamps(self) -> dict[str, tuple[int, int, str]]:
        """Inode, mtime and content of every file there that has a name."""
        return {
            path: (status.st_ino, status.st_mtime_ns, sha256)
            for path, sha256 in tree_of(self.folder).items()
            for status in [(self.folder / path).lstat()]
        }

    def verify(self) -> set[str]:
        """What verify says is bad."""
        answer = self.vampd.command("verify", DATE, "--json")
        (said,) = json.loads(answer.text)
        # What may not be read is no damage.
        assert (said["error"] is None) is not bool(said["unread"]), said
        assert set(said["extra"]) == tree_of(self.folder).keys() - self.good.keys()
        assert said["good"] is (answer.status == 0)
        assert (self.vampd.records()[NIGHT].safe_at is None) is bool(
            {*said["damaged"], *said["missing"]}
        )
        return {*said["damaged"], *said["missing"], *said["unread"]}

    def repair(self, forbidden: list[str], *, lists_earlier: bool) -> None:
        """As the documents say: what cannot be read is for a person, who lets it be read again.

        So is a product that the copy's own list calls whole, and nothing here: the copy
        ``lists_earlier`` products where its list is that of an earlier life.
        """
        if forbidden:
            before = self.stamps()
            self.retry()
            record = self.vampd.records()[NIGHT]
            assert (record.code, record.safe_at) == ("archive_unreadable", None)
            assert self.stamps() == before
            for path in forbidden:
                (self.folder / path).chmod(0o644)
        self.retry()
        record = self.vampd.records()[NIGHT]
        if lists_earlier and record.code == "other_products":
            assert self.vampd.command("release", DATE).status == 0
            self.vampd.advance()
            record = self.vampd.records()[NIGHT]
        assert record.state.status is Status.DONE, (record.code, record.error)
        assert record.safe_at is not None

    def retry(self) -> None:
        assert self.vampd.command("retry", DATE, "--from", "transfer").status == 0
        self.vampd.advance()

    def suffer(self, faults: list[tuple[Fault, str]], chance: random.Random) -> int:
        """Inflict these, each on a file of its own; judge verify and the repair. How many."""
        before = self.stamps()
        touched: set[str] = set()
        bad: set[str] = set()
        inflicted = 0
        for fault, path in faults:
            if path in touched:
                continue
            inflicted += 1
            other = self.other_of(fault, path, touched, chance)
            inflict(fault, self.folder / path, other)
            hit = {path}
            if fault is Fault.SWAP and other is not None:
                hit.add(other.relative_to(self.folder).as_posix())
            touched |= hit
            if fault not in _HARMLESS:
                bad |= hit
        assert self.verify() == bad
        forbidden = [path for fault, path in faults if fault is Fault.FORBID and path in bad]
        self.repair(
            [path for path in forbidden if not os.access(self.folder / path, os.R_OK)],
            lists_earlier=(Fault.OLDER, SUMS) in faults,
        )
        after = self.stamps()
        untouched = before.keys() - bad
        assert {path: after[path] for path in untouched} == {
            path: before[path] for path in untouched
        }
        assert {path: after[path][2] for path in self.good} == self.good
        assert not self.verify()
        for path in after.keys() - before.keys():
            (self.folder / path).unlink()
        return inflicted

    def other_of(
        self, fault: Fault, path: str, touched: set[str], chance: random.Random
    ) -> Path | None:
        if fault is Fault.OLDER:
            return self.older.get(path)
        if fault is not Fault.SWAP:
            return None
        free = sorted(
            one for one in self.good.keys() - touched - {path} if self.good[one] != self.good[path]
        )
        return self.folder / chance.choice(free) if free else None


def scenario(angle_deg: float) -> Scenario:
    switching, solo = SMALLEST.runs
    short = replace(switching, triggers=8, frames_per_cube=(8, 8))
    runs = [replace(short, hwp_angle_deg=angle_deg + 0.5 * number) for number in range(_RUNS)]
    return Scenario("many", CROP_64, (*runs, solo))


def make_copy(base: Path) -> Copy:
    site = make_site(base / "site", **TABLES)
    make_scenario(site.root, scenario(0.0), DATE, NIGHT.kind, seed=3)
    vampd = InProcess(site)
    vampd.advance()
    # What an earlier life of this night left: other pixels and cards under the same names.
    earlier = make_site(base / "earlier", **TABLES)
    make_scenario(earlier.root, scenario(0.0), DATE, NIGHT.kind, seed=4)
    InProcess(earlier).advance()
    old = earlier.copy(NIGHT)
    good = tree_of(site.copy(NIGHT))
    older = {path: old / path for path, sha in tree_of(old).items() if good.get(path) != sha}
    return Copy(site, vampd, good, older)


def suffer_all(base: Path, seed: int) -> int:
    """A round of faults; how many."""
    chance = random.Random(seed)
    copy = make_copy(base)
    paths = sorted(copy.good)
    count = 0
    for fault in [*Fault] * _ALONE:
        count += copy.suffer([(fault, chance.choice(paths))], chance)
    for _ in range(_TOGETHER):
        number = chance.randint(2, _MOST)
        # What cannot be read needs a person before anything is repaired: in every fourth.
        kinds = [*Fault] if chance.random() < 0.25 else sorted({*Fault} - {Fault.FORBID})
        chosen = [(chance.choice(kinds), path) for path in chance.sample(paths, number)]
        count += copy.suffer(chosen, chance)
    return count


@pytest.mark.soak
@pytest.mark.parametrize("seed", seeds_of_round(3))
def test_verify_names_every_fault_and_nothing_else_is_repaired(seed: int) -> None:
    def suffer(base: Path) -> None:
        assert suffer_all(base, seed) > _AT_LEAST

    as_nobody(suffer)


@pytest.mark.early
def test_every_kind_of_fault_is_named_and_repaired() -> None:
    def suffer(base: Path) -> None:
        copy = make_copy(base)
        paths = random.Random(2).sample(sorted(copy.good), len(Fault))
        copy.suffer(list(zip(Fault, paths, strict=True)), random.Random(1))

    as_nobody(suffer)
