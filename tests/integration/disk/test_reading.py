"""Listings and digests: what is read of a folder and of a file, on a real disk."""

import errno
import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from vampd.disk.durable import names_in
from vampd.disk.named_errors import path_named
from vampd.disk.pace import Flag, SharedPace, SteadyPace
from vampd.disk.reading import (
    CHUNK_BYTES,
    has_writers,
    hash_file,
    list_files,
    list_raw_files,
    open_unlinked,
    raw_of_link,
    read_digests,
    stamp_of,
)
from vampd.errors import ClaimLost, DataError
from vampd.model.nights import FileStamp

# --- listings


def test_a_raw_listing_has_every_entry_that_is_no_folder(tmp_path: Path) -> None:
    stream = tmp_path / "vcam1"
    (stream / "folder").mkdir(parents=True)
    (stream / "b.fits").write_bytes(b"12345")
    os.utime(stream / "b.fits", ns=(1, 1_762_424_400_509_073_123))
    (stream / ".hidden").touch()
    (stream / "to_b.fits").symlink_to("b.fits")
    (stream / "dangling.fits").symlink_to("nowhere")
    (stream / "to_folder").symlink_to("folder")
    (stream / "loop.fits").symlink_to("loop.fits")
    os.mkfifo(stream / "pipe")
    odd = os.fsdecode(b"\xff\xfe.fits")
    (stream / odd).touch()
    stamps = {stamp.path: stamp for stamp in list_raw_files(tmp_path, ["vcam1", "vcam2"])}
    assert list(stamps) == sorted(stamps)
    assert set(stamps) == {
        f"vcam1/{name}"
        for name in ("b.fits", ".hidden", "to_b.fits", "dangling.fits", "loop.fits", "pipe", odd)
    }
    assert stamps["vcam1/b.fits"] == FileStamp("vcam1/b.fits", 5, 1_762_424_400_509_073_123)
    assert stamps["vcam1/to_b.fits"].size == 5
    for name in ("dangling.fits", "loop.fits"):
        assert stamps[f"vcam1/{name}"] == FileStamp(f"vcam1/{name}", 0, 0)


def test_what_should_be_a_file_and_is_none_is_listed_as_it_is_stamped(tmp_path: Path) -> None:
    stream = tmp_path / "vcam1"
    (stream / "folder.fits").mkdir(parents=True)
    (stream / "folder.txt").mkdir()
    (stream / "loop.fits").symlink_to("loop.fits")
    (stream / "nowhere.txt").symlink_to("nowhere")
    listed = list_raw_files(tmp_path, ["vcam1"])
    assert [stamp.path.partition("/")[2] for stamp in listed] == [
        *("folder.fits", "folder.txt", "loop.fits", "nowhere.txt")
    ]
    for stamp in listed:
        assert (stamp.size, stamp.mtime_ns) == (0, 0)
        # Sync compares the two, and would otherwise find the cube changed for ever.
        assert stamp_of(tmp_path, stamp.path) == stamp


def test_a_product_listing_has_only_files_that_can_be_read_and_sent(tmp_path: Path) -> None:
    (tmp_path / "vbad").mkdir()
    (tmp_path / "reasons.tsv").write_text("x")
    (tmp_path / "vbad" / "good.fits").symlink_to("../reasons.tsv")
    (tmp_path / "vbad" / "dangling.fits").symlink_to("nowhere")
    (tmp_path / "vbad" / ".half").touch()
    os.mkfifo(tmp_path / "vbad" / "pipe")
    assert [stamp.path for stamp in list_files(tmp_path, "vbad")] == ["vbad/good.fits"]
    assert [stamp.path for stamp in list_files(tmp_path, "")] == ["reasons.tsv"]


def test_a_set_aside_file_of_a_stream_on_another_disk_is_listed(tmp_path: Path) -> None:
    disk, night = tmp_path / "disk", tmp_path / "night"
    disk.mkdir()
    (disk / "a.fits").write_bytes(b"12345")
    (disk / "out.fits").symlink_to("/etc/hostname")
    (night / "vbad" / "vcam2").mkdir(parents=True)
    (night / "vcam2").symlink_to(disk)
    for name in ("a.fits", "out.fits", "gone.fits"):
        (night / "vbad" / "vcam2" / name).symlink_to(f"../../vcam2/{name}")
    (stamp,) = list_files(night, "vbad/vcam2")
    assert (stamp.path, stamp.size) == ("vbad/vcam2/a.fits", 5)


def test_what_is_missing_is_an_empty_listing(tmp_path: Path) -> None:
    (tmp_path / "vcam1").touch()
    assert list_raw_files(tmp_path, ["vcam1", "vcam2"]) == ()
    assert list_files(tmp_path / "no night", "vgen2") == ()
    assert stamp_of(tmp_path, "vcam1/x.fits") is None
    assert stamp_of(tmp_path, "vcam1") == list_files(tmp_path, "")[0]


# --- digests


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 5])
def test_a_digest_is_the_sha256_of_the_whole_file(tmp_path: Path, size: int) -> None:
    path = tmp_path / "x"
    content = os.urandom(size)
    path.write_bytes(content)
    assert hash_file(path, SteadyPace()) == (
        size,
        path.stat().st_mtime_ns,
        hashlib.sha256(content).hexdigest(),
    )


@pytest.mark.parametrize("beginning", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES + 5])
def test_one_reading_gives_the_digest_of_the_beginning_too(tmp_path: Path, beginning: int) -> None:
    path = tmp_path / "x"
    content = os.urandom(2 * CHUNK_BYTES + 5)
    path.write_bytes(content)
    _, _, digests = read_digests(path, SteadyPace(), ["sha256"], beginning)
    assert digests == tuple(hashlib.sha256(c).hexdigest() for c in (content, content[:beginning]))


class _Meddler(SteadyPace):
    """Writes to the file while it is read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def check(self) -> None:
        with self._path.open("r+b") as file:
            file.write(b"changed")


def test_a_file_that_changes_while_it_is_read_has_no_digest(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes(100))
    os.utime(path, ns=(1, 1))
    with pytest.raises(DataError) as caught:
        hash_file(path, _Meddler(path))
    assert caught.value.code == "changed_while_read"


def test_a_stopped_digest_ends_between_two_chunks(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes(10))
    pace = SharedPace(Flag.create(tmp_path / "pause"), Flag.create(tmp_path / "stop"))
    Flag(tmp_path / "stop").raise_()
    with pytest.raises(ClaimLost) as caught:
        hash_file(path, pace)
    assert caught.value.code == "stopped"


@pytest.mark.parametrize(
    ("target", "number"), [("vcam1", errno.ENOENT), ("x" * 300, errno.ENAMETOOLONG)]
)
def test_what_a_camera_streams_link_leads_to_says_why_it_is_not_there(
    tmp_path: Path, target: str, number: int
) -> None:
    (tmp_path / "vcam1").symlink_to(target)
    with pytest.raises(OSError, match=r".") as caught:
        open_unlinked(tmp_path / "vcam1" / "a.fits")
    assert caught.value.errno == number


def test_only_a_link_as_vampd_makes_it_stands_for_a_raw_file(tmp_path: Path) -> None:
    for folder in ("vcam1", "vbad/vcam1"):
        (tmp_path / folder).mkdir(parents=True)
    raw = tmp_path / "vcam1" / "a.fits"
    raw.write_bytes(b"raw")
    link = tmp_path / "vbad" / "vcam1" / "a.fits"
    link.symlink_to("../../vcam1/a.fits")
    assert raw_of_link(tmp_path, "vbad/vcam1/a.fits") == "vcam1/a.fits"
    assert [stamp.size for stamp in list_files(tmp_path, "vbad/vcam1")] == [3]
    link.unlink()
    link.symlink_to(raw)
    assert raw_of_link(tmp_path, "vbad/vcam1/a.fits") is None


def test_a_raw_file_that_is_itself_a_link_is_not_sent_under_vbad(tmp_path: Path) -> None:
    for folder in ("vcam1", "vbad/vcam1"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "vcam1" / "b.fits").write_bytes(b"raw")
    (tmp_path / "vcam1" / "a.fits").symlink_to("b.fits")
    (tmp_path / "vbad" / "vcam1" / "a.fits").symlink_to("../../vcam1/a.fits")
    assert list_files(tmp_path, "vbad/vcam1") == ()


# --- writers


def test_a_writer_is_one_of_a_file_below_these_folders_and_of_no_neighbor(tmp_path: Path) -> None:
    """A reader is none, and neither is who writes to a folder whose name only begins alike."""
    for name in ("vcam1", "vcam1_old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.fits").touch()
    streams = (tmp_path / "vcam1", tmp_path / "vcam2")

    def sees_who_has(name: str, mode: str) -> bool:
        with (tmp_path / name / "a.fits").open(mode) as file:
            holder = subprocess.Popen(["sleep", "60"], stdin=file)
        try:
            return has_writers(streams)
        finally:
            holder.kill()
            holder.wait()

    assert sees_who_has("vcam1", "ab")
    assert not sees_who_has("vcam1", "rb")
    assert not sees_who_has("vcam1_old", "ab")


class FailingScan:
    """A folder that a disk refuses to list, or an entry that it refuses to tell of."""

    def __init__(self, scan, fails_at: str) -> None:
        self._scan, self._fails_at = scan, fails_at

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self._scan.close()

    def __iter__(self):
        if self._fails_at == "folder":
            # As the system's own: a call on a descriptor names a number.
            raise OSError(errno.EIO, "Input/output error", 38)
        yield from map(FailingEntry, self._scan)


class FailingEntry:
    def __init__(self, entry: os.DirEntry[str]) -> None:
        self.name = entry.name

    def is_symlink(self) -> bool:
        return False

    def stat(self, *, follow_symlinks: bool) -> os.stat_result:
        raise OSError(errno.EIO, "Input/output error", self.name)


@pytest.mark.parametrize("fails_at", ["folder", "entry"])
@pytest.mark.parametrize("listing", ["names", "files", "raw"])
def test_what_cannot_be_listed_is_named_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: str, listing: str
) -> None:
    (tmp_path / "vgen2").mkdir()
    (tmp_path / "vgen2" / "a.txt").write_bytes(b"")
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: FailingScan(scandir(folder), fails_at))
    look = {
        "names": lambda: names_in(tmp_path / "vgen2"),
        "files": lambda: list_files(tmp_path, "vgen2"),
        "raw": lambda: list_raw_files(tmp_path, ["vgen2"]),
    }[listing]
    if (listing, fails_at) == ("names", "entry"):
        assert look() == ["a.txt"]
        return
    with pytest.raises(OSError, match="Input/output error") as caught:
        look()
    named = tmp_path / "vgen2" / ("a.txt" if fails_at == "entry" else "")
    assert path_named(caught.value) == named
