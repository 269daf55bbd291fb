"""`python -m vampd.simulate.bench_status`: how soon `vampctl status` answers.

Five thousand nights in a database of their own, vampd down; measured beside ``python -c pass`` in
the same run, because a busy or slow machine is no fault of ours. Exits with 1 above the limit.
"""

from __future__ import annotations

import datetime
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from vampd.adapters.process import run_process
from vampd.disk.pace import SteadyPace
from vampd.model.night import Kind, NightId
from vampd.model.state import Event, EventName
from vampd.ports import Facts
from vampd.store.engine import Access, open_store
from vampd.store.nights import Nights

NIGHTS = 5000
LIMIT_S = 0.4
_ROUNDS = 7
_FIRST_DAY = datetime.date(2015, 1, 1)
_SILENT_AFTER_S = 60.0


def main() -> int:
    """Measure, print the figures, and give the exit status."""
    with tempfile.TemporaryDirectory(prefix="vampd-bench-") as name:
        config = make_site(Path(name), NIGHTS)
        status = [str(Path(sys.executable).with_name("vampctl")), "--config", str(config), "status"]
        empty = [sys.executable, "-c", "pass"]
        _measure(status)  # once for the disk's cache
        # By turns, so that a machine that is busy for a while is so for both.
        pairs = [(_measure(empty), _measure(status)) for _ in range(_ROUNDS)]
    empty_s, status_s = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"python -c pass            {empty_s:6.3f} s")
    print(f"vampctl status            {status_s:6.3f} s  ({NIGHTS:,} nights, vampd down)")
    print(f"vampctl status above it   {status_s - empty_s:6.3f} s  (limit {LIMIT_S} s in all)")
    return 0 if status_s <= LIMIT_S else 1


def make_site(base: Path, nights: int) -> Path:
    """A database of so many finished nights, and the configuration that names it."""
    database = base / "vampd.db"
    store = open_store(f"sqlite:///{database}", Access.MIGRATE)
    try:
        records = Nights(store)
        for number in range(nights):
            day = _FIRST_DAY + datetime.timedelta(days=number // 2)
            kind = Kind.ARCHIVE if number % 2 else Kind.ENGINEERING
            night = NightId(day.strftime("%Y%m%d"), kind)
            records.discover(night, 0.0)
            for event in (EventName.SETTLED, EventName.CLAIMED, EventName.ADVANCED):
                records.apply(night, Event(event), at=1.0, actor="bench")
            records.keep(night, Facts(frames=10_000, bytes=10**12, processed_at=1.0, safe_at=1.0))
    finally:
        store.close()
    config = base / "vampd.toml"
    config.write_text(
        f'[watch]\nroot = "{base}"\n[database]\nurl = "sqlite:///{database}"\n'
        f'[transfer.archive]\ndestination = "{base}"\n'
        f'[transfer.engineering]\ndestination = "{base}"\n'
    )
    return config


def _measure(command: list[str]) -> float:
    began = time.monotonic()
    ended = run_process(command, pace=SteadyPace(), silent_after_s=_SILENT_AFTER_S)
    took_s = time.monotonic() - began
    if ended.status:
        raise SystemExit(f"{command} ended with status {ended.status}: {ended.last_words}")
    return took_s


if __name__ == "__main__":
    os.environ.pop("FORCE_COLOR", None)
    sys.exit(main())
