"""Frame IDs: eight digits, one letter, nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vampd.model.frame_ids import FrameId, NumberRange


@given(st.integers(0, 99_999_999))
def test_an_id_comes_back_from_its_text_and_the_exposure_differs_in_one_letter(number: int) -> None:
    frame_id = FrameId(number)
    assert FrameId.parse(str(frame_id)) == frame_id
    assert len(str(frame_id)) == 12
    assert [a != b for a, b in zip(str(frame_id), frame_id.exposure_id, strict=True)] == [
        position == 3 for position in range(12)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "VMPE00012345",
        "VMPA0012345",
        "VMPA000123456",
        "vmpa00012345",
        "VMPA00012345\n",
        "",
        "VMPZ00000001",
        "VMPA0001234\u0665",
        "VMPA\uff10\uff10\uff10\uff11\uff12\uff13\uff14\uff15",
    ],
)
def test_any_other_text_is_no_id(text: str) -> None:
    with pytest.raises(ValueError, match="VMPA00012345"):
        FrameId.parse(text)


@pytest.mark.parametrize("number", [-1, 100_000_000])
def test_a_number_of_more_than_eight_digits_is_no_id(number: int) -> None:
    with pytest.raises(ValueError, match="eight digits"):
        FrameId(number)


def test_ids_are_ordered_by_number_and_the_first_digit_shows_their_use() -> None:
    assert sorted([FrameId(10), FrameId(9)]) == [FrameId(9), FrameId(10)]
    assert [FrameId(n).looks_raw for n in (0, 69_999_999, 70_000_000, 99_999_999)] == [
        True,
        True,
        False,
        False,
    ]


@given(st.integers(0, 99_999_999))
def test_the_first_digit_alone_shows_the_range(number: int) -> None:
    numbers = FrameId(number).numbers
    assert numbers.first <= number <= numbers.last
    first_digit = f"{number:08d}"[0]
    assert numbers is {"7": NumberRange.SIMULATED, "8": NumberRange.SIMULATED}.get(
        first_digit, NumberRange.ENGINEERING if first_digit == "9" else NumberRange.RAW
    )
    assert FrameId(number).looks_raw == (first_digit in "0123456")
