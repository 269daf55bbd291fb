"""What is no file, where a night has one: named, and held or left out, never retried for ever."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.site import make_site
from tests.support.examples import others_in_soak
from tests.support.worlds.proof.beginning import TABLES
from tests.support.worlds.proof.in_process import InProcess
from vampd.model.nights import Kind, NightId, NightRecord, Status

DATE = "20251106"


def make_night(base: Path, spoil: Callable[[Path], Path]) -> tuple[InProcess, NightId, Path]:
    site = make_site(base / "site", **TABLES)
    night, _ = make_smallest(site.root, kind=Kind.ENGINEERING)
    return InProcess(site), night, spoil(site.folder(night))


def run(vampd: InProcess, night: NightId) -> NightRecord:
    vampd.advance()
    return vampd.records()[night]


def pipe_for_receipts(folder: Path) -> Path:
    path = folder / "vgen2" / "receipts.tsv"
    path.parent.mkdir()
    os.mkfifo(path)
    return path


def folder_for_sums(folder: Path) -> Path:
    (folder / "SHA256SUMS").mkdir()
    return folder / "SHA256SUMS"


def folder_for_table(folder: Path) -> Path:
    path = folder / f"header_table_{DATE}.csv"
    path.mkdir()
    return path


@pytest.mark.parametrize(
    "spoil", others_in_soak([pipe_for_receipts, folder_for_sums, folder_for_table])
)
def test_what_lies_where_vampd_has_a_file_holds_the_night_and_is_named(
    tmp_path: Path, spoil: Callable[[Path], Path]
) -> None:
    vampd, night, path = make_night(tmp_path, spoil)
    record = run(vampd, night)
    assert (record.state.status, record.code) == (Status.HELD, "not_a_file"), record
    assert str(path) in (record.error or "")
    path.rename(tmp_path / path.name)
    (command,) = re.findall(r"`vampctl (.+?)`", record.error or "")
    assert vampd.command(*command.split()).status == 0
    assert run(vampd, night).state.status is Status.DONE


def test_a_pipe_beside_a_bad_cube_is_not_sent_and_keeps_nothing(tmp_path: Path) -> None:
    def spoil(folder: Path) -> Path:
        cube = min((folder / "vcam1").glob("*.fits"))
        cube.write_bytes(b"no FITS" * 1000)
        timing = cube.with_suffix(".txt")
        timing.unlink()
        os.mkfifo(timing)
        return timing

    vampd, night, timing = make_night(tmp_path, spoil)
    assert run(vampd, night).state.status is Status.DONE
    aside = vampd.site.copy(night) / "vbad" / "vcam1"
    assert [path.name for path in aside.iterdir()] == [timing.with_suffix(".fits").name]
