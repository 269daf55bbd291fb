"""How sure a generation is of each product's labels and pairs: the least of its frames."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from tests.support.builders.frames import RULES, Changes, Night, expose, labels_made, pairs_made
from tests.support.builders.frames import trigger_train as train
from vampd.model.cubes import Generation, build_framelist, format_framelist, format_generation
from vampd.model.proofs import PRODUCT_FORM
from vampd.model.sync import withdraw
from vampd.model.sync.cameras import chain_piece
from vampd.model.sync.pieces import split_night
from vampd.model.sync.run_cuts import DecidedRun, cut_run
from vampd.model.sync.states.flc_states import CODE_A
from vampd.model.sync.states.pairs import Pairs
from vampd.model.trigger import Margins, chance_of, inference, margin_of
from vampd.model.trigger.weights import LARGEST_MARGIN

SWITCHING = train(60, period_us=10_000, flc_us=20)
LEAST = margin_of(RULES.limits.largest_error)


def night() -> Night:
    return expose(SWITCHING, lost=({30}, {45}), cube_frames=(20, 33))


def given_at(chance: float, of: Night) -> tuple[int, int]:
    """How many labels and pairs there are, if this chance to be wrong is allowed."""
    limits = replace(RULES.limits, largest_error=chance)
    made = of.synchronize(replace(RULES, limits=limits))
    labels = [label for label in labels_made(made).values() if label in ("A", "B")]
    return len(labels), len(pairs_made(made))


def least(made: Generation, what: str) -> int:
    return min(m for m in (getattr(p, what) for p in made.products) if m)


def test_only_labels_and_pairs_have_a_margin_and_it_is_more_than_is_asked_for() -> None:
    made = (night() + expose(train(4), start_us=night().cubes[0].span_us[1] + 10**8)).synchronize()
    assert {p.order.flc_state for p in made.products} > {"A", "B"}
    assert {p.synchronised for p in made.products} == {True, False}
    for product in made.products:
        assert (product.label_margin > LEAST) == (product.order.flc_state in ("A", "B"))
        assert (product.pair_margin > LEAST) == product.synchronised
        if product.order.flc_state not in ("A", "B"):
            assert product.label_margin == 0
        if not product.synchronised:
            assert product.pair_margin == 0


@pytest.mark.parametrize("what", ["label_margin", "pair_margin"])
def test_the_chance_of_the_least_margin_is_the_smallest_that_gives_all_of_them(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "LARGEST_MARGIN", 2**31 - 1)
    of = night()
    chance = chance_of(least(of.synchronize(), what))
    place = ("label_margin", "pair_margin").index(what)
    everything = given_at(RULES.limits.largest_error, of)
    assert given_at(chance * 1.01, of)[place] == everything[place]
    assert given_at(chance * 0.99, of)[place] < everything[place]


def test_no_margin_is_kept_that_states_less_than_a_chance_of_1e_12() -> None:
    made = night().synchronize()
    assert max(p.label_margin for p in made.products) == LARGEST_MARGIN
    assert max(p.pair_margin for p in made.products) == LARGEST_MARGIN
    assert 5e-13 < chance_of(LARGEST_MARGIN) < 1e-12


def test_a_generation_is_the_same_to_the_byte_in_any_order_of_files() -> None:
    of = replace(night(), cubes=night().cubes[:4])
    texts = {
        format_generation(replace(of, cubes=given).synchronize())
        for given in permutations(of.cubes)
    }
    assert len(texts) == 1
    assert "label_margin" in texts.pop()


def test_a_product_that_lost_its_partners_has_no_margin_of_a_pair() -> None:
    made = night().synchronize()
    lost = next(p for p in made.products if p.synchronised and p.order.camera == 1)
    gone = frozenset(part.cube for part in lost.partners[:1])
    parts = withdraw([made], gone, made=(), listed=(), reason="let go").products
    alone = [p for p in parts if not p.synchronised and p.order.camera == 1]
    assert alone
    assert all(p.pair_margin == 0 < p.label_margin for p in alone)


def test_a_framelist_says_nothing_of_margins() -> None:
    of = night()
    cubes = {cube.path: cube for cube in of.cubes}
    for product in of.synchronize().products:
        without = replace(product, label_margin=0, pair_margin=0)
        texts = {
            format_framelist(build_framelist(each, cubes, "1.2.3", PRODUCT_FORM))
            for each in (product, without)
        }
        assert len(texts) == 1


def test_each_frame_without_a_partner_keeps_its_own_margin_whatever_cube_it_is_of() -> None:
    changes: dict[tuple[int, int], Changes] = {(1, 1): {"OBJECT": "M 31"}}
    of = expose(SWITCHING, cameras=(1,), cube_frames=(20, 20), cube_changes=changes)
    ((one, two),) = chain_piece(next(split_night(of.cubes, RULES.gap_us)), RULES.cut_on)
    none, margins = np.empty(0, np.int64), np.arange(60, dtype=np.int32)
    labels = np.full(60, CODE_A, np.uint8), np.empty(0, np.uint8)
    sure = Margins((margins, np.empty(0, np.int32)), np.zeros(60, np.int32))
    switched = np.ones(60, np.bool_), np.empty(0, np.bool_)
    run = DecidedRun((one, two), Pairs(none, none), labels, sure, switched)
    cuts = [*cut_run(run, 3_000_000, 10_000_000)]
    assert len(cuts) > 1
    for cut in cuts:
        rows = np.searchsorted(one.acquired_us, cut.acquired_us)
        assert cut.label_margins.tolist() == rows.tolist()
