"""Packers that are measured against each other: ours, and what the public tools offer."""

from __future__ import annotations

import functools
import importlib
import multiprocessing
import resource
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Literal

from vampd.adapters.process import run_process
from vampd.disk.listing import stamp_of
from vampd.disk.pace import SteadyPace
from vampd.fits.header import read_cards
from vampd.fits.packed import pack_cube
from vampd.model.cube import FileStamp
from vampd.model.framelist import Framelist, FrameRange, ProductOrder

Verification = Literal["full", "none"]

_PATIENCE_S = 600.0
_CHUNK_BYTES = 1 << 22
_ASTROPY = """
import statistics, sys, time
from astropy.io import fits

def cost_s(read):
    begin = time.process_time()
    read()
    return time.process_time() - begin

def read_whole():
    with fits.open(sys.argv[1]) as hdus:
        hdus[1].data

with fits.open(sys.argv[1]) as hdus:
    frames = hdus[1].shape[0]
    steps = range(0, frames, max(1, frames // 25))
    frame_s = statistics.median(cost_s(lambda: hdus[1].section[frame]) for frame in steps)
print(min(cost_s(read_whole) for _ in range(2)), frame_s)
"""


@dataclass(frozen=True)
class Cost:
    """What the packing of one or several cubes at once cost.

    ``cpu_s`` and the bytes are sums, ``peak_bytes`` is the largest process's; bytes read and
    written are those that were asked of the system; 0 where nobody counted.
    """

    wall_s: float
    cpu_s: float
    raw_bytes: int
    product_bytes: int
    read_bytes: int = 0
    written_bytes: int = 0
    peak_bytes: int = 0

    @property
    def speed(self) -> float:
        """Raw MB that one core packs in a second."""
        return self.raw_bytes / 1e6 / self.cpu_s


@dataclass(frozen=True)
class _Usage:
    """What a process has used so far."""

    cpu_s: float
    read_bytes: int
    written_bytes: int
    peak_bytes: int

    @classmethod
    def now(cls) -> _Usage:
        lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
        counts = {name: int(count) for name, count in (line.split(": ") for line in lines)}
        # Not ru_maxrss, which a process has from the one that started it.
        status = Path("/proc/self/status").read_text(encoding="ascii")
        peak_bytes = int(status.partition("VmHWM:")[2].split()[0]) * 1024
        return cls(time.process_time(), counts["rchar"], counts["wchar"], peak_bytes)


def pack(night: Path, cubes: Sequence[Path], verify: Verification, parts: int = 1) -> Cost:
    """Pack each cube in a worker process of its own, all at once.

    ``parts`` 2 makes two products of every cube, of its even and of its odd frames.
    """
    for cube in cubes:
        fill_cache(cube)
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(len(cubes) + 1)
    with context.Pool(len(cubes), initializer=_get_ready, initargs=(ready,)) as workers:
        ready.wait(_PATIENCE_S)
        begin_s = time.monotonic()
        work = functools.partial(_pack_one, night, verify, parts)
        usages = workers.map(work, cubes, chunksize=1)
        wall_s = time.monotonic() - begin_s
    products = list((night / "vgen2").iterdir())
    cost = Cost(
        wall_s=wall_s,
        cpu_s=sum(usage.cpu_s for usage in usages),
        raw_bytes=sum(cube.stat().st_size for cube in cubes),
        product_bytes=sum(path.stat().st_size for path in products if path.suffix == ".fz"),
        read_bytes=sum(usage.read_bytes for usage in usages),
        written_bytes=sum(usage.written_bytes for usage in usages),
        peak_bytes=max(usage.peak_bytes for usage in usages),
    )
    for path in products:
        path.unlink()
    return cost


def fpack(cubes: Sequence[Path]) -> Cost:
    """Run ``fpack -r`` on every cube, all at once."""
    for cube in cubes:
        fill_cache(cube)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin_s = time.monotonic()
    with ThreadPoolExecutor(len(cubes)) as threads:
        products = list(threads.map(fpack_one, cubes))
    wall_s = time.monotonic() - begin_s
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cost = Cost(
        wall_s=wall_s,
        cpu_s=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        raw_bytes=sum(cube.stat().st_size for cube in cubes),
        product_bytes=sum(product.stat().st_size for product in products),
    )
    for product in products:
        product.unlink()
    return cost


def fpack_one(cube: Path) -> Path:
    """``fpack -r`` of one cube; its product, beside the cube."""
    _run(["fpack", "-r", str(cube)])
    return cube.with_name(f"{cube.name}.fz")


def product_of(night: Path, cube: Path, part: int = 0, parts: int = 1) -> Framelist:
    """The framelist of a cube's frames ``part``, ``part + parts``, ..."""
    path = cube.relative_to(night).as_posix()
    stamp = stamp_of(night, path)
    assert isinstance(stamp, FileStamp)
    cards, _ = read_cards(cube)
    frames = len(range(part, cards.integer("NAXIS3") or 0, parts))
    return Framelist(
        name=f"{cube.stem}.{part}",
        order=ProductOrder(0, 1, ""),
        sources=(stamp,),
        ranges=(FrameRange(path, part, frames, parts),),
        notes=(),
        cards=cards.with_value("NAXIS3", frames),
        rows="",
    )


def pack_one(night: Path, framelist: Framelist, verify: Verification) -> Path:
    """Pack a framelist; its product."""
    packed = night / framelist.packed_path
    pack_cube(framelist, night, packed, night / framelist.sidecar_path, verify, SteadyPace())
    return packed


def read_with_astropy(packed: Path) -> tuple[float, float]:
    """CPU seconds that astropy needs for the whole cube, and for one frame of an open file."""
    fill_cache(packed)
    whole_s, frame_s = _run([sys.executable, "-c", _ASTROPY, str(packed)]).split()
    return float(whole_s), float(frame_s)


def fill_cache(path: Path) -> None:
    """Read a file, so that its pages are in memory."""
    buffer = bytearray(_CHUNK_BYTES)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def _get_ready(ready: Barrier) -> None:
    importlib.import_module("vampd.fits.preload")
    ready.wait(_PATIENCE_S)


def _pack_one(night: Path, verify: Verification, parts: int, cube: Path) -> _Usage:
    before = _Usage.now()
    for part in range(parts):
        pack_one(night, product_of(night, cube, part, parts), verify)
    after = _Usage.now()
    return _Usage(
        after.cpu_s - before.cpu_s,
        after.read_bytes - before.read_bytes,
        after.written_bytes - before.written_bytes,
        after.peak_bytes,
    )


def _run(argv: Sequence[str]) -> str:
    ended = run_process(argv, pace=SteadyPace(), silent_after_s=_PATIENCE_S)
    if ended.status:
        sys.exit(f"{argv[0]} failed: {ended.last_words}")
    return ended.stdout.decode()
