"""vampctl consolidate: the plain cubes that a night's products would be, whenever it is asked."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.support.builders.products import packed_cubes
from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import vampctl
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, copy_site, make_site
from tests.support.daemon.state import connected, product_tree, raw_state
from vampd.cli import program
from vampd.disk.pace import SteadyPace
from vampd.engine.nights.framelist_source import FramelistSource
from vampd.errors import VampdError
from vampd.fits.products import unpack_file
from vampd.model.cubes import apply_edits
from vampd.model.headers import format_cards
from vampd.model.nights import Kind, NightId

ARCHIVE = NightId("20251106", Kind.ARCHIVE)
ENGINEERING = NightId("20251106", Kind.ENGINEERING)
LATER = NightId("20251107", Kind.ARCHIVE)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """An archive night that has been through sync; tests leave it as it is."""
    made = make_site(tmp_path_factory.mktemp("site"))
    make_smallest(made.root)
    run_to(made, "sync")
    return made


@pytest.fixture
def own_site(site: Site, tmp_path: Path) -> Site:
    """A copy of it that a test may change."""
    return copy_site(site, tmp_path / "own")


def run_to(site: Site, stage: str) -> None:
    done = vampctl(site, "run", "20251106", "--until", stage)
    assert done.returncode == 0, done.stderr


def invoke(site: Site, night: str, out: Path) -> Result:
    words = ["--config", str(site.config), "consolidate", night, "--out", str(out)]
    return CliRunner().invoke(program.app_for(words), words)


def consolidate(site: Site, out: Path, status: int = 0) -> tuple[list[str], str]:
    """The lines that it writes, and what it complains of."""
    result = invoke(site, "20251106", out)
    assert result.exit_code == status, result.output
    return result.stdout.splitlines(), result.stderr


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def unpacked(site: Site, night: NightId, folder: Path) -> dict[str, bytes]:
    """The night's products made plain, and their sidecars."""
    folder.mkdir()
    for cube in packed_cubes(site.folder(night) / "vgen2"):
        unpack_file(cube.path, folder / f"{cube.name}.fits", SteadyPace())
        sidecar = cube.path.with_name(f"{cube.name}.txt")
        (folder / sidecar.name).write_bytes(sidecar.read_bytes())
    return contents(folder)


def test_a_nights_cubes_are_what_its_products_hold_before_and_after_they_are_packed(
    own_site: Site, tmp_path: Path
) -> None:
    site = own_site
    after_sync, _ = consolidate(site, tmp_path / "after sync")
    names = [path.name for path in (tmp_path / "after sync").glob("*.fits")]
    framelists = {path.stem for path in (site.folder(ARCHIVE) / "vgen2").glob("*.framelist")}
    assert {name.removesuffix(".fits") for name in names} == framelists
    assert all(name.startswith(("vsync_", "vcam")) for name in names)
    assert len(after_sync) == len(names) + 1

    run_to(site, "frameids")
    consolidate(site, tmp_path / "with IDs")
    settle_here(site)
    assert not list((site.folder(ARCHIVE) / "vgen2").glob("*.framelist"))
    before = product_tree(site.folder(ARCHIVE)), raw_state(site.folder(ARCHIVE))
    lines, _ = consolidate(site, tmp_path / "done")
    assert (product_tree(site.folder(ARCHIVE)), raw_state(site.folder(ARCHIVE))) == before

    # From framelists, and from the generation when they are gone: byte for byte the products'.
    products = unpacked(site, ARCHIVE, tmp_path / "unpacked")
    assert len(products) == 2 * len(names)
    assert contents(tmp_path / "with IDs") == products
    assert contents(tmp_path / "done") == products
    assert all(name.startswith("VMPA9") for name in products)
    assert lines[-1].startswith(f"total: {len(names)} cubes, ")
    assert lines[-1].endswith("; 0 failed")

    # The same frames as after sync, under headers that have been put in form since.
    pixels = sorted(content[-2880:] for name, content in products.items() if name.endswith("fits"))
    early = contents(tmp_path / "after sync")
    assert pixels == sorted(c[-2880:] for name, c in early.items() if name.endswith("fits"))


def test_what_is_there_is_left_and_the_rest_is_written(site: Site, tmp_path: Path) -> None:
    out = tmp_path / "out"
    lines, _ = consolidate(site, out)
    whole = contents(out)
    cubes = [line.partition(": ")[0] for line in lines[:-1]]
    Path(cubes[0]).write_text("mine")
    Path(cubes[1]).unlink()  # as if it had been interrupted behind the sidecar
    Path(cubes[2]).unlink()
    Path(cubes[2]).with_suffix(".txt").write_text("mine")
    written, complaints = consolidate(site, out, status=1)
    assert written[0].startswith(f"{cubes[1]}: ")
    assert written[-1].endswith(f"; {len(cubes) - 1} failed")
    assert len(complaints.splitlines()) == len(cubes) - 1
    assert complaints.startswith(f"vampctl: {cubes[0]}: expected no file")
    assert Path(cubes[0]).read_text() == "mine"
    assert not Path(cubes[2]).exists()
    assert Path(cubes[2]).with_suffix(".txt").read_text() == "mine"
    again = contents(out)
    assert all(again[name] == whole[name] for name in again if again[name] != b"mine")


def test_a_raw_cube_that_is_gone_costs_its_own_cubes_only(own_site: Site, tmp_path: Path) -> None:
    vgen2 = own_site.folder(ARCHIVE) / "vgen2"
    solo = next(path for path in vgen2.glob("*.framelist") if "vcam2" in path.name)
    sources = [line for line in solo.read_text().splitlines() if line.startswith("source ")]
    used = sources[0].split(" ", 3)[3]
    (own_site.folder(ARCHIVE) / used).unlink()
    lines, complaints = consolidate(own_site, tmp_path / "out", status=1)
    assert lines[-1].endswith("; 1 failed")
    assert f"{solo.stem}.fits: {used} is not the file that sync saw" in complaints
    assert solo.with_suffix(".fits").name not in os.listdir(tmp_path / "out")


def test_a_framelist_that_goes_while_it_is_looked_at_is_made_again(own_site: Site) -> None:
    with connected(own_site) as connections:
        cubes = FramelistSource(ARCHIVE, own_site.folder(ARCHIVE), connections.reader)
        standing = [cubes.read(product) for product in cubes.products]
        for path in (own_site.folder(ARCHIVE) / "vgen2").glob("*.framelist"):
            path.unlink()
        again = [cubes.read(product) for product in cubes.products]
        dictionary = connections.reader.dictionary()
    # As the headers stage would have left them, since they may only go after it.
    assert again == [apply_edits(f, format_cards(f.cards, dictionary).edits) for f in standing]


def test_nothing_is_written_into_an_archive_night_or_a_stream(site: Site, tmp_path: Path) -> None:
    before = product_tree(site.root), raw_state(site.folder(ARCHIVE))
    (tmp_path / "link").symlink_to(site.folder(ARCHIVE))
    for out in (
        site.folder(ARCHIVE),
        site.folder(ARCHIVE) / "vgen2",
        site.folder(ARCHIVE) / "new" / "deeper",
        tmp_path / "link" / "plain",
        site.folder(LATER),
        site.folder(ENGINEERING) / "vcam1",
    ):
        error = invoke(site, "20251106", out).exception
        assert isinstance(error, VampdError)
        assert error.exit_status == 2
        assert "nothing was written" in error.message
    assert (product_tree(site.root), raw_state(site.folder(ARCHIVE))) == before


def test_a_night_that_was_never_synchronised_says_so(own_site: Site, tmp_path: Path) -> None:
    own_site.folder(LATER).mkdir()
    with connected(own_site) as connections:
        connections.store.discover(LATER, 1.0)
    error = invoke(own_site, LATER.date, tmp_path / "out").exception
    assert isinstance(error, VampdError)
    assert error.code == "nothing_synchronised"
    assert not (tmp_path / "out").exists()
