"""P1 to P10, the cases in which *safe* was false, as sequences that are judged after each step."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.daemon.state import connected
from tests.support.examples import others_in_soak
from tests.support.worlds.proof.beginning import Beginning
from tests.support.worlds.proof.damage import Fault
from tests.support.worlds.proof.world import ProofWorld
from vampd.model.nights import EventName, StageName, Status

# By the order of names; generation_0001.json is the last of a night's own files.
_FIRST, _FIRST_SIDECAR, _SECOND = 0, 1, 2
# There, SHA256SUMS and what is set aside come before.
_SECOND_THERE = 5


@pytest.fixture
def begin(tmp_path: Path) -> Callable[..., ProofWorld]:
    def make(**others: bool) -> ProofWorld:
        return ProofWorld(tmp_path / "site", Beginning(**others))  # type: ignore[arg-type]

    return make


def assert_held(world: ProofWorld, code: str) -> None:
    assert (world.record.state.status, world.record.code) == (Status.HELD, code)
    assert world.record.safe_at is None


def assert_whole(world: ProofWorld) -> None:
    assert (world.record.state.status, world.state) == (Status.DONE, "safe")


def test_p1_a_damaged_product_never_goes_over_its_good_copy(
    begin: Callable[..., ProofWorld],
) -> None:
    world = begin()
    world.damage_here(Fault.FLIP, _FIRST, 0)
    world.damage_there(Fault.DELETE, _SECOND_THERE, 0)
    world.verify()
    world.retry(StageName.TRANSFER)
    world.advance()
    assert_held(world, "product_damaged")
    world.recover()
    world.retry(None)
    world.advance()
    assert_whole(world)


def test_p2_a_product_copied_over_another_is_damaged(begin: Callable[..., ProofWorld]) -> None:
    world = begin()
    first, second, *_ = sorted((world.folder / "vgen2").glob("*.fits.fz"))
    shutil.copyfile(first, second)
    world.retry(StageName.FPACK)
    world.advance()
    assert_held(world, "product_damaged")
    world.recover()
    world.retry(None)
    world.advance()
    assert_whole(world)


def test_p3_a_moved_archive_with_another_byte_is_not_safe(
    begin: Callable[..., ProofWorld],
) -> None:
    world = begin()
    world.move_archive(rot=4)
    assert world.record.safe_at is None
    world.retry(StageName.TRANSFER)
    world.advance()
    assert_whole(world)


def test_p4_an_unmounted_archive_is_not_the_archive(begin: Callable[..., ProofWorld]) -> None:
    world = begin()
    world.unmount()
    world.retry(StageName.TRANSFER)
    world.advance()
    world.advance()
    assert (world.record.code, world.record.safe_at) == ("archive_unknown", None)
    world.mount()
    world.advance()
    assert_whole(world)


@pytest.mark.parametrize("stage", others_in_soak([StageName.TRANSFER, StageName.FRAMEIDS]))
def test_p5_a_product_that_is_gone_is_noticed(
    begin: Callable[..., ProofWorld], stage: StageName
) -> None:
    world = begin()
    world.damage_here(Fault.DELETE, _SECOND, 0)
    world.retry(stage)
    world.advance()
    assert_held(world, "product_missing")
    world.recover()
    world.retry(None)
    world.advance()
    assert_whole(world)


def test_p6_other_bytes_under_a_mailed_id_are_not_sent(begin: Callable[..., ProofWorld]) -> None:
    world = begin(late_camera=True, mailed=True)
    world.late_camera_2()
    world.restore()
    world.retry(None)
    world.advance()
    assert_held(world, "manifest_stale")


def test_p7_raw_that_somebody_takes_away_and_brings_back_changes_nothing(
    begin: Callable[..., ProofWorld],
) -> None:
    world = begin()
    world.raw_goes()
    world.advance()
    world.verify()
    world.raw_returns()
    world.advance()
    assert_whole(world)


@pytest.mark.soak
def test_p7_raw_that_is_purged_is_kept_at_the_archive(begin: Callable[..., ProofWorld]) -> None:
    world = begin()
    world.purge(acknowledged=True)
    assert not list(world.folder.glob("vcam?/*.fits"))
    world.verify()
    world.late_data()
    world.advance()
    assert_whole(world)
    answer = world.tell("restore", "20251106", "--yes")
    assert (answer.status, "raw_incomplete" in answer.text) == (1, True)


def test_p8_products_are_not_removed_where_raw_is_gone(begin: Callable[..., ProofWorld]) -> None:
    world = begin()
    world.raw_goes()
    answer = world.tell("restore", "20251106", "--yes")
    assert (answer.status, "raw_incomplete" in answer.text) == (1, True)
    assert_whole(world)


def test_p9_a_restore_that_may_not_remove_changes_nothing(
    begin: Callable[..., ProofWorld],
) -> None:
    world = begin()
    product = min((world.folder / "vgen2").glob("*.fits.fz"))
    is_root = os.geteuid() == 0
    close, reopen = ("chattr +i", "chattr -i") if is_root else ("chmod 555", "chmod 755")
    closed = str(product if is_root else product.parent)
    subprocess.run([*close.split(), closed], check=True)
    try:
        answer = world.tell("restore", "20251106", "--yes")
    finally:
        subprocess.run([*reopen.split(), closed], check=True)
    assert (answer.status, "not_removable" in answer.text) == (1, True)
    assert_whole(world)


def test_p10_a_sidecar_that_is_gone_is_made_again(begin: Callable[..., ProofWorld]) -> None:
    world = begin()
    world.damage_here(Fault.DELETE, _FIRST_SIDECAR, 0)
    world.retry(StageName.SYNC)
    world.advance()
    if world.record.state.status is Status.HELD:
        world.recover()
        world.retry(None)
        world.advance()
    assert_whole(world)


def test_what_rots_there_is_found_when_a_person_doubts(begin: Callable[..., ProofWorld]) -> None:
    world = begin()
    world.damage_there(Fault.ROT, _SECOND_THERE, 0)
    world.retry(StageName.TRANSFER)
    world.advance()
    assert_whole(world)


def test_what_a_listing_shows_is_found_before_late_data_make_it_safe_again(
    begin: Callable[..., ProofWorld],
) -> None:
    world = begin()
    world.damage_there(Fault.FLIP, _SECOND_THERE, 0)
    world.late_data()
    world.advance()
    assert_whole(world)


def test_what_rots_here_never_goes_over_its_good_copy(begin: Callable[..., ProofWorld]) -> None:
    world = begin()
    world.damage_here(Fault.ROT, _FIRST, 0)
    world.retry(StageName.TRANSFER)
    world.advance()
    assert (world.state, world.record.safe_at is not None) == ("safe, bad here", True)
    world.verify_here()
    world.recover()
    assert_whole(world)


def test_what_rots_on_both_sides_is_made_again_from_raw(begin: Callable[..., ProofWorld]) -> None:
    world = begin()
    world.damage_both(Fault.ROT, Fault.ROT, _FIRST)
    world.verify_here()
    world.recover()
    world.retry(StageName.TRANSFER)
    world.advance()
    assert_whole(world)


def set_aside_cube(world: ProofWorld) -> tuple[Path, Path]:
    """A raw file that is set aside, and its copy at the archive."""
    (there,) = world.copy.glob("vbad/vcam?/*.fits")
    return world.folder / there.relative_to(world.copy / "vbad"), there


def test_a_set_aside_file_that_is_damaged_here_never_goes_over_its_good_copy(
    begin: Callable[..., ProofWorld],
) -> None:
    world = begin()
    here, there = set_aside_cube(world)
    good = there.read_bytes()
    here.write_bytes(good[: len(good) // 2])
    world.advance()
    assert_held(world, "set_aside_changed")
    assert there.read_bytes() == good
    shutil.copyfile(there, here)
    world.retry(None)
    world.advance()
    assert_whole(world)


def test_a_set_aside_file_that_has_grown_needs_no_one_and_other_bytes_need_a_word(
    begin: Callable[..., ProofWorld],
) -> None:
    world = begin()
    here, there = set_aside_cube(world)
    before = there.read_bytes()
    world.write_raw(here, before + b"0" * 2880)
    world.advance()
    assert_whole(world)
    world.write_raw(here, before)
    world.advance()
    assert_held(world, "set_aside_changed")
    world.release()
    world.advance()
    assert_whole(world)
    assert there.read_bytes() == before
    # The first receipt ended by itself, with what it says still there; the second at a word.
    with connected(world.site) as connections:
        recorded = connections.packing_receipts.of(world.night)
        (released,) = [
            event
            for event in connections.store.history(world.night)
            if event.event is EventName.RELEASED
        ]
    ended = [each.ended_by for each in recorded if each.ended_at is not None]
    assert (ended, released.actor == "vampd") == (["vampd", released.actor], False)


def test_readings_of_a_clock_that_was_ahead_a_little_hold_no_night(
    begin: Callable[..., ProofWorld],
) -> None:
    world = begin()
    with closing(sqlite3.connect(world.site.database)) as store, store:
        store.execute("UPDATE receipts SET at = ? WHERE place = 'archive'", (time.time() + 50,))
    set_aside_cube(world)[1].unlink()
    world.retry(StageName.TRANSFER)
    world.advance()
    assert_whole(world)
