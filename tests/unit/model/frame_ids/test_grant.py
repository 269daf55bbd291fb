"""A grant is used whole or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vampd.ledger.records import Refused, format_line
from vampd.model.frame_ids import FrameId, NumberRange, judge_grant, named_ids, split_answer

NUMBERS = st.integers(0, 69_999_900)
GOOD = ["VMPA00000007", "VMPA00000008", "VMPA00000009"]


def judge(lines, count=3, floor=6, known=()):
    return judge_grant(
        lines,
        count,
        numbers=NumberRange.RAW,
        floor=None if floor is None else FrameId(floor),
        known=frozenset(map(FrameId, known)),
    )


@given(first=NUMBERS, count=st.integers(1, 50), below=st.integers(0, 5), newline=st.booleans())
def test_a_sequence_above_all_that_was_used_is_accepted_with_or_without_a_last_line_end(
    first, count, below, newline
):
    ids = [FrameId(number) for number in range(first, first + count)]
    text = "\n".join(map(str, ids)) + "\n" * newline
    floor = first - 1 - below
    verdict = judge(split_answer(text), count, floor if floor >= 0 else None)
    assert (verdict.ids, verdict.problem) == (tuple(ids), None)


@given(
    st.permutations(GOOD).filter(lambda lines: lines != GOOD)
    | st.lists(st.sampled_from([*GOOD, "VMPA00000010", "", "VMPA0000001", "x\x00\ud800"])).filter(
        lambda lines: lines != GOOD
    )
)
def test_anything_but_the_next_ids_in_sequence_is_refused_and_the_reason_can_stand_in_the_ledger(
    lines,
):
    verdict = judge(lines)
    accepted = lines == ["VMPA00000008", "VMPA00000009", "VMPA00000010"]
    assert (verdict.problem is None) == accepted
    if verdict.problem is not None:
        assert format_line(Refused(1, verdict.problem))
    assert {str(each) for each in verdict.ids} == {
        line for line in lines if line.startswith("VMPA000000") and len(line) == 12
    }


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        (GOOD[:2], "2 IDs came instead of 3"),
        ([*GOOD, "VMPA00000010"], "4 IDs came instead of 3"),
        (["VMPA00000006", *GOOD[:2]], "VMPA00000006 came, which is not above VMPA00000006"),
        ([GOOD[0], GOOD[0], GOOD[1]], "VMPA00000007 came behind VMPA00000007"),
        ([GOOD[0], "VMPA0000", GOOD[2]], "line 2 is 'VMPA0000'"),
        ([*GOOD, ""], "line 4 is ''"),
        (["VMPA90000000"], "engineering, not raw"),
        ([GOOD[0], "x" * 500, GOOD[2]], "x..."),
    ],
)
def test_the_reason_names_what_is_wrong(lines, shown):
    assert shown in judge(lines).problem


def test_what_was_given_before_may_not_come_again_even_above_the_floor():
    assert "VMPA00000008 came, which was given before" in judge(GOOD, known=[8]).problem


def test_blanks_and_carriage_returns_around_an_id_do_no_harm():
    assert judge([f" {line}\r" for line in GOOD]).problem is None


def test_an_empty_answer_has_no_lines():
    assert split_answer("") == ()
    assert split_answer("a\n\n") == ("a", "")
    assert named_ids([]) == ()
