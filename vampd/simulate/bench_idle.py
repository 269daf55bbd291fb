"""`make bench-idle`: what vampd costs while there is nothing to do.

A thousand finished nights with a thousand raw files each, and the daemon itself on them, with the
settings that it has in production. The first look at every file, which is repeated once an hour,
is measured apart and shared out over the hour. Exits with 1 above a limit.
"""

from __future__ import annotations

import argparse
import datetime
import multiprocessing
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from vampd.config import load_settings
from vampd.daemon.scan import look_at_night
from vampd.errors import VampdError
from vampd.log import LogLevel, configure_log
from vampd.model.night import Kind, NightId
from vampd.model.state import Event, EventName, stages_of
from vampd.model.stream import CAMERA_STREAMS, timing_name
from vampd.ports import Facts
from vampd.store.engine import Access, open_store
from vampd.store.nights import Nights

NIGHTS, FILES_A_NIGHT = 1000, 1000
LIMIT_CPU, LIMIT_BYTES = 0.01, 150_000_000
_FIRST_DAY = datetime.date(2022, 1, 1)
_CALM_S, _CALM_CPU_S = 3.0, 0.2
_STARTS_WITHIN_S = 300.0


@dataclass(frozen=True)
class Spent:
    """What a process has used so far."""

    cpu_s: float
    wake_ups: int


def main() -> int:
    """Measure, print the figures, and give the exit status."""
    parser = argparse.ArgumentParser(description="What vampd costs while there is nothing to do.")
    parser.add_argument("--nights", type=int, default=NIGHTS)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--folder", help="a disk with room for the files (default: TMPDIR)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vampd-bench-", dir=given.folder) as name:
        config = make_site(Path(name), given.nights)
        every_s = load_settings(config).watch.deep_scan_every_s
        # As a process of its own, like the service; not forked, so that nothing of this is in it.
        daemon = multiprocessing.get_context("spawn").Process(target=_serve, args=(config,))
        daemon.start()
        assert daemon.pid is not None
        try:
            started = _wait_until_calm(daemon.pid)
            time.sleep(given.seconds)
            ended = spent_by(daemon.pid)
            now_bytes, peak_bytes = _memory(daemon.pid, "VmRSS"), _memory(daemon.pid, "VmHWM")
        finally:
            daemon.terminate()
            daemon.join()
    idle = (ended.cpu_s - started.cpu_s) / given.seconds
    hourly = started.cpu_s / every_s
    files = given.nights * FILES_A_NIGHT
    print(f"{given.nights:,} finished nights, {files:,} files, {given.seconds:.0f} s")
    print(f"CPU, nothing to do        {100 * idle:8.2f} % of a core")
    print(f"CPU, start and first look {started.cpu_s:8.1f} s, each hour: {100 * hourly:.2f} %")
    print(f"CPU in all                {100 * (idle + hourly):8.2f} %  (limit {100 * LIMIT_CPU} %)")
    wake_ups = (ended.wake_ups - started.wake_ups) / given.seconds
    print(f"wake-ups                  {wake_ups:8.1f} a second")
    limit = f"(limit {LIMIT_BYTES / 1e6:.0f} MB)"
    print(
        f"memory, peak              {now_bytes / 1e6:8.0f} MB, {peak_bytes / 1e6:.0f} MB  {limit}"
    )
    return 0 if idle + hourly <= LIMIT_CPU and peak_bytes <= LIMIT_BYTES else 1


def make_site(base: Path, nights: int) -> Path:
    """Finished nights on the disk and in a database, and the configuration that names both."""
    database, root = base / "vampd.db", base / "fuuu"
    store = open_store(f"sqlite:///{database}", Access.MIGRATE)
    try:
        records = Nights(store)
        for number in range(nights):
            day = _FIRST_DAY + datetime.timedelta(days=number)
            night = NightId(day.strftime("%Y%m%d"), Kind.ENGINEERING)
            _write_files(root / night.folder)
            seen = look_at_night(root / night.folder)
            records.discover(night, 0.0)
            records.apply(night, Event(EventName.SETTLED), at=1.0, actor="bench")
            for _ in stages_of(night.kind):
                for event in (EventName.CLAIMED, EventName.ADVANCED):
                    records.apply(night, Event(event), at=1.0, actor="bench")
            records.keep(night, Facts(signature=seen.look.signature, bytes=seen.bytes))
    finally:
        store.close()
    config = base / "vampd.toml"
    config.write_text(
        f'[watch]\nroot = "{root}"\n[database]\nurl = "sqlite:///{database}"\n'
        f'[transfer.archive]\ndestination = "{base}"\n'
        f'[transfer.engineering]\ndestination = "{base}"\n'
    )
    return config


def _write_files(folder: Path) -> None:
    """Empty files with the names of cubes and timing files, old enough to be nobody's work."""
    cubes = FILES_A_NIGHT // (2 * len(CAMERA_STREAMS))
    for stream in CAMERA_STREAMS:
        (folder / stream).mkdir(parents=True)
        for number in range(cubes):
            moment = f"{5 + number // 60:02d}:{number % 60:02d}:00.000000000"
            cube = str(folder / stream / f"{stream}_{moment}.fits")
            for path in (cube, timing_name(cube)):
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
                os.utime(path, (1.0, 1.0))


def _serve(config: Path) -> None:
    from vampd.daemon.scheduler import RunMode
    from vampd.wiring import run_daemon

    configure_log(level=LogLevel.WARNING)
    try:
        run_daemon(lambda: load_settings(config), RunMode.FOREVER)
    except VampdError as error:
        sys.exit(error.message)


def _wait_until_calm(pid: int) -> Spent:
    """Wait for the end of the first look; what was spent until then."""
    deadline = time.monotonic() + _STARTS_WITHIN_S
    time.sleep(_CALM_S)  # the interpreter starts
    while time.monotonic() < deadline:
        before = spent_by(pid)
        time.sleep(_CALM_S)
        after = spent_by(pid)
        if after.cpu_s - before.cpu_s < _CALM_CPU_S:
            return after
    raise SystemExit(f"vampd is not calm after {_STARTS_WITHIN_S:.0f} s")


def spent_by(pid: int) -> Spent:
    """What a living process has used, in all of its threads. Source: proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    wake_ups = 0
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        for line in status.read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches:"):
                wake_ups += int(line.split()[1])
    return Spent(cpu_s, wake_ups)


def _memory(pid: int, name: str) -> int:
    """A figure of proc(5)'s status, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"/proc/{pid}/status has no {name}")


if __name__ == "__main__":
    sys.exit(main())
