"""Framelists and sidecars: what was written is what is read, and damage is never read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders.framelists import framelists, text_of_version_1
from vampd.errors import DataError
from vampd.model.cubes import (
    Framelist,
    format_framelist,
    format_sidecar,
    parse_framelist,
    parse_sidecar_identity,
)


@given(framelists())
def test_a_framelist_comes_back_as_it_was_written(framelist: Framelist) -> None:
    assert parse_framelist(format_framelist(framelist)) == framelist


@given(framelists())
def test_a_framelist_of_an_earlier_version_is_the_same_one(framelist: Framelist) -> None:
    read = parse_framelist(text_of_version_1(framelist))
    assert read == framelist
    assert format_sidecar(read) == format_sidecar(framelist)


@given(framelists())
def test_the_same_framelist_has_the_same_text(framelist: Framelist) -> None:
    text = format_framelist(framelist)
    assert format_framelist(parse_framelist(text)) == text


@given(framelists(), st.data())
def test_a_framelist_with_one_changed_character_is_refused(
    framelist: Framelist, data: st.DataObject
) -> None:
    text = format_framelist(framelist)
    position = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda c: c != text[position]))
    with pytest.raises(DataError) as caught:
        parse_framelist(text[:position] + other + text[position + 1 :])
    assert caught.value.code == "framelist_damaged"


@given(framelists(), st.data())
def test_a_framelist_that_was_cut_is_refused(framelist: Framelist, data: st.DataObject) -> None:
    text = format_framelist(framelist)
    with pytest.raises(DataError):
        parse_framelist(text[: data.draw(st.integers(0, len(text) - 1))])


@given(framelists())
def test_renaming_a_framelist_does_not_change_its_identity(framelist: Framelist) -> None:
    renamed = framelist.renamed("VMPA90000001", framelist.cards.with_value("FRAMEID", "x"))
    assert renamed.identity == framelist.identity


@given(framelists())
def test_the_first_bytes_of_a_sidecar_show_its_product(framelist: Framelist) -> None:
    text = format_sidecar(framelist)
    assert parse_sidecar_identity(text[:200]) == framelist.identity
    rows = [line for line in text.split("\n")[:-1] if not line.startswith("#")]
    kept = [line for line in framelist.rows.split("\n")[:-1] if not line.startswith("#")]
    assert rows == kept


@given(st.text(max_size=200))
def test_no_other_text_is_taken_for_a_sidecar(text: str) -> None:
    assert parse_sidecar_identity(text) is None
