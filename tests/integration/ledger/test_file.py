"""The ledger's file: lines, mends and the file itself are on the disk before their use."""

import fcntl
import os
from pathlib import Path

import pytest

from tests.support.tools.fsyncs import Fsyncs, record_fsyncs
from vampd.errors import FrameIdConflict
from vampd.ledger.file import open_ledger_file, read_ledger_file
from vampd.ledger.records import Applied, format_line
from vampd.model.frame_ids import FrameId
from vampd.model.nights import Kind, NightId

RECORD = Applied(FrameId(7), NightId("20251106", Kind.ARCHIVE))
LINE = format_line(RECORD).decode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "frameids.ledger"


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> Fsyncs:
    """What was brought to the disk."""
    return record_fsyncs(monkeypatch)


def test_a_new_ledger_stands_in_its_folder_for_good_before_its_first_line(
    path: Path, synced: Fsyncs
) -> None:
    with open_ledger_file(path):
        assert synced == [(path.parent, [path.name])]


def test_lines_are_on_the_disk_when_they_are_appended(path: Path, synced: Fsyncs) -> None:
    path.touch()
    with open_ledger_file(path) as file:
        file.append([RECORD, RECORD])
        assert synced == [(path, [LINE + LINE])]


@pytest.mark.parametrize(
    ("tail", "kept"), [("half a li", ""), (LINE.removesuffix("\n"), LINE)], ids=["half", "whole"]
)
def test_a_mended_tail_is_on_the_disk(path: Path, synced: Fsyncs, tail: str, kept: str) -> None:
    path.write_text(LINE + tail)
    with open_ledger_file(path) as file:
        file.mend_tail()
    assert path.read_text() == LINE + kept
    assert synced == [(path, [LINE + kept])]


def test_what_is_longer_than_any_line_is_no_tail_and_stays(path: Path, synced: Fsyncs) -> None:
    path.write_text(LINE)
    os.truncate(path, 1 << 40)
    with open_ledger_file(path) as file:
        file.mend_tail()
        with pytest.raises(FrameIdConflict) as caught:
            list(file.records())
    assert (caught.value.code, len(caught.value.message) < 2000) == ("ledger_damaged", True)
    assert (path.stat().st_size, synced) == (1 << 40, [])


def test_a_line_that_is_being_written_is_no_line_yet(path: Path) -> None:
    assert list(read_ledger_file(path)) == []
    path.write_text(LINE + LINE[:-1])
    assert list(read_ledger_file(path)) == [(1, RECORD)]
    path.write_text(LINE + "x" * (1 << 21))
    with pytest.raises(FrameIdConflict, match="line 2"):
        list(read_ledger_file(path))


def test_a_ledger_that_another_file_replaces_before_it_is_locked_is_not_written_to(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.touch()
    written_anew = tmp_path / "new"
    written_anew.write_text(LINE)
    really_lock = fcntl.flock

    def lock(file_fd: int, operation: int) -> None:
        if written_anew.exists():
            os.replace(written_anew, path)
        really_lock(file_fd, operation)

    monkeypatch.setattr(fcntl, "flock", lock)
    with open_ledger_file(path) as file:
        file.append([RECORD])
    assert path.read_text() == LINE + LINE
