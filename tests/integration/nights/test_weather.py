"""What the environment refuses waits, is named, and is no property of the data; released, it is."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.site import Site, copy_site, make_site
from tests.support.daemon.state import product_tree
from tests.support.examples import others_in_soak
from tests.support.worlds.proof.beginning import TABLES
from tests.support.worlds.proof.in_process import InProcess, as_nobody
from vampd.fits.headers import format_header
from vampd.model.nights import Kind, NightId, NightRecord, StageName, Status

NIGHT = NightId("20251106", Kind.ARCHIVE)
DATE = NIGHT.date


def make_night(base: Path, name: str = "site") -> InProcess:
    site = make_site(base / name, **TABLES)
    make_smallest(site.root)
    return InProcess(site)


def cubes_of(site: Site, camera: int) -> list[Path]:
    return sorted((site.folder(NIGHT) / f"vcam{camera}").glob("*.fits"))


def record(vampd: InProcess) -> NightRecord:
    return vampd.records()[NIGHT]


def audit(vampd: InProcess) -> dict[str, object]:
    shown: dict[str, object] = json.loads(vampd.command("audit", DATE, "--json").text)
    return shown


def trees_of(vampd: InProcess) -> list[dict[str, str]]:
    """What lies here and at the archive; a manifest names the site's own place."""
    trees = [product_tree(place(vampd.site, NIGHT)) for place in (Site.folder, Site.copy)]
    return [{path: tree[path] for path in tree if "manifest" not in path} for tree in trees]


def assert_waits(vampd: InProcess, code: str, *words: str) -> None:
    now = record(vampd)
    assert (now.state.stage, now.state.status) == (StageName.SYNC, Status.WAITING)
    assert now.code == code
    assert now.error is not None
    assert all(word in now.error for word in words), now.error
    assert not (vampd.site.folder(NIGHT) / "vgen2").exists()


def forbid_cubes(site: Site) -> list[Path]:
    return cubes_of(site, 2)


def forbid_timing_files(site: Site) -> list[Path]:
    return [path.with_suffix(".txt") for path in cubes_of(site, 1)]


@pytest.mark.parametrize("chosen", others_in_soak([forbid_cubes, forbid_timing_files]))
def test_what_may_not_be_read_is_waited_for_and_then_all_is_as_if_it_always_could(
    chosen: Callable[[Site], list[Path]],
) -> None:
    def act(base: Path) -> None:
        reference = make_night(base, "reference")
        vampd = InProcess(copy_site(reference.site, base / "site"))
        reference.advance()
        paths = chosen(vampd.site)
        for path in paths:
            path.chmod(0)
        for _ in range(2):
            vampd.advance()
            assert_waits(vampd, "not_readable", str(paths[0]), "mode 000", "chmod u+r")
        assert len(record(vampd).refused) == len(paths)
        for path in paths:
            path.chmod(0o644)
        vampd.advance()
        assert record(vampd).state.status is Status.DONE
        assert record(vampd).frames == record(reference).frames
        assert trees_of(vampd) == trees_of(reference)

    as_nobody(act)


@pytest.mark.parametrize("closed", others_in_soak(["vcam2", "."]))
def test_a_folder_that_is_closed_is_named_and_waited_for(closed: str) -> None:
    def act(base: Path) -> None:
        vampd = make_night(base)
        folder = Path(os.path.normpath(vampd.site.folder(NIGHT) / closed))
        for mode in (0o600, 0o000):
            folder.chmod(mode)
            vampd.advance()
            now = record(vampd)
            assert now.state.status is Status.FILLING
            assert (now.note_code, "chmod u+" in (now.note or "")) == ("not_readable", True)
            assert str(folder) in (now.note or "")
        folder.chmod(0o755)
        vampd.advance()
        assert record(vampd).state.status is Status.DONE

    as_nobody(act)


def test_a_release_goes_on_without_and_what_is_readable_one_day_is_late_data() -> None:
    def act(base: Path) -> None:
        vampd = make_night(base)
        path = cubes_of(vampd.site, 1)[0]
        path.chmod(0)
        vampd.advance()
        named = path.relative_to(vampd.site.folder(NIGHT)).as_posix()
        assert record(vampd).refused == (named,)
        assert vampd.command("release", DATE).status == 0
        assert f"goes on without {named}" in vampd.command("history", DATE, "--json").text
        vampd.advance()
        now = record(vampd)
        assert (now.state.status, now.let_go) == (Status.DONE, ())
        shown = audit(vampd)
        assert shown["balanced"], shown
        assert shown["at_least"]
        rejected = {bad["path"]: bad for bad in shown["rejected"]}  # type: ignore[attr-defined]
        assert (rejected[named]["code"], rejected[named]["frames"]) == ("unreadable", 16)
        listing = (vampd.site.folder(NIGHT) / "vbad" / "reasons.tsv").read_text()
        assert f"{named}\t>=16\tunreadable\t" in listing
        for command in ("audit", "summary"):
            shown_text = vampd.command(command, DATE).text
            assert "at least 16 frames, as the timing file tells" in shown_text, command
        assert json.loads(vampd.command("summary", DATE, "--json").text)["at_least"]
        frames = now.frames
        path.chmod(0o644)
        vampd.advance()
        # Its partners are in products: as with any late data, whether to keep them apart is asked.
        assert record(vampd).code == "late_partners"
        assert vampd.command("release", DATE).status == 0
        vampd.advance()
        now = record(vampd)
        assert (now.state.status, now.frames) == (Status.DONE, frames)
        shown = audit(vampd)
        assert shown["balanced"], shown
        assert not shown["at_least"]
        assert named not in (vampd.site.folder(NIGHT) / "vbad" / "reasons.tsv").read_text()

    as_nobody(act)


def test_retry_from_sync_takes_up_what_was_mended_though_no_stamp_shows_it(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site", **TABLES)
    night, _ = make_smallest(site.root, kind=Kind.ENGINEERING)
    vampd = InProcess(site)
    timing = min((site.folder(night) / "vcam1").glob("*.txt"))
    whole, stamp = timing.read_bytes(), timing.stat()
    timing.write_bytes(whole[:-40] + b"x" + whole[-39:])
    os.utime(timing, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    vampd.advance()
    before = vampd.records()[night]
    assert before.state.status is Status.DONE
    assert timing.stem in (site.folder(night) / "vbad" / "reasons.tsv").read_text()
    timing.write_bytes(whole)
    os.utime(timing, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert vampd.command("retry", DATE, "--from", "sync").status == 0
    vampd.advance()
    after = vampd.records()[night]
    assert (after.state.status, after.frames) == (Status.DONE, before.frames)
    assert timing.stem not in (site.folder(night) / "vbad" / "reasons.tsv").read_text()
    shown = audit(vampd)
    assert shown["balanced"], shown
    # Nothing is left to take up: looking again changes nothing.
    generations = sorted((site.folder(night) / "vgen2").glob("generation_*"))
    assert vampd.command("retry", DATE, "--from", "sync").status == 0
    vampd.advance()
    assert sorted((site.folder(night) / "vgen2").glob("generation_*")) == generations


def lose_camera_2(folder: Path) -> None:
    (folder / "vcam2").rename(folder.parents[2] / "vcam2")


def compress_all(folder: Path) -> None:
    header = format_header(
        [
            card.ljust(80)
            for card in (
                "SIMPLE  =                    T",
                "BITPIX  =                   16",
                "NAXIS   =                    0",
            )
        ]
    )
    for path in folder.glob("vcam?/*.fits"):
        path.write_bytes(header)


@pytest.mark.parametrize(
    ("happens", "says"),
    [(lose_camera_2, "should have a partner and have none"), (compress_all, "all 4 cubes")],
)
def test_a_night_of_one_camera_or_of_no_usable_cube_takes_no_ids_unseen(
    tmp_path: Path, happens: Callable[[Path], None], says: str
) -> None:
    site = make_site(tmp_path / "site")
    make_smallest(site.root)
    happens(site.folder(NIGHT))
    vampd = InProcess(site)
    vampd.advance()
    now = record(vampd)
    assert (now.state.stage, now.code) == (StageName.FRAMEIDS, "sync_unexpected")
    assert says in (now.error or "")
    (shown,) = json.loads(vampd.command("status", DATE, "--json").text)
    assert says in shown["verdict"]
    assert audit(vampd)["raw_frames"] >= now.frames > 0  # type: ignore[operator]
    assert vampd.command("release", DATE).status == 0
    vampd.advance()
    assert f"unexpected: {now.verdict}" in vampd.command("status").text.replace("\n", " ")


@pytest.mark.soak
def test_a_touched_cube_that_may_not_be_read_is_let_go_and_its_products_stay() -> None:
    def act(base: Path) -> None:
        vampd = make_night(base)
        vampd.advance()
        before = record(vampd)
        assert before.state.status is Status.DONE
        products = trees_of(vampd)
        cube = cubes_of(vampd.site, 1)[0]
        os.utime(cube, ns=(0, cube.stat().st_mtime_ns + 10**9))
        cube.chmod(0)
        vampd.advance()
        # Weather: it waits, is safe, and goes on by itself once the cube can be read.
        assert (record(vampd).state.status, record(vampd).code) == (Status.WAITING, "not_readable")
        assert record(vampd).refused == (cube.relative_to(vampd.site.folder(NIGHT)).as_posix(),)
        assert record(vampd).safe_at == before.safe_at
        assert vampd.command("release", DATE).status == 0
        vampd.advance()
        after = record(vampd)
        assert after.state.status is Status.DONE
        assert after.safe_at is not None
        assert trees_of(vampd) == products
        answer = vampd.command("purge", DATE, "--yes", "--same-disk", DATE)
        assert (answer.status, cube.exists()) == (1, True), answer.text

    as_nobody(act)
