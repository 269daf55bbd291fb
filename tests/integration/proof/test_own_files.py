"""A product is what it was when it was proven; damage and loss are found and never become truth."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import vampctl
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import configure, make_site
from tests.support.daemon.state import audit, connected, digest_of, history_of, product_tree
from tests.support.examples import others_in_soak
from tests.support.worlds.archive.safe_night import SafeNight, flip_bit, products_of
from tests.support.worlds.records.databases import without_triggers
from vampd.model.nights import EventName, Kind, StageName
from vampd.model.proofs import (
    RECEIPTS_PATH,
    SUMS_NAME,
    aside_receipts,
    live_receipts,
    own_receipts,
    parse_receipts,
)
from vampd.model.sharing import sharing
from vampd.stages import transfer

FROM_FPACK = (StageName.FPACK, StageName.TRANSFER, StageName.MANIFEST)


def test_every_file_of_a_finished_night_has_its_receipt_here_and_in_the_folder(
    safe: SafeNight,
) -> None:
    with connected(safe.site) as connections:
        recorded = live_receipts(connections.packing_receipts.of(safe.night))
    assert parse_receipts((safe.folder / RECEIPTS_PATH).read_text()) == recorded
    own = own_receipts(recorded)
    listed = {path for path in safe.here if path.startswith("vgen2/")}
    assert own.keys() == listed - {"vgen2", RECEIPTS_PATH, "vgen2/name_changes.txt"}
    assert {path: each.sha256 for path, each in own.items()} == {
        path: safe.here[path] for path in own
    }
    # What is set aside has its own since it was sent.
    assert {path: each.sha256 for path, each in aside_receipts(recorded).items()} == {
        path: sha256
        for path, sha256 in safe.there.items()
        if path.startswith(("vbad/vcam1/", "vbad/vcam2/"))
    }
    identities = [each.identity for each in recorded.values() if each.identity]
    assert len(identities) == len(set(identities)) == len(products_of(safe))
    # Nothing of it travels: SHA256SUMS has the same digests.
    assert RECEIPTS_PATH not in safe.there


def test_a_survey_holds_one_record_of_a_file_that_is_here_and_there_and_was_read_on_both_sides(
    safe: SafeNight,
) -> None:
    with connected(safe.site) as connections, sharing():
        seen = transfer.survey(safe.night, connections.reader)
    products = list(seen.own.products)
    assert products
    for path in products:
        here, there = seen.here[path], seen.archive[path]
        readings = seen.own.readings[path], seen.receipts_there[path]
        assert here == there
        same = (there, seen.own.files[path], *(reading.file for reading in readings))
        assert all(file is here for file in same)
        assert all(reading.sha256 is readings[0].sha256 for reading in readings)
    for recorded in seen.own.recorded:
        receipt = recorded.receipt
        if receipt.path in seen.own.readings:
            assert receipt.path is seen.own.readings[receipt.path].path
            assert receipt.sha256 is seen.own.readings[receipt.path].sha256
    decided = {identity: identity for identity in seen.own.decided}
    assert all(each.identity is decided[each.identity or ""] for each in seen.own.products.values())
    assert seen.own.products[products[0]].file is seen.here[products[0]]


def test_a_damaged_product_is_never_sent_and_its_good_copy_stays(safe: SafeNight) -> None:
    """P1: a bit flipped here, another product deleted there, retried as `verify` advises."""
    damaged, other = products_of(safe)[:2]
    flip_bit(damaged)
    (safe.copy / "vgen2" / other.name).unlink()
    del safe.there[f"vgen2/{other.name}"]
    for stage in reversed(FROM_FPACK):
        safe.retry(stage)
        safe.assert_held("product_damaged", damaged.name)
    assert digest_of(safe.folder / SUMS_NAME) == safe.here[SUMS_NAME]


@pytest.mark.parametrize("stage", others_in_soak(FROM_FPACK))
def test_a_product_copied_over_another_is_damage(safe: SafeNight, stage: StageName) -> None:
    """P2: two IDs with one content."""
    first, second = products_of(safe)[:2]
    shutil.copy(first, second)
    shown = audit(safe.site, safe.night)
    assert not shown["balanced"]
    assert f"vgen2/{second.name} has changed since it was last read" in " ".join(shown["findings"])
    safe.retry(stage)
    safe.assert_held("product_damaged", second.name)
    shown = audit(safe.site, safe.night)
    assert f"vgen2/{second.name} is damaged here" in " ".join(shown["findings"])


@pytest.mark.parametrize("stage", others_in_soak(reversed(FROM_FPACK)))
def test_a_product_that_is_gone_is_noticed_from_every_stage(
    safe: SafeNight, stage: StageName
) -> None:
    """P5: deleted by hand; SHA256SUMS keeps it on both sides."""
    gone = products_of(safe)[0]
    gone.unlink()
    safe.retry(stage)
    safe.assert_held("product_missing", gone.name)
    assert gone.name in (safe.folder / SUMS_NAME).read_text()


@pytest.mark.parametrize("stage", others_in_soak(FROM_FPACK))
def test_a_generation_that_is_gone_is_noticed(safe: SafeNight, stage: StageName) -> None:
    (safe.folder / "vgen2" / "generation_0001.json").unlink()
    safe.retry(stage)
    safe.assert_held("product_missing", "vgen2/generation_0001.json")


def test_what_a_lost_generation_decided_gets_no_other_products_and_ids(safe: SafeNight) -> None:
    (safe.folder / "vgen2" / "generation_0001.json").unlink()
    before = product_tree(safe.folder)
    ids = vampctl(safe.site, "frameids").stdout
    configure(safe.site, sync={"cut_at_gap_s": 0.002, "cut_after_s": 0.005})
    safe.retry(StageName.SYNC)
    safe.assert_held("product_missing", "vgen2/generation_0001.json", "vampctl recover")
    assert (product_tree(safe.folder), vampctl(safe.site, "frameids").stdout) == (before, ids)


@pytest.mark.parametrize(
    "suffixes", others_in_soak([[".fits.fz", ".txt"], [".fits.fz"], [".txt"]]), ids=str
)
def test_what_is_gone_is_made_again_from_raw_as_it_was(
    safe: SafeNight, suffixes: list[str]
) -> None:
    """P5 and P10: a product or its sidecar deleted, retried from sync."""
    stem = products_of(safe)[0].name.removesuffix(".fits.fz")
    for suffix in suffixes:
        (safe.folder / "vgen2" / f"{stem}{suffix}").unlink()
    safe.retry(StageName.SYNC)
    safe.assert_as_it_was()


def test_a_sidecar_that_is_gone_is_noticed(safe: SafeNight) -> None:
    gone = products_of(safe)[0].with_name(products_of(safe)[0].name.replace(".fits.fz", ".txt"))
    gone.unlink()
    safe.retry(StageName.TRANSFER)
    safe.assert_held("product_missing", gone.name)


def test_the_folders_receipts_are_written_again_from_the_store(safe: SafeNight) -> None:
    (safe.folder / RECEIPTS_PATH).unlink()
    safe.retry(StageName.FPACK)
    safe.assert_as_it_was()


def forget_receipts(night: SafeNight) -> None:
    """The database as a lost one: nothing of these receipts is left."""
    with without_triggers(night.site.database) as connection:
        connection.execute("DELETE FROM packing_receipts")
        connection.execute("DELETE FROM receipts")


def test_receipts_that_the_store_lost_are_taken_from_the_folder(safe: SafeNight) -> None:
    forget_receipts(safe)
    safe.retry(StageName.FPACK)
    safe.assert_as_it_was()
    with connected(safe.site) as connections:
        recorded = live_receipts(connections.packing_receipts.of(safe.night))
    assert recorded == parse_receipts((safe.folder / RECEIPTS_PATH).read_text())


def test_damage_under_receipts_from_the_folder_is_still_damage(safe: SafeNight) -> None:
    forget_receipts(safe)
    flip_bit(products_of(safe)[0])
    safe.retry(StageName.FPACK)
    safe.assert_held("product_damaged", products_of(safe)[0].name)


@pytest.mark.parametrize("stage", others_in_soak(reversed(FROM_FPACK)))
def test_store_and_folder_that_show_different_receipts_hold_the_night(
    safe: SafeNight, stage: StageName
) -> None:
    listing = safe.folder / RECEIPTS_PATH
    receipt = parse_receipts(listing.read_text())[f"vgen2/{products_of(safe)[0].name}"]
    listing.write_text(listing.read_text().replace(receipt.sha256, "0" * 64))
    safe.retry(stage)
    safe.assert_held("receipts_disagree", receipt.path, receipt.sha256, "0" * 64)
    answer = vampctl(safe.site, "recover", safe.night.date)
    assert "receipts_disagree" in answer.stdout, "it knows of no damage, and not of this either"
    listing.unlink()
    safe.retry(stage)
    safe.assert_as_it_was()


def lose_all_receipts(night: SafeNight) -> None:
    forget_receipts(night)
    (night.folder / RECEIPTS_PATH).unlink()


@pytest.mark.parametrize("stage", others_in_soak([StageName.FPACK, StageName.TRANSFER]))
def test_without_any_receipt_products_are_proven_by_packing_again(
    safe: SafeNight, stage: StageName
) -> None:
    lose_all_receipts(safe)
    safe.retry(stage)
    safe.assert_as_it_was()


def test_without_any_receipt_other_bytes_than_raw_gives_are_damage(safe: SafeNight) -> None:
    lose_all_receipts(safe)
    flip_bit(products_of(safe)[1])
    safe.retry(StageName.TRANSFER)
    safe.assert_held("product_damaged", products_of(safe)[1].name)


def add_copy_without_sidecar(night: SafeNight) -> None:
    shutil.copy(products_of(night)[0], night.folder / "vgen2" / "VMPA99999999.fits.fz")


def add_copy_with_sidecar(night: SafeNight) -> None:
    add_copy_without_sidecar(night)
    sidecar = products_of(night)[0].name.replace(".fits.fz", ".txt")
    shutil.copy(night.folder / "vgen2" / sidecar, night.folder / "vgen2" / "VMPA99999999.txt")


@pytest.mark.parametrize("add", [add_copy_without_sidecar, add_copy_with_sidecar])
def test_a_product_that_nothing_accounts_for_is_no_truth(
    safe: SafeNight, add: Callable[[SafeNight], None]
) -> None:
    add(safe)
    safe.retry(StageName.TRANSFER)
    safe.assert_held("product_unproven", "VMPA99999999")


@pytest.mark.soak
def test_an_engineering_night_is_made_again_as_it_was(tmp_path: Path) -> None:
    site = make_site(tmp_path, watch={"stale_after_s": 0.3})
    night, _ = make_smallest(site.root, kind=Kind.ENGINEERING)
    settle_here(site)
    safe = SafeNight.of(site, night)
    gone = products_of(safe)[0]
    gone.unlink()
    safe.retry(StageName.TRANSFER)
    safe.assert_held("product_missing", gone.name)
    safe.retry(StageName.SYNC)
    safe.assert_as_it_was()
    assert EventName.HELD in {event.event for event in history_of(site, night)}


@pytest.mark.parametrize("fault", others_in_soak(["other bytes", "no listing", "no link"]))
def test_what_stands_under_vbad_follows_from_the_generations(safe: SafeNight, fault: str) -> None:
    reasons = safe.folder / "vbad" / "reasons.tsv"
    (link, *_) = sorted((safe.folder / "vbad").glob("vcam?/*.fits"))
    if fault == "other bytes":
        reasons.write_text(reasons.read_text().upper())
    elif fault == "no listing":
        reasons.unlink()
    else:
        # Without its link, nothing would ask for its copy.
        link.unlink()
        (safe.copy / link.relative_to(safe.folder)).unlink()
    safe.retry(StageName.TRANSFER)
    safe.assert_as_it_was()
