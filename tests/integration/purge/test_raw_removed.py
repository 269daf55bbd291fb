"""Raw that a person removed from a packed night is known as removed, never as "no cubes yet"."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import add_late_cubes, make_smallest
from tests.support.daemon.running import settle, vampctl
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import make_site
from tests.support.daemon.state import (
    accept_archive,
    audit,
    connected,
    history_of,
    product_tree,
    record_of,
)
from tests.support.examples import others_in_soak
from tests.support.worlds.archive.purge_site import DATE
from tests.support.worlds.archive.safe_night import SafeNight, flip_bit, tree_there
from tests.support.worlds.proof.in_process import InProcess
from vampd.model.nights import EventName, Kind, StageName, Status


def cubes_of(night: SafeNight) -> list[Path]:
    return sorted(night.folder.glob("vcam?/*.fits"))


def remove_cubes(night: SafeNight) -> None:
    for path in cubes_of(night):
        path.unlink()


def remove_streams(night: SafeNight) -> None:
    shutil.rmtree(night.folder / "vcam1")
    shutil.rmtree(night.folder / "vcam2")


def row_of(night: SafeNight) -> list[str]:
    return vampctl(night.site, "table", str(night.night.kind)).stdout.splitlines()[1].split()


@pytest.mark.parametrize("remove", others_in_soak([remove_cubes, remove_streams]))
def test_a_night_whose_raw_was_removed_stays_safe_and_says_so(
    night: SafeNight, remove: Callable[[SafeNight], None]
) -> None:
    row, sums = row_of(night), audit(night.site, night.night)
    remove(night)
    settle_here(night.site)
    night.assert_as_it_was()
    assert history_of(night.site, night.night)[-1].event is EventName.ADVANCED
    assert row_of(night) == row
    assert "safe, raw removed" in vampctl(night.site, "status").stdout
    assert "safe, raw removed" in vampctl(night.site, "why", DATE).stdout
    counted = audit(night.site, night.night)
    assert counted == {**sums, "removed_frames": sums["raw_frames"]}
    assert counted["balanced"]


def test_of_a_night_whose_raw_was_partly_removed_the_rest_is_still_counted(
    night: SafeNight,
) -> None:
    gone, kept, *_ = (c for c in cubes_of(night) if c.with_suffix(".txt").exists())
    gone.unlink()
    settle_here(night.site)
    night.assert_as_it_was()
    counted = audit(night.site, night.night)
    assert counted["balanced"]
    assert 0 < counted["removed_frames"] < counted["raw_frames"]
    total = len(cubes_of(night)) + 1
    assert f"safe, 1 of {total} raw cubes removed" in vampctl(night.site, "status").stdout
    # A cube that is here is counted from its files.
    kept.write_bytes(b"")
    kept.with_suffix(".txt").unlink()
    assert not audit(night.site, night.night)["balanced"]


@pytest.mark.parametrize(
    "words", [["restore", "--yes"], ["retry", "--from", "sync"], ["run", "--only", "sync"]]
)
def test_what_needs_raw_is_refused_with_the_reason(night: SafeNight, words: list[str]) -> None:
    gone = cubes_of(night)[0]
    gone.unlink()
    done = vampctl(night.site, words[0], DATE, *words[1:])
    assert done.returncode in (1, 2)
    assert gone.name in done.stderr
    assert "vampctl recover" in done.stderr
    settle_here(night.site)
    night.assert_as_it_was()


def test_the_archive_copy_is_read_again_and_the_set_aside_files_stay_listed(
    night: SafeNight,
) -> None:
    remove_cubes(night)
    night.retry(StageName.TRANSFER)
    night.assert_as_it_was()
    assert "vbad/vcam2" in (night.folder / "SHA256SUMS").read_text()


def test_a_set_aside_file_that_is_nowhere_whole_holds_the_night(night: SafeNight) -> None:
    remove_cubes(night)
    (lost,) = night.copy.glob("vbad/vcam?/*.fits")
    lost.unlink()
    night.retry(StageName.TRANSFER)
    record = record_of(night.site, night.night)
    assert (record.state.status, record.code) == (Status.HELD, "raw_removed")
    assert lost.name in (record.error or "")


def remove_there(copy: Path) -> None:
    copy.unlink()


@pytest.mark.parametrize("spoil", others_in_soak([remove_there, flip_bit]))
def test_a_set_aside_file_that_is_nowhere_whole_is_given_up_at_a_word(
    night: SafeNight, spoil: Callable[[Path], None]
) -> None:
    own = InProcess(night.site)
    remove_cubes(night)
    (lost,) = night.copy.glob("vbad/vcam?/*.fits")
    spoil(lost)
    own.command("retry", DATE, "--from", "transfer")
    own.advance()
    held = record_of(night.site, night.night)
    assert (held.code, f"`vampctl release {DATE}`" in (held.error or "")) == ("raw_removed", True)
    path, listing = str(lost.relative_to(night.copy)), night.folder / "SHA256SUMS"
    before = {line.partition("  ")[2] for line in listing.read_text().splitlines()}
    assert own.command("release", DATE).status == 0
    own.advance()
    record = record_of(night.site, night.night)
    assert (record.state.status, record.safe_at is None) == (Status.DONE, False), record.error
    # Without exactly that file: whatever else was set aside must be there.
    after = {line.partition("  ")[2] for line in listing.read_text().splitlines()}
    assert before - after == {path}
    assert f"{path} was lost: " in (night.copy / "vbad/reasons.tsv").read_text()
    counted = json.loads(own.command("audit", DATE, "--json").text)
    assert (counted["balanced"], counted["findings"]) == (True, [])
    with connected(night.site) as connections:
        recorded = connections.packing_receipts.of(night.night)
    (ended,) = [each.ended_by for each in recorded if each.receipt.path == path]
    history = history_of(night.site, night.night)
    (released,) = [each for each in history if each.event is EventName.RELEASED]
    assert (released.code, released.actor == "vampd") == ("raw_removed", False)
    assert (ended, released.message) == (released.actor, f"goes on without {path}")


@pytest.mark.parametrize("kill_at", others_in_soak(range(1, 40), few=0))
def test_killed_on_its_way_a_set_aside_file_is_given_up_all_the_same(
    night: SafeNight, kill_at: int
) -> None:
    own = InProcess(night.site)
    remove_cubes(night)
    (lost,) = night.copy.glob("vbad/vcam?/*.fits")
    lost.unlink()
    own.command("retry", DATE, "--from", "transfer")
    own.advance()
    if not own.command_killed(kill_at, "release", DATE):
        own.command("release", DATE)
    own.advance(kill_at)
    own.advance()
    record = record_of(night.site, night.night)
    assert (record.state.status, record.safe_at is None) == (Status.DONE, False), record.error
    assert json.loads(own.command("audit", DATE, "--json").text)["balanced"]


@pytest.mark.soak
def test_a_set_aside_file_that_was_given_up_travels_again_once_it_is_back(
    night: SafeNight, tmp_path: Path
) -> None:
    own = InProcess(night.site)
    (lost,) = night.copy.glob("vbad/vcam?/*.fits")
    path = str(lost.relative_to(night.copy))
    raw = night.folder / path.removeprefix("vbad/")
    shutil.copy2(raw, tmp_path / "kept")
    raw.unlink()
    flip_bit(lost)
    own.command("retry", DATE, "--from", "transfer")
    for words in (("release", DATE), ("retry", DATE, "--from", "transfer")):
        own.advance()
        own.command(*words)
    own.advance()
    assert record_of(night.site, night.night).safe_at is not None
    shutil.copy2(tmp_path / "kept", raw)
    own.advance()
    record = record_of(night.site, night.night)
    assert (record.state.status, record.code) == (Status.DONE, None), record.error
    assert lost.read_bytes() == raw.read_bytes()
    assert "raw_lost" not in (night.copy / "vbad/reasons.tsv").read_text()
    assert json.loads(own.command("audit", DATE, "--json").text)["balanced"]


def test_late_cubes_reopen_a_night_whose_raw_was_removed(night: SafeNight) -> None:
    remove_cubes(night)
    settle_here(night.site)
    add_late_cubes(night.site.root, kind=night.night.kind)
    settle_here(night.site)
    record = record_of(night.site, night.night)
    assert (record.state.status, record.code) == (Status.DONE, None), record.error
    assert record.safe_at is not None
    tree = product_tree(night.folder)
    assert "vgen2/generation_0002.json" in tree
    assert {path: tree[path] for path in night.here if path.endswith(".fz")}.items() <= (
        night.here.items()
    )
    there = tree_there(night.site, night.night)
    assert {path for path in night.there if path.startswith("vbad/")} <= there.keys()
    assert audit(night.site, night.night)["balanced"]
    assert "safe, 4 of 6 raw cubes removed" in vampctl(night.site, "status").stdout


def test_a_copy_of_a_removed_cube_under_another_name_takes_no_ids(
    night: SafeNight, tmp_path: Path
) -> None:
    cube = max(night.folder.glob("vcam1/*.fits"))
    for path in (cube, cube.with_suffix(".txt")):
        path.rename(path.with_name(f"copy_of_{path.name}"))
    settle_here(night.site)
    record = record_of(night.site, night.night)
    assert (record.state.status, record.code) == (Status.DONE, None), record.error
    assert [path for path in product_tree(night.folder) if path.endswith(".fz")] == [
        path for path in night.here if path.endswith(".fz")
    ]
    assert "overlaps_cube" in (night.folder / "vbad/reasons.tsv").read_text()


def test_cubes_that_come_back_are_no_longer_removed(night: SafeNight, tmp_path: Path) -> None:
    shutil.copytree(night.folder / "vcam1", tmp_path / "kept")
    shutil.rmtree(night.folder / "vcam1")
    settle_here(night.site)
    shutil.copytree(tmp_path / "kept", night.folder / "vcam1")
    settle_here(night.site)
    night.assert_as_it_was()
    record = record_of(night.site, night.night)
    assert (record.removed_cubes, record.kept_cubes) == (0, len(cubes_of(night)))


def test_without_the_database_too_a_night_without_raw_becomes_safe_again(
    night: SafeNight,
) -> None:
    remove_cubes(night)
    for path in night.site.database.parent.glob("vampd.db*"):
        path.unlink()
    accept_archive(night.site, night.night.kind)
    settle_here(night.site)
    night.assert_as_it_was()


def test_an_empty_folder_is_no_night_whose_raw_was_removed(night: SafeNight) -> None:
    shutil.rmtree(night.folder)
    night.folder.mkdir()
    settle_here(night.site)
    shown = json.loads(vampctl(night.site, "status", "--json").stdout)
    assert shown[0]["raw"]["removed_cubes"] == 0


def test_a_stream_that_is_a_link_to_a_disk_that_is_away_has_lost_nothing(night: SafeNight) -> None:
    disk = night.site.base / "disk"
    disk.mkdir()
    shutil.move(night.folder / "vcam1", disk / "vcam1")
    (night.folder / "vcam1").symlink_to(disk / "vcam1")
    settle_here(night.site)
    before = record_of(night.site, night.night)
    assert (before.state.status, before.note_code) == (Status.DONE, None)
    for away in ("not mounted", "its empty folder"):
        (disk / "vcam1").rename(disk / "away")
        if away == "its empty folder":
            (disk / "vcam1").mkdir()
        settle_here(night.site)
        record = record_of(night.site, night.night)
        assert (record.removed_cubes, record.safe_at) == (0, before.safe_at)
        assert (record.note_code, "mounted" in (record.note or "")) == ("night_unreadable", True)
        shutil.rmtree(disk / "vcam1", ignore_errors=True)
        (disk / "away").rename(disk / "vcam1")
    settle_here(night.site)
    after = record_of(night.site, night.night)
    assert (after.state, after.safe_at, after.note_code or None) == (
        before.state,
        before.safe_at,
        None,
    )


def test_raw_that_is_not_packed_yet_is_lost_and_not_removed(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    night, _ = make_smallest(site.root, kind=Kind.ENGINEERING)
    assert vampctl(site, "run", night.date, "--until", "headers").returncode == 0
    remove_streams(SafeNight.of(site, night))
    settle_here(site)
    record = record_of(site, night)
    assert record.state.status is not Status.DONE
    assert record.removed_cubes == 0
    assert not audit(site, night)["balanced"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a folder immutable")
def test_where_the_root_has_no_mark_nothing_counts_as_removed(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    night, _ = make_smallest(site.root)
    subprocess.run(["chattr", "+i", site.root], check=True)
    try:
        settle_here(site)
        done = record_of(site, night)
        assert done.state.status is Status.DONE
        refused = vampctl(site, "purge", night.date, "--yes")
        assert (refused.returncode, "has no mark" in refused.stderr) == (1, True)
        for stream in ("vcam1", "vcam2"):
            shutil.rmtree(site.folder(night) / stream)
        assert settle(site).named("night.raw_unlisted")
        assert record_of(site, night) == done
    finally:
        subprocess.run(["chattr", "-i", site.root], check=True)
    settle_here(site)
    assert record_of(site, night).removed_cubes
