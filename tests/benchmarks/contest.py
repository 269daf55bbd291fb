"""Packers that are measured against each other: ours, and what the public tools offer."""

from __future__ import annotations

import functools
import importlib
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing.synchronize import Barrier
from pathlib import Path

from tests.benchmarks.process_tree import Usage, usage_of
from tests.support.builders.framelists import times_of
from vampd.adapters.programs import run_process
from vampd.disk.pace import SteadyPace
from vampd.disk.reading import stamp_of
from vampd.fits.headers import read_cards
from vampd.fits.products import pack_cube
from vampd.model.cubes import Framelist, FrameRange, ProductOrder
from vampd.model.nights import FileStamp
from vampd.model.proofs import Verification

_PATIENCE_S = 600.0
_CHUNK_BYTES = 1 << 22


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

    @property
    def shown(self) -> str:
        """The speed, for people."""
        return f"{self.speed:,.0f} MB/s"


def pack(night: Path, cubes: Sequence[Path], verify: Verification, parts: int = 1) -> Cost:
    """Pack each cube in a worker process of its own, all at once.

    ``parts`` 2 makes two products of every cube, of its even and of its odd frames.
    """
    get_ready(cubes)
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(len(cubes) + 1)
    with context.Pool(len(cubes), initializer=_import_packer, initargs=(ready,)) as workers:
        ready.wait(_PATIENCE_S)
        begin_s = time.monotonic()
        work = functools.partial(_pack_one, night, verify, parts)
        done = workers.map(work, cubes, chunksize=1)
        wall_s = time.monotonic() - begin_s
    products = list((night / "vgen2").iterdir())
    cost = Cost(
        wall_s=wall_s,
        cpu_s=sum(usage.cpu_s for usage, _ in done),
        raw_bytes=sum(cube.stat().st_size for cube in cubes),
        product_bytes=sum(path.stat().st_size for path in products if path.suffix == ".fz"),
        read_bytes=sum(usage.read_bytes for usage, _ in done),
        written_bytes=sum(usage.written_bytes for usage, _ in done),
        peak_bytes=max(peak_bytes for _, peak_bytes in done),
    )
    for path in products:
        path.unlink()
    return cost


def fpack(cubes: Sequence[Path]) -> Cost:
    """Run ``fpack -r`` on every cube, all at once."""
    get_ready(cubes)
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
    return fpack_tiled(cube, ())


def fpack_tiled(cube: Path, tile: Sequence[int]) -> Path:
    """``fpack -r`` with tiles of this shape (NAXIS1, NAXIS2, ...; rows if it has none)."""
    shape = ["-t", ",".join(map(str, tile))] if tile else []
    run_tool(["fpack", "-r", *shape, str(cube)])
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
        times=times_of(frames),
    )


def pack_one(night: Path, framelist: Framelist, verify: Verification) -> Path:
    """Pack a framelist; its product."""
    packed = night / framelist.packed_path
    pack_cube(framelist, night, packed, night / framelist.sidecar_path, verify, SteadyPace())
    return packed


def get_ready(files: Sequence[Path]) -> None:
    """Have these files in the page cache, and nothing left to be written from before."""
    os.sync()
    for path in files:
        fill_cache(path)


def fill_cache(path: Path) -> None:
    """Read a file, so that its pages are in memory."""
    buffer = bytearray(_CHUNK_BYTES)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def _import_packer(ready: Barrier) -> None:
    importlib.import_module("vampd.fits.preload")
    ready.wait(_PATIENCE_S)


def _pack_one(night: Path, verify: Verification, parts: int, cube: Path) -> tuple[Usage, int]:
    """What packing one cube has used, and the worker's peak memory."""
    before, began_s = usage_of(os.getpid()), time.process_time()
    for part in range(parts):
        pack_one(night, product_of(night, cube, part, parts), verify)
    used = usage_of(os.getpid()) - before
    # Not ru_maxrss, which a process has from the one that started it.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak_bytes = int(status.partition("VmHWM:")[2].split()[0]) * 1024
    # The system counts a process's CPU time in steps of 10 ms, its own clock does not.
    return replace(used, cpu_s=time.process_time() - began_s), peak_bytes


def run_tool(argv: Sequence[str]) -> str:
    """Run a program to its end and return what it printed; SystemExit if it fails."""
    ended = run_process(argv, pace=SteadyPace(), silent_after_s=_PATIENCE_S)
    if ended.status:
        sys.exit(f"{argv[0]} failed: {ended.last_words}")
    return ended.stdout.decode()
