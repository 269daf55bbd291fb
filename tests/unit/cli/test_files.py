"""vampctl pack and unpack: what people are told, where nothing is written, and how it ends."""

import os
from pathlib import Path

import pytest

from tests.support.builders.plain_files import pixels_of, write_plain_file
from tests.support.builders.settings import make_settings
from tests.support.tools.terminal import FakeWorld, fake_world
from vampd.cli.files.packing import rewritten_text
from vampd.errors import UsageError
from vampd.fits.products import Rewritten

PIXELS = pixels_of((4, 30, 40), 1)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeWorld:
    world = fake_world(monkeypatch)
    world.settings = make_settings(tmp_path / "fuuu")
    monkeypatch.chdir(tmp_path)
    return world


def a_cube(name: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_plain_file(path, PIXELS)
    return path


def names(folder: str | Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_a_line_a_file_shows_what_became_of_it(world):
    a_cube("a.fits")
    result = world.run("pack", "a.fits")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("a.fits.fz: 4 frames, 14.4 kB to ")
    assert result.stdout.endswith(" %)\n")
    assert len(result.stdout) < 80
    assert names(".") == ["a.fits", "a.fits.fz"]


def test_files_come_back_in_another_folder_which_is_made(world):
    for name in ("a.fits", "b.fits"):
        a_cube(name)
    assert world.run("pack", "a.fits", "b.fits", "-o", "new/packed").exit_code == 0
    assert names("new/packed") == ["a.fits.fz", "b.fits.fz"]
    result = world.run("unpack", "new/packed/a.fits.fz", "new/packed/b.fits.fz", "--out", "new")
    assert result.exit_code == 0
    first, second, total = result.stdout.splitlines()
    assert first.startswith("new/a.fits: 4 frames, ")
    assert second.startswith("new/b.fits: 4 frames, ")
    assert total.startswith("total: 2 files, 8 frames, ")
    assert total.endswith(" to 28.8 kB (" + total.partition("(")[2])
    for name in ("a.fits", "b.fits"):
        assert Path("new", name).read_bytes() == Path(name).read_bytes()


def test_one_that_fails_is_reported_and_the_rest_go_on(world):
    a_cube("a.fits")
    Path("b.fits").write_text("?")
    a_cube("c.fits")
    Path("c.fits.fz").write_text("mine")
    a_cube("d.fits")
    result = world.run("pack", "a.fits", "b.fits", "c.fits", "missing.fits", "d.fits")
    assert result.exit_code == 1
    assert [line.partition(":")[0] for line in result.stdout.splitlines()] == [
        "a.fits.fz",
        "d.fits.fz",
        "total",
    ]
    assert result.stdout.endswith("3 failed\n")
    shown = result.stderr.splitlines()
    assert [line.split(": ")[:2] for line in shown] == [
        ["vampctl", "b.fits"],
        ["vampctl", "c.fits"],
        ["vampctl", "missing.fits"],
    ]
    assert Path("c.fits.fz").read_text() == "mine"
    result = world.run("unpack", "a.fits.fz", "a.fits", "-o", "new")
    assert result.exit_code == 1
    assert "ends in .fz" in result.stderr
    assert names("new") == ["a.fits"]


def test_a_file_that_cannot_be_written_is_reported_with_the_systems_own_word(world):
    longest = f"{'a' * 250}.fits"
    for name in (longest, "b.fits"):
        a_cube(name)
    result = world.run("pack", longest, "b.fits")
    assert result.exit_code == 1
    assert result.stderr == (f"vampctl: {longest}: cannot write {longest}.fz: File name too long\n")
    assert names(".") == [longest, "b.fits", "b.fits.fz"]


def test_only_failures_have_a_total_too(world):
    result = world.run("unpack", "a.fz", "b.fz")
    assert result.exit_code == 1
    assert result.stdout == "total: 2 files, 2 failed\n"


def test_raw_cubes_may_be_packed_and_nothing_is_written_among_them(world):
    raw = a_cube("fuuu/20251106/vcam1/vcam1_10:20:00.000000000.fits")
    other = a_cube("other.fits")
    error = world.fail("pack", str(other), str(raw))
    assert isinstance(error, UsageError)
    assert (error.code, error.exit_status) == ("raw_is_sacred", 2)
    for folder in (raw.parent, raw.parent / "new", "link"):
        if folder == "link":
            os.symlink(raw.parent, "link")
        assert world.fail("pack", str(other), "-o", str(folder)).code == "raw_is_sacred"
        assert world.fail("unpack", "x.fits.fz", "-o", str(folder)).code == "raw_is_sacred"
    assert names(raw.parent) == [raw.name]
    assert not Path("other.fits.fz").exists()
    assert world.run("pack", str(raw), "-o", "new").exit_code == 0
    assert names("new") == [f"{raw.name}.fz"]


def test_nothing_is_packed_among_the_products_of_vampd(world):
    cube = a_cube("fuuu/ARCHIVED_DATA/20251106/vgen2/VMPA00012345.fits")
    (cube.parent / "generation_0001.json").write_text("{}")
    assert world.fail("pack", str(cube)).code == "own_products"
    assert len(names(cube.parent)) == 2


def test_no_plain_cube_is_unpacked_into_an_archive_night(world):
    packed = Path(f"{a_cube('fuuu/ARCHIVED_DATA/20251106/vgen2/VMPA00012345.fits')}.fz")
    assert world.run("pack", str(packed.with_suffix(""))).exit_code == 0
    packed.with_suffix("").unlink()
    os.symlink(packed.parent, "link")
    os.symlink(packed.parent.parent, "night")
    for words in (
        [str(packed)],
        [f"link/{packed.name}"],
        [str(packed), "-o", "link"],
        [str(packed), "-o", "night/new/deeper"],
        [str(packed), "-o", str(packed.parent.parent)],
    ):
        error = world.fail("unpack", *words)
        assert (error.code, error.exit_status) == ("archive_night", 2), words
        assert "-o DIR" in error.message
    assert names(packed.parent) == [packed.name]
    assert names(packed.parent.parent) == ["vgen2"]
    result = world.run("unpack", str(packed), "-o", "plain")
    assert (result.exit_code, names("plain")) == (0, ["VMPA00012345.fits"])


def test_an_engineering_night_may_hold_plain_cubes(world):
    cube = a_cube("fuuu/20251106/vgen2/vsync_10:20:00.509073.cam1.A.fits")
    assert world.run("pack", str(cube)).exit_code == 0
    cube.unlink()
    assert world.run("unpack", f"{cube}.fz").exit_code == 0
    assert cube.exists()


def test_what_a_killed_one_left_is_cleared_away_by_the_next(world):
    a_cube("a.fits")
    Path(".vampd-1234-0123456789abcdef.tmp").write_text("half a cube")
    assert world.run("pack", "a.fits").exit_code == 0
    assert names(".") == ["a.fits", "a.fits.fz"]


def test_a_name_of_any_bytes_can_be_shown(world):
    name = os.fsdecode(b"\xff.fits")
    a_cube(name)
    result = world.run("pack", name)
    assert result.exit_code == 0
    assert "udcff.fits.fz: 4 frames" in result.stdout


def test_sizes_are_summed_up():
    files = [Rewritten(500, 1_000_000, 400_000), Rewritten(1, 1_000_000, 600_000)]
    assert rewritten_text(files) == "501 frames, 2.00 MB to 1.00 MB (50.0 %)"
