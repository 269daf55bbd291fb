"""What is lost together leaves a way that a person can type, and nothing becomes false by it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import copytree, rmtree

import pytest

from tests.support.daemon.state import product_tree, record_of
from tests.support.examples import others_in_soak
from tests.support.worlds.archive.safe_night import SafeNight, flip_bit, products_of, tree_there
from tests.support.worlds.proof.beginning import Beginning
from tests.support.worlds.proof.damage import Fault
from tests.support.worlds.proof.in_process import InProcess
from tests.support.worlds.proof.wide_world import WideWorld
from tests.support.worlds.proof.witness import tree_of
from tests.support.worlds.proof.world import ProofWorld
from vampd.model.nights import Kind, Status

GENERATION = "generation_0001.json"


def touch_raw(night: SafeNight, own: InProcess) -> None:
    """Raw has other times, so that sync would write another generation."""
    for raw in night.folder.glob("vcam?/*"):
        os.utime(raw)


def purge_raw(night: SafeNight, own: InProcess) -> None:
    date = night.night.date
    for words in (["mail", date, "--mark-sent"], ["acknowledge", date]):
        assert own.command(*words).status == 0
    assert own.command("purge", date, "--yes", "--same-disk", date).status == 0
    own.advance()
    assert not list(night.folder.glob("vcam?/*.fits"))


def lose_database(night: SafeNight, own: InProcess) -> None:
    """It is gone, and the archive is accepted anew."""
    for path in night.site.database.parent.glob("vampd.db*"):
        path.unlink()
    own.advance()
    assert own.command("archive", "accept", "archive", "--yes").status == 0


def say(own: InProcess, *commands: Sequence[str]) -> list[int]:
    return [own.command(*words).status for words in commands]


def assert_whole(night: SafeNight, own: InProcess, before: dict[str, str]) -> None:
    """Safe, with the products that it had, and every frame accounted for."""
    own.advance()
    record = record_of(night.site, night.night)
    assert (record.state.status, record.safe_at is None) == (Status.DONE, False), record.error
    now = product_tree(night.folder)
    assert {path: now.get(path) for path in before} == before
    assert json.loads(own.command("audit", night.night.date, "--json").text)["balanced"]


def made_of(night: SafeNight) -> dict[str, str]:
    """The products and sidecars."""
    tree = product_tree(night.folder)
    return {path: sha256 for path, sha256 in tree.items() if path.endswith((".fz", ".txt"))}


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("lose", others_in_soak([remove, flip_bit]), ids=lambda lose: lose.__name__)
def test_without_the_database_a_generation_comes_back_from_its_archive_copy(
    safe: SafeNight, lose: Callable[[Path], None]
) -> None:
    own, date, before = InProcess(safe.site), safe.night.date, made_of(safe)
    touch_raw(safe, own)
    lose(safe.folder / "vgen2" / GENERATION)
    lose_database(safe, own)
    held = record_of(safe.site, safe.night).code
    assert held == ("product_missing" if lose is remove else "generation_damaged")
    answer = own.command("recover", date)
    assert f"vgen2/{GENERATION}: from the archive copy" in answer.text
    assert own.command("retry", date).status == 0
    assert_whole(safe, own, before)
    path = f"vgen2/{GENERATION}"
    assert product_tree(safe.folder)[path] == safe.here[path]


@pytest.mark.soak
@pytest.mark.parametrize(
    "change", others_in_soak([purge_raw, touch_raw], few=1), ids=lambda change: change.__name__
)
def test_without_the_database_products_stand_for_a_generation_without_a_good_copy(
    safe: SafeNight, change: Callable[[SafeNight, InProcess], None]
) -> None:
    own, date = InProcess(safe.site), safe.night.date
    change(safe, own)
    for folder in (safe.folder, safe.copy):
        flip_bit(folder / "vgen2" / GENERATION)
    there, before = tree_there(safe.site, safe.night), made_of(safe)
    lose_database(safe, own)
    own.advance()
    assert record_of(safe.site, safe.night).code == "generation_damaged"
    assert say(own, ("recover", date), ("recover", date, "--from-products")) == [1, 0]
    assert own.command("retry", date).status == 0
    assert_whole(safe, own, before)
    path = f"vgen2/{GENERATION}"
    assert tree_there(safe.site, safe.night)[path] == there[path]


@pytest.mark.soak
@pytest.mark.parametrize("suffix", others_in_soak([".txt", ".fits.fz"]))
def test_what_raw_decides_again_stands_for_a_product_that_is_lost_with_its_generation(
    safe: SafeNight, suffix: str
) -> None:
    own, date, before = InProcess(safe.site), safe.night.date, made_of(safe)
    touch_raw(safe, own)
    name = products_of(safe)[0].name.removesuffix(".fits.fz") + suffix
    for folder in (safe.folder, safe.copy):
        flip_bit(folder / "vgen2" / GENERATION)
        (folder / "vgen2" / name).write_text("nothing")
    own.advance()
    answer = own.command("recover", date, "--from-products")
    said = " ".join(answer.text.split())
    assert f"`vampctl retry {date} --from sync` goes on with what stands for it" in said or (
        f"then `vampctl recover {date}` gets back the others" in said
    ), said
    own.command("retry", date, "--from", "sync")
    own.advance()
    assert say(own, ("recover", date), ("retry", date)) == [0, 0]
    assert_whole(safe, own, before)


def test_without_the_database_a_held_night_still_tells_what_is_damaged_and_gets_it_back(
    safe: SafeNight,
) -> None:
    own, date, product = InProcess(safe.site), safe.night.date, products_of(safe)[0]
    path, raw = f"vgen2/{product.name}", next(safe.folder.glob("vcam1/*.fits"))
    content, times = raw.read_bytes(), raw.stat()
    raw.write_bytes(content[:-2880])
    lose_database(safe, own)
    own.advance()
    # Before fpack nothing of the folder's record is in the database.
    assert record_of(safe.site, safe.night).code == "raw_changed"
    flip_bit(product)
    # It was never read since the loss.
    assert f"{path}: from the archive copy" in own.command("recover", date).text
    # The folder alone calls nothing good.
    answer = own.command("verify", date, "--here")
    assert (answer.status, "NOT verified" in answer.text) == (1, True), answer.text
    flip_bit(product)
    answer = own.command("verify", date, "--here")
    assert (answer.status, f"{date}/{path}" in answer.text.splitlines()) == (1, True), answer.text
    assert f"{path}: from the archive copy" in own.command("recover", date).text
    raw.write_bytes(content)
    os.utime(raw, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert own.command("retry", date).status == 0
    assert_whole(safe, own, made_of(safe))


@pytest.mark.soak
def test_without_database_and_receipts_what_the_sums_confirm_is_proven(safe: SafeNight) -> None:
    own = InProcess(safe.site)
    purge_raw(safe, own)
    before = made_of(safe)
    listing = safe.folder / "vgen2" / "receipts.tsv"
    # Of what is set aside nothing is here to be read.
    lines = {line for line in listing.read_text().splitlines() if not line.startswith("vbad/")}
    listing.unlink()
    lose_database(safe, own)
    assert_whole(safe, own, before)
    assert set(listing.read_text().splitlines()) == lines


def test_without_database_and_receipts_no_damaged_product_is_proven(safe: SafeNight) -> None:
    own = InProcess(safe.site)
    purge_raw(safe, own)
    (safe.folder / "vgen2" / "receipts.tsv").unlink()
    flip_bit(products_of(safe)[0])
    lose_database(safe, own)
    own.advance()
    record = record_of(safe.site, safe.night)
    assert (record.state.status, record.safe_at) == (Status.HELD, None)


@pytest.mark.soak
@pytest.mark.parametrize("left", others_in_soak(["vgen2", "SHA256SUMS", "vbad"]))
def test_without_the_database_a_night_that_the_host_has_moved_is_not_sent_again(
    tmp_path: Path, left: str
) -> None:
    world = WideWorld(tmp_path / "site", Beginning(Kind.ENGINEERING))
    world.host_moves(left)
    world.lose_database()
    assert (world.record.state.status, world.state) == (Status.DONE, "safe")
    world.late_data()
    world.advance()
    assert (world.record.state.status, world.record.code) == (Status.HELD, "night_moved")


@pytest.mark.soak
@pytest.mark.parametrize("is_purged", [False, True], ids=["raw", "purged"])
def test_a_restore_that_an_older_database_does_not_know_has_a_way_out(
    tmp_path: Path, is_purged: bool
) -> None:
    world = ProofWorld(tmp_path / "site", Beginning(late_camera=True, mailed=True))
    own, state = world.vampd, world.site.database.parent
    copytree(state, tmp_path / "older")
    world.late_camera_2()
    own.advance()
    assert say(own, ["restore", world.date, "--yes"], ["retry", world.date]) == [0, 0]
    own.advance()
    for announced in world.folder.glob("manifest_*"):
        announced.unlink()
    own.command("retry", world.date)
    own.advance()
    if is_purged:
        purge_raw(SafeNight.of(world.site, world.night), own)
    here, there = tree_of(world.folder), tree_of(world.copy)
    rmtree(state)
    copytree(tmp_path / "older", state)
    own.advance()
    held = world.vampd.records()[world.night]
    assert (held.state.status, held.code) == (Status.HELD, "receipts_disagree")
    own.command("verify", world.date)
    if is_purged:
        assert "raw_incomplete" in own.command("restore", world.date, "--yes").text
        assert "where raw is gone" in (held.error or "")
        lose_database(SafeNight.of(world.site, world.night), own)
    else:
        assert say(own, ["restore", world.date, "--yes"], ["retry", world.date]) == [0, 0]
    own.advance()
    assert here.items() <= tree_of(world.folder).items()
    assert tree_of(world.copy) == there
    assert world.vampd.records()[world.night].safe_at is not None


@pytest.mark.soak
def test_what_an_older_database_does_not_know_is_taken_up_though_raw_is_purged(
    tmp_path: Path,
) -> None:
    world = ProofWorld(tmp_path / "site", Beginning(mailed=True))
    own, state = world.vampd, world.site.database.parent
    copytree(state, tmp_path / "older")
    world.late_data()
    own.advance()
    purge_raw(SafeNight.of(world.site, world.night), own)
    here, there = tree_of(world.folder), tree_of(world.copy)
    rmtree(state)
    copytree(tmp_path / "older", state)
    own.advance()
    record = world.vampd.records()[world.night]
    assert (record.state.status, record.safe_at is None) == (Status.DONE, False), record.error
    assert here.items() <= tree_of(world.folder).items()
    assert tree_of(world.copy) == there
    assert json.loads(own.command("audit", world.date, "--json").text)["balanced"]


@pytest.mark.soak
@pytest.mark.parametrize("fault", [Fault.DELETE, Fault.TRUNCATE])
def test_a_set_aside_file_is_given_up_only_where_it_is_nowhere_whole(
    tmp_path: Path, fault: Fault
) -> None:
    world = ProofWorld(tmp_path / "site", Beginning(mailed=True))
    world.purge(acknowledged=True)
    (cube,) = world.copy.glob("vbad/vcam2/*.fits")
    number = sorted(tree_of(world.copy)).index(str(cube.relative_to(world.copy)))
    world.damage_there(fault, number, number)
    world.retry("transfer")
    world.advance()
    assert world.record.code == "raw_removed"
    world.release()
    world.advance()
    assert world.record.safe_at is not None
    world.retry("transfer")
    world.advance()
    assert world.record.state.status is Status.DONE
