"""A night from raw to safe on two cores, beside bare ``fpack -r`` of the same cubes, two at once.

The destination is a folder of the same disk; every product is proven here, and read again there.
Raw cubes are in the page cache when either begins. What is sent while the rest is packed is
compared with a night that is sent when all of it is packed, in the same round.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median

from tests.benchmarks.contest import get_ready
from tests.benchmarks.measures import Limit, Measure, at_least, at_most
from tests.benchmarks.options import Options, folder_in_memory, workplace
from tests.benchmarks.process_tree import Spent, run_measured, usage_below
from tests.benchmarks.site import ROOT, daemon_on, link_streams, program, wait_for, write_config
from tests.benchmarks.subjects import write_polarimetric_night
from vampd.disk.life_signs import look_for_life
from vampd.model.nights import Kind, NightId, Stream
from vampd.model.proofs import SUMS_NAME
from vampd.simulate.night import plan_night
from vampd.simulate.scenario import STANDARD, Run, Scenario
from vampd.simulate.writer import write_night

_NIGHT = NightId("20251106", Kind.ARCHIVE)
_NIGHT_BYTES, _AHEAD_BYTES = 6e9, 256_000_000
_WORKERS = 2
_CUBES_EACH, _FRAMES_EACH = 20, 20
_ROOM_BYTES = 2e9
_LOOK_S, _QUIET_S = 0.01, 1.0
# A part of a core, over so long.
_AT_REST, _REST_S = 0.05, 2.0
_NO_HEADER = bytes(9)
_FPACK = 'cd "$1" && printf "%s\\0" *.fits | xargs -0 -P 2 -n 1 fpack -r -D -Y'


def measure(options: Options) -> Iterator[Measure]:
    """Time and CPU against fpack's, how busy the cores are, and what sending ahead saves."""
    ahead, after, theirs, busy = list[Spent](), list[Spent](), list[Spent](), list[float]()
    with workplace(options.folder) as base:
        size = _NIGHT_BYTES * options.scale
        raw = write_polarimetric_night(base, _NIGHT, size)
        cubes = sorted(raw.rglob("*.fits"))
        for _ in range(options.rounds):
            theirs.append(_fpack(cubes, options.folder))
            for taken, least_bytes in ((ahead, round(_AHEAD_BYTES * options.scale)), (after, 0)):
                get_ready(cubes)
                taken.append(_run(raw, options.folder, least_bytes))
            get_ready(cubes)
            busy.append(_busy_once_it_packs(raw, options))
        title = f"raw to safe, {sum(cube.stat().st_size for cube in cubes) / 1e9:.1f} GB"
    yield _ratio(f"{title}: time", [s.wall_s for s in ahead], [s.wall_s for s in theirs], 0.85)
    yield _ratio(f"{title}: CPU", [s.cpu_s for s in ahead], [s.cpu_s for s in theirs], 0.75)
    yield Measure(
        f"{title}: cores busy, packing and sending",
        median(busy),
        "%",
        at_least(92),
        peer=f"fpack {_busy(theirs):.0f} %",
    )
    yield Measure(f"{title}: the same, from the start of the program", _busy(ahead), "%")
    yield Measure(
        f"{title}: time, against sending when all is packed",
        _median_ratio([s.wall_s for s in ahead], [s.wall_s for s in after]),
        "x",
        ours=f"{median(s.wall_s for s in ahead):.1f} s",
        peer=f"{median(s.wall_s for s in after):.1f} s",
    )
    yield _first_byte(options)


def _first_byte(options: Options) -> Measure:
    """What small cubes cost before a product has its first bytes, under its hidden name.

    The night appears under the root of a daemon at rest; the CPU of it and all that it started is
    counted from then.
    """
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
        used = [_first_byte_cpu_s(raw, options) for _ in range(options.rounds)]
    return Measure(
        f"{2 * cubes_each} small cubes: CPU until the first packed byte",
        median(used),
        "s",
        at_most(1.5),
    )


def _first_byte_cpu_s(raw: Path, options: Options) -> float:
    with workplace(folder_in_memory(options, _ROOM_BYTES)) as base:
        config = write_config(
            base,
            # The raw files have only just been made.
            watch=f"pause_while_writing = false\nquiet_after_s = {_QUIET_S}\nscan_every_s = 0.5",
            schedule="workers = 2",
            sync="hold_when_unexpected = false",
        )
        with daemon_on(config) as pid:
            wait_for(lambda: _has_scanned(base), "the daemon's first scan")
            before_s = _cpu_s_at_rest(pid)
            link_streams(raw, base / ROOT / _NIGHT.folder)
            wait_for(lambda: _packs(base), "the first packed byte", look_s=_LOOK_S)
            return usage_below(pid).cpu_s - before_s


def _cpu_s_at_rest(pid: int) -> float:
    """What it and all that it started have used, once that is hardly more than a moment ago."""
    used_s, before_s = usage_below(pid).cpu_s, -1.0
    while used_s - before_s > _AT_REST * _REST_S:
        time.sleep(_REST_S)
        before_s, used_s = used_s, usage_below(pid).cpu_s
    return used_s


def _packs(base: Path) -> bool:
    """Whether a product of the night in ``base`` has bytes."""
    products = base / ROOT / _NIGHT.folder / Stream.VGEN2
    return any(map(_is_packed_into, products.glob(".vampd-*.tmp")))


def _is_packed_into(path: Path) -> bool:
    """Whether a hidden file is a product that has bytes: its header comes last."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        return file.read(len(_NO_HEADER)) == _NO_HEADER
    return False


def _has_scanned(base: Path) -> bool:
    sign = look_for_life(base / "vampd.db", time.time()).sign
    return sign is not None and bool(sign.scanned_at)


def _ratio(what: str, ours: Sequence[float], theirs: Sequence[float], most: float) -> Measure:
    limit: Limit = at_most(most)
    return Measure(
        what,
        _median_ratio(ours, theirs),
        "x",
        limit,
        ours=f"{median(ours):.1f} s",
        peer=f"fpack {median(theirs):.1f} s",
    )


def _median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Of each round by itself: the machine's speed is another in the next one."""
    return median(our / their for our, their in zip(ours, theirs, strict=True))


def _busy(taken: Sequence[Spent]) -> float:
    return median(100 * spent.cpu_s / spent.wall_s / _WORKERS for spent in taken)


def _fpack(cubes: Sequence[Path], folder: Path | None) -> Spent:
    with workplace(folder) as base:
        for cube in cubes:
            (base / cube.name).symlink_to(cube)
        get_ready(cubes)
        return run_measured(("sh", "-c", _FPACK, "sh", str(base)))


def _run(raw: Path, folder: Path | None, least_bytes: int) -> Spent:
    with workplace(folder) as base:
        return run_measured(_command(raw, base, least_bytes))


def _busy_once_it_packs(raw: Path, options: Options) -> float:
    """How busy the cores are, %, from the first packed byte until the night is safe."""
    with workplace(options.folder) as base:
        command = _command(raw, base, round(_AHEAD_BYTES * options.scale))
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            wait_for(lambda: _packs(base), "the first packed byte", look_s=_LOOK_S)
            began_s, before_s = time.monotonic(), usage_below(process.pid).cpu_s
            # The last file of all. A process that has ended took with it what it had used.
            wait_for(lambda: any(base.glob(f"archive/*/{SUMS_NAME}")), "safe", look_s=_LOOK_S)
            used_s, ended_s = usage_below(process.pid).cpu_s, time.monotonic()
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} failed")
    return 100 * (used_s - before_s) / (ended_s - began_s) / _WORKERS


def _command(raw: Path, base: Path, least_bytes: int) -> tuple[str, ...]:
    """What takes the night to *safe* in ``base``."""
    config = write_config(
        base,
        # The raw files have only just been made.
        watch="pause_while_writing = false\npause_after_write_s = 0.1",
        sync="hold_when_unexpected = false",
        schedule=f"workers = {_WORKERS}",
        transfer=f"send_ahead_bytes = {least_bytes}",
    )
    link_streams(raw, base / ROOT / _NIGHT.folder)
    command = (program("vampctl"), "--config", str(config), "run", _NIGHT.date)
    return (*command, "--until", "transfer")
