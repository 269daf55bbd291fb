"""Framelists: references to frames, exact and few."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders.framelists import times_of
from vampd.errors import DataError
from vampd.model.cubes import (
    Cards,
    Framelist,
    FrameRange,
    ProductOrder,
    compress_frames,
    format_framelist,
    identity_of,
    parse_framelist,
    render_card,
)
from vampd.model.nights import FileStamp

PATH = "vcam1/vcam1_10:20:00.509403978.fits"


def framelist(**changes: object) -> Framelist:
    values: dict[str, object] = {
        "name": "vsync_10:20:00.509073.cam1.A",
        "order": ProductOrder(1_762_424_400_509_073, 1, "A"),
        "sources": (FileStamp(PATH, 574_080_000, 1_762_424_402_510_000_000),),
        "ranges": (FrameRange(PATH, 0, 2, 2), FrameRange(PATH, 7, 1)),
        "notes": ("made by vampd 0.1.0",),
        "cards": Cards((render_card("SIMPLE", "T").text, render_card("NAXIS3", "3").text)),
        "times": times_of(3),
    }
    return Framelist(**(values | changes))  # type: ignore[arg-type]


def test_a_framelist_knows_where_it_and_its_products_lie() -> None:
    one = framelist()
    assert one.frames == 3
    assert one.path == "vgen2/vsync_10:20:00.509073.cam1.A.framelist"
    assert one.packed_path == "vgen2/vsync_10:20:00.509073.cam1.A.fits.fz"
    assert one.sidecar_path == "vgen2/vsync_10:20:00.509073.cam1.A.txt"


@pytest.mark.parametrize(
    "change",
    [
        {"name": "VMPA00000001"},
        {"notes": ()},
        {"sources": ()},
        {"times": ""},
        {"cards": Cards(())},
        {"order": ProductOrder(0, 2, "B")},
    ],
)
def test_the_identity_shows_the_frames_and_nothing_else(change: dict[str, object]) -> None:
    assert framelist(**change).identity == framelist().identity


@pytest.mark.parametrize(
    "ranges",
    [
        (),
        (FrameRange(PATH, 0, 2, 2),),
        (FrameRange(PATH, 7, 1), FrameRange(PATH, 0, 2, 2)),
        (FrameRange(PATH, 0, 2, 3), FrameRange(PATH, 7, 1)),
        (FrameRange(PATH + "x", 0, 2, 2), FrameRange(PATH, 7, 1)),
    ],
)
def test_other_frames_are_another_identity(ranges: tuple[FrameRange, ...]) -> None:
    assert identity_of(ranges) != framelist().identity


def test_a_name_that_is_no_utf8_has_an_identity() -> None:
    odd = b"vcam1/\xff.fits".decode("utf-8", "surrogateescape")
    assert len(identity_of([FrameRange(odd, 0, 1)])) == 64


def test_a_framelist_without_a_state_or_cards_or_times_comes_back() -> None:
    for one in (
        framelist(order=ProductOrder(5, 2, "")),
        framelist(cards=Cards(()), times="", notes=(), sources=()),
        framelist(name="a name with blanks", notes=("", " x ", "sha256 note", "cards 7")),
    ):
        assert parse_framelist(format_framelist(one)) == one


@pytest.mark.parametrize(
    "text",
    ["", "sha256 ", "vampd framelist 1\n", "sha256 0\n", format_framelist(framelist()) + "\n"],
)
def test_what_is_no_whole_framelist_is_damaged(text: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_framelist(text)
    assert caught.value.code == "framelist_damaged"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("vampd framelist 2", "vampd framelist 3"),
        # Its times are no rows.
        ("vampd framelist 2", "vampd framelist 1"),
        ("order 1762424400509073 1 A", "order now"),
        ("cards 2", "cards 99"),
        ("cards 2", "cards x"),
        ("name vsync", "nom vsync"),
    ],
)
def test_a_framelist_of_another_form_is_damaged_even_under_a_right_checksum(
    old: str, new: str
) -> None:
    import hashlib

    body = format_framelist(framelist()).rpartition("sha256 ")[0].replace(old, new)
    with pytest.raises(DataError, match="cannot be read"):
        parse_framelist(f"{body}sha256 {hashlib.sha256(body.encode()).hexdigest()}\n")


positions = st.lists(st.integers(0, 3000), unique=True, max_size=80).map(sorted)


@given(positions)
def test_compressed_frames_are_the_same_frames_in_the_same_order(frames: list[int]) -> None:
    ranges = list(compress_frames(PATH, frames))
    assert [frame for part in ranges for frame in part.frames()] == frames
    assert all(part.cube == PATH and part.count >= 1 and part.step >= 1 for part in ranges)
    assert all(part.step == 1 for part in ranges if part.count == 1)


@given(st.integers(0, 100), st.integers(1, 200), st.integers(1, 5))
def test_an_even_pattern_is_one_range(start: int, count: int, step: int) -> None:
    frames = list(range(start, start + count * step, step))
    expected = count if count == 2 and step > 1 else 1
    assert len(list(compress_frames(PATH, frames))) == expected


def test_a_lost_frame_costs_one_more_range() -> None:
    frames = [*range(0, 100, 2), *range(101, 200, 2)]
    assert list(compress_frames(PATH, frames)) == [
        FrameRange(PATH, 0, 50, 2),
        FrameRange(PATH, 101, 50, 2),
    ]
