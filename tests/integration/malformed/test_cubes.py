"""Every fault of a cube has its code; a cube that is there twice is used once."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.builders.raw_cubes import (
    WrittenCube,
    timing_text,
)
from tests.support.examples import others_in_soak
from tests.support.worlds.hostile.malformed_site import (
    FRAMES,
    SECOND_US,
    add_cube,
    add_pair,
    neighbors_kept,
    path_of,
)
from tests.support.worlds.sites.sync_site import SyncSite


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


# Where the header does not tell, or more than the file can hold, the timing file does.
_CUBE_EDITS: dict[str, tuple[Callable[[WrittenCube], None], str]] = {
    "a byte short": (
        lambda cube: os.truncate(cube.path, cube.path.stat().st_size - 1),
        "fits_truncated",
    ),
    "cut in the header": (lambda cube: os.truncate(cube.path, 2880), "fits_truncated"),
    "empty": (lambda cube: os.truncate(cube.path, 0), "not_fits"),
    "longer": (_append, "fits_too_long"),
    "no fits": (_overwrite, "not_fits"),
    "floats": (_patch("BITPIX", "-32"), "not_uint16"),
    "signed": (_patch("BZERO", "0"), "not_uint16"),
    "scaled": (_patch("BSCALE", "NAN"), "not_uint16"),
    "more frames": (_patch("NAXIS3", "2000"), "fits_truncated"),
    "no frames": (_patch("NAXIS3", "0"), "no_frames"),
    "negative frames": (_patch("NAXIS3", "-1"), "header_malformed"),
    "a word of frames": (_patch("NAXIS3", "'many'"), "header_malformed"),
    "nan frames": (_patch("NAXIS3", "NAN"), "header_malformed"),
    "absurdly many frames": (_patch("NAXIS3", "1E300"), "axes_absurd"),
    "an absurd width": (_patch("NAXIS1", "999999999999999"), "axes_absurd"),
    "five axes": (_patch("NAXIS", "5"), "not_a_cube"),
    "a control character as a length": (_patch("NAXIS3", "20\0"), "header_malformed"),
    "a control character as SIMPLE": (_patch("SIMPLE", "T\t"), "header_malformed"),
}


@pytest.mark.parametrize("name", _CUBE_EDITS)
def test_every_fault_of_a_cube_has_its_own_code(site: SyncSite, name: str) -> None:
    edit, code = _CUBE_EDITS[name]
    with neighbors_kept(site):
        odd, partner = add_pair(site, 0)
        edit(odd)
    assert site.reasons() == {path_of(odd): code}
    assert site.audit().rejected_frames == FRAMES
    assert site.frames_of(path_of(partner)) == FRAMES


@pytest.mark.parametrize("odd", ["\0", "\t", "\n", "\x1b", "\x7f"])
def test_a_control_character_in_a_card_costs_no_frame(site: SyncSite, odd: str) -> None:
    with neighbors_kept(site):
        cube, partner = add_pair(site, 0)
        _patch("OBJECT", f"'a{odd}b'")(cube)
        _patch("OBJECT", f"'a{odd}b'")(partner)
    assert site.reasons() == {}
    assert site.frames_of(path_of(cube)) == FRAMES


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_a_cube_of_few_frames_is_a_cube(site: SyncSite, frames: int) -> None:
    with neighbors_kept(site):
        cubes = add_pair(site, 0, frames=frames)
    assert site.reasons() == {}
    assert [site.frames_of(path_of(cube)) for cube in cubes] == [frames, frames]


def _copy(cube: WrittenCube, path: Path) -> None:
    path.write_bytes(cube.path.read_bytes())


_DOUBLINGS: dict[str, Callable[[WrittenCube, Path], None]] = {
    "copy": _copy,
    "hard link": lambda cube, path: os.link(cube.path, path),
    "symbolic link": lambda cube, path: path.symlink_to(cube.path.name),
    "absolute link": lambda cube, path: path.symlink_to(cube.path),
}


@pytest.mark.parametrize("late", [False, True], ids=["at once", "late"])
@pytest.mark.parametrize("name", others_in_soak(["aaa.fits", "vcam1_23:59:59.000000000.fits"]))
@pytest.mark.parametrize("how", _DOUBLINGS)
def test_a_cube_under_two_names_is_used_once(
    site: SyncSite, how: str, name: str, *, late: bool
) -> None:
    with neighbors_kept(site):
        cube, _ = add_pair(site, 0)
        twin = cube.path.with_name(name)
        if late:
            site.run()
        _DOUBLINGS[how](cube, twin)
        twin.with_suffix(".txt").write_bytes(cube.timing_path.read_bytes())
    # The logger's own name is kept.
    assert site.reasons() == {f"vcam1/{name}": "duplicate_cube"}
    assert site.frames_of(path_of(cube)) == FRAMES
    assert site.audit().rejected_frames == FRAMES
    assert site.audit().raw_frames == 7 * FRAMES


@pytest.mark.parametrize("late", [False, True], ids=["at once", "late"])
def test_a_cube_that_overlaps_another_costs_only_itself(site: SyncSite, *, late: bool) -> None:
    with neighbors_kept(site):
        cube, _ = add_pair(site, 0)
        if late:
            site.run()
        shorter = add_cube(site, 0.003, frames=4)
    assert site.reasons() == {path_of(shorter): "overlaps_cube"}
    assert site.frames_of(path_of(cube)) == FRAMES


@pytest.mark.parametrize("leap_s", [0.5, 3.0, 59.99, -59.99])
@pytest.mark.parametrize("frames", others_in_soak([FRAMES, 4, 40]))
def test_a_time_that_leaps_into_another_cube_costs_its_frame(
    site: SyncSite, leap_s: float, frames: int
) -> None:
    row = 0 if leap_s < 0 else -1
    with neighbors_kept(site):
        odd = add_cube(site, 0, frames=frames)
        odd.timing.acquired_us[row] += round(leap_s * SECOND_US)
        odd.timing_path.write_text(timing_text(odd.timing))
        if abs(leap_s) < 1:
            sound = add_cube(site, 0.2)
        elif leap_s < 5:
            sound = add_cube(site, 2.99)
        else:
            sound = add_cube(site, -30 if leap_s < 0 else 30)
    assert site.reasons() == {path_of(odd): "acquisition_time_absurd"}
    assert site.frames_of(path_of(odd)) == frames - 1
    assert site.frames_of(path_of(sound)) == FRAMES


def test_a_late_cube_beside_used_ones_is_used(site: SyncSite) -> None:
    with neighbors_kept(site):
        add_pair(site, 0)
        site.run()
        late, other = add_pair(site, 0.1)
    assert site.reasons() == {}
    assert site.frames_of(path_of(late)) == site.frames_of(path_of(other)) == FRAMES
