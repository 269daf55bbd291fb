"""A product's header and rows: true of its own frames, the rest as the camera wrote it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.builders.frames import (
    HOUR_US,
    START_US,
    Night,
    expose,
    frames_of,
    make_cube,
    trigger_train,
)
from vampd.errors import DataError
from vampd.model.cubes import (
    Card,
    Cards,
    Framelist,
    FrameRange,
    Generation,
    Product,
    RawCube,
    build_framelist,
    form_of,
    history_card,
    parse_timing,
    render_card,
    reported_cards,
)
from vampd.model.nights import DAY_US, Stream
from vampd.model.proofs import FIRST_FORM, PRODUCT_FORM, WRITTEN_FORMS

DAY_START_US = START_US - START_US % DAY_US


def build(night: Night, generation: Generation | None = None) -> dict[str, Framelist]:
    generation = generation or night.synchronize()
    cubes = {cube.path: cube for cube in night.cubes}
    return {p.name: build_framelist(p, cubes, "1.2.3", PRODUCT_FORM) for p in generation.products}


def only(night: Night, start: str) -> Framelist:
    (found,) = [one for name, one in build(night).items() if start in name]
    return found


def solo_at(first_us: int, last_us: int, changes: dict[str, str | None] | None = None) -> Framelist:
    cube = make_cube(Stream.VCAM1, [first_us, last_us], {"EXTTRIG": False, **(changes or {})})
    return only(Night((cube,)), "vcam1_")


TIME_KEYWORDS = [f"{clock}{end}" for clock in ("UT", "HST", "MJD") for end in ("", "-STR", "-END")]
EDITED = {"NAXIS3", "U_SYNC", "U_FLC", "DATE-OBS", *TIME_KEYWORDS}


def test_naxis3_is_the_products_number_of_frames() -> None:
    night = expose(trigger_train(101, flc_us=20))
    for framelist in build(night).values():
        assert framelist.cards.integer("NAXIS3") == framelist.frames
        assert framelist.cards.texts[5].startswith("NAXIS3")
        assert len(framelist.rows.splitlines()) == framelist.frames


def test_u_sync_is_always_there_and_u_flc_shows_the_state() -> None:
    night = expose(trigger_train(101, flc_us=20), lost=({9}, {30}))
    night += expose(trigger_train(20), start_us=START_US + HOUR_US)
    for name, framelist in build(night).items():
        assert framelist.cards.boolean("U_SYNC") is name.startswith("vsync")
        state = name[-1] if name[-2] == "." else "NA"
        assert framelist.cards.string("U_FLC") == state


def test_what_is_not_the_products_own_stays_byte_for_byte() -> None:
    night = expose(trigger_train(100, flc_us=20))
    raw = {cube.stream.camera: cube.cards for cube in night.cubes}
    for framelist in build(night).values():
        before = [t for t in raw[framelist.order.camera].texts if t[:8].rstrip() not in EDITED]
        after = [t for t in framelist.cards.texts if t[:8].rstrip() not in EDITED]
        assert after[: len(before)] == before
        assert all(text.startswith("HISTORY ") for text in after[len(before) :])


def test_sums_over_the_raw_bytes_are_not_carried_over() -> None:
    night = expose(trigger_train(10), changes={"CHECKSUM": "abc", "DATASUM": "123"})
    for framelist in build(night).values():
        assert "CHECKSUM" not in framelist.cards
        assert "DATASUM" not in framelist.cards


def test_siblings_carry_identical_time_texts() -> None:
    night = expose(trigger_train(500, flc_us=20), lost=({5, 17}, {40, 41, 42}))
    vsync = [one for name, one in build(night).items() if name.startswith("vsync")]
    assert len(vsync) == 4
    for keyword in ("DATE-OBS", *TIME_KEYWORDS):
        assert len({str(one.cards.value(keyword)) for one in vsync}) == 1, keyword


def test_times_are_of_the_first_middle_and_last_frame() -> None:
    # 2025-11-06 00:00:00.25, 12:00, 23:59:59.9996
    times = [DAY_START_US + 250_000, DAY_START_US + DAY_US // 2, DAY_START_US + DAY_US - 400]
    cube = make_cube(Stream.VCAM1, times, {"EXTTRIG": False})
    cards = only(Night((cube,)), "vcam1_").cards
    assert cards.string("DATE-OBS") == "2025-11-06"
    assert [cards.string(k) for k in TIME_KEYWORDS[:6]] == [
        "12:00:00.000",
        "00:00:00.250",
        "23:59:59.999",
        "02:00:00.000",
        "14:00:00.250",
        "13:59:59.999",
    ]
    assert [cards.number(k) for k in TIME_KEYWORDS[6:]] == [60985.5, 60985.00000289, 61000 - 14.0]
    assert "60985.00000289" in str(cards.card("MJD-STR"))


def test_23_59_59_9996_never_becomes_24_00_00() -> None:
    framelist = solo_at(DAY_START_US + DAY_US - 1_400, DAY_START_US + DAY_US - 400)
    assert framelist.name == "vcam1_23:59:59.998600"
    assert framelist.cards.string("UT-END") == "23:59:59.999"
    assert framelist.cards.string("DATE-OBS") == "2025-11-06"
    assert not any("24:00" in text or "60.0" in text for text in framelist.cards.texts)


def test_time_cards_keep_their_comments_and_missing_ones_are_added() -> None:
    framelist = solo_at(START_US, START_US + 1000)
    assert framelist.cards.card("UT").comment == "as the logger says"  # type: ignore[union-attr]
    assert framelist.cards.card("MJD").comment == "as the logger says"  # type: ignore[union-attr]
    bare = solo_at(START_US, START_US + 1000, {"UT": None, "MJD": None, "DATE-OBS": None})
    assert bare.cards.string("UT") == framelist.cards.string("UT")
    assert str(bare.cards.value("MJD")) == str(framelist.cards.value("MJD"))


def test_a_single_image_becomes_a_cube_of_one_frame() -> None:
    cube = make_cube(Stream.VCAM1, [START_US], {"EXTTRIG": False})
    texts = [t for t in cube.cards.texts if not t.startswith("NAXIS3")]
    texts[2] = render_card("NAXIS", "2").text
    flat = replace(cube, cards=Cards(tuple(texts)))
    cards = only(Night((flat,)), "vcam1_").cards
    assert [text[:8].rstrip() for text in cards.texts[:7]] == [
        "SIMPLE",
        "BITPIX",
        "NAXIS",
        "NAXIS1",
        "NAXIS2",
        "NAXIS3",
        "EXTEND",
    ]
    assert (cards.integer("NAXIS"), cards.integer("NAXIS3")) == (3, 1)


def test_rows_carry_the_common_time_and_the_cameras_own_logging_time() -> None:
    night = expose(trigger_train(200, flc_us=20), lost=({5}, {40, 41}), offset_us=333)
    generation = night.synchronize()
    cubes = {cube.path: cube for cube in night.cubes}
    for product in generation.products:
        framelist = build(night, generation)[product.name]
        rows = parse_timing(framelist.rows.encode())
        own = [row(cubes, frame) for frame in frames_of(product.ranges)]
        assert rows.logged_ns.tolist() == [timing[0] for timing in own]
        assert rows.cnt0.tolist() == [timing[2] for timing in own]
        expected = [timing[1] for timing in own]
        if product.synchronised:
            partners = [row(cubes, frame)[1] for frame in frames_of(product.partners)]
            expected = [(a + b) // 2 for a, b in zip(expected, partners, strict=True)]
        assert rows.acquired_us.tolist() == expected


def row(cubes: dict[str, RawCube], frame: tuple[str, int]) -> tuple[int, int, int]:
    timing = cubes[frame[0]].timing
    return (
        int(timing.logged_ns[frame[1]]),
        int(timing.acquired_us[frame[1]]),
        int(timing.cnt0[frame[1]]),
    )


def test_both_sides_of_a_cube_have_the_same_acquisition_column() -> None:
    night = expose(trigger_train(200), lost=({5}, {40, 41}))
    one, two = (parse_timing(f.rows.encode()) for n, f in build(night).items() if "vsync" in n)
    assert np.array_equal(one.acquired_us, two.acquired_us)


def test_sources_and_history_name_every_cube_and_the_version() -> None:
    night = expose(trigger_train(300), cube_frames=(100, 300), offset_us=333)
    framelist = only(night, "cam1")
    paths = [cube.path for cube in night.of(Stream.VCAM1)]
    assert [stamp.path for stamp in framelist.sources] == paths
    assert framelist.sources == tuple(cube.fits for cube in night.of(Stream.VCAM1))
    history = "".join(
        text[8:].strip() for text in framelist.cards.texts if text.startswith("HISTORY")
    )
    assert "vampd 1.2.3" in history
    assert all(path in history for path in paths)
    assert "offset" in history
    notes = "\n".join(framelist.notes)
    assert all(path in notes for path in paths)
    assert "tolerance 465 us" in notes
    assert len(framelist.notes) == 2 + 3


def test_history_says_the_form_of_a_product_and_the_first_form_says_none() -> None:
    night = expose(trigger_train(50, flc_us=20))
    product = night.synchronize().products[0]
    cubes = {cube.path: cube for cube in night.cubes}
    made = {form: build_framelist(product, cubes, "1.2.3", form) for form in WRITTEN_FORMS}
    forms = {form_of(framelist.cards): form for form, framelist in made.items()}
    assert forms == {form: form for form in WRITTEN_FORMS}
    first = [text.rstrip() for text in made[FIRST_FORM].cards.texts]
    assert f"HISTORY vampd 1.2.3: {product.frames} frames of 1 raw cubes" in first
    assert len(set(made[FIRST_FORM].cards.texts) ^ set(made[2].cards.texts)) == 2
    assert made[FIRST_FORM].rows == made[2].rows
    # Whatever a raw header says, the product's own words come last.
    said = made[PRODUCT_FORM].cards.texts
    claimed = history_card("vampd 9, form 9: 1 frames of 1 raw cubes").text
    assert form_of(Cards((claimed, *said))) == PRODUCT_FORM
    assert form_of(Cards(())) == FIRST_FORM


def test_rows_count_the_products_own_frames_and_the_time_since_its_first() -> None:
    night = expose(trigger_train(50, flc_us=20), cube_frames=(20, 30))
    products = night.synchronize().products
    cubes = {cube.path: cube for cube in night.cubes}
    for product in products:
        earlier, today = (build_framelist(product, cubes, "1", form).rows for form in (2, 3))
        before, timing = parse_timing(earlier.encode()), parse_timing(today.encode())
        assert timing.frame.tolist() == list(range(product.frames))
        assert timing.elapsed_ns.tolist() == (timing.logged_ns - timing.logged_ns[0]).tolist()
        for column in ("main_index", "logged_ns", "acquired_us", "cnt0", "cnt1"):
            assert np.array_equal(getattr(timing, column), getattr(before, column))
        raw = [n for part in product.ranges for n in part.frames()]
        assert before.frame.tolist() == raw != timing.frame.tolist()


def test_a_clock_that_was_set_back_shows_in_the_rows_as_time_below_zero() -> None:
    cube = make_cube(Stream.VCAM1, [START_US, START_US + 1_000_000], {"EXTTRIG": False})
    (product,) = Night((cube,)).synchronize().products
    stepped = cube.timing.logged_ns - np.array([0, 1_500_000_000])
    back = replace(cube, timing=replace(cube.timing, logged_ns=stepped))
    rows = build_framelist(product, {cube.path: back}, "1", PRODUCT_FORM).rows.splitlines()
    assert [len(row) for row in rows] == [len(rows[0])] * 2
    assert rows[1].split()[2] == "-0.500000000"


def test_every_oddity_of_a_raw_header_is_mended_in_today_s_form_only() -> None:
    odd = Cards(
        tuple(
            text.ljust(80)
            for text in (
                "MJD     =      1.0",
                "U_FLC   = 'NA      '",
                "AIRMASS =                  NaN / at the time",
                "OBSERVER= 'J\xe9r\xf4me'",
                "ZQUANTIZ= 'NO_DITHER'",
                *[""] * 41,
            )
        )
    )
    night = expose(trigger_train(50, flc_us=20))
    product = night.synchronize().products[0]
    cubes = {c.path: replace(c, cards=c.cards.appended(odd)) for c in night.cubes}
    made = {form: build_framelist(product, cubes, "1", form).cards for form in WRITTEN_FORMS}
    for form in (1, 2):
        assert {*odd.texts} <= {*made[form].texts}
    keywords = [text[:8].rstrip() for text in made[3].texts]
    assert [keywords.count(own) for own in ("MJD", "U_FLC", "ZQUANTIZ")] == [1, 1, 0]
    # One that stands among others stays.
    assert keywords.count("") == 1
    assert made[3].string("U_FLC") == product.order.flc_state
    assert made[3].card("AIRMASS") == Card("AIRMASS =".ljust(30) + " / at the time".ljust(50))
    assert made[3].string("OBSERVER") == "J?r?me"
    assert {(code, keyword) for code, keyword, _ in reported_cards(made[3])} == {
        ("card_not_a_value", "AIRMASS"),
        ("card_not_ascii", "OBSERVER"),
        ("card_dropped", "ZQUANTIZ="),
    }


def test_a_form_that_is_not_written_any_more_is_refused() -> None:
    night = expose(trigger_train(10))
    product = night.synchronize().products[0]
    cubes = {cube.path: cube for cube in night.cubes}
    with pytest.raises(DataError) as caught:
        build_framelist(product, cubes, "1", 99)
    assert (caught.value.code, "equal bytes" in caught.value.message) == ("other_form", True)


def test_a_path_of_any_length_and_letters_makes_cards_of_80_characters() -> None:
    cube = make_cube(Stream.VCAM1, [START_US], {"EXTTRIG": False}, name="é" * 3000 + ".fits")
    framelist = only(Night((cube,)), "vcam1_")
    assert all(len(text) == 80 and text.isascii() for text in framelist.cards.texts)


def test_the_header_is_the_first_source_cubes() -> None:
    night = expose(
        trigger_train(20),
        cube_frames=(10, 10),
        cube_changes={(1, 0): {"OBS-MOD": "first"}, (1, 1): {"OBS-MOD": "second"}},
    )
    assert only(night, "cam1").cards.string("OBS-MOD") == "first"


def test_frames_without_as_many_partners_are_refused() -> None:
    night = expose(trigger_train(10))
    product: Product = night.synchronize().products[0]
    cubes = {cube.path: cube for cube in night.cubes}
    short = replace(product, partners=(FrameRange(product.partners[0].cube, 0, 9),))
    with pytest.raises(DataError) as caught:
        build_framelist(short, cubes, "1", PRODUCT_FORM)
    assert caught.value.code == "partners_differ"


def test_the_framelist_is_a_function_of_product_and_cubes() -> None:
    night = expose(trigger_train(50, flc_us=20))
    assert build(night) == build(night)
    for product in night.synchronize().products:
        assert build(night)[product.name].identity == product.identity
