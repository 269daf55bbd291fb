"""What a night costs before its first packed byte: CPU of the daemon and all that it started.

Forty small cubes appear under the root of a daemon at rest. The processors' time is counted from
then until a product has its first bytes, under the hidden name that it is written by.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median

from tests.benchmarks.measures import Measure, at_most
from tests.benchmarks.options import Options, folder_in_memory, workplace
from tests.benchmarks.process_tree import usage_below
from tests.benchmarks.site import ROOT, daemon_on, link_streams, wait_for, write_config
from vampd.disk.life_signs import look_for_life
from vampd.model.nights import Kind, NightId, Stream
from vampd.simulate.night import plan_night
from vampd.simulate.scenario import STANDARD, Run, Scenario
from vampd.simulate.writer import write_night

_NIGHT = NightId("20251106", Kind.ARCHIVE)
_CUBES_EACH, _FRAMES_EACH = 20, 20
_ROOM_BYTES = 2e9
_LOOK_S, _QUIET_S = 0.01, 1.0
_NO_HEADER = bytes(9)


def measure(options: Options) -> Iterator[Measure]:
    """Seconds of CPU from the night's files to its first packed byte."""
    cubes_each = options.count(_CUBES_EACH, least=2)
    with workplace(folder_in_memory(options, _ROOM_BYTES)) as base:
        run = Run(
            triggers=cubes_each * _FRAMES_EACH,
            period_us=2_500,
            exptime_us=2_400,
            frames_per_cube=(_FRAMES_EACH, _FRAMES_EACH),
            flc_jitter_us=20,
        )
        planned = plan_night(Scenario("bench", STANDARD, (run,)), _NIGHT, seed=1)
        raw = write_night(planned, base)
        used = [_cpu_s(raw, options) for _ in range(options.rounds)]
    yield Measure(
        f"{2 * cubes_each} small cubes: CPU until the first packed byte",
        median(used),
        "s",
        at_most(1.5),
    )


def _cpu_s(raw: Path, options: Options) -> float:
    with workplace(folder_in_memory(options, _ROOM_BYTES)) as base:
        config = write_config(
            base,
            # The raw files have only just been made.
            watch=f"pause_while_writing = false\nquiet_after_s = {_QUIET_S}\nscan_every_s = 0.5",
            schedule="workers = 2",
            sync="hold_when_unexpected = false",
        )
        products = base / ROOT / _NIGHT.folder / Stream.VGEN2
        with daemon_on(config) as pid:
            wait_for(lambda: _has_scanned(base), "the daemon's first scan")
            before_s = usage_below(pid).cpu_s
            link_streams(raw, base / ROOT / _NIGHT.folder)
            while not any(map(_is_packed_into, products.glob(".vampd-*.tmp"))):
                time.sleep(_LOOK_S)
            return usage_below(pid).cpu_s - before_s


def _is_packed_into(path: Path) -> bool:
    """Whether a hidden file is a product that has bytes: its header comes last."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        return file.read(len(_NO_HEADER)) == _NO_HEADER
    return False


def _has_scanned(base: Path) -> bool:
    sign = look_for_life(base / "vampd.db", time.time()).sign
    return sign is not None and bool(sign.scanned_at)
