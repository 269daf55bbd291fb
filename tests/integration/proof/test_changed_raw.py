"""Raw files whose sizes or times are no longer those that sync saw: the bytes decide."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.daemon.state import history_of
from tests.support.worlds.proof.beginning import DATE, Beginning
from tests.support.worlds.proof.world import ProofWorld
from vampd.model.nights import EventName, Kind, StageName, Status

SOAK = pytest.mark.soak
_LATER_NS = 10**9


@pytest.fixture
def world(tmp_path: Path) -> ProofWorld:
    return ProofWorld(tmp_path / "site", Beginning(Kind.ENGINEERING))


def touch(path: Path) -> None:
    """Give a file another time, and nothing else."""
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + _LATER_NS))


def history(world: ProofWorld) -> list[EventName]:
    return [each.event for each in history_of(world.site, world.night)]


def used_cubes(world: ProofWorld) -> list[Path]:
    return sorted(world.folder.glob("vcam1/*.fits"))


def used_cube(world: ProofWorld) -> Path:
    return used_cubes(world)[0]


def flip(path: Path, at: int) -> None:
    """Change a byte, and the time as a writer does."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    status = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + _LATER_NS))


def assert_held_as_changed(world: ProofWorld) -> None:
    """It waits for a person; of the archive copy nothing is said, and it stays what it was."""
    assert (world.record.state.status, world.record.code) == (Status.HELD, "raw_changed")
    assert world.record.safe_at is not None


def assert_done(world: ProofWorld) -> None:
    assert (world.record.state.status, world.record.code) == (Status.DONE, None)
    assert world.record.safe_at is not None


def test_raw_that_only_has_other_times_is_taken_up_and_the_night_stays_safe(
    world: ProofWorld,
) -> None:
    sent = {path: path.stat().st_mtime_ns for path in world.copy.rglob("*") if path.is_file()}
    for path in world.folder.glob("vcam?/*"):
        touch(path)
    world.advance(kill_at=30)
    world.advance()
    assert_done(world)
    assert len(list(world.folder.glob("vgen2/generation_*.json"))) == 1
    assert {p: p.stat().st_mtime_ns for p in world.copy.rglob("*") if p.is_file()} == sent
    before = history(world)
    world.advance()
    assert history(world) == before
    assert EventName.RETIMED in before
    assert EventName.REOPENED not in before
    (product,) = [p for p in world.folder.glob("vgen2/*.fits.fz") if "cam1.A" in p.name]
    product.unlink()
    (world.copy / "vgen2" / product.name).unlink()
    assert world.vampd.command("recover", DATE).status == 0
    assert product.is_file(), "made again from raw at its new times"


def test_a_timing_file_that_goes_beside_a_packed_cube_is_removed_raw_and_no_change(
    world: ProofWorld,
) -> None:
    gone = used_cube(world).with_suffix(".txt")
    gone.unlink()
    world.advance()
    assert_done(world)
    answer = world.tell("restore", DATE, "--yes")
    assert (answer.status, f"{gone.name} is gone" in answer.text) == (1, True)
    world.retry(StageName.SYNC)
    world.advance()
    assert_done(world)
    world.purge(acknowledged=False)
    assert not used_cubes(world)
    assert_done(world)


CHANGES: dict[str, Callable[[ProofWorld], None]] = {
    "pixel": lambda world: flip(used_cube(world), -3000),
    "header": lambda world: flip(
        used_cube(world), used_cube(world).read_bytes().index(b"OBJ") + 12
    ),
    "row": lambda world: flip(used_cube(world).with_suffix(".txt"), -4),
    "length": lambda world: world.write_raw(used_cube(world), used_cube(world).read_bytes() + b"0"),
}


@pytest.mark.parametrize("what", ["pixel", *(pytest.param(w, marks=SOAK) for w in [*CHANGES][1:])])
def test_raw_that_is_another_holds_the_night_until_it_is_put_back(
    world: ProofWorld, what: str
) -> None:
    files = {path: path.read_bytes() for path in world.folder.glob("vcam1/*")}
    CHANGES[what](world)
    world.advance()
    assert_held_as_changed(world)
    answer = world.tell("restore", DATE, "--yes")
    assert (answer.status, "raw_incomplete" in answer.text) == (1, True)
    for path, content in files.items():
        world.write_raw(path, content)
    world.retry(None)
    world.advance()
    assert_done(world)


def test_raw_that_a_person_takes_as_it_is_keeps_its_products_and_is_never_purged(
    world: ProofWorld,
) -> None:
    flip(used_cube(world), -3000)
    world.judge.witness.learn(world.folder)
    world.advance()
    assert_held_as_changed(world)
    world.release()
    world.advance()
    assert_done(world)
    answer = world.tell("purge", DATE, "--yes", "--same-disk", DATE)
    assert (answer.status, "as a person accepted" in answer.text) == (1, True)
    flip(used_cube(world), -3000)
    world.advance()
    assert_done(world)
    assert "as a person accepted" not in world.tell("purge", DATE, "--dry-run").text


def test_late_data_beside_other_times_take_safe_away_before_they_are_taken_up(
    world: ProofWorld,
) -> None:
    (aside,) = world.copy.glob("vbad/vcam?/*.fits")
    here = world.folder / aside.relative_to(world.copy / "vbad")
    # Of equal size, so that it looks like another time alone.
    world.write_raw(here, bytes(reversed(here.read_bytes())))
    world.advance()
    world.advance()
    assert (world.record.code, world.record.safe_at) == ("set_aside_changed", None)


@SOAK
def test_a_touched_night_that_is_to_be_packed_begins_anew_after_a_restore(
    world: ProofWorld,
) -> None:
    world.restore()
    world.retry(None)
    world.advance(kill_at=70)
    assert world.record.state.stage in (StageName.HEADERS, StageName.FPACK), world.record
    touch(used_cube(world))
    world.retry(StageName.SYNC)
    world.advance()
    assert (world.record.state.status, world.record.code) == (Status.HELD, "raw_changed")
    world.release()
    world.advance()
    assert world.record.code == "raw_changed", "nothing could be made of what is not as sync saw it"
    world.restore()
    world.retry(None)
    world.advance()
    assert_done(world)


def test_where_the_database_was_lost_a_restore_compares_raw_by_the_receipts_of_the_folder(
    world: ProofWorld,
) -> None:
    flip(used_cube(world), -3000)
    for path in world.site.database.parent.glob("vampd.db*"):
        path.unlink()
    world.vampd.advance()
    assert world.vampd.records()[world.night].code == "raw_changed"
    products = sorted(world.folder.glob("vgen2/*.fits.fz"))
    answer = world.vampd.command("restore", DATE, "--yes")
    assert answer.status != 0, answer.text
    assert "is another than vgen2/" in answer.text
    assert products == sorted(world.folder.glob("vgen2/*.fits.fz"))
    assert products
