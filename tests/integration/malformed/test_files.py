"""Names, links, sockets and numbers of files: what is no cube costs nothing."""

import gzip
import os
from pathlib import Path

import pytest

from tests.support.builders.raw_cubes import (
    timing_text,
)
from tests.support.worlds.hostile.malformed_site import (
    FRAMES,
    LINKS,
    UNREADABLE,
    add_cube,
    add_pair,
    neighbors_kept,
    path_of,
)
from tests.support.worlds.sites.sync_site import SyncSite
from vampd.model.plan import Plan


@pytest.mark.parametrize("how", UNREADABLE)
def test_a_cube_that_cannot_be_read_is_set_aside(
    site: SyncSite, how: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with neighbors_kept(site):
        odd, _ = add_pair(site, 0)
        odd.path.unlink()
        UNREADABLE[how](odd.path)
    assert site.reasons() == {path_of(odd): "link" if how in LINKS else "unreadable"}


def test_cubes_that_are_linked_within_their_night_are_cubes(site: SyncSite) -> None:
    with neighbors_kept(site):
        cube, _ = add_pair(site, 0)
        (site.folder / "kept").mkdir()
        for path in (cube.path, cube.timing_path):
            elsewhere = site.folder / "kept" / path.name
            path.rename(elsewhere)
            path.symlink_to(elsewhere)
    assert site.reasons() == {}
    assert site.frames_of(path_of(cube)) == FRAMES


@pytest.mark.parametrize("name", ["a\nb.fits", "tab\t.fits", os.fsdecode(b"caf\xe9.fits")])
def test_a_name_that_no_text_can_hold_sets_its_cube_aside(site: SyncSite, name: str) -> None:
    with neighbors_kept(site):
        add_cube(site, 0, name=name)
    assert site.reasons() == {f"vcam1/{name}": "name_unusable"}


@pytest.mark.parametrize("name", ["é*?[x] 'y' \"z\" $(w);&.fits", "-rf.fits", "x" * 250 + ".fits"])
def test_a_strange_name_is_a_name(site: SyncSite, name: str) -> None:
    with neighbors_kept(site):
        cube = add_cube(site, 0, name=name)
    assert site.reasons() == {}
    assert site.frames_of(path_of(cube)) == FRAMES


def test_hidden_and_foreign_files_are_none_of_the_night(site: SyncSite) -> None:
    with neighbors_kept(site):
        stream = site.folder / "vcam1"
        for name in (".hidden.fits", "notes.doc", "x.fits.header", "orphan.txt", "x.fits~", ".txt"):
            (stream / name).write_text("whatever")
        (stream / "folder").mkdir()
        (stream / "link").symlink_to("nowhere")
    assert site.reasons() == {}


@pytest.mark.parametrize("name", ["{}.fits.gz", "{}.fits.fz", "{}.FITS", "{}.h5"])
def test_a_cube_in_another_form_is_no_cube_of_zero_frames(site: SyncSite, name: str) -> None:
    with neighbors_kept(site):
        cube = add_cube(site, 0)
        other = cube.path.with_name(name.format(cube.path.stem))
        other.write_bytes(gzip.compress(cube.path.read_bytes()))
        cube.path.unlink()
    path = f"vcam1/{other.name}"
    assert site.reasons() == {path: "unknown_form"}
    (aside,) = site.audit().rejected
    assert str(aside.count) == f"at least {FRAMES} frames, as the timing file tells"
    # Brought back under its own name it is taken up, and counts once.
    cube.path.write_bytes(gzip.decompress(other.read_bytes()))
    site.run()
    assert (site.reasons(), site.frames_of(path_of(cube))) == ({}, FRAMES)
    other.unlink()
    audit = site.audit()
    assert (audit.balanced, audit.findings, site.plan()) == (True, (), Plan())


def test_a_used_cube_that_is_compressed_later_is_no_second_one(site: SyncSite) -> None:
    with neighbors_kept(site):
        cube = add_cube(site, 0)
    cube.path.with_name(f"{cube.path.name}.gz").write_bytes(gzip.compress(cube.path.read_bytes()))
    cube.path.unlink()
    assert (site.reasons(), site.plan()) == ({}, Plan())


def test_paths_of_four_thousand_characters_are_paths(tmp_path: Path) -> None:
    base = tmp_path
    while len(str(base)) < 3_650:
        base /= "d" * 200
    base /= "e" * (3_860 - len(str(base)))
    base.mkdir(parents=True)
    site = SyncSite(base)
    with neighbors_kept(site):
        odd = add_cube(site, 0, name=f"{'n' * 95}.fits")
        assert len(str(odd.path)) >= 3_980
        bad = add_cube(site, 20, name=f"{'b' * 95}.fits")
        bad.timing_path.unlink()
    assert site.reasons() == {path_of(bad): "timing_missing"}
    assert site.frames_of(path_of(odd)) == FRAMES


@pytest.mark.parametrize("count", [300, pytest.param(3_000, marks=pytest.mark.soak)])
def test_any_number_of_files_costs_only_itself(site: SyncSite, count: int) -> None:
    with neighbors_kept(site):
        for number in range(count):
            (site.folder / "vcam1" / f"junk{number}.fits").write_bytes(b"")
    audit = site.audit()
    assert len(audit.rejected) == count
    assert {cube.code for cube in audit.rejected} == {"not_fits"}


def test_a_night_of_faults_alone_comes_to_an_end(site: SyncSite) -> None:
    for at_s in range(5):
        cube = add_cube(site, at_s)
        cube.timing_path.write_text(timing_text(cube.timing)[:-3])
    site.run()
    assert set(site.reasons().values()) == {"timing_cut"}
    assert site.audit().balanced
    assert site.framelists() == []
