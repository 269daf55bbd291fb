"""What packing costs others: bytes between two looks at the pace, memory, the page cache."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from tests.support.builders.framelists import framelist_of
from tests.support.builders.raw_cubes import WrittenCube, raw_pixels, write_raw_cube
from tests.support.tools.page_cache import cached_bytes
from vampd.disk.durable import sync_file
from vampd.disk.machine import drop_from_cache, writeback
from vampd.disk.pace import SteadyPace
from vampd.fits.products import pack_cube, packed, unpack_file
from vampd.model.cubes import Framelist, FrameRange
from vampd.model.proofs import Receipt, Verification
from vampd.ports import Pace

MB = 1024 * 1024
# At 5 s for so many bytes a disk would be slower than 2 MB/s.
_MOST_BYTES_UNASKED = 8 * MB
_A_FEW_PAGES = 64 * 1024


def _pack(
    night: Path, framelist: Framelist, verify: Verification = "full", pace: Pace | None = None
) -> Receipt:
    (night / "vgen2").mkdir(exist_ok=True)
    packed_path, sidecar = night / framelist.packed_path, night / framelist.sidecar_path
    return pack_cube(framelist, night, packed_path, sidecar, verify, pace or SteadyPace())


def _noise(night: Path, frames: int) -> WrittenCube:
    """Frames of half a megabyte that do not compress."""
    pixels = np.random.default_rng(1).integers(0, 65536, (frames, 512, 500), np.uint16)
    return write_raw_cube(night, pixels=pixels)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        drop_from_cache(file.fileno())


def _moved() -> dict[str, int]:
    """Bytes that this process asked for, and those that the disk gave and took for it."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return {name: int(count) for name, count in (line.split(": ") for line in lines)}


def test_raw_is_read_once_and_products_are_written_once(tmp_path: Path) -> None:
    cube = write_raw_cube(tmp_path, pixels=raw_pixels(61, 536, 536))
    path = cube.stamp.path
    states = {"A": FrameRange(path, 0, 31, 2), "B": FrameRange(path, 1, 30, 2)}
    lists = [framelist_of([cube], [part], name=state) for state, part in states.items()]
    _pack(tmp_path, framelist_of([cube], name="the compiler reads files of its own"))
    _sync(cube.path)
    before = _moved()
    products = sum(_pack(tmp_path, framelist).file.size for framelist in lists)
    moved = {name: count - before[name] for name, count in _moved().items()}
    assert moved["rchar"] <= 1.05 * (cube.stamp.size + products)
    assert moved["wchar"] <= 1.02 * products
    # Nothing was in the cache, and what frames of A and B share was read for both.
    assert products < moved["read_bytes"] <= 1.05 * (cube.stamp.size + products)


class _Meter(SteadyPace):
    """Counts the bytes that are moved between two looks."""

    def __init__(self) -> None:
        self._last = self._asked()
        self.most = 0
        self.looks = 0

    def _asked(self) -> int:
        moved = _moved()
        return moved["rchar"] + moved["wchar"]

    def check(self) -> None:
        now = self._asked()
        self.most = max(self.most, now - self._last)
        self._last = now
        self.looks += 1


@pytest.mark.parametrize("verify", get_args(Verification))
def test_the_pace_is_looked_at_every_few_megabytes(tmp_path: Path, verify: Verification) -> None:
    framelist = framelist_of([_noise(tmp_path, 60)])
    meter = _Meter()
    _pack(tmp_path, framelist, verify, meter)
    meter.check()
    assert meter.most <= _MOST_BYTES_UNASKED
    assert meter.looks >= 20


def test_only_a_few_megabytes_are_left_for_the_fsync_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = []

    def look(name: str) -> None:
        if name == "packed.streamed":
            (temporary,) = (tmp_path / "vgen2").glob(".vampd-*")
            cached.append((temporary.stat().st_size, cached_bytes(temporary)))

    monkeypatch.setattr(packed, "failpoint", look)
    monkeypatch.setattr(writeback, "WINDOW_BYTES", 8 * MB)
    _pack(tmp_path, framelist_of([_noise(tmp_path, 100)]))
    ((size, in_memory),) = cached
    assert size > 45 * MB
    assert in_memory <= 8 * MB + 2 * 4 * MB + MB


def test_writing_back_changes_nothing_and_waits_for_all_but_the_window(tmp_path: Path) -> None:
    content = np.random.default_rng(2).bytes(41 * MB)
    path = tmp_path / "file"
    with path.open("xb", buffering=0) as file:
        file.write(content[:3])
        follower = writeback.WriteBack(file.fileno(), 3)
        for start in range(3, len(content), 999_999):
            file.write(content[start : start + 999_999])
            follower.follow(file.tell())
        assert cached_bytes(path) <= writeback.WINDOW_BYTES + 2 * 4 * MB + MB
        sync_file(file)
    assert path.read_bytes() == content


def test_a_disk_that_refuses_is_reported(tmp_path: Path) -> None:
    with (tmp_path / "file").open("xb") as file:
        closed_fd = file.fileno()
    with pytest.raises(OSError, match="Bad file descriptor"):
        writeback.WriteBack(closed_fd, 0).follow(100 * MB)


@pytest.mark.parametrize("verify", get_args(Verification))
def test_neither_raw_cubes_nor_products_stay_in_the_page_cache(
    tmp_path: Path, verify: Verification
) -> None:
    cube = write_raw_cube(tmp_path, pixels=raw_pixels(41, 256, 300))
    path = cube.stamp.path
    states = {"A": FrameRange(path, 0, 21, 2), "B": FrameRange(path, 1, 20, 2)}
    _sync(cube.path)
    assert cached_bytes(cube.path) == 0, "these tests need a disk: point TMPDIR at one"
    for state, part in states.items():
        framelist = framelist_of([cube], [part], name=state)
        _pack(tmp_path, framelist, verify)
        # The kernel itself may hold a page for a moment.
        assert cached_bytes(cube.path) <= _A_FEW_PAGES
        assert cached_bytes(tmp_path / framelist.packed_path) <= _A_FEW_PAGES


def test_neither_what_is_unpacked_nor_what_becomes_of_it_stays_in_the_page_cache(
    tmp_path: Path,
) -> None:
    cube = write_raw_cube(tmp_path, pixels=raw_pixels(41, 256, 300))
    framelist = framelist_of([cube], [FrameRange(cube.stamp.path, 0, 41, 1)])
    _pack(tmp_path, framelist)
    product, plain = tmp_path / framelist.packed_path, tmp_path / "plain.fits"
    _sync(product)
    unpack_file(product, plain, SteadyPace())
    assert cached_bytes(product) <= _A_FEW_PAGES
    # Groups of pages that reach from one part that is read back into the next are kept.
    assert cached_bytes(plain) < plain.stat().st_size // 2
