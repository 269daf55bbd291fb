"""A site of a benchmark's own: configuration, nights, and the daemon on them."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from vampd.config import load_settings
from vampd.engine.nights.night_listing import list_night
from vampd.log import LogLevel
from vampd.model.nights import (
    CAMERA_STREAMS,
    Event,
    EventName,
    Kind,
    NightId,
    NightUpdate,
    stages_of,
    timing_name,
)
from vampd.store.database.opening import Access, open_store
from vampd.store.nights import Nights

ROOT, CONFIG = "fuuu", "vampd.toml"
_PATIENCE_S, _LOOK_S = 300.0, 0.1
_FIRST_DAY = datetime.date(2022, 1, 1)


def write_config(base: Path, **tables: str) -> Path:
    """A configuration that keeps all in ``base``, with these lines in these tables."""
    lines = {
        "watch": f'root = "{base / ROOT}"',
        "database": f'url = "sqlite:///{base}/vampd.db"',
        "frameids": 'authority = "local"',
        "transfer.archive": f'destination = "{base}/archive"',
        "transfer.engineering": f'destination = "{base}/engineering"',
    }
    for table, more in tables.items():
        lines[table] = "\n".join(filter(None, (lines.get(table), more)))
    config = base / CONFIG
    config.write_text("".join(f"[{table}]\n{text}\n" for table, text in lines.items()))
    for folder in (ROOT, "archive", "engineering"):
        (base / folder).mkdir(exist_ok=True)
    return config


@contextmanager
def stored_nights(config: Path) -> Iterator[Nights]:
    """The nights in the configuration's database, which is made if need be."""
    store = open_store(load_settings(config).database.url, Access.MIGRATE)
    try:
        yield Nights(store)
    finally:
        store.close()


def move_night(
    records: Nights, night: NightId, events: Sequence[EventName], changes: NightUpdate
) -> None:
    """Take a night that nobody knows yet through these events."""
    records.discover(night, 0.0)
    for event in events:
        records.apply(night, Event(event), at=1.0, actor="bench")
    records.update(night, changes)


def add_finished_nights(base: Path, records: Nights, nights: int, files_a_night: int) -> None:
    """Finished nights, on the disk and on record, with this even number of files in each."""
    for number in range(nights):
        day = _FIRST_DAY + datetime.timedelta(days=number)
        night = NightId(day.strftime("%Y%m%d"), Kind.ENGINEERING)
        folder = base / ROOT / night.folder
        _write_files(folder, files_a_night)
        seen = list_night(folder)
        stages = (EventName.CLAIMED, EventName.ADVANCED) * len(stages_of(night.kind))
        changes = NightUpdate(signature=seen.look.signature, bytes=seen.bytes)
        move_night(records, night, (EventName.SETTLED, *stages), changes)


def _write_files(folder: Path, files: int) -> None:
    """Empty files with the names of cubes and timing files, old enough to be nobody's work."""
    for stream in CAMERA_STREAMS:
        (folder / stream).mkdir(parents=True)
        for number in range(files // (2 * len(CAMERA_STREAMS))):
            moment = f"{5 + number // 60:02d}:{number % 60:02d}:00.000000000"
            cube = str(folder / stream / f"{stream}_{moment}.fits")
            for path in (cube, timing_name(cube)):
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
                os.utime(path, (1.0, 1.0))


@contextmanager
def daemon_on(config: Path) -> Iterator[int]:
    """The pid of a daemon that runs while the block does."""
    # The real program: what its workers import of it is part of what it costs.
    command = (program("vampd"), "--config", str(config), "--log-level", LogLevel.ERROR)
    with subprocess.Popen(command) as daemon:
        try:
            yield daemon.pid
        finally:
            daemon.terminate()


def wait_for(happened: Callable[[], object], what: str, look_s: float = _LOOK_S) -> None:
    """Return as soon as it has happened; SystemExit if one waits in vain."""
    deadline = time.monotonic() + _PATIENCE_S
    while not happened():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited {_PATIENCE_S:.0f} s in vain for {what}")
        time.sleep(look_s)


def program(name: str) -> str:
    """The path of vampd or vampctl, as installed beside this interpreter."""
    return str(Path(sys.executable).with_name(name))


def link_streams(raw: Path, folder: Path) -> None:
    """A night's folder with the raw files of another, not one byte copied."""
    for stream in CAMERA_STREAMS:
        (folder / stream).mkdir(parents=True)
        for path in (raw / stream).glob("*"):
            os.link(path, folder / stream / path.name)
