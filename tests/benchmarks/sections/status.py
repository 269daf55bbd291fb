"""How soon `vampctl status` answers, before the first start of the daemon, while it runs, and then.

Five thousand nights in a database of their own; measured beside ``python -c pass`` in the same run,
because a busy or slow machine is no fault of ours.
"""

from __future__ import annotations

import datetime
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from tests.benchmarks.many_nights import copy_nights
from tests.benchmarks.measures import Measure, at_most
from tests.benchmarks.options import Options, folder_in_memory, workplace
from tests.benchmarks.site import (
    ROOT,
    daemon_on,
    move_night,
    program,
    stored_nights,
    wait_for,
    write_config,
)
from vampd.adapters.programs import run_process
from vampd.disk.pace import SteadyPace
from vampd.model.nights import EventName, Kind, NightId, NightUpdate, stages_of

_NIGHTS = 5000
_ROUNDS = 7
_ROOM_BYTES = 1e9
_FIRST_DAY = datetime.date(2015, 1, 1)
_FACTS = NightUpdate(frames=10_000, bytes=10**12, processed_at=1.0, safe_at=1.0)
_SILENT_AFTER_S = 60.0


def measure(options: Options) -> Iterator[Measure]:
    """Seconds of wall that `vampctl status` takes."""
    os.environ.pop("FORCE_COLOR", None)
    nights = options.count(_NIGHTS)
    # The many transactions that make such a database need not wait for a disk.
    with workplace(folder_in_memory(options, _ROOM_BYTES)) as base:
        config = _make_site(base, nights)
        status = (program("vampctl"), "--config", str(config), "status")
        rounds = max(_ROUNDS, options.rounds)
        yield _compare(f"vampctl status, {nights:,} nights, vampd never started", status, rounds)
        with daemon_on(config):
            flags = base / "flags"  # its last preparation before the loop
            wait_for(flags.exists, "vampd to start")
            yield _compare(f"vampctl status, {nights:,} nights, vampd up", status, rounds)
        yield _compare(f"vampctl status, {nights:,} nights, vampd down", status, rounds)


def _compare(what: str, status: Sequence[str], rounds: int) -> Measure:
    empty = (sys.executable, "-c", "pass")
    _time(status)  # once for the disk's cache
    # By turns, so that a machine that is busy for a while is so for both.
    pairs = [(_time(empty), _time(status)) for _ in range(rounds)]
    empty_s, status_s = (median(times) for times in zip(*pairs, strict=True))
    return Measure(
        what, status_s, "s", at_most(0.4), ours=f"{status_s:.3f} s", peer=f"pass {empty_s:.3f} s"
    )


def _make_site(base: Path, nights: int) -> Path:
    """A database of so many finished nights, and the configuration that names it."""
    config = write_config(base)
    stages = (EventName.CLAIMED, EventName.ADVANCED) * len(stages_of(Kind.ENGINEERING))
    days = (_FIRST_DAY + datetime.timedelta(days=number) for number in range(nights))
    first, *others = (day.strftime("%Y%m%d") for day in days)
    with stored_nights(config) as records:
        night = NightId(first, Kind.ENGINEERING)
        move_night(records, night, (EventName.SETTLED, *stages), _FACTS)
    copy_nights(base / "vampd.db", first, others)
    # By the night that lies there vampd knows that the root is mounted.
    (base / ROOT / first).mkdir(parents=True)
    return config


def _time(command: Sequence[str]) -> float:
    began = time.monotonic()
    ended = run_process(command, pace=SteadyPace(), silent_after_s=_SILENT_AFTER_S)
    took_s = time.monotonic() - began
    if ended.status:
        raise SystemExit(f"{command} ended with status {ended.status}: {ended.last_words}")
    return took_s
