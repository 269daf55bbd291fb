"""A sector that stays bad, wherever it is met: `release` goes on without its cube, and no other."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.site import Site, make_site
from tests.support.examples import others_in_soak
from tests.support.worlds.proof.beginning import TABLES
from tests.support.worlds.proof.in_process import InProcess
from vampd.disk.refusal import naming_raw
from vampd.engine.nights.raw_cube_cache import RawCubeCache
from vampd.errors import TransientError
from vampd.model.cubes import RawCube
from vampd.model.nights import Kind, NightId, NightRecord, StageName, Status

DATE = "20251106"


@contextmanager
def bad_sector(path: Path, from_byte: int = 0) -> Iterator[None]:
    """No byte of a file can be read from there on, however it is read."""
    real_preadv = os.preadv

    def is_bad(file_fd: int, end: int) -> bool:
        return os.readlink(f"/proc/self/fd/{file_fd}") == str(path) and end > from_byte

    def refuse() -> OSError:
        return OSError(errno.EIO, os.strerror(errno.EIO))

    def preadv(file_fd: int, buffers: Any, offset: int, *rest: int) -> int:
        if is_bad(file_fd, offset + sum(len(buffer) for buffer in buffers)):
            raise refuse()
        return real_preadv(file_fd, buffers, offset, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "preadv", preadv)
        yield


def make_night(base: Path, kind: Kind = Kind.ARCHIVE) -> tuple[InProcess, NightId]:
    site = make_site(base / "site", **TABLES)
    night, _ = make_smallest(site.root, kind=kind)
    return InProcess(site), night


def record(vampd: InProcess, night: NightId) -> NightRecord:
    return vampd.records()[night]


def audit(vampd: InProcess) -> dict[str, object]:
    shown: dict[str, object] = json.loads(vampd.command("audit", DATE, "--json").text)
    return shown


def rejected(vampd: InProcess) -> dict[str, tuple[str, int]]:
    listed = audit(vampd)["rejected"]
    return {bad["path"]: (bad["code"], bad["frames"]) for bad in listed}  # type: ignore[attr-defined]


def first_cube(site: Site, night: NightId, camera: int) -> Path:
    return min((site.folder(night) / f"vcam{camera}").glob("*.fits"))


def release(vampd: InProcess) -> None:
    shown = vampd.command("release", DATE)
    assert shown.status == 0, shown.text


def advance_past_gates(vampd: InProcess, night: NightId) -> NightRecord:
    """To the end; a set-aside part this large is reviewed before it takes IDs."""
    vampd.advance()
    if record(vampd, night).code == "sync_unexpected":
        release(vampd)
        vampd.advance()
    return record(vampd, night)


def raw_frames(vampd: InProcess) -> object:
    return audit(vampd)["raw_frames"]


@pytest.mark.early
@pytest.mark.parametrize("kind", others_in_soak([Kind.ARCHIVE, Kind.ENGINEERING]))
def test_a_bad_sector_that_only_packing_meets_costs_its_cube_at_a_release(
    tmp_path: Path, kind: Kind
) -> None:
    vampd, night = make_night(tmp_path, kind)
    path = first_cube(vampd.site, night, 1)
    named = path.relative_to(vampd.site.folder(night)).as_posix()
    with bad_sector(path, from_byte=path.stat().st_size // 2):
        vampd.advance()
        waits = record(vampd, night)
        assert (waits.state.stage, waits.state.status) == (StageName.FPACK, Status.WAITING)
        assert (waits.code, waits.refused) == ("io_error", (named,))
        frames = raw_frames(vampd)
        release(vampd)
        assert record(vampd, night).state.stage is StageName.SYNC
        done = advance_past_gates(vampd, night)
        assert done.state.status is Status.DONE, done
        shown = audit(vampd)
        assert shown["balanced"], shown["findings"]
        assert shown["raw_frames"] == frames == done.frames
        assert rejected(vampd)[named] == ("unreadable", 16)
        listing = (vampd.site.folder(night) / "vbad" / "reasons.tsv").read_text()
        assert f"{named}\t16\tunreadable\t" in listing
        products = vampd.site.folder(night) / "vgen2"
        assert not list(products.glob("*.framelist"))
        assert len(list(products.glob("*.fits.fz"))) == len(
            [each for each in products.glob("*.txt") if each.name != "name_changes.txt"]
        )
        if kind is Kind.ARCHIVE:
            told_ids = vampd.command("frameids")
            assert told_ids.status == 0, told_ids.text
        # Looked at again while it is still bad: nothing changes.
        assert vampd.command("retry", DATE, "--from", "sync").status == 0
        assert advance_past_gates(vampd, night).state.status is Status.DONE
        assert rejected(vampd)[named] == ("unreadable", 16)
    # Read whole one day, it is late data.
    vampd.advance()
    if record(vampd, night).code == "late_partners":
        release(vampd)
    done = advance_past_gates(vampd, night)
    assert done.state.status is Status.DONE, done
    assert named not in rejected(vampd)
    shown = audit(vampd)
    assert shown["balanced"], shown["findings"]
    assert shown["raw_frames"] == frames == done.frames


def test_frames_that_are_in_products_stay_there_and_the_rest_of_the_cube_is_set_aside(
    tmp_path: Path,
) -> None:
    vampd, night = make_night(tmp_path, Kind.ENGINEERING)
    path = first_cube(vampd.site, night, 1)
    named = path.relative_to(vampd.site.folder(night)).as_posix()
    # The FLC's states take turns: the last frame is of one of them alone.
    with bad_sector(path, from_byte=path.stat().st_size - 2880):
        vampd.advance()
        assert record(vampd, night).refused == (named,)
        release(vampd)
        vampd.advance()
        assert record(vampd, night).state.status is Status.DONE
        code, aside = rejected(vampd)[named]
        assert code == "unreadable"
        assert 0 < aside < 16
        shown = audit(vampd)
        assert shown["balanced"], shown["findings"]
    # Its frames in products keep it from being late data: none of them may come twice.
    assert vampd.command("retry", DATE, "--from", "sync").status == 0
    vampd.advance()
    assert rejected(vampd)[named] == ("unreadable", aside)
    assert audit(vampd)["balanced"]


@pytest.mark.soak
def test_a_set_aside_cube_that_only_transfer_cannot_read_stays_here_at_a_release(
    tmp_path: Path,
) -> None:
    vampd, night = make_night(tmp_path, Kind.ENGINEERING)
    timing = min((vampd.site.folder(night) / "vcam1").glob("*.txt"))
    timing.write_bytes(timing.read_bytes() + b"x")
    path = timing.with_suffix(".fits")
    named = path.relative_to(vampd.site.folder(night)).as_posix()
    with bad_sector(path, from_byte=path.stat().st_size // 2):
        vampd.advance()
        waits = record(vampd, night)
        assert (waits.state.stage, waits.refused) == (StageName.TRANSFER, (named,))
        release(vampd)
        vampd.advance()
        assert record(vampd, night).state.status is Status.DONE
        assert rejected(vampd)[named][0] == "unreadable"
        assert audit(vampd)["balanced"]
        assert not os.path.lexists(vampd.site.folder(night) / "vbad" / named)
    # Read whole one day, it is what it was: bad, but sent.
    vampd.advance()
    assert record(vampd, night).state.status is Status.DONE
    assert rejected(vampd)[named][0] != "unreadable"
    assert (vampd.site.copy(night) / "vbad" / named).is_file()


def test_times_that_only_a_framelist_wants_are_missed_by_both_cameras(tmp_path: Path) -> None:
    vampd, night = make_night(tmp_path, Kind.ENGINEERING)
    path = first_cube(vampd.site, night, 1)
    named = path.relative_to(vampd.site.folder(night)).as_posix()

    with pytest.MonkeyPatch.context() as patch:
        real = RawCubeCache._read

        def read(cache: RawCubeCache, wanted: str) -> RawCube:
            if wanted == named:
                raise naming_raw(TransientError("io_error", f"cannot read {wanted}"), wanted)
            return real(cache, wanted)

        patch.setattr(RawCubeCache, "_read", read)
        vampd.advance()
        waits = record(vampd, night)
        assert (waits.state.stage, waits.refused) == (StageName.SYNC, (named,))
        release(vampd)
        vampd.advance()
        assert record(vampd, night).state.status is Status.DONE
    assert rejected(vampd)[named] == ("unreadable", 16)
    shown = audit(vampd)
    assert shown["balanced"], shown["findings"]
