"""A night from raw to packed on two cores, beside the old chain's steps rebuilt with public tools.

The old chain: consolidate (astropy reads the raw cubes, picks each product's frames and writes
plain cubes), edit headers in place (astropy, twice: once for cards, once for frame IDs), ``fpack
-r`` with two processes. It gets the pairing for nothing: the products and their headers are those
that vampd plans. Raw cubes are in the page cache when either begins, and the old chain syncs
nothing to the disk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks.contest import get_ready
from tests.benchmarks.measures import Measure, at_least, at_most
from tests.benchmarks.old_chain import run_old_chain
from tests.benchmarks.options import Options, workplace
from tests.benchmarks.process_tree import Spent, run_measured
from tests.benchmarks.site import ROOT, link_streams, program, write_config
from tests.benchmarks.subjects import write_polarimetric_night
from vampd.model.cubes import Framelist, parse_framelist
from vampd.model.nights import Kind, NightId
from vampd.model.proofs import Verification

_NIGHT = NightId("20251106", Kind.ARCHIVE)
_NIGHT_BYTES = 6e9
_WORKERS = 2


@dataclass(frozen=True)
class _Chain:
    """What one way from raw to packed cost, and how large its products are."""

    spent: Spent
    product_bytes: int


def measure(options: Options) -> Iterator[Measure]:
    """Times as fast as the old chain, verified and not; bytes asked of the system; memory."""
    taken: dict[str, list[_Chain]] = {"old": [], "full": [], "none": []}
    with workplace(options.folder) as base:
        raw = write_polarimetric_night(base, _NIGHT, _NIGHT_BYTES * options.scale)
        cubes = sorted(raw.rglob("*.fits"))
        raw_bytes = sum(cube.stat().st_size for cube in cubes)
        framelists = _plan(raw, options.folder)
        for _ in range(options.rounds):
            get_ready(cubes)
            with workplace(options.folder) as out:
                old = run_old_chain(raw, framelists, out)
                taken["old"].append(_Chain(old, _size_of_packed(out, len(framelists))))
            for verify in ("full", "none"):
                get_ready(cubes)
                taken[verify].append(_run_ours(raw, options.folder, verify, len(framelists)))
    yield from _judge(taken, raw_bytes)


def _judge(taken: dict[str, list[_Chain]], raw_bytes: int) -> Iterator[Measure]:
    title = f"{raw_bytes / 1e9:.1f} GB night"
    proven, old = taken["full"], taken["old"]
    yield from _compare_times(f"{title}, verified", proven, old, 2.0)
    yield from _compare_times(f"{title}, not verified", taken["none"], old, 3.5)
    ours, theirs = proven[0].spent, old[0].spent
    product_bytes = proven[0].product_bytes
    yield Measure(
        f"{title}, verified: read, of raw and product",
        ours.read_bytes / (raw_bytes + product_bytes),
        "x",
        at_most(1.05),
        ours=f"{ours.read_bytes / 1e9:.2f} GB",
        peer=f"old chain {theirs.read_bytes / 1e9:.2f} GB",
    )
    yield Measure(
        f"{title}, verified: written, of the product",
        ours.written_bytes / product_bytes,
        "x",
        at_most(1.02),
        ours=f"{ours.written_bytes / 1e9:.2f} GB",
        peer=f"old chain {theirs.written_bytes / 1e9:.2f} GB",
    )
    yield Measure(
        f"{title}: peak memory of all processes",
        max(chain.spent.peak_bytes for chain in proven) / 1e6,
        "MB",
        at_most(200 + _WORKERS * 350),
        ours=f"{_WORKERS} workers",
        peer=f"old chain {theirs.peak_bytes / 1e6:,.0f} MB",
    )


def _compare_times(
    what: str, ours: Sequence[_Chain], theirs: Sequence[_Chain], least: float
) -> Iterator[Measure]:
    """Wall, which is judged, and CPU, which tells what the wall would be on a faster disk."""
    wall_s, their_wall_s = (median(chain.spent.wall_s for chain in each) for each in (ours, theirs))
    cpu_s, their_cpu_s = (median(chain.spent.cpu_s for chain in each) for each in (ours, theirs))
    yield Measure(
        f"{what}: time",
        their_wall_s / wall_s,
        "x",
        at_least(least),
        ours=f"{wall_s:.1f} s",
        peer=f"old chain {their_wall_s:.1f} s",
    )
    yield Measure(
        f"{what}: CPU",
        their_cpu_s / cpu_s,
        "x",
        ours=f"{cpu_s:.1f} s ({100 * cpu_s / wall_s / _WORKERS:.0f} % busy)",
        peer=f"old chain {their_cpu_s:.1f} s",
    )


def _plan(raw: Path, folder: Path | None) -> list[Framelist]:
    """The products that vampd makes of this night, as framelists with frame IDs."""
    with workplace(folder) as base:
        _run_vampctl(base, raw, "full", until="frameids")
        lists = sorted((base / ROOT / _NIGHT.folder / "vgen2").glob("*.framelist"))
        return [
            parse_framelist(path.read_bytes().decode("utf-8", "surrogateescape")) for path in lists
        ]


def _run_ours(raw: Path, folder: Path | None, verify: Verification, products: int) -> _Chain:
    with workplace(folder) as base:
        spent = _run_vampctl(base, raw, verify, until="fpack")
        return _Chain(spent, _size_of_packed(base / ROOT / _NIGHT.folder / "vgen2", products))


def _run_vampctl(base: Path, raw: Path, verify: Verification, until: str) -> Spent:
    config = write_config(
        base,
        watch="pause_while_writing = false",  # the raw files have only just been made
        sync="hold_when_unexpected = false",
        fpack=f'verify = "{verify}"',
        schedule=f"workers = {_WORKERS}",
    )
    link_streams(raw, base / ROOT / _NIGHT.folder)
    command = (program("vampctl"), "--config", str(config), "run", _NIGHT.date, "--until", until)
    return run_measured(command)


def _size_of_packed(folder: Path, products: int) -> int:
    packed = [path.stat().st_size for path in folder.glob("*.fits.fz")]
    if len(packed) != products:
        raise SystemExit(f"expected {products} products in {folder}, found {len(packed)}")
    return sum(packed)
