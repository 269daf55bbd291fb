"""How likely a run's pairs and labels are wrong: as likely as the least certain of them."""

from dataclasses import replace

import pytest

from tests.support.builders.frames import RULES, START_US, expose, trigger_train
from tests.support.builders.observed import LIMITS, MIDNIGHT_US, observe
from vampd.model.accounts import (
    RunSummary,
    gather_frames,
    observe_cube,
    summarize_night,
    tell_chances,
)
from vampd.model.cubes import Product
from vampd.model.trigger import chance_of, margin_of

SECOND_US = 1_000_000
TRAIN = trigger_train(60, period_us=10_000, flc_us=20)
NIGHT = expose(TRAIN) + expose(TRAIN, start_us=START_US + 20 * SECOND_US)
SEEN = observe(NIGHT)
LAST = max(SEEN.generation.products, key=lambda p: (p.first_us, p.order))


def runs_with(changed: Product) -> tuple[RunSummary, ...]:
    """The runs of a night of which one product is this one."""
    products = tuple(changed if p is LAST else p for p in SEEN.generation.products)
    made = replace(SEEN.generation, products=products)
    cubes = {cube.path: observe_cube(cube, RULES.cut_on) for cube in NIGHT.cubes}
    frames = gather_frames([made], cubes, (), midnight_us=MIDNIGHT_US)
    return summarize_night(frames, [made], made.counts, LIMITS, RULES.gap_us).runs


def test_one_weak_label_or_pair_shows_in_its_run_and_in_no_other() -> None:
    weak = margin_of(1e-7)
    before, labels = runs_with(replace(LAST, label_margin=weak))
    assert labels.label_chance == chance_of(weak)
    assert labels.pair_chance == SEEN.summary.runs[1].pair_chance
    other, pairs = runs_with(replace(LAST, pair_margin=weak))
    assert pairs.pair_chance == chance_of(weak)
    assert pairs.label_chance == SEEN.summary.runs[1].label_chance
    assert before == other == SEEN.summary.runs[0]


def test_where_one_product_does_not_say_how_sure_it_is_nothing_is_stated() -> None:
    _, run = runs_with(replace(LAST, label_margin=0, pair_margin=0))
    assert (run.pair_chance, run.label_chance) == (None, None)
    assert tell_chances([run]) == ""


@pytest.mark.parametrize(
    ("pair", "label", "told"),
    [
        (None, None, ""),
        (3e-8, None, "<1e-7"),
        (None, 3e-8, "<1e-7"),
        (3e-8, 9e-8, "<1e-7"),
        (3e-8, 3e-9, "<1e-7 (pairs), <1e-8 (labels)"),
        (7e-13, 6.9e-13, "<1e-12"),
        (0.25, 0.02, "25.0% (pairs), <1e-1 (labels)"),
    ],
)
def test_a_chance_is_told_by_its_power_of_ten_which_it_is_below(
    pair: float | None, label: float | None, told: str
) -> None:
    run = replace(SEEN.summary.runs[0], pair_chance=pair, label_chance=label)
    assert tell_chances([run]) == told


def test_the_chance_of_several_runs_is_that_of_the_least_certain_one() -> None:
    sure, run = SEEN.summary.runs
    weak = replace(run, pair_chance=3e-8, label_chance=None)
    assert tell_chances([sure, weak]) == "<1e-7 (pairs), <1e-12 (labels)"
    assert tell_chances([]) == ""
