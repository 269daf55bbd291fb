"""What vampd costs while there is nothing to do.

A thousand finished nights with a thousand raw files each, and the daemon itself on them, with the
settings that it has in production. The first look at every file, which is repeated once an hour,
is measured apart and shared out over the hour.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measures import Measure, at_most
from tests.benchmarks.options import Options, workplace
from tests.benchmarks.process_tree import (
    memory_of,
    peak_memory,
    processes_below,
    usage_below,
    wake_ups_of,
)
from tests.benchmarks.site import add_finished_nights, daemon_on, stored_nights, write_config
from vampd.config import load_settings

_NIGHTS, _FILES_A_NIGHT, _SECONDS = 1000, 1000, 60
_CALM_S, _CALM_CPU_S = 3.0, 0.2
_STARTS_WITHIN_S = 300.0


def measure(options: Options) -> Iterator[Measure]:
    """CPU, memory and wake-ups of a daemon at rest."""
    nights, seconds = options.count(_NIGHTS), options.count(_SECONDS, least=10)
    with workplace(options.folder) as base:
        config = _make_site(base, nights)
        every_s = load_settings(config).watch.deep_scan_every_s
        with daemon_on(config) as pid, peak_memory(lambda: processes_below(pid)) as peak:
            started_s = _wait_until_calm(pid)
            slept = wake_ups_of(pid)
            begin_s = time.monotonic()
            time.sleep(seconds)
            took_s = time.monotonic() - begin_s
            idle = (usage_below(pid).cpu_s - started_s) / took_s
            wake_ups = (wake_ups_of(pid) - slept) / took_s
            now_bytes = memory_of(processes_below(pid))
            peak_bytes = peak()
    hourly = started_s / every_s
    files = f"{nights:,} nights, {nights * _FILES_A_NIGHT:,} files"
    yield Measure(f"{files}: CPU at rest", 100 * idle, "% of a core")
    yield Measure("start and first look, CPU", started_s, "s")
    yield Measure("the same each hour", 100 * hourly, "% of a core")
    yield Measure("CPU in all", 100 * (idle + hourly), "% of a core", at_most(1))
    yield Measure("wake-ups", wake_ups, "a second")
    yield Measure("memory at rest", now_bytes / 1e6, "MB")
    yield Measure("memory, peak", peak_bytes / 1e6, "MB", at_most(150))


def _make_site(base: Path, nights: int) -> Path:
    """Finished nights on the disk and in a database, and the configuration that names both."""
    config = write_config(base)
    with stored_nights(config) as records:
        add_finished_nights(base, records, nights, _FILES_A_NIGHT)
    return config


def _wait_until_calm(pid: int) -> float:
    """Wait for the end of the first look; the CPU seconds until then."""
    deadline = time.monotonic() + _STARTS_WITHIN_S
    time.sleep(_CALM_S)  # the interpreter starts
    while time.monotonic() < deadline:
        before = usage_below(pid).cpu_s
        time.sleep(_CALM_S)
        after = usage_below(pid).cpu_s
        if after - before < _CALM_CPU_S:
            return after
    raise SystemExit(f"vampd is not calm after {_STARTS_WITHIN_S:.0f} s")
