"""The archive is recognized before anything is read or written there; in memory."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from tests.support.fakes.fake_archive import FakeArchive
from tests.support.fakes.fake_night_reader import FakeFile
from tests.support.worlds.archive.known_world import HERE, NIGHT, PATH, STEADY, World
from vampd.cli.act.archive_reading import read_files
from vampd.disk.durable import place_mark_file
from vampd.engine.archive import known_archive
from vampd.errors import ArchiveUnknown, ConfigError, DataError, RemoteUnavailable
from vampd.model.nights import FileStamp, Kind
from vampd.model.plan import Compare
from vampd.model.proofs import (
    SUMS_NAME,
    ArchiveIdentity,
    DestinationOrigin,
    Marked,
    Place,
    Receipt,
    format_mark,
    is_proof,
)

ASIDE = "vbad/vcam1/a.fits"
GENERATION = "vgen2/generation_0001.json"
STRANGER = "f" * 32


@pytest.fixture
def world() -> World:
    return World()


def test_looking_places_nothing_and_the_first_use_places_a_random_mark(world: World) -> None:
    assert world.archive().files(NIGHT) == {}
    assert (world.host.marked, world.destinations.known(NIGHT.kind)) == (None, None)
    world.send()
    known = world.destinations.known(NIGHT.kind)
    assert known is not None
    assert known.mark is not None
    assert (known.is_placed, known.origin) == (True, DestinationOrigin.PLACED)
    assert world.host.marked == format_mark(known.mark, Marked.ARCHIVE)
    other = World()
    other.send()
    assert other.host.marked != world.host.marked


def test_the_archive_is_recognized_again_before_each_program_that_writes_there(
    world: World, tmp_path: Path
) -> None:
    def read_and_unmount(_: Path, path: str) -> FakeFile:
        read.append(path)
        world.exchange()
        return FakeFile(b"packed")

    world.send()
    read: list[str] = []
    world.host._read = read_and_unmount
    # A link to a raw file is sent by a program of its own, however the files are named together.
    link = tmp_path / ASIDE
    link.parent.mkdir(parents=True)
    link.symlink_to("../../vcam1/a.fits")
    world.receipts.keep(NIGHT, [proof := world.read()])
    claims = replace(proof, file=replace(proof.file, path=ASIDE))
    world.receipts.keep(NIGHT, [claims])
    with pytest.raises(ArchiveUnknown):
        world.archive().send(NIGHT, tmp_path, [ASIDE, PATH], Compare.SIZE_AND_TIME, STEADY)
    assert read == [PATH]
    kept = world.receipts.of(NIGHT, Place.ARCHIVE)
    assert (kept[PATH].has_ended, kept[ASIDE].has_ended) == (True, False)


def test_a_night_that_left_files_behind_has_been_moved_if_what_lacks_lies_there(
    world: World,
) -> None:
    world.send()
    world.read()
    there = FakeArchive(read=lambda folder, path: FakeFile(b"packed"))
    archive = replace(world.archive(), moved_to=lambda _: [("h:/moved", there)])
    assert archive.moved_night(NIGHT) is None
    there.send(NIGHT, HERE, [PATH, SUMS_NAME, "extra"], Compare.SIZE_AND_TIME, STEADY)
    world.send(SUMS_NAME)
    world.read(SUMS_NAME)
    assert archive.moved_night(NIGHT) is None, "all that was read is at its destination"
    world.host.trees[NIGHT.date] = {SUMS_NAME: FakeFile(b"sums")}
    moved = archive.moved_night(NIGHT)
    assert moved is not None
    assert moved.files.keys() == {PATH, SUMS_NAME, "extra"}


@pytest.mark.parametrize("read", [(), (ASIDE,)])
def test_a_night_that_was_never_read_whole_is_where_files_lie_that_its_destination_lacks(
    world: World, read: tuple[str, ...]
) -> None:
    # As after the loss of the database, before the first reading and between two.
    world.pack(ASIDE, PATH)
    there = FakeArchive(read=lambda folder, path: FakeFile(b"packed"))
    archive = replace(world.archive(), moved_to=lambda _: [("h:/moved", there)])
    for host in (world.host, there):
        host.send(NIGHT, HERE, [ASIDE], Compare.SIZE_AND_TIME, STEADY)
    world.receipts.keep(NIGHT, archive.digests(NIGHT, read, STEADY))
    assert archive.moved_night(NIGHT) is None
    there.send(NIGHT, HERE, [PATH, SUMS_NAME], Compare.SIZE_AND_TIME, STEADY)
    moved = archive.moved_night(NIGHT)
    assert moved is not None
    assert moved.files.keys() == {ASIDE, PATH, SUMS_NAME}
    (receipt,) = archive.digests(NIGHT, [PATH], STEADY)
    assert receipt.destination == "h:/moved"


def test_files_of_others_are_not_where_a_night_was_moved(world: World) -> None:
    there = FakeArchive(read=lambda folder, path: FakeFile(b"another's"))
    archive = replace(world.archive(), moved_to=lambda _: [("h:/moved", there)])
    world.pack(PATH, GENERATION, ASIDE)
    there.send(NIGHT, HERE, [GENERATION, ASIDE, SUMS_NAME, "x"], Compare.SIZE_AND_TIME, STEADY)
    assert archive.moved_night(NIGHT) is None
    # A product's name is its own: whatever is wrong with it, it lies there.
    there.send(NIGHT, HERE, [PATH], Compare.SIZE_AND_TIME, STEADY)
    assert archive.moved_night(NIGHT) is not None


def test_what_is_no_whole_file_where_its_night_was_moved_is_damaged_and_not_missing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise DataError("changed_while_read", "somebody writes there")

    there = FakeArchive(read=lambda folder, path: FakeFile(b"packed"))
    archive = replace(world.archive(), moved_to=lambda _: [("h:/moved", there)])
    world.pack(PATH)
    world.host.send(NIGHT, HERE, [ASIDE], Compare.SIZE_AND_TIME, STEADY)
    there.send(NIGHT, HERE, [ASIDE, PATH], Compare.SIZE_AND_TIME, STEADY)
    monkeypatch.setattr(there, "digests", refuse)
    read = read_files(archive, NIGHT, [PATH]).receipts
    assert (read[PATH].destination, read[PATH].mark) == ("h:/moved", None)


def test_what_is_read_names_the_archive_and_counts_for_it_alone(world: World) -> None:
    world.send()
    receipt = world.read()
    identity = world.archive().identity
    assert (receipt.destination, receipt.mark) == ("h:/archive", identity.mark)
    assert is_proof(receipt, identity)
    assert world.archive(destination="h:/other").identity == ArchiveIdentity("h:/other")


def test_a_proof_ends_before_the_first_byte_is_sent(world: World) -> None:
    world.send()
    world.read()
    seen = []

    def look(_: Path, path: str) -> FakeFile:
        seen.append(world.receipts.of(NIGHT, Place.ARCHIVE)[path].has_ended)
        return FakeFile(b"packed")

    world.host._read = look
    world.send()
    assert seen == [True]
    assert world.read().has_ended is False
    assert not world.receipts.of(NIGHT, Place.ARCHIVE)[PATH].has_ended


def test_a_destination_without_its_mark_is_not_the_archive(world: World) -> None:
    world.send()
    world.read()
    mark = world.host.marked
    world.exchange()
    world.assert_unknown("lacks its mark", "mount its disk", "vampctl archive accept archive")
    world.host.marked = mark
    world.send()


def test_a_destination_with_another_mark_is_not_the_archive(world: World) -> None:
    world.send()
    world.exchange()
    world.host.marked = format_mark(STRANGER, Marked.ARCHIVE)
    world.assert_unknown("not known here", STRANGER, "vampctl archive accept archive")


def test_a_mark_that_is_there_at_the_first_use_is_never_taken_for_granted(world: World) -> None:
    # The database was lost, or the machine replaced.
    world.host.marked = format_mark(STRANGER, Marked.ARCHIVE)
    world.assert_unknown("not known here", "vampctl archive accept archive")
    assert world.destinations.known(NIGHT.kind) is None


def test_the_mark_of_a_folder_around_it_is_not_its_own(world: World) -> None:
    world.archive(Kind.ENGINEERING, "h:/").use()
    world.assert_unknown("has the mark of h:/")


def test_the_archive_of_one_kind_is_never_that_of_the_other(world: World) -> None:
    """Under whatever name: their nights have the same dates."""
    mark = world.archive(Kind.ENGINEERING, "h:/by_another_name").use()
    world.assert_unknown(f"the mark of h:/by_another_name ({mark})")


def test_a_destination_that_shows_its_mark_here_is_no_other_disk(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as this machine by ssh, or a host that mounts this disk."""

    def place_on_both(mark: str) -> None:
        FakeArchive.place_mark(world.host, mark)
        place_mark_file(tmp_path, mark, Marked.ARCHIVE)

    monkeypatch.setattr(world.host, "place_mark", place_on_both)
    archive = replace(world.archive(), nights_here=(tmp_path / "other", tmp_path))
    attempts: tuple[Callable[[], object], ...] = (
        archive.use,
        lambda: archive.accept(DestinationOrigin.ACCEPTED, "a person"),
        lambda: archive.files(NIGHT),
        lambda: archive.send(NIGHT, HERE, [PATH], Compare.SIZE_AND_TIME, STEADY),
    )
    for attempt in attempts:
        with pytest.raises(ConfigError) as caught:
            attempt()
        assert (caught.value.code, str(tmp_path) in caught.value.message) == (
            "destination_is_source",
            True,
        )
    assert world.host.trees == {}


def test_a_silent_disk_of_other_nights_keeps_none_from_an_archive_that_was_confirmed(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(folder: Path, within_s: float) -> None:
        raise RemoteUnavailable("archive_slow", f"what lies at {folder} has not answered")

    archive = replace(world.archive(), nights_here=(tmp_path,))
    mark = archive.use()
    monkeypatch.setattr(known_archive, "stat_answering", ask)
    assert archive.use() == mark
    # What was never confirmed may be the nights themselves.
    other = replace(World().archive(), nights_here=(tmp_path,))
    for _ in range(2):
        with pytest.raises(RemoteUnavailable, match="has not answered"):
            other.use()


def test_a_changed_setting_alone_makes_nights_wait(world: World) -> None:
    world.send()
    with pytest.raises(ArchiveUnknown, match="archive moved archive --to h:/new"):
        world.archive(destination="h:/new").files(NIGHT)


def test_without_its_mount_nothing_is_the_archive_whatever_mark_lies_there(world: World) -> None:
    point = Path("/mnt/tier1")
    world.mount_point = point
    world.assert_unknown("nothing is mounted at /mnt/tier1", "mount it")
    with pytest.raises(ArchiveUnknown):
        world.archive().accept(DestinationOrigin.ACCEPTED, "a person")
    world.host.mounted.add(point)
    world.send()
    world.host.mounted.remove(point)
    world.assert_unknown("nothing is mounted at /mnt/tier1")


MOMENTS = ["archive.mark.recorded", "archive.mark.placed", "archive.mark.confirmed"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_kill_at_the_first_use_leaves_no_stranger(
    world: World, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    def die(name: str) -> None:
        if name == moment:
            raise SystemExit

    monkeypatch.setattr(known_archive, "failpoint", die)
    with pytest.raises(SystemExit):
        world.send()
    known = world.destinations.known(NIGHT.kind)
    assert known is not None
    assert known.mark is not None
    assert world.host.marked in (None, format_mark(known.mark, Marked.ARCHIVE))
    monkeypatch.undo()
    world.send()
    assert world.host.marked == format_mark(known.mark, Marked.ARCHIVE)
    after = world.destinations.known(NIGHT.kind)
    assert after is not None
    assert (after.mark, after.is_placed) == (known.mark, True)


@pytest.mark.parametrize("moment", ["archive.change.committed", "archive.mark.recorded"])
def test_a_word_that_a_kill_cut_short_places_no_mark_where_no_night_lies(
    world: World, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    def die(name: str) -> None:
        if name == moment:
            raise SystemExit

    world.send()
    world.host.marked = None
    new = world.archive(destination="h:/new")
    monkeypatch.setattr(known_archive, "failpoint", die)
    with pytest.raises(SystemExit):
        new.accept(DestinationOrigin.MOVED, "a person")
    monkeypatch.undo()
    nights, world.host.trees = world.host.trees, {}
    for attempt in (new.use, lambda: new.files(NIGHT)):
        with pytest.raises(ArchiveUnknown, match=r"none lies there.*archive accept archive"):
            attempt()
    assert world.host.marked is None
    # Mounted, it is what the person meant; empty, the person may say so again.
    world.host.trees = nights
    assert format_mark(new.use(), Marked.ARCHIVE) == world.host.marked
    world.exchange()
    mark = new.accept(DestinationOrigin.ACCEPTED, "a person")
    assert world.host.marked == format_mark(mark, Marked.ARCHIVE)


def test_a_stranger_that_comes_while_a_mark_is_placed_is_not_the_archive(world: World) -> None:
    def place(mark: str) -> None:
        world.host.marked = format_mark(STRANGER, Marked.ARCHIVE)

    world.host.place_mark = place  # type: ignore[method-assign]
    with pytest.raises(ArchiveUnknown, match=STRANGER):
        world.send()
    assert world.host.trees == {}
    world.assert_unknown("not known here")


class TestUpgraded:
    """A night was proven at a destination that never had a mark."""

    @pytest.fixture
    def upgraded(self, world: World) -> World:
        world.host.trees[NIGHT.date] = {PATH: FakeFile(b"packed")}
        stamp = FileStamp(PATH, 6, FakeFile.mtime_ns)
        world.receipts.keep(NIGHT, [Receipt(Place.ARCHIVE, stamp, "0" * 64, 0.0)])
        world.destinations.adopt(NIGHT.kind, "h:/archive", at=2.0)
        return world

    def proves(self, world: World) -> bool:
        return is_proof(world.receipts.of(NIGHT, Place.ARCHIVE)[PATH], world.archive().identity)

    def test_its_proofs_stay_and_the_first_use_places_a_mark(self, upgraded: World) -> None:
        assert self.proves(upgraded)
        mark = upgraded.archive().use()
        assert self.proves(upgraded)
        assert upgraded.receipts.of(NIGHT, Place.ARCHIVE)[PATH].mark is None
        assert upgraded.read().mark == mark

    def test_an_empty_folder_is_not_where_its_nights_are(self, upgraded: World) -> None:
        upgraded.exchange()
        upgraded.assert_unknown("none lies there", "mount its disk")
