"""Generations: decided once, read back exactly, later ones win."""

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders.frames import expose, trigger_train
from tests.support.builders.frames import set_aside as aside_cube
from vampd.errors import DataError
from vampd.model.cubes import (
    CubeAccount,
    FrameRange,
    Generation,
    SyncCounts,
    accounted_cubes,
    format_generation,
    generation_parts,
    parse_generation,
    set_aside_cubes,
)
from vampd.model.nights import FileStamp, Stream
from vampd.model.proofs import FIRST_FORM, PRODUCT_FORM


def generation() -> Generation:
    night = expose(trigger_train(60, flc_us=40), lost=({3, 4}, {50}), cube_frames=(20, 33))
    made = night.synchronize()
    bad = aside_cube(Stream.VCAM1, "b\udc80ad é.fits")
    return Generation(
        number=7,
        version="0.1.0",
        cubes=(*made.cubes, CubeAccount(bad.fits, None, bad.frames)),
        products=made.products,
        set_aside=(bad,),
        counts=made.counts,
        remarks=("a remark with 'quotes' and \n a line end",),
    )


def account(path: str, size: int = 1) -> CubeAccount:
    return CubeAccount(FileStamp(path, size, 2), FileStamp(path + ".txt", 3, 4), 5)


def of(number: int, *cubes: CubeAccount, aside: tuple[str, ...] = ()) -> Generation:
    bad = tuple(aside_cube(Stream.VCAM1, name) for name in aside)
    accounts = (*cubes, *(CubeAccount(b.fits, None, b.frames) for b in bad))
    return Generation(number, "1", accounts, (), bad, SyncCounts())


def test_a_generation_comes_back_as_it_was_written() -> None:
    one = generation()
    text = format_generation(one)
    assert parse_generation(text) == one
    assert format_generation(parse_generation(text)) == text
    assert one.products
    assert all(product.partners for product in one.products if product.synchronised)


def test_a_generation_is_written_entry_by_entry() -> None:
    one = generation()
    parts = list(generation_parts(one))
    assert "".join(parts) == TEXT
    entries = len(one.cubes) + len(one.products) + len(one.set_aside)
    assert len(parts) > entries
    body, _, _ = TEXT.partition("\n")
    values = json.loads(body)
    assert body == json.dumps(values, sort_keys=True, separators=(",", ":"))
    assert max(map(len, parts)) < 2 * max(map(len, map(json.dumps, values["products"])))


def test_the_first_form_is_written_as_versions_wrote_it_that_had_no_other() -> None:
    old = replace(generation(), form=FIRST_FORM)
    text = format_generation(old)
    assert "form" not in json.loads(text.split("\n")[0])
    assert parse_generation(text) == old
    new = json.loads(format_generation(generation()).split("\n")[0])
    assert new["form"] == PRODUCT_FORM != FIRST_FORM


def test_margins_are_written_only_where_there_are_any_and_older_generations_have_none() -> None:
    one = generation()
    keys = ("label_margin", "pair_margin")
    written = json.loads(format_generation(one).split("\n")[0])["products"]
    for product, values in zip(one.products, written, strict=True):
        assert {key: values[key] for key in keys if key in values} == {
            key: getattr(product, key) for key in keys if getattr(product, key)
        }
    assert any(key in values for values in written for key in keys)
    products = tuple(replace(product, label_margin=0, pair_margin=0) for product in one.products)
    older = replace(one, products=products)
    text = format_generation(older)
    assert not any(key in text for key in keys)
    assert parse_generation(text) == older


def test_a_generation_has_its_number_in_its_file_name() -> None:
    assert generation().file_name == "generation_0007.json"


def test_the_file_is_one_line_of_json_and_its_sha256() -> None:
    body, digest, end = format_generation(generation()).split("\n")
    assert json.loads(body)["number"] == 7
    assert len(digest) == 64
    assert end == ""


TEXT = format_generation(generation())


@given(st.data())
def test_a_generation_with_one_changed_character_is_damaged(data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(TEXT) - 2))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != TEXT[position]))
    with pytest.raises(DataError) as caught:
        parse_generation(TEXT[:position] + other + TEXT[position + 1 :])
    assert caught.value.code == "generation_damaged"


@given(st.integers(0, len(TEXT) - 2))
def test_a_generation_that_was_cut_is_damaged(length: int) -> None:
    with pytest.raises(DataError, match="checksum"):
        parse_generation(TEXT[:length])


@pytest.mark.parametrize(
    ("entries", "wrong"),
    [
        ("cubes", {"frames": 3}),
        ("cubes", {"fits": {"path": "vcam1/a.fits"}, "timing_file": None, "frames": 3}),
        ("products", {"name": "a"}),
        ("set_aside", {"fits": None, "timing_file": None, "frames": 3, "code": "a", "reason": ""}),
    ],
)
def test_a_generation_with_an_entry_of_another_kind_is_damaged(
    entries: str, wrong: dict[str, Any]
) -> None:
    values = json.loads(TEXT.split("\n")[0])
    values[entries].append(wrong)
    body = json.dumps(values) + "\n"
    with pytest.raises(DataError, match="cannot be read"):
        parse_generation(f"{body}{hashlib.sha256(body.encode()).hexdigest()}\n")


def test_a_parsed_generation_holds_a_text_of_many_products_once() -> None:
    parsed = parse_generation(TEXT)
    paths = [part.cube for product in parsed.products for part in product.ranges]
    assert len(set(map(id, paths))) == len(set(paths)) < len(paths)


def test_the_newest_account_of_a_cube_counts_whatever_the_order_of_generations() -> None:
    first, second = of(1, account("a"), account("b")), of(2, account("a", size=9))
    for order in ([first, second], [second, first]):
        accounts = accounted_cubes(order)
        assert {path: cube.fits.size for path, cube in accounts.items()} == {"a": 9, "b": 1}
    assert accounted_cubes([]) == {}


def test_a_cube_is_set_aside_until_a_later_generation_takes_it_in() -> None:
    first = of(1, aside=("x.fits", "y.fits"))
    second = of(2, account("vcam1/x.fits"))
    third = of(3, aside=("x.fits",))
    assert set(set_aside_cubes([first])) == {"vcam1/x.fits", "vcam1/y.fits"}
    assert set(set_aside_cubes([second, first])) == {"vcam1/y.fits"}
    assert set(set_aside_cubes([first, third, second])) == {"vcam1/x.fits", "vcam1/y.fits"}


def test_a_products_identity_is_its_frames_and_not_its_name() -> None:
    product = generation().products[0]
    from dataclasses import replace

    assert replace(product, name="VMPA00000001", first_us=0).identity == product.identity
    other = replace(product, ranges=(FrameRange("vcam1/x", 0, 1),))
    assert other.identity != product.identity
    assert other.frames == 1
