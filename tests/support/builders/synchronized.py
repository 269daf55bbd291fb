"""Simulated nights and what sync made of them, for the judge's own tests and for properties."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hypothesis import strategies as st

from vampd.model.cubes import Generation, Product
from vampd.simulate import CROP_64, STANDARD, Counter, Readout, Run, Scenario

_PERIODS_US = (1_000, 2_500, 5_000, 10_000, 50_000)
_SLOW_PERIODS_US = (5_000, 20_000, 100_000)


def with_products(
    generation: Generation, change: Callable[[tuple[Product, ...]], list[Product]]
) -> Generation:
    """The generation with other products."""
    return replace(generation, products=tuple(change(generation.products)))


@st.composite
def runs(draw: st.DrawFn) -> Run:
    """Any run that the instrument could take, with up to a tenth of its frames lost."""
    slow = draw(st.booleans())
    period_us = draw(st.sampled_from(_SLOW_PERIODS_US if slow else _PERIODS_US))
    switching = draw(st.booleans())
    jitter_us = draw(st.integers(20, period_us // 4)) if switching else None
    largest_us = min(0.35 * period_us, 900.0)
    triggers = draw(st.sampled_from((1, 2, 3, 5, 8, 12, 25, 26, 40, 100, 250)))
    return Run(
        triggers=triggers,
        period_us=period_us,
        exptime_us=round(0.95 * (period_us - (jitter_us or 0))),
        frames_per_cube=draw(st.tuples(st.integers(1, 120), st.integers(1, 120))),
        flc_jitter_us=jitter_us,
        offset_us=draw(st.floats(-largest_us, largest_us)),
        readout=Readout.SLOW if slow else Readout.FAST,
        skipped=draw(st.sampled_from(((0, 0), (0, triggers // 3), (triggers // 4, 0)))),
        cut_short=draw(st.sampled_from(((0, 0), (0, triggers // 3), (triggers // 4, 0)))),
        trigger_ppm=draw(st.floats(-50, 50)),
        camera_loss=draw(st.sampled_from((0.0, 0.001, 0.01, 0.05))),
        logger_loss=draw(st.sampled_from((0.0, 0.001, 0.01, 0.05))),
        longest_loss=draw(st.sampled_from((1, 2, 3, 20, 90))),
        counter=draw(st.sampled_from(Counter)),
        absent=draw(st.sampled_from(((), ("U_TRIGJT",)))),
        # No multiple of a period: where the FLC restarts, the train does.
        pause_s=draw(st.sampled_from((0.2037, 1.0041, 4.0))),
    )


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Nights of one to three such runs."""
    crop = draw(st.sampled_from((CROP_64, STANDARD)))
    return Scenario("any", crop, tuple(draw(st.lists(runs(), min_size=1, max_size=3))))
