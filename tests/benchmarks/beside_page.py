"""vampd that packs a night, with browsers that look at the page meanwhile and without."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from tests.benchmarks.browsers import looking_browsers
from tests.benchmarks.measures import Measure, at_most
from tests.benchmarks.options import Options, workplace
from tests.benchmarks.process_tree import usage_below
from tests.benchmarks.sections.load import write_packable_night
from tests.benchmarks.site import (
    ROOT,
    daemon_on,
    link_streams,
    move_night,
    stored_nights,
    wait_for,
    write_config,
)
from tests.benchmarks.web_server import page_of
from vampd.engine.nights.night_listing import list_night
from vampd.model.nights import EventName, Kind, NightId, NightUpdate, Status
from vampd.store.nights import Nights

_NIGHT = NightId("20251105", Kind.ENGINEERING)
_NIGHT_BYTES, _LEAST_BYTES = 2e9, 5e8
_BROWSERS, _EVERY_S, _RUNS = 50, 10.0, 3


def compare_packing(options: Options) -> Iterator[Measure]:
    """The CPU of vampd for a byte of raw, with browsers and without, by turns."""
    with workplace(options.folder) as base:
        raw = write_packable_night(base, max(_LEAST_BYTES, _NIGHT_BYTES * options.scale))
        runs = [(_run(raw, options, 0), _run(raw, options, _BROWSERS)) for _ in range(_RUNS)]
    alone, beside = zip(*runs, strict=True)
    # Within the scatter: no dearer than the dearest without.
    yield Measure(
        f"vampd's CPU a byte with {_BROWSERS} browsers, of the dearest without",
        median(beside) / max(alone),
        "x",
        at_most(1),
        ours=f"{min(beside):.2f} to {max(beside):.2f} ns",
        peer=f"{min(alone):.2f} to {max(alone):.2f} ns",
    )


def _run(raw: Path, options: Options, browsers: int) -> float:
    """Nanoseconds of CPU that vampd takes for a byte of raw, from sync to the archive."""
    with workplace(options.folder) as site:
        config = write_config(site, web='listen = "127.0.0.1:0"')
        folder = site / ROOT / _NIGHT.folder
        link_streams(raw, folder)
        for path in folder.rglob("vcam*"):
            os.utime(path, (1.0, 1.0))  # or they would be cameras that write
        seen = list_night(folder)
        with stored_nights(config) as records:
            changes = NightUpdate(signature=seen.look.signature, bytes=seen.bytes)
            move_night(records, _NIGHT, (EventName.SETTLED,), changes)
        with ExitStack() as stack:
            if browsers:
                page = stack.enter_context(page_of(config))
                stack.enter_context(looking_browsers(page.port, browsers, _EVERY_S))
            records = stack.enter_context(stored_nights(config))
            pid = stack.enter_context(daemon_on(config))
            wait_for(lambda: _is_done(records), "vampd to pack")
            used_s = usage_below(pid).cpu_s
    return 1e9 * used_s / seen.bytes


def _is_done(records: Nights) -> bool:
    record = records.night(_NIGHT)
    assert record is not None
    if record.state.status is Status.HELD:
        raise SystemExit(f"the night is held: {record.error}")
    return record.state.status is Status.DONE
