"""What vampd costs with thousands of open nights, and how soon it works on those that it can.

All but a few wait for another try, which is an hour away, so that each stays open and is listed at
each scan. The few are whole nights that nothing was done with. The daemon is measured from its
start until those are done, and then over scans that find nothing new.
"""

from __future__ import annotations

import datetime
import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from tests.benchmarks.many_nights import copy_nights
from tests.benchmarks.measures import Measure, at_most
from tests.benchmarks.options import Options, folder_in_memory, workplace
from tests.benchmarks.process_tree import memory_of, usage_below, usage_of
from tests.benchmarks.site import ROOT, daemon_on, stored_nights, wait_for, write_config
from tests.support.builders.smallest_night import make_smallest
from vampd.config import load_settings
from vampd.disk.life_signs import look_for_life
from vampd.engine.nights.night_listing import list_night
from vampd.model.nights import (
    CAMERA_STREAMS,
    Event,
    EventName,
    Kind,
    NightId,
    NightRecord,
    NightUpdate,
    StageName,
    State,
    Status,
)
from vampd.store.nights import Nights

_NIGHTS, _WORK, _SCANS = 5000, 10, 2
_FIRST_WAITING, _FIRST_AT_WORK = datetime.date(2005, 1, 1), datetime.date(2025, 1, 1)
_ROOM_BYTES = 2e9
_HOUR_S, _WATCHDOG_S = 3600.0, 60
# A sign of life tells the end of one scan by clocks that differ by less.
_SAME_SCAN_S = 0.5


def measure(options: Options) -> Iterator[Measure]:
    """Seconds and CPU until the work is done, then of a scan; signs of life, threads, memory."""
    nights = options.count(_NIGHTS, least=5)
    with workplace(folder_in_memory(options, _ROOM_BYTES)) as base, _signs_of_life(base) as fed:
        config = write_config(base, watch="quiet_after_s = 1")
        _make_waiting(base, config, nights)
        work = [_make_work(base, number) for number in range(_WORK)]
        began_at = time.monotonic()
        with daemon_on(config) as pid:
            with stored_nights(config) as records:
                wait_for(lambda: any(map(_was_claimed, _read(records, work))), "a claim")
                claimed_s = time.monotonic() - began_at
                wait_for(lambda: all(map(_is_done, _read(records, work))), "the end of all work")
            done_s, done_cpu_s = time.monotonic() - began_at, usage_below(pid).cpu_s
            # The first scan to end may have begun while there was work.
            first = _end_of_scan(base, _end_of_scan(base))
            cpu_s, first_at = usage_of(pid).cpu_s, time.monotonic()
            ends = [first]
            for _ in range(_SCANS):
                ends.append(_end_of_scan(base, ends[-1]))
            rest = (usage_of(pid).cpu_s - cpu_s) / (time.monotonic() - first_at)
            every_s = load_settings(config).watch.scan_every_s
            pauses = [b - a for a, b in pairwise([began_at, *fed, time.monotonic()])]
            threads, descriptors = (len(os.listdir(f"/proc/{pid}/{of}")) for of in ("task", "fd"))
            memory_bytes = memory_of([pid])
    yield Measure(f"{nights:,} open nights: start until a night is claimed", claimed_s, "s")
    yield Measure(f"... until {_WORK} whole nights are done", done_s, "s")
    yield Measure("... CPU until then", done_cpu_s, "s")
    scan_s = max(b - a for a, b in pairwise(ends)) - every_s
    yield Measure("a scan that finds nothing new", scan_s, "s")
    yield Measure(f"CPU in between and of it, each {every_s:.0f} s", 100 * rest, "% of a core")
    yield Measure("longest pause of signs of life", max(pauses), "s", at_most(_WATCHDOG_S))
    yield Measure("threads", threads, "", at_most(20))
    yield Measure("descriptors", descriptors, "", at_most(60))
    yield Measure("memory of the daemon itself", memory_bytes / 1e6, "MB", at_most(150))


@contextmanager
def _signs_of_life(base: Path) -> Iterator[list[float]]:
    """Listens as systemd would; gives the moments at which the watchdog was fed."""
    fed: list[float] = []
    place = str(base / "notices")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.bind(place)

        def listen() -> None:
            while (said := notices.recv(4096)) != b"end":
                if said == b"WATCHDOG=1":
                    fed.append(time.monotonic())

        listener = threading.Thread(target=listen)
        listener.start()
        os.environ |= {"NOTIFY_SOCKET": place, "WATCHDOG_USEC": str(_WATCHDOG_S * 1_000_000)}
        try:
            yield fed
        finally:
            del os.environ["NOTIFY_SOCKET"], os.environ["WATCHDOG_USEC"]
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
                end.sendto(b"end", place)
            listener.join()


def _make_waiting(base: Path, config: Path, nights: int) -> None:
    """Nights with a cube in each camera's folder that sync is to try again in an hour."""
    days = (_FIRST_WAITING + datetime.timedelta(days=number) for number in range(nights))
    first, *others = (NightId(f"{day:%Y%m%d}", Kind.ENGINEERING) for day in days)
    for night in (first, *others):
        for stream in CAMERA_STREAMS:
            folder = base / ROOT / night.folder / stream
            folder.mkdir(parents=True)
            (folder / f"{stream}_05:00:00.000000000.fits").touch()
            for path in (*folder.iterdir(), folder):
                os.utime(path, (1.0, 1.0))
    seen, now = list_night(base / ROOT / first.folder), time.time()
    with stored_nights(config) as records:
        records.discover(first, now)
        for event in (EventName.SETTLED, EventName.CLAIMED):
            records.apply(first, Event(event), at=now, actor="bench")
        failed = Event(EventName.FAILED, not_before=now + _HOUR_S)
        records.apply(first, failed, at=now, actor="bench")
        records.update(first, NightUpdate(signature=seen.look.signature, bytes=seen.bytes))
    copy_nights(base / "vampd.db", first.date, [night.date for night in others])


def _make_work(base: Path, number: int) -> NightId:
    """A whole night, quiet for long."""
    date = f"{_FIRST_AT_WORK + datetime.timedelta(days=number):%Y%m%d}"
    night, _ = make_smallest(base / ROOT, date, Kind.ENGINEERING)
    for path in (base / ROOT / night.folder).rglob("*"):
        os.utime(path, (1.0, 1.0))
    return night


def _read(records: Nights, nights: Sequence[NightId]) -> list[NightRecord]:
    return [record for night in nights if (record := records.night(night)) is not None]


def _was_claimed(record: NightRecord) -> bool:
    begins = State(StageName.SYNC, Status.FILLING)
    return record.state not in (begins, replace(begins, status=Status.READY))


def _is_done(record: NightRecord) -> bool:
    return record.state.status is Status.DONE


def _end_of_scan(base: Path, after: float = 0.0) -> float:
    """When the next scan has ended, by the daemon's own word; unix seconds."""

    def ended() -> float:
        sign = look_for_life(base / "vampd.db", time.time()).sign
        return (sign and sign.scanned_at) or 0.0

    wait_for(lambda: ended() > after + _SAME_SCAN_S, "the end of a scan")
    return ended()
