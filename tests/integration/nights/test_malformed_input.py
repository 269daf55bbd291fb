"""Whatever lies in a camera's folder costs at most its own cube, with a reason that audit tells.

All of it goes through the real eyes, the sync stage's own plan and its execution, to the end.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.support.builders.raw_cubes import (
    FIRST_ACQUISITION_US,
    WrittenCube,
    raw_cards,
    raw_pixels,
    timing_text,
    write_raw_cube,
)
from tests.support.worlds.sync_site import SyncSite
from vampd.model.cubes import Card, Cards, Timing, format_rows
from vampd.model.nights import Stream, timing_name

_FRAMES = 12
_SECOND_US = 1_000_000
_OFFSET_US = 100


def _timing(at_s: float, stream: Stream = Stream.VCAM1, frames: int = _FRAMES) -> Timing:
    """Rows of frames with the FLC switching; camera 2 is later by a static offset."""
    frame = np.arange(frames, dtype=np.int64)
    offset_us = _OFFSET_US if stream is Stream.VCAM2 else 0
    first_us = FIRST_ACQUISITION_US + round(at_s * _SECOND_US) + offset_us
    acquired_us = first_us + frame * 2_000 + (frame % 2) * 40
    logged_ns = acquired_us * 1_000 + 346_918
    count = frame + 1_000_000 + round(at_s * 500)
    return Timing(frame, count, logged_ns - logged_ns[:1], logged_ns, acquired_us, count, frame * 0)


def _cube(site: SyncSite, at_s: float, stream: Stream = Stream.VCAM1, **how: object) -> WrittenCube:
    timing = _timing(at_s, stream, int(how.pop("frames", _FRAMES)))  # type: ignore[call-overload]
    pixels = raw_pixels(len(timing), seed=stream.camera)
    return write_raw_cube(site.folder, stream, timing=timing, pixels=pixels, **how)  # type: ignore[arg-type]


def _pair(site: SyncSite, at_s: float, **how: object) -> tuple[WrittenCube, WrittenCube]:
    one, two = (_cube(site, at_s, stream, **how) for stream in (Stream.VCAM1, Stream.VCAM2))
    return one, two


def _path(cube: WrittenCube) -> str:
    return str(cube.path.relative_to(cube.night_folder))


@pytest.fixture
def site(tmp_path: Path) -> SyncSite:
    return SyncSite(tmp_path)


@contextmanager
def _neighbors_kept(site: SyncSite) -> Iterator[None]:
    """Sound cubes of both cameras before and behind: whatever happens costs them nothing."""
    sound = [*_pair(site, -60), *_pair(site, 60)]
    yield
    site.run()
    for cube in sound:
        assert site.frames_of(_path(cube)) == _FRAMES
    audit = site.audit()
    assert audit.findings == ()
    assert audit.balanced
    assert not site.plan()


# --- cards

_NONSENSE = {
    "missing": None,
    "undefined": "",
    "empty": "''",
    "nan": "NAN",
    "word": "'nonsense'",
    "logical": "T",
    "negative": "-5",
    "huge": "1E300",
    "beyond": "1E400",
    "open quote": "'never closed",
    "date": "'2025-13-45T99:00:00.123456789'",
}
# instrument.md, "Header cards that matter".
_KEYWORDS = [
    "EXPTIME",
    "EXTTRIG",
    "DETECTOR",
    "U_CAMERA",
    "U_FLCEN",
    "U_FLCST",
    "U_FLC",
    "U_TRIGJT",
    "U_DETMOD",
    "PRD-MIN1",
    "PRD-MIN2",
    "PRD-RNG1",
    "PRD-RNG2",
    "BIN-FCT1",
    "BIN-FCT2",
    "FILTER01",
    "FILTER02",
    "RET-ANG1",
    "OBJECT",
    "DATA-TYP",
    "OBS-MOD",
    "DATE-OBS",
    "DATE",
    "UT",
    "UT-STR",
    "UT-END",
    "HST",
    "HST-STR",
    "HST-END",
    "MJD",
    "MJD-STR",
    "MJD-END",
    "FRAMEID",
    "EXP-ID",
    "DETGAIN",
    "U_MBI",
]


def _header_with(stream: Stream, keyword: str, field: str | None) -> Cards:
    cards = raw_cards((_FRAMES, 6, 10), stream)
    texts = [text for text in cards.texts if text[:8].rstrip() != keyword]
    if field is not None:
        texts.append(Card(f"{keyword:<8}= {field:<20} / nonsense".ljust(80)).text)
    return Cards(tuple(texts))


@pytest.mark.parametrize("keyword", _KEYWORDS)
def test_a_card_of_any_content_costs_at_most_its_own_cube(site: SyncSite, keyword: str) -> None:
    with _neighbors_kept(site):
        odd = {
            name: [
                _cube(site, at_s, stream, raw_header=_header_with(stream, keyword, field))
                for stream in (Stream.VCAM1, Stream.VCAM2)
            ]
            for at_s, (name, field) in enumerate(_NONSENSE.items())
        }
    reasons = site.reasons()
    for name, cubes in odd.items():
        for cube in cubes:
            if keyword != "EXPTIME":
                assert _path(cube) not in reasons
                assert site.frames_of(_path(cube)) == _FRAMES
                continue
            missing = name in ("missing", "undefined", "empty")
            code = "exptime_missing" if missing else "exptime_invalid"
            assert reasons[_path(cube)] == code


@pytest.mark.parametrize(("camera", "refused"), [(1, False), (2, True), (0, False), (3, False)])
def test_only_a_cube_that_says_to_be_the_other_cameras_is_refused(
    site: SyncSite, camera: int, *, refused: bool
) -> None:
    with _neighbors_kept(site):
        cube = _cube(site, 0, changes={"U_CAMERA": camera})
    assert site.reasons() == ({_path(cube): "wrong_camera"} if refused else {})


@pytest.mark.parametrize(
    "date", ["2025-11-06T10:20:02.123456789", "2025-11-06", "yesterday", "10:20:02", ""]
)
def test_a_name_in_hawaiian_time_is_only_a_wrong_name(site: SyncSite, date: str) -> None:
    with _neighbors_kept(site):
        one = _cube(site, 0, name="vcam1_00:20:00.509419918.fits", changes={"DATE": date})
        two = _cube(site, 0, Stream.VCAM2, changes={"DATE": date})
    assert site.reasons() == {}
    assert site.frames_of(_path(one)) == site.frames_of(_path(two)) == _FRAMES
    made = [f for f in site.framelists() if any(part.cube == _path(one) for part in f.ranges)]
    assert {f.name.split(".cam1")[0] for f in made} == {"vsync_10:20:00.509123"}
    assert {f.cards.string("UT-STR") for f in made} == {"10:20:00.509"}


# --- timing files

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
        lambda rows: _edited(rows, _FRAMES - 1, 0, "99"),
        "timing_order",
    ),
    "a time backwards": (
        lambda rows: _edited(rows, 6, 4, rows[3].split()[4][:-1] + "7"),
        "timing_backwards",
    ),
    "no rows": (lambda _: "# only a comment\n", "timing_empty"),
    "nothing": (lambda _: "", "timing_empty"),
    "endless": (lambda rows: "".join(rows) + "# more\n" * 300_000, "timing_too_long"),
    "binary": (lambda rows: "\0" * 500 + "\n" + "".join(rows), "timing_malformed"),
}


@pytest.mark.parametrize("name", _TIMING_EDITS)
def test_every_fault_of_a_timing_file_has_its_own_code(site: SyncSite, name: str) -> None:
    edit, code = _TIMING_EDITS[name]
    with _neighbors_kept(site):
        odd, partner = _pair(site, 0)
        odd.timing_path.write_text(edit(format_rows(odd.timing).splitlines(keepends=True)))
    assert site.reasons() == {_path(odd): code}
    assert site.audit().rejected_frames == _FRAMES
    assert site.frames_of(_path(partner)) == _FRAMES


def test_a_timing_file_in_another_layout_is_as_good(site: SyncSite) -> None:
    with _neighbors_kept(site):
        odd, _ = _pair(site, 0)
        rows = (" ".join(row.split()) for row in format_rows(odd.timing).splitlines())
        odd.timing_path.write_text("\r\n".join(rows) + "\r\n\r\n")
    assert site.reasons() == {}


# --- cubes


def _append(cube: WrittenCube) -> None:
    with cube.path.open("ab") as file:
        file.write(bytes(2880))


def _overwrite(cube: WrittenCube) -> None:
    cube.path.write_bytes(b"x" * 20_000)


def _patch(keyword: str, field: str) -> Callable[[WrittenCube], None]:
    def patch(cube: WrittenCube) -> None:
        content = cube.path.read_bytes()
        start = content.index(f"{keyword:<8}= ".encode())
        card = f"{keyword:<8}= {field:>20}".ljust(80).encode()
        cube.path.write_bytes(content[:start] + card + content[start + 80 :])

    return patch


_CUBE_EDITS: dict[str, tuple[Callable[[WrittenCube], None], str, int]] = {
    "a byte short": (
        lambda cube: os.truncate(cube.path, cube.path.stat().st_size - 1),
        "fits_truncated",
        _FRAMES,
    ),
    "cut in the header": (lambda cube: os.truncate(cube.path, 2880), "fits_truncated", 0),
    "empty": (lambda cube: os.truncate(cube.path, 0), "not_fits", 0),
    "longer": (_append, "fits_too_long", _FRAMES),
    "no fits": (_overwrite, "not_fits", 0),
    "floats": (_patch("BITPIX", "-32"), "not_uint16", _FRAMES),
    "signed": (_patch("BZERO", "0"), "not_uint16", _FRAMES),
    "scaled": (_patch("BSCALE", "NAN"), "not_uint16", _FRAMES),
    "more frames": (_patch("NAXIS3", "2000"), "fits_truncated", 2000),
    "no frames": (_patch("NAXIS3", "0"), "no_frames", 0),
    "negative frames": (_patch("NAXIS3", "-1"), "header_malformed", 0),
    "a word of frames": (_patch("NAXIS3", "'many'"), "header_malformed", 0),
    "nan frames": (_patch("NAXIS3", "NAN"), "header_malformed", 0),
    "absurdly many frames": (_patch("NAXIS3", "1E300"), "axes_absurd", 0),
    "an absurd width": (_patch("NAXIS1", "999999999999999"), "axes_absurd", _FRAMES),
    "five axes": (_patch("NAXIS", "5"), "not_a_cube", 0),
    "control characters": (_patch("OBJECT", "'a\tb'"), "header_malformed", 0),
}


@pytest.mark.parametrize("name", _CUBE_EDITS)
def test_every_fault_of_a_cube_has_its_own_code(site: SyncSite, name: str) -> None:
    edit, code, frames = _CUBE_EDITS[name]
    with _neighbors_kept(site):
        odd, partner = _pair(site, 0)
        edit(odd)
    assert site.reasons() == {_path(odd): code}
    assert site.audit().rejected_frames == frames
    assert site.frames_of(_path(partner)) == _FRAMES


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_a_cube_of_few_frames_is_a_cube(site: SyncSite, frames: int) -> None:
    with _neighbors_kept(site):
        cubes = _pair(site, 0, frames=frames)
    assert site.reasons() == {}
    assert [site.frames_of(_path(cube)) for cube in cubes] == [frames, frames]


def test_a_cube_without_a_timing_file_is_set_aside(site: SyncSite) -> None:
    with _neighbors_kept(site):
        odd, _ = _pair(site, 0)
        odd.timing_path.unlink()
    assert site.reasons() == {_path(odd): "timing_missing"}


# --- a cube twice


def _copy(cube: WrittenCube, path: Path) -> None:
    path.write_bytes(cube.path.read_bytes())


_DOUBLINGS: dict[str, Callable[[WrittenCube, Path], None]] = {
    "copy": _copy,
    "hard link": lambda cube, path: os.link(cube.path, path),
    "symbolic link": lambda cube, path: path.symlink_to(cube.path.name),
    "absolute link": lambda cube, path: path.symlink_to(cube.path),
}


@pytest.mark.parametrize("late", [False, True], ids=["at once", "late"])
@pytest.mark.parametrize("name", ["aaa.fits", "vcam1_23:59:59.000000000.fits"])
@pytest.mark.parametrize("how", _DOUBLINGS)
def test_a_cube_under_two_names_is_used_once(
    site: SyncSite, how: str, name: str, *, late: bool
) -> None:
    with _neighbors_kept(site):
        cube, _ = _pair(site, 0)
        twin = cube.path.with_name(name)
        if late:
            site.run()
        _DOUBLINGS[how](cube, twin)
        twin.with_suffix(".txt").write_bytes(cube.timing_path.read_bytes())
    # The logger's own name is kept.
    assert site.reasons() == {f"vcam1/{name}": "duplicate_cube"}
    assert site.frames_of(_path(cube)) == _FRAMES
    assert site.audit().rejected_frames == _FRAMES
    assert site.audit().raw_frames == 7 * _FRAMES


@pytest.mark.parametrize("late", [False, True], ids=["at once", "late"])
def test_a_cube_that_overlaps_another_costs_only_itself(site: SyncSite, *, late: bool) -> None:
    with _neighbors_kept(site):
        cube, _ = _pair(site, 0)
        if late:
            site.run()
        shorter = _cube(site, 0.003, frames=4)
    assert site.reasons() == {_path(shorter): "overlaps_cube"}
    assert site.frames_of(_path(cube)) == _FRAMES


@pytest.mark.parametrize("leap_s", [0.5, 3.0, 59.99, -59.99])
@pytest.mark.parametrize("frames", [4, _FRAMES, 40])
def test_a_time_that_leaps_into_another_cube_costs_its_own(
    site: SyncSite, leap_s: float, frames: int
) -> None:
    row = 0 if leap_s < 0 else -1
    with _neighbors_kept(site):
        odd = _cube(site, 0, frames=frames)
        odd.timing.acquired_us[row] += round(leap_s * _SECOND_US)
        odd.timing_path.write_text(timing_text(odd.timing))
        if abs(leap_s) < 1:
            sound = _cube(site, 0.2)
        elif leap_s < 5:
            sound = _cube(site, 2.99)
        else:
            sound = _cube(site, -30 if leap_s < 0 else 30)
    assert site.reasons() == {_path(odd): "overlaps_cube"}
    assert site.frames_of(_path(sound)) == _FRAMES


def test_a_late_cube_beside_used_ones_is_used(site: SyncSite) -> None:
    with _neighbors_kept(site):
        _pair(site, 0)
        site.run()
        late, other = _pair(site, 0.1)
    assert site.reasons() == {}
    assert site.frames_of(_path(late)) == site.frames_of(_path(other)) == _FRAMES


# --- what is no readable file


def _listening_socket(path: Path) -> None:
    # A socket's address is short: it is made here and moved there.
    short = Path("s")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(short))
    short.rename(path)


def _io_error(path: Path) -> None:
    # Page 0 of a process is never mapped: reading it is EIO, as on a dying disk.
    path.symlink_to("/proc/self/mem")


_UNREADABLE: dict[str, Callable[[Path], None]] = {
    "dangling link": lambda path: path.symlink_to("nowhere"),
    "link to itself": lambda path: path.symlink_to(path.name),
    "link to a folder": lambda path: path.symlink_to(".."),
    "link through a file": lambda path: path.symlink_to("/etc/passwd/x"),
    "folder": lambda path: path.mkdir(),
    "named pipe": os.mkfifo,
    "socket": _listening_socket,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "read error": _io_error,
}


@pytest.mark.parametrize("how", _UNREADABLE)
def test_a_cube_that_cannot_be_read_is_set_aside(
    site: SyncSite, how: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with _neighbors_kept(site):
        odd, _ = _pair(site, 0)
        odd.path.unlink()
        _UNREADABLE[how](odd.path)
    assert site.reasons() == {_path(odd): "unreadable"}


@pytest.mark.parametrize("how", _UNREADABLE)
def test_a_timing_file_that_cannot_be_read_sets_its_cube_aside(
    site: SyncSite, how: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with _neighbors_kept(site):
        odd, _ = _pair(site, 0)
        odd.timing_path.unlink()
        _UNREADABLE[how](odd.timing_path)
    assert site.reasons() == {_path(odd): "timing_unreadable"}
    assert site.audit().rejected_frames == _FRAMES


def test_linked_cubes_are_cubes(site: SyncSite, tmp_path: Path) -> None:
    with _neighbors_kept(site):
        cube, _ = _pair(site, 0)
        for path in (cube.path, cube.timing_path):
            elsewhere = tmp_path / path.name
            path.rename(elsewhere)
            path.symlink_to(elsewhere)
    assert site.reasons() == {}
    assert site.frames_of(_path(cube)) == _FRAMES


# --- names and numbers


@pytest.mark.parametrize("name", ["a\nb.fits", "tab\t.fits", os.fsdecode(b"caf\xe9.fits")])
def test_a_name_that_no_text_can_hold_sets_its_cube_aside(site: SyncSite, name: str) -> None:
    with _neighbors_kept(site):
        _cube(site, 0, name=name)
    assert site.reasons() == {f"vcam1/{name}": "name_unusable"}


@pytest.mark.parametrize("name", ["é*?[x] 'y' \"z\" $(w);&.fits", "-rf.fits", "x" * 250 + ".fits"])
def test_a_strange_name_is_a_name(site: SyncSite, name: str) -> None:
    with _neighbors_kept(site):
        cube = _cube(site, 0, name=name)
    assert site.reasons() == {}
    assert site.frames_of(_path(cube)) == _FRAMES


def test_hidden_and_foreign_files_are_none_of_the_night(site: SyncSite) -> None:
    with _neighbors_kept(site):
        stream = site.folder / "vcam1"
        for name in (".hidden.fits", "notes.doc", "x.fits.header", "orphan.txt", "x.fits~", ".txt"):
            (stream / name).write_text("whatever")
        (stream / "folder").mkdir()
        (stream / "link").symlink_to("nowhere")
    assert site.reasons() == {}


def test_paths_of_four_thousand_characters_are_paths(tmp_path: Path) -> None:
    base = tmp_path
    while len(str(base)) < 3_650:
        base /= "d" * 200
    base /= "e" * (3_860 - len(str(base)))
    base.mkdir(parents=True)
    site = SyncSite(base)
    with _neighbors_kept(site):
        odd = _cube(site, 0, name=f"{'n' * 95}.fits")
        assert len(str(odd.path)) >= 3_980
        bad = _cube(site, 20, name=f"{'b' * 95}.fits")
        bad.timing_path.unlink()
    assert site.reasons() == {_path(bad): "timing_missing"}
    assert site.frames_of(_path(odd)) == _FRAMES


def test_thousands_of_files_cost_only_themselves(site: SyncSite) -> None:
    count = 3_000
    with _neighbors_kept(site):
        for number in range(count):
            (site.folder / "vcam1" / f"junk{number}.fits").write_bytes(b"")
    audit = site.audit()
    assert len(audit.rejected) == count
    assert {cube.code for cube in audit.rejected} == {"not_fits"}


def test_a_night_of_faults_alone_comes_to_an_end(site: SyncSite) -> None:
    for at_s in range(5):
        cube = _cube(site, at_s)
        cube.timing_path.write_text(timing_text(cube.timing)[:-3])
    site.run()
    assert set(site.reasons().values()) == {"timing_cut"}
    assert site.audit().balanced
    assert site.framelists() == []


def test_a_cube_that_is_mended_comes_back(site: SyncSite) -> None:
    with _neighbors_kept(site):
        odd, _ = _pair(site, 0)
        whole = odd.timing_path.read_bytes()
        odd.timing_path.write_bytes(whole[:-3])
        site.run()
        assert site.reasons() == {_path(odd): "timing_cut"}
        odd.timing_path.write_bytes(whole)
    assert site.reasons() == {}
    assert site.frames_of(_path(odd)) == _FRAMES
    assert timing_name(odd.path.name) == odd.timing_path.name
