"""More hosts: what carrying an order costs, and packing by another process of this machine.

Sleeping costs no core, so two cores can show how many orders a daemon gives out. Cubes are packed
by the same number of processes, once by vampd's own and once by those of a `vampd-worker` here.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from tests.benchmarks.contest import get_ready, product_of
from tests.benchmarks.measures import Measure, at_least, at_most
from tests.benchmarks.options import Options, folder_in_memory, workplace
from tests.benchmarks.subjects import STANDARD_CUBE, raw_cubes
from tests.support.crew.hosts import CrewSite, wait_for_places
from vampd.disk.machine import count_cores
from vampd.disk.pace import Flag, SharedPace
from vampd.disk.shared import SharedMeter
from vampd.engine.packing import LocalCrew
from vampd.engine.workers import WorkerPool
from vampd.model.crew import PackOrder
from vampd.model.cubes import format_framelist
from vampd.ports import Crew

_ORDERS, _SLOTS, _SLEEP_S = 5_000, 64, 0.5
_CUBE_BYTES, _CUBES = 500e6, 4
_DEADLINE_S = 3_600


def measure(options: Options) -> Iterator[Measure]:
    """Orders that sleep; then cubes."""
    with workplace(options.folder) as folder:
        yield from _carry(folder, options)
    yield _pack(options)


def _carry(folder: Path, options: Options) -> Iterator[Measure]:
    count, slots = options.count(_ORDERS), min(_SLOTS, options.count(_ORDERS))
    site = CrewSite(folder, places=slots)
    night = site.root / "20251106"
    (night / "vgen2").mkdir(parents=True)
    orders = [PackOrder(night, f"vgen2/{number}.framelist", "full") for number in range(count)]
    for order in orders:
        (night / order.framelist).write_bytes(bytes(10_000))
    (folder / "scratch").mkdir()
    workers = WorkerPool(1, _DEADLINE_S)
    try:
        site.start_scheduler()
        words = [site.address, str(site.root), str(folder / "scratch"), str(slots), str(_SLEEP_S)]
        site.start(
            "sleeper",
            [sys.executable, "-m", "tests.benchmarks.sections.crew.sleeping_host", *words],
            {},
        )
        with site.crew(LocalCrew(workers)) as crew:
            wait_for_places(crew, slots)
            begin_s = time.process_time()
            wall_s = _pack_all(crew, orders, site.pause, folder)
            cpu_s = time.process_time() - begin_s
    finally:
        site.close()
        workers.close()
    ideal_s = _SLEEP_S * -(-count // slots)
    yield Measure(
        f"{count} orders of {_SLEEP_S:g} s on {slots} places: of ideal",
        100 * ideal_s / wall_s,
        "%",
        at_least(95.0),
        ours=f"{wall_s:.2f} s",
        peer=f"ideal {ideal_s:.2f} s",
    )
    yield Measure("CPU of an order in the daemon", 1e3 * cpu_s / count, "ms", at_most(4.0))


def _pack(options: Options) -> Measure:
    size, places = _CUBE_BYTES * options.scale, count_cores()
    in_memory = folder_in_memory(options, 4 * _CUBES * size)
    workers = WorkerPool(places, _DEADLINE_S)
    wall_s: dict[str, list[float]] = {"local": [], "dask": []}
    with raw_cubes(STANDARD_CUBE, in_memory, (size,) * _CUBES) as (night, cubes):
        orders = [_order(night, cube) for cube in cubes]
        site = CrewSite(night.parent / "hosts", places, root=night.parent)
        try:
            site.place_mark()
            site.start_scheduler()
            site.start_worker("w1")
            local = LocalCrew(workers)
            with site.crew(local) as crew:
                wait_for_places(crew, places)
                ways: dict[str, Crew] = {"local": local, "dask": crew}
                for way in ways.values():  # both have compiled what they need
                    _pack_all(way, orders, site.pause, site.folder)
                    _remove_products(night)
                for _ in range(options.rounds):
                    for name, way in ways.items():
                        get_ready(cubes)
                        wall_s[name].append(_pack_all(way, orders, site.pause, site.folder))
                        _remove_products(night)
        finally:
            site.close()
            workers.close()
    ours, peer = median(wall_s["dask"]), median(wall_s["local"])
    return Measure(
        f"{_CUBES} cubes of {size / 1e6:.0f} MB on {places} places, by dask",
        100 * (ours / peer - 1),
        "% more",
        at_most(5.0),
        ours=f"{ours:.2f} s",
        peer=f"local {peer:.2f} s",
    )


def _order(night: Path, cube: Path) -> PackOrder:
    framelist = product_of(night, cube, 0, 1)
    (night / framelist.path).write_text(format_framelist(framelist), newline="")
    return PackOrder(night, framelist.path, "full")


def _remove_products(night: Path) -> None:
    for path in (night / "vgen2").iterdir():
        if path.suffix != ".framelist":
            path.unlink()


def _pack_all(crew: Crew, orders: Sequence[PackOrder], pause: Flag, folder: Path) -> float:
    """Give all orders, as a wave does; the seconds until the last is done."""
    pace = SharedPace(pause, Flag.create(folder / "stop"))
    meter = SharedMeter.create(folder / "meter")
    begin_s = time.monotonic()
    with ThreadPoolExecutor(crew.most_places) as threads:
        for done in [threads.submit(crew.pack, order, pace, meter) for order in orders]:
            done.result()
    return time.monotonic() - begin_s
