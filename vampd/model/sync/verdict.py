"""The verdict on what sync made of a night: whether a person should look before IDs are taken."""

from __future__ import annotations

from collections import Counter

from vampd.model.cubes import (
    Generation,
    SyncCounts,
    accounted_cubes,
    set_aside_cubes,
    total_counts,
    wholly_aside,
)
from vampd.model.nights import FLC_STATES, Aside, FrameFlow, SyncSums


def sum_sync(generations: tuple[Generation, ...]) -> SyncSums:
    """What is kept with the night of what sync made of it."""
    counts = total_counts(generations)
    return SyncSums(
        raw=counts.raw,
        aside=counts.set_aside,
        aside_cubes=len(wholly_aside(generations)),
        paired=counts.synchronised,
        unpaired=counts.unpaired,
        labeled=counts.deinterleaved,
        dubious=counts.dubious,
    )


def follow_frames(generations: tuple[Generation, ...]) -> FrameFlow:
    """Where every raw frame that sync knows went; its sums are those of an audit that balances."""
    products = [product for generation in generations for product in generation.products]
    paired, solo = Counter[str](), Counter[str]()
    for product in products:
        (paired if product.synchronised else solo)[product.order.flc_state] += product.frames
    aside = set_aside_cubes(generations).values()
    return FrameFlow(
        raw=sum(cube.frames for cube in accounted_cubes(generations).values()),
        products=len(products),
        paired={state: paired[state] for state in FLC_STATES if state in paired},
        solo={state: solo[state] for state in FLC_STATES if state in solo},
        aside={
            code: Aside(len(these), sum(cube.frames for cube in these))
            for code in sorted({cube.code for cube in aside})
            if (these := [cube for cube in aside if cube.code == code])
        },
        is_certain=all(cube.count.is_certain for cube in aside),
    )


def find_unexpected(
    counts: SyncCounts,
    *,
    cubes: int,
    aside: int,
    max_unpaired: float,
    max_dubious: float,
    max_set_aside: float,
) -> str | None:
    """What to review before IDs are taken, or None; thresholds are fractions.

    ``aside`` of the ``cubes`` are set aside: how many frames these have may be unknown.
    """
    if cubes and aside == cubes:
        return f"all {cubes} cubes were set aside" if cubes > 1 else "the only cube was set aside"
    findings = [
        f"{part} of {whole} {unit} {what} (limit {100 * limit:g}%)"
        for part, whole, limit, unit, what in (
            (
                counts.unpaired,
                counts.synchronised + counts.unpaired,
                max_unpaired,
                "frames",
                "should have a partner and have none",
            ),
            (
                counts.dubious,
                counts.deinterleaved,
                max_dubious,
                "frames",
                "have no certain FLC state",
            ),
            (counts.set_aside, counts.raw, max_set_aside, "frames", "were set aside"),
            (aside, cubes, max_set_aside, "cubes", "were set aside"),
        )
        if whole and part > limit * whole
    ]
    return "; ".join(findings) or None


def describe_verdict(unexpected: str | None, *, is_empty: bool) -> str:
    """The verdict in words; ``is_empty`` if sync has taken no cube, so that nothing was judged."""
    if unexpected:
        return f"UNEXPECTED: {unexpected}"
    return "none: sync has taken no cube" if is_empty else "within the limits of [sync]"
