"""Every fault of a timing file has its code and costs its own cube."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.examples import others_in_soak
from tests.support.worlds.hostile.malformed_site import (
    FRAMES,
    LINKS,
    UNREADABLE,
    add_pair,
    neighbors_kept,
    path_of,
)
from tests.support.worlds.sites.sync_site import SyncSite
from vampd.model.cubes import format_rows
from vampd.model.nights import timing_name

_Edit = Callable[[list[str]], str]


def _edited(lines: list[str], number: int, column: int, word: str) -> str:
    cells = lines[number].split()
    cells[column] = word
    return "".join([*lines[:number], "  ".join(cells) + "\n", *lines[number + 1 :]])


def _row_behind(last: str) -> str:
    """The row of a frame more, a second later."""
    cells = last.split()
    cells[0] = str(int(cells[0]) + 1)
    cells[4] = f"{int(cells[4][:10]) + 1}{cells[4][10:]}"
    return "  ".join(cells) + "\n"


_TIMING_EDITS: dict[str, tuple[_Edit, str]] = {
    "last row cut": (lambda rows: "".join(rows)[:-40], "timing_cut"),
    "line end cut": (lambda rows: "".join(rows)[:-1], "timing_cut"),
    "row in the middle cut": (
        lambda rows: "".join([*rows[:5], rows[5][:50] + "\n", *rows[6:]]),
        "timing_columns",
    ),
    "a word": (lambda rows: _edited(rows, 3, 4, "late"), "timing_malformed"),
    "a negative time": (lambda rows: _edited(rows, 3, 4, "-5.000000"), "timing_malformed"),
    "nan acquisition": (lambda rows: _edited(rows, 3, 4, "nan"), "timing_nan"),
    "nan logging": (lambda rows: _edited(rows, 0, 3, "NaN"), "timing_nan"),
    "six columns": (
        lambda rows: "".join("  ".join(row.split()[:4] + row.split()[5:]) + "\n" for row in rows),
        "timing_six_columns",
    ),
    "row doubled for another": (
        lambda rows: "".join([*rows[:4], rows[3], *rows[5:]]),
        "timing_duplicated",
    ),
    "row doubled": (lambda rows: "".join([*rows[:4], rows[3], *rows[4:]]), "timing_duplicated"),
    "row too many": (lambda rows: "".join(rows) + _row_behind(rows[-1]), "timing_rows"),
    "row dropped": (lambda rows: "".join([*rows[:4], *rows[5:]]), "timing_rows"),
    "rows swapped": (
        lambda rows: "".join([*rows[:4], rows[5], rows[4], *rows[6:]]),
        "timing_order",
    ),
    "all rows reversed": (lambda rows: "".join(reversed(rows)), "timing_order"),
    "a row of another frame": (
        lambda rows: _edited(rows, FRAMES - 1, 0, "99"),
        "timing_order",
    ),
    "all times reversed": (
        lambda rows: "".join(
            _edited([row], 0, 4, other.split()[4])
            for row, other in zip(rows, reversed(rows), strict=True)
        ),
        "timing_backwards",
    ),
    "no acquisition time": (
        lambda rows: "".join(_edited([row], 0, 4, "0.000000") for row in rows),
        "acquisition_time_absurd",
    ),
    "five minutes off": (
        lambda rows: "".join(
            _edited([row], 0, 4, f"{int(cell[:10]) - 300}{cell[10:]}")
            for row in rows
            for cell in [row.split()[4]]
        ),
        "acquisition_time_absurd",
    ),
    "no rows": (lambda _: "# only a comment\n", "timing_empty"),
    "nothing": (lambda _: "", "timing_empty"),
    "endless": (lambda rows: "".join(rows) + "# more\n" * 300_000, "timing_too_long"),
    "binary": (lambda rows: "\0" * 500 + "\n" + "".join(rows), "timing_malformed"),
}


@pytest.mark.parametrize("name", _TIMING_EDITS)
def test_every_fault_of_a_timing_file_has_its_own_code(site: SyncSite, name: str) -> None:
    edit, code = _TIMING_EDITS[name]
    with neighbors_kept(site):
        odd, partner = add_pair(site, 0)
        odd.timing_path.write_text(edit(format_rows(odd.timing).splitlines(keepends=True)))
    assert site.reasons() == {path_of(odd): code}
    assert site.audit().rejected_frames == FRAMES
    assert site.frames_of(path_of(partner)) == FRAMES


_BAD_ROWS = (0, 3, FRAMES - 1)
_BAD_TIMES = {"absent": "0.000000", "early": "1762424100.000000", "late": "1862424400.000000"}
# Each row and each time once, then the others.
_BAD = [
    (row, kind)
    for shift in range(3)
    for row, kind in zip(_BAD_ROWS, [*_BAD_TIMES][shift:] + [*_BAD_TIMES][:shift], strict=True)
]


@pytest.mark.parametrize(("row", "kind"), others_in_soak(_BAD, few=3))
def test_a_bad_row_costs_its_frame_and_nothing_else(site: SyncSite, row: int, kind: str) -> None:
    with neighbors_kept(site):
        odd, partner = add_pair(site, 0)
        rows = format_rows(odd.timing).splitlines(keepends=True)
        odd.timing_path.write_text(_edited(rows, row, 4, _BAD_TIMES[kind]))
    assert site.reasons() == {path_of(odd): "acquisition_time_absurd"}
    assert site.audit().balanced
    assert site.audit().rejected_frames == 1
    assert site.frames_of(path_of(odd)) == FRAMES - 1
    assert site.frames_of(path_of(partner)) == FRAMES


def test_a_timing_file_in_another_layout_is_as_good(site: SyncSite) -> None:
    with neighbors_kept(site):
        odd, _ = add_pair(site, 0)
        rows = (" ".join(row.split()) for row in format_rows(odd.timing).splitlines())
        odd.timing_path.write_text("\r\n".join(rows) + "\r\n\r\n")
    assert site.reasons() == {}


def test_a_cube_without_a_timing_file_is_set_aside(site: SyncSite) -> None:
    with neighbors_kept(site):
        odd, _ = add_pair(site, 0)
        odd.timing_path.unlink()
    assert site.reasons() == {path_of(odd): "timing_missing"}


@pytest.mark.parametrize("how", UNREADABLE)
def test_a_timing_file_that_cannot_be_read_sets_its_cube_aside(
    site: SyncSite, how: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with neighbors_kept(site):
        odd, _ = add_pair(site, 0)
        odd.timing_path.unlink()
        UNREADABLE[how](odd.timing_path)
    code = "link" if how in LINKS else "timing_unreadable"
    assert site.reasons() == {path_of(odd): code}
    assert site.audit().rejected_frames == FRAMES


def test_a_cube_that_is_mended_comes_back(site: SyncSite) -> None:
    with neighbors_kept(site):
        odd, _ = add_pair(site, 0)
        whole = odd.timing_path.read_bytes()
        odd.timing_path.write_bytes(whole[:-3])
        site.run()
        assert site.reasons() == {path_of(odd): "timing_cut"}
        odd.timing_path.write_bytes(whole)
    assert site.reasons() == {}
    assert site.frames_of(path_of(odd)) == FRAMES
    assert timing_name(odd.path.name) == odd.timing_path.name
