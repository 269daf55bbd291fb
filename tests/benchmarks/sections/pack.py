"""What packing costs, against ``fpack -r`` in the same run.

Whole cubes, as a worker packs them: raw cubes in the page cache; ours are fsynced and named at the
end, and when they are verified read back from the disk, while fpack syncs nothing. The figure is
the median of some rounds in which all take turns, so that a machine that is busy with other things
is so for all of them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence

from tests.benchmarks.contest import Cost, fpack, pack
from tests.benchmarks.measures import Measure, at_least, at_most
from tests.benchmarks.options import Options
from tests.benchmarks.subjects import STANDARD_CUBE, SUBJECTS, Subject, raw_cubes

_CUBE_BYTES = 1e9
_THEIRS, _BARE, _PROVEN, _APART = "fpack", "bare", "verified", "A and B apart"


def measure(options: Options) -> Iterator[Measure]:
    """Speed of a core, bytes, memory and product size, for both windows."""
    for subject in SUBJECTS:
        with raw_cubes(subject, options.folder, (_CUBE_BYTES * options.scale,)) as (night, cubes):
            contestants = {
                _THEIRS: functools.partial(fpack, cubes),
                _BARE: functools.partial(pack, night, cubes, "none"),
                _PROVEN: functools.partial(pack, night, cubes, "full"),
                _APART: functools.partial(pack, night, cubes, "full", parts=2),
            }
            taken = compete(contestants, options.rounds)
            yield from _judge(subject, {name: _median(costs) for name, costs in taken.items()})


def compete(contestants: Mapping[str, Callable[[], Cost]], rounds: int) -> dict[str, list[Cost]]:
    """Let all take turns for some rounds; what each one's rounds cost."""
    taken: dict[str, list[Cost]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contest in contestants.items():
            taken[name].append(contest())
    return taken


def _median(costs: Sequence[Cost]) -> Cost:
    """The one of median CPU time, the lower of two."""
    return sorted(costs, key=lambda cost: cost.cpu_s)[(len(costs) - 1) // 2]


def _judge(subject: Subject, costs: Mapping[str, Cost]) -> Iterator[Measure]:
    theirs, bare, proven, apart = (costs[name] for name in (_THEIRS, _BARE, _PROVEN, _APART))
    title = subject.title
    yield _speed(f"{title}: packed, not verified, a core", bare, theirs, 4.3)
    yield _speed(f"{title}: packed and verified, a core", proven, theirs, 2.2)
    yield _speed(f"{title}: the same, A and B apart, a core", apart, theirs, 1.25)
    saved = 100 * (1 - proven.product_bytes / theirs.product_bytes)
    yield Measure(
        f"{title}: product smaller than fpack's by",
        saved,
        "%",
        at_least(2 if subject is STANDARD_CUBE else 0),
        ours=f"{proven.product_bytes / proven.raw_bytes:.3f} of raw",
        peer=f"{theirs.product_bytes / theirs.raw_bytes:.3f} of raw",
    )
    for name, cost in ((_PROVEN, proven), (_APART, apart)):
        needed = cost.raw_bytes + cost.product_bytes
        read = cost.read_bytes / needed
        yield Measure(f"{title}, {name}: read, of raw and product", read, "x", at_most(1.05))
    written = max(cost.written_bytes / cost.product_bytes for cost in (bare, proven, apart))
    yield Measure(f"{title}: written, of the product", written, "x", at_most(1.02))
    peak_bytes = max(cost.peak_bytes for cost in (bare, proven, apart))
    yield Measure(f"{title}: a worker's peak memory", peak_bytes / 1e6, "MB", at_most(350))


def _speed(what: str, ours: Cost, theirs: Cost, least: float) -> Measure:
    ratio = ours.speed / theirs.speed
    return Measure(what, ratio, "x", at_least(least), ours=ours.shown, peer=theirs.shown)
