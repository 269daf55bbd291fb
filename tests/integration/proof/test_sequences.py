"""Whatever happens to a night and in which order: no false *safe*, no last good copy lost.

The laws are in `tests.support.worlds.proof.judge`, with the two ways in which *safe* may be stale.
Sequences begin with a night that is done; P1 to P10 are the cases that were false before.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import ClassVar

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.conftest import IN_SOAK
from tests.support.examples import seeds_of_round
from tests.support.tools.memory import folder_in_memory
from tests.support.worlds.proof.beginning import Beginning
from tests.support.worlds.proof.coverage import add_to_coverage
from tests.support.worlds.proof.damage import BASIC, Fault
from tests.support.worlds.proof.wide_world import WideWorld
from tests.support.worlds.proof.witness import RECEIPTS, SUMS
from vampd.model.nights import Kind, StageName

_STEPS = 25
# With the ten cases, which are sequences too (`test_cases`), 13 in CI.
_SEQUENCES = 40 if IN_SOAK else 3
_PARTS = 3

numbers = st.integers(0, 999)
# Half of it is what no listing shows.
faults = st.sampled_from([*BASIC, *[Fault.ROT] * len(BASIC)])
# Most moments of an act, and some after its end.
moments = st.integers(1, 150)
early = st.integers(1, 25)


class Nights(RuleBasedStateMachine):
    """One night and all that people, disks, cameras and SIGKILL do to it."""

    coverage: ClassVar[Counter[tuple[str, str]]] = Counter()
    world: WideWorld | None = None

    @initialize(
        kind=st.sampled_from(Kind),
        late_camera=st.booleans(),
        mailed=st.booleans(),
        loose=st.booleans() if IN_SOAK else st.just(False),
        neighbor=st.booleans() if IN_SOAK else st.just(False),
    )
    def begin(
        self, kind: Kind, late_camera: bool, mailed: bool, loose: bool, neighbor: bool
    ) -> None:
        self.base = Path(tempfile.mkdtemp(prefix="vampd-proof-", dir=folder_in_memory()))
        mailed = mailed and kind is Kind.ARCHIVE
        beginning = Beginning(kind, late_camera, mailed, loose, neighbor)
        self.world = WideWorld(self.base / "site", beginning, self.coverage)

    def teardown(self) -> None:
        if self.world is not None:
            shutil.rmtree(self.base)

    @property
    def _world(self) -> WideWorld:
        assert self.world is not None
        return self.world

    @rule()
    def advance(self) -> None:
        self._world.advance()

    @rule(moment=moments)
    def advance_and_be_killed(self, moment: int) -> None:
        self._world.advance(moment)

    @rule(stage=st.sampled_from([None, *StageName]))
    def retry(self, stage: StageName | None) -> None:
        self._world.retry(stage)

    @rule(stage=st.sampled_from([None, *StageName]))
    def retry_and_advance(self, stage: StageName | None) -> None:
        self._world.retry(stage)
        self._world.advance()

    @rule()
    def doubt_and_advance(self) -> None:
        self._world.retry(StageName.TRANSFER)
        self._world.advance()

    @rule()
    def verify(self) -> None:
        self._world.verify()

    @rule(moment=early)
    def verify_and_be_killed(self, moment: int) -> None:
        self._world.verify(moment)

    @rule()
    def recover(self) -> None:
        self._world.recover()

    @rule(moment=early)
    def recover_and_be_killed(self, moment: int) -> None:
        self._world.recover(moment)

    @rule()
    def restore(self) -> None:
        self._world.restore()

    @rule(moment=moments)
    def restore_and_be_killed(self, moment: int) -> None:
        self._world.restore(moment)

    @rule(acknowledged=st.booleans())
    def purge(self, acknowledged: bool) -> None:
        self._world.purge(acknowledged=acknowledged)

    @rule(moment=moments)
    def purge_and_be_killed(self, moment: int) -> None:
        self._world.purge(moment, acknowledged=True)

    @rule(word=st.sampled_from(["accept", "verify_here", "mail", "acknowledge"]))
    def person_says(self, word: str) -> None:
        getattr(self._world, word)()

    @rule(moment=st.integers(0, 12), rot=st.none() | numbers)
    def move_archive(self, moment: int, rot: int | None) -> None:
        self._world.move_archive(moment, rot=rot)

    @rule(fault=faults, number=numbers, other=numbers)
    def damage_here(self, fault: Fault, number: int, other: int) -> None:
        self._world.damage_here(fault, number, other)

    @rule(fault=faults, number=numbers, other=numbers)
    def damage_there(self, fault: Fault, number: int, other: int) -> None:
        self._world.damage_there(fault, number, other)

    @rule(here=faults, there=faults, number=numbers)
    def damage_both(self, here: Fault, there: Fault, number: int) -> None:
        self._world.damage_both(here, there, number)

    @rule(number=numbers)
    def rot_there_and_doubt(self, number: int) -> None:
        self._world.damage_there(Fault.ROT, number, number)
        self._world.retry(StageName.TRANSFER)

    @rule()
    def unmount(self) -> None:
        self._world.unmount()

    @rule()
    def mount(self) -> None:
        self._world.mount()

    @rule(left=st.sampled_from(["", "", "SHA256SUMS", "vbad", "vgen2"]))
    def host_moves(self, left: str) -> None:
        self._world.host_moves(left)

    @rule(leaves_mount_point=st.booleans())
    def folder_goes(self, leaves_mount_point: bool) -> None:
        self._world.folder_goes(leaves_mount_point=leaves_mount_point)

    @rule()
    def folder_returns(self) -> None:
        self._world.folder_returns()

    @rule(number=st.none() | numbers)
    def raw_is_touched(self, number: int | None) -> None:
        self._world.raw_is_touched(number)

    @rule(fault=st.sampled_from([Fault.FLIP, Fault.ROT, Fault.TRUNCATE]), number=numbers)
    def raw_is_damaged(self, fault: Fault, number: int) -> None:
        self._world.raw_is_damaged(fault, number)

    @rule()
    def raw_is_mended(self) -> None:
        self._world.raw_is_mended()

    @rule(number=numbers)
    def rotten_raw_and_restore(self, number: int) -> None:
        self._world.raw_is_damaged(Fault.ROT, number)
        self._world.restore()

    @rule(name=st.sampled_from(["vgen2", "vbad"]))
    def archive_links_back(self, name: str) -> None:
        self._world.archive_links_back(name)

    @rule()
    def archive_link_ends(self) -> None:
        self._world.archive_link_ends()

    @rule()
    def lose_database(self) -> None:
        self._world.lose_database()

    @rule()
    def late_data(self) -> None:
        self._world.late_data()

    @rule()
    def late_camera_2(self) -> None:
        self._world.late_camera_2()

    @rule()
    def raw_goes(self) -> None:
        self._world.raw_goes()

    @rule()
    def raw_returns(self) -> None:
        self._world.raw_returns()

    @rule(name=st.sampled_from([RECEIPTS, SUMS]))
    def listing_is_moved_away(self, name: str) -> None:
        self._world.listing_is_moved_away(name)


def run_sequences(number: int) -> None:
    @seed(number)
    class Seeded(Nights):
        coverage: ClassVar[Counter[tuple[str, str]]] = Counter()

    run_state_machine_as_test(
        Seeded,
        settings=settings(
            stateful_step_count=_STEPS,
            max_examples=_SEQUENCES,
            deadline=None,
            derandomize=False,
            database=None,
            # A sequence takes seconds: one that fails is printed as it is in the soak.
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
    add_to_coverage(Seeded.coverage)


def test_whatever_happens_safe_is_true_and_no_last_good_copy_is_lost() -> None:
    run_sequences(number=0)


@pytest.mark.soak
@pytest.mark.parametrize("number", seeds_of_round(_PARTS))
def test_whatever_happens_for_long_safe_is_true(number: int) -> None:
    run_sequences(number)
