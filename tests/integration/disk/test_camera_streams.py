"""A raw file is recognised by whatever path it is called; copies elsewhere are anybody's own."""

import os
from pathlib import Path

import pytest

from vampd.disk.rights import find_archive_night, find_camera_stream, find_stream_around

NAME = "vcam1_10:20:00.509403978.fits"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "fuuu"
    for night in ("20251106", "ARCHIVED_DATA/20251107", "20250101_bak"):
        for stream in ("vcam1", "vcam2", "vgen2"):
            (root / night / stream).mkdir(parents=True)
            (root / night / stream / NAME).write_text("raw")
    return root


@pytest.mark.parametrize("night", ["20251106", "ARCHIVED_DATA/20251107", "20250101_bak"])
def test_files_of_both_streams_of_every_night_are_raw_and_products_are_not(
    root: Path, night: str
) -> None:
    for stream in ("vcam1", "vcam2"):
        folder = root / night / stream
        assert find_camera_stream(folder / NAME, root) == folder
        assert find_camera_stream(folder / "deeper" / "new.fits", root) == folder
    assert find_camera_stream(root / night / "vgen2" / NAME, root) is None
    assert find_camera_stream(root / night / NAME, root) is None


def test_a_relative_path_and_a_way_round_are_seen_through(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root / "20251106" / "vcam1")
    assert find_camera_stream(Path(NAME), root)
    assert find_camera_stream(Path("../vgen2/../vcam2") / NAME, root)
    assert find_camera_stream(Path("../vgen2") / NAME, root) is None


def test_a_link_to_a_raw_file_or_to_its_stream_leads_there(root: Path, tmp_path: Path) -> None:
    raw = root / "20251106" / "vcam1" / NAME
    (tmp_path / "file.fits").symlink_to(raw)
    (tmp_path / "again.fits").symlink_to("file.fits")
    (tmp_path / "folder").symlink_to(raw.parent)
    (root / "20251106" / "vbad").mkdir()
    (root / "20251106" / "vbad" / NAME).symlink_to(f"../vcam1/{NAME}")
    for path in ("file.fits", "again.fits", f"folder/{NAME}", f"fuuu/20251106/vbad/{NAME}"):
        assert find_camera_stream(tmp_path / path, root) == raw.parent


def test_a_stream_that_is_a_link_itself_is_recognised_by_where_it_leads(
    root: Path, tmp_path: Path
) -> None:
    disk = tmp_path / "disk2" / "camera"
    disk.mkdir(parents=True)
    (disk / NAME).write_text("raw")
    stream = root / "20251106" / "vcam1"
    (stream / NAME).unlink()
    stream.rmdir()
    stream.symlink_to(disk)
    assert find_camera_stream(disk / NAME, root) == stream
    assert find_camera_stream(stream / NAME, root) == stream


def test_a_file_that_a_link_in_a_stream_leads_to_is_raw(root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.fits"
    elsewhere.write_text("raw")
    stream = root / "ARCHIVED_DATA" / "20251107" / "vcam2"
    (stream / "broken.fits").symlink_to("nowhere")
    assert find_camera_stream(elsewhere, root) is None
    (stream / "linked.fits").symlink_to(elsewhere)
    assert find_camera_stream(elsewhere, root) == stream


def test_a_root_that_is_a_link_changes_nothing(root: Path, tmp_path: Path) -> None:
    (tmp_path / "mnt").symlink_to(root)
    for path in (root, tmp_path / "mnt"):
        for named in (root, tmp_path / "mnt"):
            assert find_camera_stream(path / "20250101_bak" / "vcam1" / NAME, named)


def test_a_night_that_is_a_link_into_the_root_changes_nothing(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "big" / "night"
    (other / "vcam1").mkdir(parents=True)
    (other / "vcam1" / NAME).write_text("raw")
    (root / "20251109").symlink_to(other)
    assert find_camera_stream(other / "vcam1" / NAME, root) == root / "20251109" / "vcam1"


def test_the_hard_links_that_the_old_tools_keep_are_raw(root: Path) -> None:
    backup = root / "20251106" / "vcam1_hlinkbak"
    backup.mkdir()
    os.link(root / "20251106" / "vcam1" / NAME, backup / NAME)
    assert find_camera_stream(backup / NAME, root) == backup


def test_a_night_of_another_root_is_as_sacred(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "20251106" / "vcam2" / NAME
    assert find_camera_stream(other, root) == other.parent


@pytest.mark.parametrize("place", ["copies", "vcam1", "20259999/vcam1", "20251106/vcam3"])
def test_a_copy_in_a_folder_that_is_no_nights_stream_may_change(
    root: Path, tmp_path: Path, place: str
) -> None:
    assert find_camera_stream(tmp_path / place / NAME, root) is None


def test_a_root_that_is_not_there_protects_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "20251106" / "vcam1" / NAME
    assert find_camera_stream(path, tmp_path / "none") == path.parent
    assert find_camera_stream(tmp_path / NAME, tmp_path / "none") is None


@pytest.mark.parametrize("inside", [".", "vgen2", "not/yet/there"])
def test_an_archive_night_is_recognised_from_within_by_whatever_path(
    root: Path, tmp_path: Path, inside: str
) -> None:
    night = root / "ARCHIVED_DATA" / "20251107"
    (tmp_path / "link").symlink_to(night)
    (tmp_path / "root").symlink_to(root)
    for way in (night, tmp_path / "link", tmp_path / "root" / "ARCHIVED_DATA" / "20251107"):
        assert find_archive_night(way / inside, root)
        assert find_archive_night(way / inside, tmp_path / "another root")
    for other in ("20251106", "20250101_bak", "ARCHIVED_DATA", "ARCHIVED_DATA/notes"):
        assert find_archive_night(root / other / inside, root) is None


def test_an_archive_night_on_another_disk_is_recognised_by_the_link_to_it(
    root: Path, tmp_path: Path
) -> None:
    disk = tmp_path / "disk2" / "night"
    (disk / "vgen2").mkdir(parents=True)
    (root / "ARCHIVED_DATA" / "20251108").symlink_to(disk)
    assert find_archive_night(disk / "vgen2", root) == root / "ARCHIVED_DATA" / "20251108"
    assert find_archive_night(disk.parent, root) is None


def test_a_folder_in_a_stream_is_recognised_by_whatever_path(root: Path, tmp_path: Path) -> None:
    stream = root / "20251106" / "vcam1"
    (tmp_path / "link").symlink_to(stream)
    for folder in (stream, stream / "not" / "yet", tmp_path / "link", tmp_path / "link" / "new"):
        assert find_stream_around(folder, root)
        assert find_stream_around(folder, tmp_path / "another root")
    disk = tmp_path / "disk2"
    disk.mkdir()
    (root / "20251106" / "vcam1_hlinkbak").symlink_to(disk)
    assert find_stream_around(disk / "new", root) == root / "20251106" / "vcam1_hlinkbak"
    for other in (stream.parent, stream.parent / "vgen2", tmp_path):
        assert find_stream_around(other, root) is None
