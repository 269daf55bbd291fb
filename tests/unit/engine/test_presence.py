"""Which streams were disks of their own is kept beside the products, and believed while empty."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vampd.engine.nights.presence import note_mounted_streams, refuse_unmounted
from vampd.errors import TransientError

NOTE = "vgen2/.mounted_streams"


@pytest.fixture
def mounted(monkeypatch: pytest.MonkeyPatch) -> set[Path]:
    """The folders that are mount points; a test fills and changes it."""
    folders: set[Path] = set()
    monkeypatch.setattr(os.path, "ismount", lambda path: path in folders)
    return folders


@pytest.fixture
def night(tmp_path: Path) -> Path:
    for name in ("vcam1", "vcam2", "vgen2"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_a_mounted_stream_is_noted_and_missed_while_it_is_empty(
    night: Path, mounted: set[Path]
) -> None:
    mounted.add(night / "vcam1")
    note_mounted_streams(night)
    assert (night / NOTE).read_text() == "vcam1\n"
    refuse_unmounted(night)  # an empty disk is a disk
    mounted.clear()
    note_mounted_streams(night)
    assert (night / NOTE).read_text() == "vcam1\n"
    with pytest.raises(TransientError, match="vcam1 was a disk of its own"):
        refuse_unmounted(night)
    (night / "vcam1/x.fits").touch()
    refuse_unmounted(night)
    note_mounted_streams(night)
    assert not (night / NOTE).exists()


def test_of_a_night_without_products_nothing_is_noted(night: Path, mounted: set[Path]) -> None:
    mounted.add(night / "vcam1")
    (night / "vgen2").rmdir()
    note_mounted_streams(night)
    assert sorted(path.name for path in night.iterdir()) == ["vcam1", "vcam2"]


def test_a_note_names_camera_streams_alone(night: Path, mounted: set[Path]) -> None:
    (night / NOTE).write_text("vbad\n../elsewhere\n/\n")
    refuse_unmounted(night)
