"""One contract for every archive host: in memory, a local folder, a folder behind a real sshd."""

import hashlib
import os
import re
from pathlib import Path

import pytest

from tests.support.fakes.fake_night_reader import FakeFile, stamp_of
from tests.support.fakes.paces import SteeredPace
from tests.support.tools.sshd import running_sshd
from tests.support.worlds.archive.archive_sites import NIGHT, make_site, write_file
from vampd.adapters.archive import NightArchive, local, ssh
from vampd.disk.pace import SteadyPace
from vampd.errors import (
    ArchiveUnknown,
    ClaimLost,
    DataError,
    RemoteUnavailable,
    TransientError,
    VampdError,
)
from vampd.model.nights import FileStamp
from vampd.model.plan import Compare
from vampd.model.proofs import Place

STEADY = SteadyPace()
LATER = FakeFile.mtime_ns + 123_456_789
NAMES = [
    "SHA256SUMS",
    "vgen2/vcam1_10:11:12.123456.fits.fz",
    "vgen2/VMPA00000001.txt",
    "vgen2/blanks and 'quotes' \"two\" $HOME `id` *.txt",
    "vgen2/-n",
    "vgen2/#hash;semicolon.txt",
    "vgen2/back\\slash\nline feed.txt",
    "vgen2/not utf-8 \udcff.txt",
    "vbad/vcam1/vcam1_10:11:12.123456789.fits",
]


@pytest.fixture(scope="module")
def sshd(tmp_path_factory, tool):
    with running_sshd(tmp_path_factory.mktemp("sshd"), tool) as server:
        yield server


@pytest.fixture(params=["memory", "local", "ssh"])
def site(request, tmp_path, sshd):
    return make_site(request.param, tmp_path / "archive disk: one", sshd)


@pytest.fixture
def night_folder(tmp_path):
    folder = tmp_path / "watched root: one" / NIGHT.date
    folder.mkdir(parents=True)
    return folder


def send(site, folder, *paths, compare=Compare.SIZE_AND_TIME, pace=STEADY):
    site.host.send(NIGHT, folder, paths, compare, pace)


def test_a_night_that_is_not_there_has_no_files_and_no_receipts(site):
    assert site.host.files(NIGHT) == {}
    assert list(site.host.digests(NIGHT, ["vgen2/a.txt"], STEADY)) == []


def test_what_is_sent_is_there_with_its_bytes_and_times_whatever_its_name(site, night_folder):
    files = {
        path: FakeFile(path.encode("utf-8", "surrogateescape"), FakeFile.mtime_ns + number)
        for number, path in enumerate(NAMES)
    }
    for path, file in files.items():
        write_file(night_folder, path, file)
    write_file(night_folder, "vgen2/not asked for.txt", FakeFile(b"stays"))
    send(site, night_folder, *NAMES)
    assert {path: site.get(path) for path in NAMES} == files
    stamps = {path: stamp_of(path, file) for path, file in files.items()}
    assert site.host.files(NIGHT) == stamps
    receipts = site.host.digests(NIGHT, NAMES, STEADY)
    assert [receipt.path for receipt in receipts] == NAMES
    for receipt in receipts:
        assert receipt.place is Place.ARCHIVE
        assert receipt.file == stamps[receipt.path]
        assert receipt.sha256 == hashlib.sha256(files[receipt.path].content).hexdigest()


def test_sending_twice_changes_nothing(site, night_folder):
    write_file(night_folder, "vgen2/a.txt", FakeFile(b"a"))
    for _ in range(2):
        send(site, night_folder, "vgen2/a.txt")
    assert site.get("vgen2/a.txt") == FakeFile(b"a")


@pytest.mark.parametrize("kind", ["local", "ssh"])
def test_as_many_files_as_a_night_can_have_are_listed_and_no_more(
    kind, tmp_path, sshd, monkeypatch
):
    for adapter in (local, ssh):
        monkeypatch.setattr(adapter, "MOST_FILES", 3)
    site = make_site(kind, tmp_path / "disk", sshd)
    for number in range(3):
        site.put(f"vgen2/{number}.txt", FakeFile(b"x"))
    assert len(site.host.files(NIGHT)) == 3
    site.put("vbad/one more.txt", FakeFile(b"x"))
    with pytest.raises(VampdError, match="more than 3 files"):
        site.host.files(NIGHT)


def test_sending_nothing_is_nothing(site, night_folder):
    send(site, night_folder)
    assert site.host.files(NIGHT) == {}


def test_what_others_keep_there_stays(site, night_folder):
    site.put("vgen2/theirs.txt", FakeFile(b"theirs"))
    write_file(night_folder, "vgen2/a.txt", FakeFile(b"a"))
    send(site, night_folder, "vgen2/a.txt")
    assert site.get("vgen2/theirs.txt") == FakeFile(b"theirs")


@pytest.mark.parametrize(
    "copy",
    [FakeFile(b"brok", LATER), FakeFile(b"brok", 1_000_000_000), FakeFile(b"longer than it was")],
    ids=["newer", "older", "longer"],
)
def test_a_copy_of_another_size_or_time_is_replaced_even_if_newer(site, night_folder, copy):
    site.put("vgen2/a.txt", copy)
    write_file(night_folder, "vgen2/a.txt", FakeFile(b"good"))
    send(site, night_folder, "vgen2/a.txt")
    assert site.get("vgen2/a.txt") == FakeFile(b"good")


def test_damage_of_the_same_size_and_time_shows_in_the_digest_and_goes_by_checksum(
    site, night_folder
):
    site.put("vgen2/a.txt", FakeFile(b"damaged"))
    write_file(night_folder, "vgen2/a.txt", FakeFile(b"correct"))
    send(site, night_folder, "vgen2/a.txt")
    (receipt,) = site.host.digests(NIGHT, ["vgen2/a.txt"], STEADY)
    assert receipt.sha256 == hashlib.sha256(b"damaged").hexdigest()
    send(site, night_folder, "vgen2/a.txt", compare=Compare.CHECKSUM)
    assert site.get("vgen2/a.txt") == FakeFile(b"correct")
    (receipt,) = site.host.digests(NIGHT, ["vgen2/a.txt"], STEADY)
    assert receipt.sha256 == hashlib.sha256(b"correct").hexdigest()


def test_a_repair_by_checksum_sends_what_is_missing_too(site, night_folder):
    write_file(night_folder, "vgen2/a.txt", FakeFile(b"a"))
    send(site, night_folder, "vgen2/a.txt", compare=Compare.CHECKSUM)
    assert site.get("vgen2/a.txt") == FakeFile(b"a")


def test_by_name_alone_what_is_there_stays_and_what_is_missing_comes(site, night_folder):
    site.put("vgen2/a.txt", FakeFile(b"theirs"))
    for path in ("vgen2/a.txt", "vgen2/b.txt"):
        write_file(night_folder, path, FakeFile(b"correct", LATER))
    send(site, night_folder, "vgen2/a.txt", "vgen2/b.txt", compare=Compare.NAME)
    assert site.get("vgen2/a.txt") == FakeFile(b"theirs")
    assert site.get("vgen2/b.txt") == FakeFile(b"correct", LATER)


def test_a_missing_file_has_no_receipt_and_costs_the_others_nothing(site):
    site.put("vgen2/a.txt", FakeFile(b"a"))
    site.put("vgen2/c.txt", FakeFile(b""))
    receipts = site.host.digests(NIGHT, ["vgen2/a.txt", "vgen2/b.txt", "vgen2/c.txt"], STEADY)
    assert [receipt.path for receipt in receipts] == ["vgen2/a.txt", "vgen2/c.txt"]
    assert receipts[1].file == FileStamp("vgen2/c.txt", 0, FakeFile.mtime_ns)


def test_a_set_aside_cube_travels_as_a_file_and_not_as_the_link_that_it_is_here(site, night_folder):
    write_file(night_folder, "vcam1/x.fits", FakeFile(b"raw", LATER))
    (night_folder / "vbad" / "vcam1").mkdir(parents=True)
    (night_folder / "vbad" / "vcam1" / "x.fits").symlink_to("../../vcam1/x.fits")
    send(site, night_folder, "vbad/vcam1/x.fits")
    assert site.get("vbad/vcam1/x.fits") == FakeFile(b"raw", LATER)
    assert site.host.files(NIGHT) == {"vbad/vcam1/x.fits": FileStamp("vbad/vcam1/x.fits", 3, LATER)}


def test_each_program_asks_before_it_sends_and_none_sends_after_a_no(site, night_folder):
    def ask(files):
        asked.append(tuple(files))
        if "vbad/vcam1/x.fits" in files:
            raise ArchiveUnknown("archive_unknown", "its disk went meanwhile")

    asked: list[tuple[str, ...]] = []
    write_file(night_folder, "vcam1/x.fits", FakeFile(b"raw", LATER))
    write_file(night_folder, "vgen2/a.txt", FakeFile(b"a", LATER))
    (night_folder / "vbad" / "vcam1").mkdir(parents=True)
    (night_folder / "vbad" / "vcam1" / "x.fits").symlink_to("../../vcam1/x.fits")
    paths = ["vbad/vcam1/x.fits", "vgen2/a.txt"]
    with pytest.raises(ArchiveUnknown):
        site.host.send(NIGHT, night_folder, paths, Compare.SIZE_AND_TIME, STEADY, ask)
    assert asked == [("vgen2/a.txt",), ("vbad/vcam1/x.fits",)]
    assert site.host.files(NIGHT).keys() == {"vgen2/a.txt"}


def test_a_file_that_vanished_here_is_worth_another_try(site, night_folder):
    with pytest.raises(TransientError) as caught:
        send(site, night_folder, "vgen2/gone.txt")
    assert caught.value.code == "source_vanished"
    assert "gone.txt" in caught.value.message


def test_a_destination_that_is_away_is_unavailable_and_not_created(site, night_folder):
    write_file(night_folder, "vgen2/a.txt", FakeFile(b"a"))
    site.take_away()
    for ask in (
        lambda: site.host.files(NIGHT),
        lambda: site.host.digests(NIGHT, ["vgen2/a.txt"], STEADY),
        lambda: send(site, night_folder, "vgen2/a.txt"),
    ):
        with pytest.raises(RemoteUnavailable):
            ask()
    assert site.get("vgen2/a.txt") is None


def test_work_that_is_to_stop_does_not_begin(site, night_folder):
    write_file(night_folder, "vgen2/a.txt", FakeFile(b"a"))
    site.put("vgen2/b.txt", FakeFile(b"b"))
    pace = SteeredPace()
    pace.stop()
    with pytest.raises(ClaimLost):
        send(site, night_folder, "vgen2/a.txt", pace=pace)
    with pytest.raises(ClaimLost):
        site.host.digests(NIGHT, ["vgen2/b.txt"], pace)
    assert site.get("vgen2/a.txt") is None


def test_the_space_there_is_reported_and_an_absent_folder_has_none(site):
    space = site.host.space()
    assert 0 < space.free_bytes <= space.all_bytes
    assert space.free_names is None or space.free_names > 0
    site.take_away()
    with pytest.raises(RemoteUnavailable):
        site.host.space()


def test_a_destination_has_no_mark_until_one_is_placed_and_then_keeps_it(site):
    assert site.host.mark() is None
    site.host.place_mark("1" * 32)
    assert site.host.mark() == "1" * 32
    site.host.place_mark("2" * 32)
    assert site.host.mark() == "1" * 32


def test_a_mark_is_no_file_of_a_night_and_no_night(site):
    site.put("vgen2/a.txt", FakeFile(b"a"))
    before = site.host.files(NIGHT)
    site.host.place_mark("1" * 32)
    assert site.host.files(NIGHT) == before
    assert list(site.host.nights()) == [NIGHT.date]


def test_a_destination_that_is_away_has_no_mark_and_gets_none(site):
    site.take_away()
    for ask in (site.host.mark, site.host.nights, lambda: site.host.place_mark("1" * 32)):
        with pytest.raises(RemoteUnavailable):
            ask()


def test_a_mount_point_is_told_from_a_folder(site, tmp_path):
    assert site.host.is_mount_point(Path("/"))
    assert not site.host.is_mount_point(tmp_path / "archive disk: one")


@pytest.fixture(params=["local", "ssh"])
def folder_site(request, tmp_path, sshd):
    return make_site(request.param, tmp_path / "archive disk: one", sshd)


def test_this_machine_is_known_however_it_is_reached(folder_site):
    write_file(folder_site.folder / NIGHT.date, "a.txt", FakeFile(b"a"))
    assert folder_site.host.device(NIGHT) == folder_site.folder.stat().st_dev


@pytest.mark.parametrize("linked", ["vgen2", "vbad", "vbad/vcam1"])
def test_what_lies_behind_a_link_there_is_no_copy(folder_site, tmp_path, linked):
    path = f"{linked}/a.txt"
    write_file(folder_site.folder / NIGHT.date, path, FakeFile(b"a"))
    folder = folder_site.folder / NIGHT.date / linked
    folder.rename(tmp_path / "here")
    folder.symlink_to(tmp_path / "here")
    assert list(folder_site.host.digests(NIGHT, [path], STEADY)) == []
    assert path not in folder_site.host.files(NIGHT)


@pytest.mark.parametrize("kind", ["local", "ssh"])
def test_what_claims_terabytes_and_holds_none_is_no_copy_and_is_replaced(
    kind, tmp_path, sshd, night_folder
):
    site = make_site(kind, tmp_path / "archive", sshd)
    site.put("vgen2/a.txt", FakeFile(b"a"))
    os.truncate(tmp_path / "archive" / NIGHT.date / "vgen2/a.txt", 4 << 40)
    assert site.host.files(NIGHT) == {}
    assert list(site.host.digests(NIGHT, ["vgen2/a.txt"], STEADY)) == []
    fetched = tmp_path / "fetched"
    assert isinstance(site.host, NightArchive)
    site.host.fetch(NIGHT, fetched, ["vgen2/a.txt"], Compare.SIZE_AND_TIME, STEADY, 1)
    assert not (fetched / "vgen2/a.txt").exists()
    if kind == "local":  # over a network rsync compares what lies there
        write_file(night_folder, "vgen2/a.txt", FakeFile(b"a"))
        send(site, night_folder, "vgen2/a.txt")
        assert site.get("vgen2/a.txt") == FakeFile(b"a")


def test_a_text_there_is_read_as_it_is(site):
    site.put("SHA256SUMS", FakeFile(b"a  b\r\n\xff\n"))
    assert site.host.text(NIGHT, "SHA256SUMS", STEADY) == "a  b\r\n\udcff\n"


def test_a_folder_in_the_place_of_a_file_there_is_for_a_person_to_move(folder_site, night_folder):
    write_file(night_folder, "vgen2/a.txt", FakeFile(b"a"))
    place = folder_site.folder / NIGHT.date / "vgen2/a.txt"
    (place / "notes").mkdir(parents=True)
    with pytest.raises(DataError, match=re.escape(f"{NIGHT.date}/vgen2/a.txt")) as caught:
        send(folder_site, night_folder, "vgen2/a.txt")
    assert caught.value.code == "not_a_file"
    assert (place / "notes").is_dir()


def test_a_link_in_the_place_of_the_night_is_not_the_night(folder_site, tmp_path):
    write_file(tmp_path / "elsewhere", "vgen2/a.txt", FakeFile(b"a"))
    folder_site.folder.mkdir(exist_ok=True)
    (folder_site.folder / NIGHT.date).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError) as caught:
        folder_site.host.files(NIGHT)
    assert (caught.value.code, NIGHT.date in caught.value.message) == ("link_found", True)


def test_a_mark_is_one_line_in_a_file_of_its_own_and_nothing_else_is_left(folder_site):
    folder_site.host.place_mark("0123456789abcdef" * 2)
    assert {
        p.relative_to(folder_site.folder).as_posix(): p.is_dir() for p in found(folder_site)
    } == {
        ".vampd": True,
        ".vampd/id": False,
    }
    text = (folder_site.folder / ".vampd/id").read_text()
    assert text == f"vampd archive 1 {'0123456789abcdef' * 2}\n"


def found(site):
    return sorted(site.folder.rglob("*"))


@pytest.mark.parametrize(
    "content", [b"", b"vampd archive 1 123\n", b"\xff" * 200, b"vampd\0ends\0\n"]
)
def test_a_damaged_mark_is_no_mark_and_is_never_replaced(folder_site, content):
    write_file(folder_site.folder, ".vampd/id", FakeFile(content))
    with pytest.raises(ArchiveUnknown, match="in place of a mark"):
        folder_site.host.mark()
    folder_site.host.place_mark("1" * 32)
    assert (folder_site.folder / ".vampd/id").read_bytes() == content


def test_what_a_killed_placing_has_left_is_cleared_by_the_next_one(folder_site):
    for name in (f".vampd-{'1' * 32}.tmp", f".vampd-1-{'0' * 16}.tmp"):
        write_file(folder_site.folder, f".vampd/{name}", FakeFile(b"half a m"))
    folder_site.host.place_mark("1" * 32)
    assert folder_site.host.mark() == "1" * 32
    names = {path.name for path in (folder_site.folder / ".vampd").iterdir()}
    assert len(names) == 2  # the other side's temporary name is none of this side's


@pytest.mark.parametrize("kind", ["local", "ssh"])
def test_one_destination_in_another_has_a_mark_of_its_own(kind, tmp_path, sshd):
    outer = make_site(kind, tmp_path / "tier1", sshd)
    inner = make_site(kind, tmp_path / "tier1" / "2_ARCHIVED_DATA", sshd)
    outer.host.place_mark("1" * 32)
    assert inner.host.mark() is None
    inner.host.place_mark("2" * 32)
    assert (outer.host.mark(), inner.host.mark()) == ("1" * 32, "2" * 32)
    assert list(outer.host.nights()) == []


def test_who_sends_is_told_once_when_all_has_gone(site, night_folder):
    paths = ["vgen2/a.txt", "vbad/vcam1/x.fits"]
    for path in paths:
        write_file(night_folder, path, FakeFile(path.encode()))
    told = []
    site.host.send(
        NIGHT,
        night_folder,
        paths,
        Compare.SIZE_AND_TIME,
        STEADY,
        after=lambda: told.append(sorted(site.host.files(NIGHT))),
    )
    assert told == [sorted(paths)]
