"""A long night from raw to safe in the daemon: what a cube costs, and what commands take then.

The night is made of equal parts, so that the same night twice and four times as long shows what is
not linear. Its frames are small, as what is measured is what a cube and a frame cost beside pixels.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measures import Measure, at_most
from tests.benchmarks.options import Options, folder_in_memory, workplace
from tests.benchmarks.process_tree import processes_below, run_measured, usage_below
from tests.benchmarks.site import CONFIG, ROOT, daemon_on, move_night, program, stored_nights
from vampd.engine.nights.night_listing import list_night
from vampd.model.nights import (
    CAMERA_STREAMS,
    EventName,
    NightId,
    NightRecord,
    NightUpdate,
    StageName,
    Status,
)

# Raw, products and framelists of a frame of 64 pixels, rounded up.
_BYTES_A_FRAME = 1000
_GROWTHS = (1, 2, 4)
_PATIENCE_S, _LOOK_S = 6 * 3600.0, 0.5
# These ask the database alone.
_COMMANDS = (
    ("status",),
    ("status", "{night}"),
    ("why", "{night}"),
    ("history", "{night}"),
    ("transfers",),
)
# These read the generation, and the first one the headers of all products.
_READING = (("frameids",), ("summary", "{night}"), ("plan", "{night}"), ("audit", "{night}"))

# Writes the raw files of the night, so many times as long as its shortest, to a site.
NightWriter = Callable[[Path, int], None]


@dataclass(frozen=True)
class Command:
    """What a command took."""

    words: str
    wall_s: float
    cpu_s: float


@dataclass(frozen=True)
class WholeNight:
    """What one night took; CPU of all processes by stage, and the highest memory of each kind."""

    cubes: int
    frames: int
    cpu_s: dict[StageName, float]
    wall_s: float
    daemon_bytes: int
    worker_bytes: int
    commands: tuple[Command, ...]

    @property
    def ms_a_cube(self) -> float:
        """CPU in all, for one cube."""
        return 1000 * sum(self.cpu_s.values()) / self.cubes


def measure_whole_nights(
    options: Options, night: NightId, write: NightWriter, times: int, frames: int
) -> Iterator[Measure]:
    """The night once, twice and four times ``times`` parts of so many frames."""
    found: list[WholeNight] = []
    for growth in _GROWTHS:
        count = growth * times
        with workplace(folder_in_memory(options, count * frames * _BYTES_A_FRAME)) as base:
            write(base, count)
            found.append(_run(base, night))
        for line in _describe(found[-1]):
            print(line, flush=True)
    yield from _judge(found)


def _judge(found: Sequence[WholeNight]) -> Iterator[Measure]:
    first, last = found[0], found[-1]
    yield Measure(
        f"raw to safe: a cube of {last.cubes:,}, of {first.cubes:,}",
        last.ms_a_cube / first.ms_a_cube,
        "x",
        at_most(1.3),
        ours=f"{last.ms_a_cube:.1f} ms",
        peer=f"{first.ms_a_cube:.1f} ms",
    )
    what = f"raw to safe, {last.cubes:,} cubes"
    yield Measure(f"{what}: daemon's peak", last.daemon_bytes / 1e6, "MB", at_most(600))
    yield Measure(f"{what}: largest worker's peak", last.worker_bytes / 1e6, "MB", at_most(600))
    by_database = {" ".join(words).format(night="NIGHT") for words in _COMMANDS}
    for command in last.commands:
        limit = at_most(1) if command.words in by_database else None
        yield Measure(f"vampctl {command.words}: CPU", command.cpu_s, "s", limit)


def _describe(night: WholeNight) -> Iterator[str]:
    stages = ", ".join(
        f"{stage} {1000 * cpu_s / night.cubes:.1f}" for stage, cpu_s in night.cpu_s.items()
    )
    yield (
        f"{night.cubes:,} cubes, {night.frames:,} frames: {night.wall_s:.0f} s,"
        f" {night.ms_a_cube:.1f} ms of CPU a cube ({stages});"
        f" daemon {night.daemon_bytes / 1e6:.0f} MB, worker {night.worker_bytes / 1e6:.0f} MB"
    )
    took = (f"{each.words} {each.wall_s:.2f} ({each.cpu_s:.2f})" for each in night.commands)
    yield f"  commands, s (CPU): {', '.join(took)}"


def _run(base: Path, night: NightId) -> WholeNight:
    config, folder = base / CONFIG, base / ROOT / night.folder
    for stream in CAMERA_STREAMS:
        for path in (folder / stream, *(folder / stream).iterdir()):
            os.utime(path, (1.0, 1.0))  # or they would be cameras that write
    seen = list_night(folder)
    changes = NightUpdate(signature=seen.look.signature, bytes=seen.bytes)
    peaks: dict[int, int] = {}
    began_s = time.monotonic()
    with stored_nights(config) as records:
        move_night(records, night, (EventName.SETTLED,), changes)
        with daemon_on(config) as pid:
            cpu_s: dict[StageName, float] = {}
            before_s = 0.0
            while True:
                record = records.night(night)
                assert record is not None
                used_s = usage_below(pid).cpu_s
                stage = record.state.stage
                cpu_s[stage] = cpu_s.get(stage, 0.0) + used_s - before_s
                before_s = used_s
                _keep_peaks(peaks, pid)
                if _has_ended(record, time.monotonic() - began_s):
                    break
                time.sleep(_LOOK_S)
            wall_s = time.monotonic() - began_s
            daemon_bytes = peaks.pop(pid)
            commands = tuple(_time(config, night, words) for words in (*_COMMANDS, *_READING))
    cubes = sum(1 for file in seen.files if file.path.endswith(".fits"))
    return WholeNight(
        cubes, record.frames, cpu_s, wall_s, daemon_bytes, max(peaks.values()), commands
    )


def _has_ended(record: NightRecord, waited_s: float) -> bool:
    if record.state.status in (Status.HELD, Status.WAITING) or waited_s > _PATIENCE_S:
        raise SystemExit(f"{record.night} is {record.state}: {record.code}, {record.error}")
    return record.state.status is Status.DONE


def _keep_peaks(peaks: dict[int, int], pid: int) -> None:
    for each in processes_below(pid):
        with suppress(OSError):
            peaks[each] = peak_of(each)


def _time(config: Path, night: NightId, words: Sequence[str]) -> Command:
    command, *more = (word.format(night=night.date) for word in words)
    spent = run_measured((program("vampctl"), command, "--config", str(config), *more))
    return Command(" ".join(words).format(night="NIGHT"), spent.wall_s, spent.cpu_s)


def peak_of(pid: int) -> int:
    """The highest memory of a living process (VmHWM of proc(5)); OSError if it is gone."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    # One that has just ended has none.
    return max(
        (int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), default=0
    )
