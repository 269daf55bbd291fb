"""Notable: what leaves the documented, so that a night is not as expected, and yet not held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vampd.model.accounts.run_summary import RunSummary, format_numbers, percent
from vampd.model.cubes import SyncCounts

_FEW = 0.02
_LARGEST_OFFSET_US = 1_000  # documented: tens to hundreds of us
_SCATTERS = 3.0  # of the documented width; late stamps widen it


def find_notable(counts: SyncCounts, runs: Sequence[RunSummary]) -> Iterator[str]:
    """One phrase for each kind of thing that a person should check."""
    if counts.raw and counts.set_aside > _FEW * counts.raw:
        yield f"{percent(counts.set_aside / counts.raw)} of the frames were set aside"
    if counts.uncertain:
        yield f"the angle or the exposure time of {counts.uncertain:,} frames is not certain"
    for what, odd in (
        ("the offset is beyond 1,000 us", [r for r in runs if _offset_us(r) > _LARGEST_OFFSET_US]),
        (
            "pairs scatter by more than the readout does",
            [r for r in runs if (r.jitter_us or 0) > _SCATTERS * r.usual_scatter_us],
        ),
        (
            "the tolerance was widened beyond that of the rows",
            [r for r in runs if r.widest_tolerance_us > r.usual_tolerance_us],
        ),
    ):
        if odd:
            yield f"{what} in {format_numbers([run.number for run in odd])}"


def _offset_us(run: RunSummary) -> int:
    return max(map(abs, run.offset_range_us)) if run.offset_range_us else 0
