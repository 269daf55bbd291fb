"""vampctl restore: back to raw, and never at the cost of a raw file's last name."""

import os
import shutil
from pathlib import Path

import pytest
from astropy.io import fits

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import vampctl
from tests.support.daemon.settled import SettledSites
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, copy_site, make_site
from tests.support.daemon.state import connected, ledger_rows, product_tree, raw_state, record_of
from vampd.engine.repair import restoring
from vampd.engine.repair.restoring import plan_old_tools, plan_own, restore_folder
from vampd.errors import DataError
from vampd.model.nights import Kind, NightId, StageName, Status
from vampd.model.proofs import Place, is_set_aside, live_receipts

NIGHT = NightId("20251106", Kind.ARCHIVE)


@pytest.fixture(scope="module")
def done_site(settled: SettledSites, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return settled.copy(tmp_path_factory.mktemp("done") / "site")


@pytest.fixture
def site(done_site: Site, tmp_path: Path) -> Site:
    return copy_site(done_site, tmp_path / "own")


def test_a_restored_night_is_raw_and_gets_the_same_products_and_ids_again(site: Site) -> None:
    folder = site.folder(NIGHT)
    before, raw, ledger = product_tree(folder), raw_state(folder), ledger_rows(site)
    done = vampctl(site, "restore", "20251106", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert "fits.fz files" in done.stdout
    assert raw_state(folder) == raw
    left = {path for path in product_tree(folder) if not path.startswith("manifest")}
    assert not left
    record = record_of(site, NIGHT)
    assert (record.state.stage, record.state.status) == (StageName.SYNC, Status.HELD)
    assert (record.code, record.processed_at, record.safe_at) == ("restored", None, None)
    with connected(site) as connections:
        assert not connections.receipts.of(NIGHT, Place.HERE)
        claims = connections.receipts.of(NIGHT, Place.ARCHIVE).values()
        assert all(claim.has_ended for claim in claims)
        ended = connections.packing_receipts.of(NIGHT)
    assert ended
    # But those of raw that is set aside, which a restore does not touch.
    assert {each.ended_by is None for each in ended if is_set_aside(each.receipt.path)} == {True}
    assert all(each.ended_by for each in ended if not is_set_aside(each.receipt.path))
    assert ledger_rows(site) == ledger
    settle_here(site)
    assert record_of(site, NIGHT).state.status is Status.HELD
    assert vampctl(site, "retry", "20251106").returncode == 0
    settle_here(site)
    assert product_tree(folder) == before
    assert ledger_rows(site) == ledger
    assert record_of(site, NIGHT).safe_at is not None
    with connected(site) as connections:
        recorded = connections.packing_receipts.of(NIGHT)
    assert recorded[: len(ended)] == ended
    assert live_receipts(recorded).keys() == {each.receipt.path for each in ended}


def test_what_a_frozen_packer_names_while_a_night_is_restored_goes_too(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = site.folder(NIGHT)
    (product, *_) = sorted((folder / "vgen2").glob("*.fits.fz"))
    content, left = product.read_bytes(), ["restoring.file.removed"]

    def thaw(name: str) -> None:
        if name in left:
            left.remove(name)
            (folder / "vgen2" / "a-name-of-its-own.fits.fz").write_bytes(content)

    monkeypatch.setattr(restoring, "failpoint", thaw)
    assert vampctl(site, "restore", "20251106", "--yes").returncode == 0
    assert not left
    assert not (folder / "vgen2").exists()


def test_a_restore_that_was_killed_leaves_no_receipt_that_counts(site: Site) -> None:
    folder = site.folder(NIGHT)
    before = product_tree(folder)
    with connected(site) as connections:
        connections.packing_receipts.end(NIGHT, at=1.0, actor="alice")
        connections.receipts.forget(NIGHT)
    # Nothing is removed yet: what the folder lists has ended, and is proven again from raw.
    assert vampctl(site, "retry", "20251106", "--from", "fpack").returncode == 0
    settle_here(site)
    assert product_tree(folder) == before
    with connected(site) as connections:
        recorded = connections.packing_receipts.of(NIGHT)
    made = [each for each in recorded if not is_set_aside(each.receipt.path)]
    assert len([each for each in made if each.ended_at is None]) == len(made) / 2


def test_without_a_yes_nothing_changes(site: Site) -> None:
    before = product_tree(site.folder(NIGHT)), record_of(site, NIGHT)
    done = vampctl(site, "restore", "20251106")
    assert (done.returncode, "--yes" in done.stderr) == (2, True)
    assert "removes  vgen2" in done.stdout
    assert (product_tree(site.folder(NIGHT)), record_of(site, NIGHT)) == before


def test_what_vampd_has_not_made_in_vbad_stops_the_restoration(site: Site) -> None:
    (site.folder(NIGHT) / "vbad" / "precious.fits").write_bytes(b"x")
    before = product_tree(site.folder(NIGHT))
    done = vampctl(site, "restore", "20251106", "--yes")
    assert (done.returncode, "precious.fits is not a link" in done.stderr) == (1, True)
    assert product_tree(site.folder(NIGHT)) == before


def raw_name(camera: int, second: int, suffix: str = ".fits") -> str:
    return f"vcam{camera}_10:00:{second:02}.000000000{suffix}"


def make_old_night(folder: Path) -> dict[str, bytes]:
    """A folder as the old tools leave it; what the loggers wrote, by path after restoring."""
    raw: dict[str, bytes] = {}
    for camera in (1, 2):
        backup = folder / f"vcam{camera}_hlinkbak"
        stream = folder / f"vcam{camera}"
        for made in (backup, stream):
            made.mkdir(parents=True)
        for second in range(3):
            name = raw_name(camera, second)
            raw[f"vcam{camera}/{name}"] = content = f"{camera} {second}".encode()
            (backup / name).write_bytes(content)
            os.link(backup / name, stream / name)
        timing = raw_name(camera, 0, ".txt")
        raw[f"vcam{camera}/{timing}"] = b"0 5 0 0 0 7 0\n"
        (backup / timing).write_bytes(b"0 5 0 0 0 7 0\n")
    for name in ("vsync", "vsolo1", "vbad", "vgen2", "tmp_sync"):
        (folder / name).mkdir()
    os.link(folder / "vcam1_hlinkbak" / raw_name(1, 0), folder / "vsync" / raw_name(1, 0))
    (folder / "vsync" / "vsync_10:00:00.000000.cam1.A.fitsframes").write_bytes(b"frames")
    (folder / "vgen2" / "VMPA00425189.fits.fz").write_bytes(b"packed")
    (folder / "vgen2" / "vcam1_10:00:00.000000.fits").write_bytes(b"a product, in microseconds")
    (folder / "tmp_sync" / "x").write_bytes(b"x")
    # A raw cube that has no other name, and another with the name of a copy that is kept.
    (folder / "vbad" / raw_name(1, 9)).write_bytes(b"the only one")
    raw[f"vcam1/{raw_name(1, 9)}"] = b"the only one"
    (folder / "vsolo1" / raw_name(2, 1)).write_bytes(b"edited")
    (folder / "notes.txt").write_text("a person's")
    return raw


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_folder_of_the_old_tools_becomes_what_the_loggers_left(tmp_path: Path) -> None:
    raw = make_old_night(tmp_path / "night")
    restore_folder(tmp_path / "night", plan_old_tools(tmp_path / "night"))
    assert contents(tmp_path / "night") == {**raw, "notes.txt": b"a person's"}
    assert sorted(os.listdir(tmp_path / "night")) == ["notes.txt", "vcam1", "vcam2"]
    assert not plan_old_tools(tmp_path / "night")


def test_a_stream_without_its_copy_is_never_removed(tmp_path: Path) -> None:
    raw = make_old_night(tmp_path / "night")
    shutil.rmtree(tmp_path / "night" / "vcam1_hlinkbak")
    del raw[f"vcam1/{raw_name(1, 0, '.txt')}"]
    restore_folder(tmp_path / "night", plan_old_tools(tmp_path / "night"))
    assert contents(tmp_path / "night") == {**raw, "notes.txt": b"a person's"}


def test_two_files_that_claim_one_raw_name_stop_everything(tmp_path: Path) -> None:
    make_old_night(tmp_path / "night")
    (tmp_path / "night" / "vsolo1" / raw_name(1, 9)).write_bytes(b"another")
    before = contents(tmp_path / "night")
    with pytest.raises(DataError, match="claim to be the raw file"):
        plan_old_tools(tmp_path / "night")
    assert contents(tmp_path / "night") == before


def test_restoring_that_ends_anywhere_goes_on_and_loses_no_raw_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(Exception):
        pass

    for moment in range(40):
        folder = tmp_path / str(moment)
        raw = make_old_night(folder)
        countdown = iter(range(moment, -1, -1))

        def die(_: str, countdown: object = countdown) -> None:
            if next(countdown, 0) == 0:  # type: ignore[call-overload]
                raise Killed

        monkeypatch.setattr("vampd.engine.repair.restoring.failpoint", die)
        ended = False
        try:
            restore_folder(folder, plan_old_tools(folder))
            ended = True
        except Killed:
            assert set(raw.values()) <= set(contents(folder).values())
        monkeypatch.undo()
        restore_folder(folder, plan_old_tools(folder))
        assert contents(folder) == {**raw, "notes.txt": b"a person's"}
        if ended:
            return
    raise AssertionError("it never ended")


def test_a_raw_name_in_a_product_folder_of_ours_stops_everything(tmp_path: Path) -> None:
    (tmp_path / "vgen2").mkdir()
    (tmp_path / "vgen2" / raw_name(1, 1)).write_bytes(b"x")
    with pytest.raises(DataError, match="name of a raw file"):
        plan_own(tmp_path)


def test_what_cannot_be_restored_is_reported_and_the_night_is_held(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    night, _ = make_smallest(site.root)
    folder = site.folder(night)
    for stream in ("vcam1", "vcam2"):
        shutil.copytree(folder / stream, folder / f"{stream}_hlinkbak", copy_function=os.link)
    cubes = sorted((folder / "vcam1_hlinkbak").glob("*.fits"))
    fits.setval(cubes[0], "FRAMEID", value="VMPA00425189")
    timing = cubes[0].with_suffix(".txt")
    rows = [line.split() for line in timing.read_text().splitlines() if not line.startswith("#")]
    timing.write_text("".join(f"{r[0]} {r[5]} {' '.join(r[2:])}\n" for r in rows))
    min((folder / "vcam2_hlinkbak").glob("*.txt")).unlink()
    settle_here(site)
    assert record_of(site, night).state.status is Status.LEGACY
    before = product_tree(folder)
    refused = vampctl(site, "restore", "20251106", "--yes")
    assert (refused.returncode, "IDs of the old tools" in refused.stderr) == (1, True)
    assert "VMPA00425189" in refused.stdout
    assert product_tree(folder) == before
    fits.setval(cubes[0], "FRAMEID", value="")
    done = vampctl(site, "restore", "20251106", "--yes")
    assert done.returncode == 0, done.stderr
    shown = [line for line in done.stdout.splitlines() if "cannot be restored" in line]
    assert any("cnt0 in column 2" in line for line in shown)
    assert any("1 timing file gone" in line for line in shown)
    assert sorted(os.listdir(folder)) == ["vcam1", "vcam2"]
    assert record_of(site, night).code == "restored"
