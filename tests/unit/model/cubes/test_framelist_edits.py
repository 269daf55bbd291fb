import pytest

from tests.support.builders.headers import card, cards, framelist
from vampd.errors import DataError
from vampd.model.cubes import Cards, apply_edits, stamp_frame_id
from vampd.model.frame_ids import FrameId

ID = FrameId(90000001)


def texts(header: Cards) -> list[str]:
    return [text.rstrip() for text in header.texts]


def test_edits_replace_cards_in_place_and_nothing_else():
    before = framelist(header=cards(["A = 1", "B = 2", "C = 3"]))
    after = apply_edits(before, [(card("C = 3"), card("C = 9")), (card("A = 1"), card("A = 7"))])
    assert texts(after.cards) == ["A = 7", "B = 2", "C = 9"]
    assert after.renamed(before.name, before.cards) == before


def test_equal_cards_are_edited_one_by_one_from_the_first():
    before = framelist(header=cards(["A = 1", "A = 1", "A = 1"]))
    once = apply_edits(before, [(card("A = 1"), card("A = 2"))])
    assert texts(once.cards) == ["A = 2", "A = 1", "A = 1"]
    twice = apply_edits(before, [(card("A = 1"), card("A = 2")), (card("A = 1"), card("A = 3"))])
    assert texts(twice.cards) == ["A = 2", "A = 3", "A = 1"]


def test_an_edit_never_takes_what_another_edit_has_written():
    before = framelist(header=cards(["A = 1", "A = 2"]))
    after = apply_edits(before, [(card("A = 1"), card("A = 2")), (card("A = 2"), card("A = 3"))])
    assert texts(after.cards) == ["A = 2", "A = 3"]


@pytest.mark.parametrize("edits", [["A = 2"], ["A = 1", "A = 1"], ["A =  1"]])
def test_an_edit_of_a_card_that_is_not_there_is_refused(edits):
    before = framelist(header=cards(["A = 1"]))
    with pytest.raises(DataError) as caught:
        apply_edits(before, [(card(old), card("A = 5")) for old in edits])
    assert caught.value.code == "edit_mismatch"
    assert before.path in caught.value.message
    assert edits[-1] in caught.value.message


def test_a_stamped_framelist_has_the_ids_name_and_both_cards_in_their_form():
    before = framelist()
    after = stamp_frame_id(before, ID)
    assert after.name == "VMPA90000001"
    assert after.path == "vgen2/VMPA90000001.framelist"
    assert after.identity == before.identity
    assert after.cards.card("FRAMEID") == card(
        "FRAMEID = 'VMPA90000001'       / Image sequential number"
    )
    assert after.cards.card("EXP-ID") == card(
        "EXP-ID  = 'VMPE90000001'       / ID of the exposure this data was taken"
    )
    changed = {
        old[:8]
        for old, new in zip(before.cards.texts, after.cards.texts, strict=True)
        if old != new
    }
    assert changed == {"FRAMEID ", "EXP-ID  "}


def test_a_header_without_id_cards_gets_them_at_its_end():
    after = stamp_frame_id(framelist(header=cards(["A       = 1"])), ID)
    assert texts(after.cards) == [
        "A       = 1",
        "FRAMEID = 'VMPA90000001'       / Image sequential number",
        "EXP-ID  = 'VMPE90000001'       / ID of the exposure this data was taken",
    ]


def test_stamping_twice_equals_stamping_once():
    once = stamp_frame_id(framelist(), ID)
    assert stamp_frame_id(once, ID) == once
