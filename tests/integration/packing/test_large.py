"""A cube of 5 GB: a worker needs no more memory for it, and pauses and stops inside it at once."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest

from tests.support.builders.framelists import NAME
from tests.support.builders.raw_cubes import BLOCK, raw_cards, stamp
from vampd.disk.pace import Flag, SharedPace
from vampd.disk.shared import SharedMeter
from vampd.errors import ClaimLost
from vampd.fits.headers import format_header
from vampd.fits.worker import pack_framelist
from vampd.model.crew import PackOrder
from vampd.model.cubes import Framelist, FrameRange, ProductOrder, format_framelist
from vampd.model.proofs import Verification
from vampd.model.resources import WORKER_BYTES

pytestmark = pytest.mark.soak  # minutes, and gigabytes on the disk

_SHAPE = (1017, 1104, 2228)
_ACT_WITHIN_S = 5.0
_STOPPED = 33


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A raw cube of 5 GB, most of it holes, and its framelist; every third frame is noise."""
    folder = tmp_path_factory.mktemp("large") / "20251106"
    path = folder / "vcam1" / "vcam1_10:20:00.509073000.fits"
    path.parent.mkdir(parents=True)
    (folder / "vgen2").mkdir()
    cards = raw_cards(_SHAPE)
    header = format_header(cards)
    frames, rows, columns = _SHAPE
    frame_bytes = 2 * rows * columns
    noise = np.random.default_rng(1).normal(-30_000, 300, (rows, columns)).astype(">i2").tobytes()
    with path.open("wb") as file:
        file.write(header)
        for frame in range(0, frames, 3):
            file.seek(len(header) + frame * frame_bytes)
            file.write(noise)
        file.truncate(len(header) + -(-frames * frame_bytes // BLOCK) * BLOCK)
        os.fsync(file.fileno())
    source = stamp(folder, path)
    ranges = (FrameRange(source.path, 0, frames),)
    framelist = Framelist(NAME, ProductOrder(1, 1, "A"), (source,), ranges, (), cards, "")
    (folder / framelist.path).write_text(format_framelist(framelist), newline="")
    return folder


def _pack(night: Path, verify: Verification, pace: SharedPace, meter: SharedMeter) -> None:
    try:
        pack_framelist(PackOrder(night, f"vgen2/{NAME}.framelist", verify), pace, meter)
    except ClaimLost:
        os._exit(_STOPPED)


class _Packing:
    """A worker at work, as its daemon and the kernel see it."""

    def __init__(self, folder: Path, night: Path, verify: Verification) -> None:
        self.pause, self.stop = Flag.create(folder / "pause"), Flag.create(folder / "stop")
        self.meter = SharedMeter.create(folder / "meter")
        pace = SharedPace(self.pause, self.stop)
        context = multiprocessing.get_context("spawn")
        self.worker: BaseProcess = context.Process(
            target=_pack, args=(night, verify, pace, self.meter)
        )
        self.worker.start()
        self.most_pss_bytes = 0

    def moved(self) -> int:
        """Bytes read and written so far."""
        lines = Path(f"/proc/{self.worker.pid}/io").read_text().splitlines()
        counts = dict(line.split(": ") for line in lines)
        return int(counts["rchar"]) + int(counts["wchar"])

    def look(self) -> None:
        rollup = Path(f"/proc/{self.worker.pid}/smaps_rollup").read_text()
        pss_bytes = int(rollup.partition("\nPss:")[2].split()[0]) * 1024
        self.most_pss_bytes = max(self.most_pss_bytes, pss_bytes)

    def wait_until_packed(self, frames: int) -> None:
        while self.meter.counts[0] < frames:
            assert self.worker.exitcode is None
            self.look()
            time.sleep(0.02)

    def stand_still_s(self) -> float:
        """Pause; how long it took until nothing moved any more."""
        self.pause.raise_()
        began = time.monotonic()
        moved, since = self.moved(), began
        while time.monotonic() - since < 1.0:
            time.sleep(0.02)
            if (now := self.moved()) != moved:
                moved, since = now, time.monotonic()
        self.pause.lower()
        return since - began


@contextmanager
def _packing(folder: Path, night: Path, verify: Verification) -> Iterator[_Packing]:
    packing = _Packing(folder, night, verify)
    try:
        yield packing
    finally:
        packing.worker.kill()
        packing.worker.join()
        for path in (night / "vgen2").glob("*.f*z"):
            path.unlink()


def test_a_worker_pauses_within_seconds_wherever_it_is_and_never_needs_more_memory(
    tmp_path: Path, night: Path
) -> None:
    with _packing(tmp_path, night, "full") as packing:
        waits_s = []
        for frame in (1, 340, 700, 1010):
            packing.wait_until_packed(frame)
            waits_s.append(packing.stand_still_s())
        packing.wait_until_packed(_SHAPE[0])
        for _ in range(3):
            waits_s.append(packing.stand_still_s())
            time.sleep(0.3)
        while packing.worker.exitcode is None:
            packing.worker.join(0.5)
        assert packing.worker.exitcode == 0
        assert (night / "vgen2" / f"{NAME}.fits.fz").stat().st_size > 1e9
        print("stood still after", [round(wait, 2) for wait in waits_s], packing.most_pss_bytes)
        assert max(waits_s) < _ACT_WITHIN_S
        assert packing.most_pss_bytes < WORKER_BYTES


@pytest.mark.parametrize(
    ("verify", "frame"),
    [("full", 500), ("full", _SHAPE[0]), ("none", _SHAPE[0])],
    ids=["written", "proven", "hashed"],
)
def test_a_worker_stops_within_seconds_and_leaves_nothing(
    tmp_path: Path, night: Path, verify: Verification, frame: int
) -> None:
    with _packing(tmp_path, night, verify) as packing:
        packing.wait_until_packed(frame)
        packing.stop.raise_()
        began = time.monotonic()
        packing.worker.join(20)
        print("ended after", round(time.monotonic() - began, 2))
        assert packing.worker.exitcode == _STOPPED
        assert time.monotonic() - began < _ACT_WITHIN_S
    left = sorted(path.name for path in (night / "vgen2").iterdir())
    assert left == [f"{NAME}.framelist", f"{NAME}.txt"]
