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
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    multiple,
    rule,
    run_state_machine_as_test,
)

from tests.conftest import IN_SOAK
from tests.support.examples import seeds_of_round
from tests.support.tools.memory import folder_in_memory
from tests.support.worlds.proof.beginning import Beginning
from tests.support.worlds.proof.coverage import add_to_coverage
from tests.support.worlds.proof.damage import BASIC, Fault
from tests.support.worlds.proof.wide_world import WideWorld
from tests.support.worlds.proof.witness import RECEIPTS, SUMS
from vampd.model.nights import Kind, StageName

_STEPS = 25 if IN_SOAK else 12
# The first is always the simplest. The ten cases are sequences too (`test_cases`).
_SEQUENCES = 40 if IN_SOAK else 2
_PARTS = 3

numbers = st.integers(0, 999)
# Half of it is what no listing shows.
faults = st.sampled_from([*BASIC, *[Fault.ROT] * len(BASIC)])
# Most moments of an act, and some after its end.
moments = st.integers(1, 150)
early = st.integers(1, 25)


class Nights(RuleBasedStateMachine):
    """One or two nights of a site, and all that people, disks, cameras and SIGKILL do to them."""

    coverage: ClassVar[Counter[tuple[str, str, str]]] = Counter()
    base: Path | None = None
    nights = Bundle("nights")

    @initialize(
        target=nights,
        kind=st.sampled_from(Kind),
        late_camera=st.booleans(),
        mailed=st.booleans(),
        loose=st.booleans() if IN_SOAK else st.just(False),
        neighbor=st.booleans(),
    )
    def begin(
        self, kind: Kind, late_camera: bool, mailed: bool, loose: bool, neighbor: bool
    ) -> MultipleResults[WideWorld]:
        self.base = Path(tempfile.mkdtemp(prefix="vampd-proof-", dir=folder_in_memory()))
        mailed = mailed and kind is Kind.ARCHIVE
        beginning = Beginning(kind, late_camera, mailed, loose, neighbor)
        site = self.base / "site"
        first = WideWorld(site, beginning, self.coverage)
        if not neighbor:
            return multiple(first)
        return multiple(first, WideWorld(site, beginning, self.coverage, first))

    def teardown(self) -> None:
        if self.base is not None:
            shutil.rmtree(self.base)

    @rule(night=nights)
    def advance(self, night: WideWorld) -> None:
        night.advance()

    @rule(night=nights, moment=moments)
    def advance_and_be_killed(self, night: WideWorld, moment: int) -> None:
        night.advance(moment)

    @rule(night=nights, stage=st.sampled_from([None, *StageName]))
    def retry(self, night: WideWorld, stage: StageName | None) -> None:
        night.retry(stage)

    @rule(night=nights, stage=st.sampled_from([None, *StageName]))
    def retry_and_advance(self, night: WideWorld, stage: StageName | None) -> None:
        night.retry(stage)
        night.advance()

    @rule(night=nights)
    def doubt_and_advance(self, night: WideWorld) -> None:
        night.retry(StageName.TRANSFER)
        night.advance()

    @rule(night=nights)
    def verify(self, night: WideWorld) -> None:
        night.verify()

    @rule(night=nights, moment=early)
    def verify_and_be_killed(self, night: WideWorld, moment: int) -> None:
        night.verify(moment)

    @rule(night=nights)
    def recover(self, night: WideWorld) -> None:
        night.recover()

    @rule(night=nights, moment=early)
    def recover_and_be_killed(self, night: WideWorld, moment: int) -> None:
        night.recover(moment)

    @rule(night=nights, number=numbers, here=faults, suffix=st.sampled_from([".fits.fz", ".txt"]))
    def lose_product_and_recover(
        self, night: WideWorld, number: int, here: Fault, suffix: str
    ) -> None:
        night.lose_product(number, here=here, suffix=suffix)
        night.verify_here()
        night.recover()

    @rule(night=nights, moment=st.integers(0, 60))
    def release_and_advance(self, night: WideWorld, moment: int) -> None:
        night.accept()
        night.advance(moment)

    @rule(night=nights, number=numbers, here=faults, moment=st.integers(0, 12))
    def lose_generation_and_recover(
        self, night: WideWorld, number: int, here: Fault, moment: int
    ) -> None:
        night.lose_generation(number, here=here)
        night.recover()
        night.recover_from_products(moment)

    @rule(night=nights, moment=st.integers(0, 12))
    def recover_from_products(self, night: WideWorld, moment: int) -> None:
        night.recover_from_products(moment)

    @rule(night=nights)
    def restore(self, night: WideWorld) -> None:
        night.restore()

    @rule(night=nights, moment=moments)
    def restore_and_be_killed(self, night: WideWorld, moment: int) -> None:
        night.restore(moment)

    @rule(night=nights, acknowledged=st.booleans())
    def purge(self, night: WideWorld, acknowledged: bool) -> None:
        night.purge(acknowledged=acknowledged)

    @rule(night=nights, moment=moments)
    def purge_and_be_killed(self, night: WideWorld, moment: int) -> None:
        night.purge(moment, acknowledged=True)

    @rule(night=nights, word=st.sampled_from(["accept", "verify_here", "mail", "acknowledge"]))
    def person_says(self, night: WideWorld, word: str) -> None:
        getattr(night, word)()

    @rule(night=nights, moment=st.integers(0, 12), rot=st.none() | numbers)
    def move_archive(self, night: WideWorld, moment: int, rot: int | None) -> None:
        night.move_archive(moment, rot=rot)

    @rule(night=nights, fault=faults, number=numbers, other=numbers)
    def damage_here(self, night: WideWorld, fault: Fault, number: int, other: int) -> None:
        night.damage_here(fault, number, other)

    @rule(night=nights, fault=faults, number=numbers, other=numbers)
    def damage_there(self, night: WideWorld, fault: Fault, number: int, other: int) -> None:
        night.damage_there(fault, number, other)

    @rule(night=nights, here=faults, there=faults, number=numbers)
    def damage_both(self, night: WideWorld, here: Fault, there: Fault, number: int) -> None:
        night.damage_both(here, there, number)

    @rule(night=nights, number=numbers)
    def rot_there_and_doubt(self, night: WideWorld, number: int) -> None:
        night.damage_there(Fault.ROT, number, number)
        night.retry(StageName.TRANSFER)

    @rule(night=nights)
    def unmount(self, night: WideWorld) -> None:
        night.unmount()

    @rule(night=nights)
    def mount(self, night: WideWorld) -> None:
        night.mount()

    @rule(night=nights, left=st.sampled_from(["", "", "SHA256SUMS", "vbad", "vgen2"]))
    def host_moves(self, night: WideWorld, left: str) -> None:
        night.host_moves(left)

    @rule(night=nights, leaves_mount_point=st.booleans())
    def folder_goes(self, night: WideWorld, leaves_mount_point: bool) -> None:
        night.folder_goes(leaves_mount_point=leaves_mount_point)

    @rule(night=nights)
    def folder_returns(self, night: WideWorld) -> None:
        night.folder_returns()

    @rule(night=nights, number=st.none() | numbers)
    def raw_is_touched(self, night: WideWorld, number: int | None) -> None:
        night.raw_is_touched(number)

    @rule(
        night=nights, fault=st.sampled_from([Fault.FLIP, Fault.ROT, Fault.TRUNCATE]), number=numbers
    )
    def raw_is_damaged(self, night: WideWorld, fault: Fault, number: int) -> None:
        night.raw_is_damaged(fault, number)

    @rule(night=nights)
    def raw_is_mended(self, night: WideWorld) -> None:
        night.raw_is_mended()

    @rule(night=nights, number=numbers)
    def rotten_raw_and_restore(self, night: WideWorld, number: int) -> None:
        night.raw_is_damaged(Fault.ROT, number)
        night.restore()

    @rule(night=nights, name=st.sampled_from(["vgen2", "vbad"]))
    def archive_links_back(self, night: WideWorld, name: str) -> None:
        night.archive_links_back(name)

    @rule(night=nights)
    def archive_link_ends(self, night: WideWorld) -> None:
        night.archive_link_ends()

    @rule(night=nights)
    def lose_database(self, night: WideWorld) -> None:
        night.lose_database()

    @rule(night=nights)
    def late_data(self, night: WideWorld) -> None:
        night.late_data()

    @rule(night=nights)
    def late_camera_2(self, night: WideWorld) -> None:
        night.late_camera_2()

    @rule(night=nights)
    def raw_goes(self, night: WideWorld) -> None:
        night.raw_goes()

    @rule(night=nights)
    def raw_returns(self, night: WideWorld) -> None:
        night.raw_returns()

    @rule(night=nights, name=st.sampled_from([RECEIPTS, SUMS]))
    def listing_is_moved_away(self, night: WideWorld, name: str) -> None:
        night.listing_is_moved_away(name)


def run_sequences(number: int) -> None:
    @seed(number)
    class Seeded(Nights):
        coverage: ClassVar[Counter[tuple[str, str, str]]] = Counter()

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


@pytest.mark.early
def test_whatever_happens_safe_is_true_and_no_last_good_copy_is_lost() -> None:
    run_sequences(number=0)


@pytest.mark.soak
@pytest.mark.parametrize("number", seeds_of_round(_PARTS))
def test_whatever_happens_for_long_safe_is_true(number: int) -> None:
    run_sequences(number)
