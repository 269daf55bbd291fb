"""A generation without a good copy, and that raw does not decide again, is no way without an end.

At a person's word another stands for it, made of what the products say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from tests.support.builders.smallest_night import add_late_cubes
from tests.support.daemon.state import connected, history_of, product_tree, raw_state, record_of
from tests.support.examples import others_in_soak
from tests.support.worlds.archive.safe_night import SafeNight, flip_bit, products_of, tree_there
from tests.support.worlds.proof.in_process import InProcess
from vampd.model.cubes import Generation, Product, parse_generation
from vampd.model.nights import EventName, StageName, Status

LOST, REGAINED = "generation_0001.json", "generation_0002.json"


def rot_both(night: SafeNight, own: InProcess) -> None:
    """Damaged here and there; the night was made with other settings than there are now."""
    flip_bit(night.folder / "vgen2" / LOST)
    flip_bit(night.copy / "vgen2" / LOST)
    decide_otherwise(night)


def lose_both(night: SafeNight, own: InProcess) -> None:
    """Gone here, damaged there."""
    (night.folder / "vgen2" / LOST).unlink()
    (night.copy / "vgen2" / LOST).write_text("nothing")
    decide_otherwise(night)


def purge_first(night: SafeNight, own: InProcess) -> None:
    """Raw is purged before it is lost."""
    date = night.night.date
    assert own.command("mail", date, "--mark-sent").status == 0
    assert own.command("acknowledge", date).status == 0
    answer = own.command("purge", date, "--yes", "--same-disk", date)
    own.advance()
    assert not list(night.folder.glob("vcam?/*.fits")), answer.text
    rot_both(night, own)


def remove_raw(night: SafeNight, own: InProcess) -> None:
    """Raw was removed by hand."""
    for raw in night.folder.glob("vcam?/*"):
        raw.unlink()
    own.advance()
    rot_both(night, own)


def decide_otherwise(night: SafeNight) -> None:
    settings = night.site.config.read_text()
    night.site.config.write_text(settings.replace("[sync]\n", "[sync]\ncut_after_s = 0.01\n"))


def read_decision(night: SafeNight, name: str) -> Generation:
    return parse_generation((night.folder / "vgen2" / name).read_text())


def without_clock(product: Product) -> tuple[object, ...]:
    """What is known of a product whatever was lost."""
    return product.name, product.order, product.ranges, product.partners, product.cards


@pytest.mark.parametrize(
    "lose",
    others_in_soak([purge_first, rot_both, lose_both, remove_raw]),
    ids=lambda lose: str(lose.__name__),
)
def test_products_stand_for_a_generation_without_a_good_copy(
    safe: SafeNight, lose: Callable[[SafeNight, InProcess], None]
) -> None:
    own, date = InProcess(safe.site), safe.night.date
    before = read_decision(safe, LOST)
    lose(safe, own)
    products, raw = product_tree(safe.folder), raw_state(safe.folder)
    there = tree_there(safe.site, safe.night)
    ids = ids_of(safe)
    answer = own.command("recover", date)
    said = " ".join(answer.text.split())
    assert (answer.status, f"`vampctl recover {date} --from-products`" in said) == (1, True), said
    assert product_tree(safe.folder) == products
    done = own.command("recover", date, "--from-products")
    stage = "fpack" if lose in (purge_first, remove_raw) else "sync"
    advised = f"`vampctl retry {date} --from {stage}`" in done.text
    assert (done.status, advised) == (0, True), done.text
    assert record_of(safe.site, safe.night).safe_at is None
    after = read_decision(safe, REGAINED)
    assert [*map(without_clock, after.products)] == [*map(without_clock, before.products)]
    assert [product.middle_us // 1000 for product in after.products] == [
        product.middle_us // 1000 for product in before.products
    ]
    assert {one.fits.path: one.frames for one in after.cubes} == {
        one.fits.path: one.frames for one in before.cubes
    }
    assert {(one.path, one.frames, one.code) for one in after.set_aside} == {
        (one.path, one.frames, one.code) for one in before.set_aside
    }
    # Once more there is nothing to do, and the night is safe again with the same products.
    assert "nothing is damaged" in " ".join(own.command("recover", date).text.split())
    assert own.command("retry", date, "--from", stage).status == 0
    own.advance()
    record = record_of(safe.site, safe.night)
    assert (record.state.status, record.safe_at is None) == (Status.DONE, False), record.error
    assert (raw_state(safe.folder), ids_of(safe)) == (raw, ids)
    now = product_tree(safe.folder)
    assert {path: now[path] for path in products if path.endswith((".fz", ".txt"))}.items() <= (
        products.items()
    )
    assert json.loads(own.command("audit", date, "--json").text)["balanced"]
    # What lies at the archive in its place is never written again.
    sent = tree_there(safe.site, safe.night)
    assert sent[f"vgen2/{LOST}"] == there[f"vgen2/{LOST}"]
    assert f"vgen2/{REGAINED}" in sent
    with connected(safe.site) as connections:
        recorded = connections.packing_receipts.of(safe.night)
    (ended,) = [each for each in recorded if each.ended_at is not None]
    assert (ended.receipt.path, ended.ended_by == "vampd") == (f"vgen2/{LOST}", False)
    history = " ".join(own.command("history", date).text.split())
    assert re.search(rf"1 packing receipt ended .* by {re.escape(str(ended.ended_by))}", history)
    assert EventName.DISPROVED in {each.event for each in history_of(safe.site, safe.night)}


def ids_of(night: SafeNight) -> dict[str, str]:
    with connected(night.site) as connections:
        bound = connections.reader.bound_ids(night.night)
    return {identity: str(one.frame_id) for identity, one in bound.items()}


@pytest.mark.soak
@pytest.mark.parametrize(
    "lose", others_in_soak([purge_first, rot_both]), ids=lambda f: str(f.__name__)
)
@pytest.mark.parametrize("at_once", others_in_soak([True, False]))
def test_one_stands_for_several_that_are_lost_together(
    safe: SafeNight, lose: Callable[[SafeNight, InProcess], None], at_once: bool
) -> None:
    own, date = InProcess(safe.site), safe.night.date
    add_late_cubes(safe.site.root)
    own.advance()
    safe = SafeNight.of(safe.site, safe.night)
    lose(safe, own)
    if at_once:
        (safe.folder / "vgen2" / REGAINED).unlink()
        (safe.copy / "vgen2" / REGAINED).write_text("nothing")
    own.advance()
    there, products = tree_there(safe.site, safe.night), made_of(safe)
    both = f"vgen2/{LOST} and vgen2/{REGAINED}" if at_once else f"vgen2/{LOST}"
    said = " ".join(own.command("recover", date).text.split())
    assert f"a good copy of {both} in place" in said
    done = own.command("recover", date, "--from-products")
    assert done.status == 0, done.text
    now = read_decision(safe, "generation_0003.json")
    assert now.replaces == ((1, 2) if at_once else (1,))
    # What it says is typed as it stands.
    (advised,) = re.findall(r"`vampctl (retry [^`]+)`", " ".join(done.text.split()))
    assert own.command(*advised.split()).status == 0
    own.advance()
    record = record_of(safe.site, safe.night)
    assert (record.state.status, record.safe_at is None) == (Status.DONE, False), record.error
    assert made_of(safe) == products
    assert json.loads(own.command("audit", date, "--json").text)["balanced"]
    sent = tree_there(safe.site, safe.night)
    assert {path: sent[path] for path in there if path.endswith(".json")}.items() <= there.items()


def made_of(night: SafeNight) -> dict[str, str]:
    tree = product_tree(night.folder)
    return {path: sha256 for path, sha256 in tree.items() if path.endswith((".fz", ".txt"))}


def test_nothing_stands_for_a_generation_that_the_archive_may_have(safe: SafeNight) -> None:
    own, date = InProcess(safe.site), safe.night.date
    rot_both(safe, own)
    (safe.copy.parent / ".vampd" / "id").rename(safe.site.base / "id")
    tree = product_tree(safe.folder)
    answer = own.command("recover", date, "--from-products")
    assert (answer.status, product_tree(safe.folder)) == (1, tree), answer.text
    assert record_of(safe.site, safe.night).safe_at is not None


@pytest.mark.parametrize("suffix", others_in_soak([".txt", ".fits.fz"]))
def test_nothing_stands_for_a_generation_whose_products_are_not_whole(
    safe: SafeNight, suffix: str
) -> None:
    own, date = InProcess(safe.site), safe.night.date
    rot_both(safe, own)
    product = products_of(safe)[0].name.removesuffix(".fits.fz") + suffix
    for folder in (safe.folder, safe.copy):
        (folder / "vgen2" / product).write_text("nothing")
    tree = product_tree(safe.folder)
    answer = own.command("recover", date, "--from-products")
    assert (answer.status, product in answer.text, product_tree(safe.folder)) == (1, True, tree)
    assert "decision_unknown" in answer.text


def test_what_stands_for_a_lost_one_is_missed_before_any_stage_looks(safe: SafeNight) -> None:
    own, date = InProcess(safe.site), safe.night.date
    rot_both(safe, own)
    assert own.command("recover", date, "--from-products").status == 0
    (safe.folder / "vgen2" / REGAINED).unlink()
    said = own.command("recover", date)
    assert (said.status, REGAINED in said.text) == (1, True), said.text
    assert own.command("recover", date, "--from-products").status == 0
    safe.retry(StageName.SYNC)
    record = record_of(safe.site, safe.night)
    assert (record.state.status, record.safe_at is None) == (Status.DONE, False), record.error
    assert json.loads(own.command("audit", date, "--json").text)["balanced"]


@pytest.mark.parametrize("kill_at", others_in_soak(range(1, 30), few=0))
def test_killed_on_its_way_another_stands_for_it_all_the_same(
    safe: SafeNight, kill_at: int
) -> None:
    own, date = InProcess(safe.site), safe.night.date
    rot_both(safe, own)
    own.command_killed(kill_at, "recover", date, "--from-products")
    assert own.command("recover", date, "--from-products").status == 0
    assert not (safe.folder / "vgen2" / "generation_0003.json").exists()
    safe.retry(StageName.SYNC)
    record = record_of(safe.site, safe.night)
    assert (record.state.status, record.safe_at is None) == (Status.DONE, False), record.error
    assert json.loads(own.command("audit", date, "--json").text)["balanced"]


def test_a_night_is_not_restored_while_the_generation_of_a_product_is_gone(
    safe: SafeNight,
) -> None:
    own, date = InProcess(safe.site), safe.night.date
    add_late_cubes(safe.site.root)
    own.advance()
    (safe.folder / "vgen2" / REGAINED).unlink()
    tree = product_tree(safe.folder)
    answer = own.command("restore", date, "--yes")
    assert (answer.status, "a generation is gone" in answer.text) == (1, True), answer.text
    assert product_tree(safe.folder) == tree


def test_a_generation_that_no_receipt_tells_of_yet_is_named_if_it_is_damaged(
    safe: SafeNight,
) -> None:
    own, late = InProcess(safe.site), safe.folder / "vgen2" / "generation_0002.json"
    add_late_cubes(safe.site.root, safe.night.date, safe.night.kind)
    moment = 0
    while not late.exists():
        moment += 5
        own.advance(moment)
    late.write_bytes(late.read_bytes()[:-10])
    answer = own.command("verify", safe.night.date, "--here")
    assert f"{safe.night.date}/vgen2/{late.name}" in answer.text.splitlines(), answer.text
