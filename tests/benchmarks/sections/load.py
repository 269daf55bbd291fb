"""The cameras' loggers at full rate beside a vampd that has a night to pack, on one disk.

Both cameras stream 280 MB/s each, or what the disk takes; vampd has packed for a while when they
begin, and has looked at a thousand finished nights. Told: how soon it stands still, what it still
uses meanwhile, what rate the loggers reach with and without it, and how soon it goes on. Rounds
with and without vampd take turns.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks.measures import Measure, at_least, at_most
from tests.benchmarks.options import Options, workplace
from tests.benchmarks.process_tree import in_own_process, usage_below
from tests.benchmarks.site import (
    ROOT,
    add_finished_nights,
    daemon_on,
    link_streams,
    move_night,
    stored_nights,
    wait_for,
    write_config,
)
from tests.benchmarks.standstill import Standstill, UsageSample, find_standstill, goes_on_at
from vampd.config import Watch, load_settings
from vampd.disk.life_signs import look_for_life
from vampd.engine.nights.night_listing import list_night
from vampd.model.nights import EventName, Kind, NightId, NightUpdate
from vampd.simulate.night import plan_night
from vampd.simulate.scenario import STANDARD, Run, Scenario
from vampd.simulate.writer import Writer, write_night

_PACKED, _LOGGED = NightId("20251105", Kind.ENGINEERING), NightId("20251106", Kind.ENGINEERING)
_NIGHT_BYTES, _LOGGER_BYTES_A_S, _LOGGING_S = 8e9, 280e6, 60.0
# Less would be packed before the loggers have begun.
_LEAST_BYTES = 1e9
_FINISHED, _FILES_A_NIGHT = 1000, 8
_FRAME_BYTES = 2 * 536 * 536
_PERIOD_US = round(_FRAME_BYTES / _LOGGER_BYTES_A_S * 1e6)
_LOOK_S = 0.1


@dataclass(frozen=True)
class _Logged:
    """When the loggers ended (monotonic), and their bytes a second."""

    ended_s: float
    rate: float


def measure(options: Options) -> Iterator[Measure]:
    """When vampd stands still, and what the loggers notice of it."""
    alone: list[float] = []
    beside: list[tuple[float, Standstill]] = []
    seconds = max(5.0, _LOGGING_S * min(1.0, options.scale))
    with workplace(options.folder) as base:
        raw = write_packable_night(base, max(_LEAST_BYTES, _NIGHT_BYTES * options.scale))
        for _ in range(options.rounds):
            with workplace(options.folder) as site:
                os.sync()  # what was written before is no part of it
                alone.append(in_own_process(log_night, site, seconds).rate)
            with workplace(options.folder) as site:
                config = _make_site(site, raw, options.count(_FINISHED))
                beside.append(_log_beside_vampd(site, config, seconds))
    yield from _judge(alone, beside)


def _judge(alone: list[float], beside: list[tuple[float, Standstill]]) -> Iterator[Measure]:
    pause_s = Watch.model_fields["pause_after_write_s"].default
    rate, rate_alone = median(rate for rate, _ in beside), median(alone)
    yield Measure(
        "both loggers' rate, beside vampd and alone",
        rate / rate_alone,
        "x",
        at_least(0.95),
        ours=f"{rate / 1e6:.0f} MB/s",
        peer=f"alone {rate_alone / 1e6:.0f} MB/s",
    )
    found = [standstill for _, standstill in beside]
    begins_s = median(each.begins_after_s for each in found)
    yield Measure("stands still after their first byte", begins_s, "s", at_most(5))
    moved, before = median(e.moved for e in found), median(e.moved_before for e in found)
    yield Measure(
        "moves then, until their last byte",
        moved / 1e6,
        "MB/s",
        at_most(1),
        peer=f"before {before / 1e6:.0f} MB/s",
    )
    cpu = median(each.cpu for each in found)
    yield Measure("CPU then", 100 * cpu, "% of a core", at_most(1))
    goes_on_s = median(each.goes_on_after_s for each in found)
    what = f"goes on after their last byte ({pause_s} s are set)"
    yield Measure(what, goes_on_s, "s", at_most(pause_s + 5))


def write_packable_night(base: Path, size: float) -> Path:
    """A night that keeps vampd packing for a while."""
    frames = max(100, round(size / _FRAME_BYTES / 2))
    return write_night(plan_night(_scenario(frames, 500), _PACKED, seed=1), base)


def log_night(site: Path, seconds: float) -> _Logged:
    """Log for so long, in the way of recent loggers."""
    frames = round(seconds * 1e6 / _PERIOD_US)
    planned = plan_night(_scenario(frames, 1000), _LOGGED, seed=2)
    began_s = time.monotonic()
    folder = write_night(planned, site / ROOT, writer=Writer.RECENT_LOGGER)
    ended_s = time.monotonic()
    size = sum(path.stat().st_size for path in folder.rglob("*.fits"))
    return _Logged(ended_s, size / (ended_s - began_s))


def _scenario(frames: int, frames_per_cube: int) -> Scenario:
    run = Run(
        triggers=frames,
        period_us=_PERIOD_US,
        exptime_us=_PERIOD_US - 100,
        frames_per_cube=(frames_per_cube, frames_per_cube),
        flux_e=3e5,
    )
    return Scenario("bench", STANDARD, (run,))


def _log_beside_vampd(site: Path, config: Path, seconds: float) -> tuple[float, Standstill]:
    """The loggers' rate, and how vampd stood still."""
    os.sync()
    with daemon_on(config) as pid:
        looks: list[UsageSample] = []
        ended = threading.Event()
        watcher = threading.Thread(target=_watch, args=(pid, site, looks, ended))
        watcher.start()
        try:
            products = site / ROOT / _PACKED.folder / "vgen2"
            wait_for(lambda: any(products.glob("*.fits.fz")), "vampd to pack")
            wait_for(lambda: _has_scanned(config), "vampd to have looked at every night")
            logged = in_own_process(log_night, site, seconds)
            wait_for(lambda: goes_on_at(looks, logged.ended_s), "vampd to go on")
        finally:
            ended.set()
            watcher.join()
    return logged.rate, find_standstill(looks, logged.ended_s)


def _make_site(site: Path, raw: Path, finished: int) -> Path:
    """The settings of production, finished nights, and one that has settled."""
    config = write_config(site)
    folder = site / ROOT / _PACKED.folder
    link_streams(raw, folder)
    for path in folder.rglob("vcam*"):
        os.utime(path, (1.0, 1.0))  # or they would be cameras that write
    seen = list_night(folder)
    with stored_nights(config) as records:
        changes = NightUpdate(signature=seen.look.signature, bytes=seen.bytes)
        move_night(records, _PACKED, (EventName.SETTLED,), changes)
        add_finished_nights(site, records, finished, _FILES_A_NIGHT)
    return config


def _has_scanned(config: Path) -> bool:
    sign = look_for_life(load_settings(config).database.path, time.time()).sign
    return sign is not None and sign.scanned_at is not None


def _watch(pid: int, site: Path, looks: list[UsageSample], ended: threading.Event) -> None:
    while not ended.wait(_LOOK_S):
        began = any((site / ROOT / _LOGGED.folder).glob("vcam*/*"))
        looks.append(UsageSample(time.monotonic(), usage_below(pid), began))
