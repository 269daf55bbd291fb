"""The frameids stage killed at any step, again and again, with late data, races, lost databases.

Every seed is a story of its own: how many nights and cubes, who grants, where each life ends. At
the end no ID stands twice, no cube has two, what was granted and not used is listed, and the order
of time is kept.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builders.headers import framelist
from tests.support.builders.ledger_lines import bindings, check_laws, granted_ids
from tests.support.examples import seeds_of_round
from tests.support.tools.memory import in_memory
from tests.support.worlds.records.databases import new_database
from tests.support.worlds.records.frameid_lives import WAITS, Life, Nursery, running_nursery
from vampd.ledger.carried_ids import read_carried_ids
from vampd.ledger.ledger import FrameIdLedger
from vampd.ledger.observed_ids import read_observed_ids
from vampd.model.cubes import (
    Framelist,
    Generation,
    Product,
    SyncCounts,
    format_framelist,
    format_generation,
    parse_framelist,
)
from vampd.model.frame_ids import FrameId, review_ids
from vampd.model.nights import Kind, NightId
from vampd.store.database.opening import Access, open_store

DATES = ("20251106", "20251107")
A_BATCH = 10
CI_SEEDS = range(2)
# About as many failpoints as a life passes by.
STEPS = 130
_OBSERVATORY = """#!/bin/sh
last=$(cat {base}/last 2>/dev/null || echo 90000000)
echo $((last + $1)) > {base}/last.new && mv {base}/last.new {base}/last
for each in $(seq $((last + 1)) $((last + $1))); do printf 'VMPA%08d\\n' $each; done
"""


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with running_nursery() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with in_memory(tmp_path) as made:
        yield made


class Story:
    """One seed: a site, its nights, and the lives that work on it."""

    def __init__(self, base: Path, nursery: Nursery, seed: int) -> None:
        self.base = base
        self.nursery = nursery
        self.chance = random.Random(seed)
        self.archive = base / "ARCHIVED_DATA"
        self.ledger_file = self.archive / "frameids.ledger"
        self.archive.mkdir(parents=True)
        self.database = base / "vampd.db"
        self.database.write_bytes(new_database())
        self.racing = self.chance.random() < 0.4
        self.command = ""
        if self.chance.random() < 0.7:
            script = base / "observatory"
            script.write_text(_OBSERVATORY.format(base=base))
            script.chmod(0o755)
            self.command = str(script)
        self.kills = 0
        self.cubes: dict[str, list[list[Framelist]]] = {date: [] for date in DATES}

    def add_generation(self, date: str) -> None:
        """Cubes that sync has just cut, in whatever order their names have."""
        number = len(self.cubes[date]) + 1
        fresh = [
            framelist(
                f"v{self.chance.randrange(10**9)}",
                first_us=self.chance.randrange(4),
                camera=self.chance.choice([1, 2]),
                flc_state=self.chance.choice(["A", "B", "D", ""]),
                start=1000 * number + position,
            )
            for position in range(self.chance.randint(1, 6))
        ]
        self.cubes[date].append(fresh)
        products = tuple(
            Product(one.name, one.order, False, one.ranges, (), 1, 1, 1, 0, 0) for one in fresh
        )
        vgen2 = self.archive / date / "vgen2"
        vgen2.mkdir(parents=True, exist_ok=True)
        generation = Generation(number, "1", (), products, (), SyncCounts())
        (vgen2 / generation.file_name).write_text(format_generation(generation))
        for one in fresh:
            (self.archive / date / one.path).write_text(format_framelist(one))

    def live_through(self) -> None:
        """Lives that are killed, then one that is not."""
        for _ in range(self.chance.randint(1, 4)):
            status = self.live(self.chance.randint(1, STEPS))
            assert status in (0, WAITS, -signal.SIGKILL)
            self.kills += status == -signal.SIGKILL
            check_laws(self.ledger_file)
            if self.chance.random() < 0.1:
                for path in self.base.glob("vampd.db*"):
                    path.unlink()
                self.database.write_bytes(new_database())
        assert self.live(0) == 0

    def live(self, kill_at: int) -> int:
        """One life; one that is to end by itself is begun again when it has to wait."""
        life = Life(str(self.base), DATES, kill_at, self.racing, self.command)
        status = self.nursery.run(life)
        for _ in range(5):
            if kill_at or status != WAITS:
                break
            status = self.nursery.run(life)
        return status

    def check(self) -> None:
        check_laws(self.ledger_file)
        bound = bindings(self.ledger_file)
        ids: dict[str, list[list[int]]] = {}
        for date in DATES:
            night = str(NightId(date, Kind.ARCHIVE))
            self._check_folder(
                date, {name: one for (of, name), one in bound.items() if of == night}
            )
            ids[date] = [
                [
                    int(bound[night, one.identity][4:])
                    for one in sorted(fresh, key=lambda one: (one.order, one.identity))
                ]
                for fresh in self.cubes[date]
            ]
            # In time within a generation, and late cubes come after.
            in_time = [number for generation in ids[date] for number in generation]
            assert in_time == sorted(in_time)
        if not self.racing:
            assert max(ids[DATES[0]][0]) < min(ids[DATES[1]][0])
        self._check_review(len(bound))

    def _check_folder(self, date: str, bound: dict[str, str]) -> None:
        vgen2 = self.archive / date / "vgen2"
        carried = {}
        for path in vgen2.glob("*.framelist"):
            held = parse_framelist(path.read_text())
            assert path.stem == held.name == held.cards.string("FRAMEID")
            assert held.cards.string("EXP-ID") == FrameId.parse(held.name).exposure_id
            assert held.identity not in carried, "one cube under two IDs"
            carried[held.identity] = held.name
        assert carried == bound
        wanted = {
            f"{one.name}.fits\t{bound[one.identity]}.fits"
            for fresh in self.cubes[date]
            for one in fresh
        }
        shown = (vgen2 / "name_changes.txt").read_text().splitlines()
        assert set(shown) == wanted
        assert [line.rpartition("\t")[2] for line in shown] == sorted(
            line.rpartition("\t")[2] for line in shown
        )
        assert not [path for path in vgen2.iterdir() if path.name.startswith(".")]

    def _check_review(self, used: int) -> None:
        store = open_store(f"sqlite:///{self.database}", Access.USE)
        ledger = FrameIdLedger(store, self.ledger_file)
        nights = read_observed_ids(self.archive)
        carried = [one for night in nights for one in read_carried_ids(self.base, night.night)]
        review = review_ids(ledger.listing(), nights, carried)
        store.close()
        assert review.findings == ()
        granted = set(granted_ids(self.ledger_file))
        assert len(review.unused) == len(granted) - used
        if not self.command:
            assert len(granted) == used, "the local sequence wastes nothing"
            return
        # The program may die after it counted and before it printed: nobody can know these IDs,
        # and they show as gaps, or come after all that is known.
        last = int((self.base / "last").read_text())
        given = {str(FrameId(number)) for number in range(90_000_001, last + 1)}
        missing = {
            str(FrameId(number))
            for gap in review.gaps
            for number in range(gap.first.number, gap.last.number + 1)
        }
        never_seen = {one for one in given - granted if one < max(granted)}
        before_all = {one for one in never_seen if one < min(granted)}
        assert granted <= given
        assert never_seen - before_all == missing


def tell(base: Path, nursery: Nursery, seeds: range) -> int:
    """Tell some stories to their ends; how often somebody was killed."""
    kills = 0
    for seed in seeds:
        story = Story(base / str(seed), nursery, seed)
        for date in DATES:
            story.add_generation(date)
        story.live_through()
        story.check()
        story.add_generation(story.chance.choice(DATES))
        story.live_through()
        story.check()
        kills += story.kills
    return kills


def batches(seeds: range) -> list[range]:
    return [seeds[first : first + A_BATCH] for first in range(0, len(seeds), A_BATCH)]


@pytest.mark.parametrize("seeds", batches(CI_SEEDS), ids=str)
def test_however_often_it_is_killed_no_id_is_used_twice_and_none_is_lost(
    nursery: Nursery, folder: Path, seeds: range
) -> None:
    kills = tell(folder, nursery, seeds)
    assert kills > len(seeds), "hardly anybody was killed: the steps are counted wrongly"


@pytest.mark.soak
@pytest.mark.parametrize("seeds", batches(seeds_of_round(100)), ids=str)
def test_a_hundred_other_stories_of_crashes_end_well(
    nursery: Nursery, folder: Path, seeds: range
) -> None:
    tell(folder, nursery, seeds)


@pytest.mark.parametrize("stride", [48, pytest.param(1, marks=pytest.mark.soak)])
def test_every_step_may_be_the_last_also_between_grant_and_record(
    nursery: Nursery, folder: Path, stride: int
) -> None:
    """One story, killed at its first step, at a later one, and so on to its end."""
    for step in range(1, 10_000, stride):
        story = Story(folder / str(step), nursery, seed=10_003)
        for date in DATES:
            story.add_generation(date)
        status = story.live(step)
        if status == 0:
            break
        assert status == -signal.SIGKILL
        assert story.live(0) == 0
        story.check()
    assert STEPS / 3 < step < STEPS * 3


@pytest.mark.parametrize("stories", [2, pytest.param(10, marks=pytest.mark.soak)])
def test_two_nights_that_race_are_each_in_order(
    nursery: Nursery, folder: Path, stories: int
) -> None:
    for seed in range(stories):
        story = Story(folder / str(seed), nursery, seed)
        story.racing = True
        for date in DATES:
            story.add_generation(date)
        assert story.live(0) == 0
        story.check()
