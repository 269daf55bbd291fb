"""The ledger's file: lines, mends and the file itself are on the disk before their use."""

import fcntl
import os
from pathlib import Path

import pytest

from tests.support.tools.fsyncs import Fsyncs, record_fsyncs
from vampd.ledger.file import open_ledger_file
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
