"""Files travel in parts that keep a link at work, and leave little to read when all has arrived."""

from __future__ import annotations

from vampd.model.nights import FileStamp
from vampd.stages.records.parts import cut_parts


def sizes_of(sizes: list[int], part_bytes: int) -> list[int]:
    files = {str(number): FileStamp(str(number), size, 1) for number, size in enumerate(sizes)}
    parts = list(cut_parts(list(files), files, part_bytes))
    # Each once, in order: those that were made first travel first.
    assert [path for part in parts for path in part] == list(files)
    return [sum(files[path].size for path in part) for part in parts]


def test_the_first_part_is_half_as_large_so_that_two_do_not_end_together() -> None:
    assert sizes_of([10] * 60, 100)[:3] == [50, 100, 100]


def test_the_last_parts_are_smaller() -> None:
    sizes = sizes_of([10] * 100, 100)
    assert sizes[-1] <= 30
    assert max(sizes) == 100


def test_a_large_night_has_a_hundred_parts_and_a_few_smaller_ones() -> None:
    assert 100 <= len(sizes_of([10] * 1_000, 1)) <= 115


def test_what_is_larger_than_a_part_is_one() -> None:
    assert sizes_of([1_000, 1_000, 0], 100) == [1_000, 1_000, 0]


def test_nothing_is_no_part() -> None:
    assert sizes_of([], 100) == []
