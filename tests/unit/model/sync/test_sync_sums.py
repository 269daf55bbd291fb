"""The sums of sync are kept as text, and what is none of vampd's says nothing."""

from __future__ import annotations

import pytest

from vampd.model.nights import SyncSums, read_sync_sums, write_sync_sums

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
