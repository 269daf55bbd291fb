"""The sums of sync are kept as text, and what is none of vampd's says nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vampd.model.cubes import CountedBy, CubeAccount, Generation, SetAside, SyncCounts
from vampd.model.nights import (
    Aside,
    FileStamp,
    FrameFlow,
    SyncSums,
    read_frame_flow,
    read_sync_sums,
    write_frame_flow,
    write_sync_sums,
)
from vampd.model.sync import follow_frames

SUMS = SyncSums(
    raw=1700, aside=119, aside_cubes=2, paired=1500, unpaired=10, labeled=1400, dubious=7
)


def test_sums_are_read_as_they_were_written() -> None:
    assert read_sync_sums(write_sync_sums(SUMS)) == SUMS


def test_parts_are_of_the_frames_that_could_be_so() -> None:
    parts = (SUMS.aside_part, SUMS.unpaired_part, SUMS.dubious_part)
    assert parts == (119 / 1700, 10 / 1510, 7 / 1400)
    assert SyncSums().aside_part == SyncSums().unpaired_part == SyncSums().dubious_part == 0


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[]",
        "3",
        '{"raw": 1}',
        write_sync_sums(SUMS).replace("1700", "-1"),
        write_sync_sums(SUMS).replace("1700", '"x"'),
        "[" * 100_000,
    ],
)
def test_what_says_nothing_is_none(text: str | None) -> None:
    assert read_sync_sums(text) is None


FLOW = FrameFlow(
    raw=1700,
    products=9,
    paired={"A": 700, "B": 690, "D": 10},
    solo={"": 181},
    aside={"timing_cut": Aside(2, 119)},
)
WRITTEN = write_frame_flow(FLOW)


def test_a_flow_is_read_as_it_was_written_and_balances_if_nothing_is_left_over() -> None:
    assert read_frame_flow(WRITTEN) == FLOW
    assert FLOW.is_balanced
    assert (FLOW.in_products, FLOW.set_aside) == (1581, 119)
    assert not replace(FLOW, raw=1701).is_balanced
    assert not replace(FLOW, aside={}).is_balanced


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[]",
        "3",
        WRITTEN.replace("1700", "-1"),
        WRITTEN.replace("700", "true"),
        WRITTEN.replace('"A"', '"C"'),
        WRITTEN.replace("[2,119]", "[2]"),
        WRITTEN.replace("[2,119]", '[2,"119"]'),
        WRITTEN.replace('"products":9,', ""),
        WRITTEN.replace("true", "1"),
        WRITTEN.replace('{"":181}', "[181]"),
        "[" * 100_000,
    ],
)
def test_what_is_no_flow_is_none(text: str | None) -> None:
    assert read_frame_flow(text) is None


def test_a_cube_of_which_only_a_part_can_be_counted_makes_the_flow_uncertain() -> None:
    stamp = FileStamp("vcam1/c.fits", 9, 9)
    cube = CubeAccount(stamp, None, 5)
    for counted_by in CountedBy:
        aside = SetAside(stamp, None, 5, "header_unreadable", "why", counted_by)
        flow = follow_frames((Generation(1, "0", (cube,), (), (aside,), SyncCounts()),))
        assert flow.aside == {"header_unreadable": Aside(1, 5)}
        assert flow.is_certain == (counted_by is CountedBy.HEADER)
        assert flow.is_balanced
