"""What has no good copy left, here, there or in raw, is given up at a person's word."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.daemon.state import connected, history_of, record_of
from tests.support.examples import others_in_soak
from tests.support.worlds.archive.safe_night import SafeNight, flip_bit, products_of, tree_there
from tests.support.worlds.proof.damage import Fault, inflict
from tests.support.worlds.proof.in_process import InProcess
from vampd.model.cubes import PRODUCT_LOST
from vampd.model.nights import EventName, Status


def rot_everywhere(night: SafeNight) -> str:
    """The first product rots here and there, its raw cube too; its path."""
    product = products_of(night)[0]
    flip_bit(product)
    flip_bit(night.copy / "vgen2" / product.name)
    for raw in night.folder.glob("vcam1/*.fits"):
        inflict(Fault.ROT, raw)
    return f"vgen2/{product.name}"


def remove_raw(night: SafeNight) -> str:
    """The first product rots here and there, and raw is removed; its path."""
    path = rot_everywhere(night)
    for raw in night.folder.glob("vcam?/*"):
        raw.unlink()
    return path


def lose_sidecar(night: SafeNight) -> str:
    """Its sidecar is gone here, and rots there; raw is removed."""
    product = products_of(night)[0]
    sidecar = product.name.replace(".fits.fz", ".txt")
    (night.copy / "vgen2" / sidecar).write_text("nothing")
    (night.folder / "vgen2" / sidecar).unlink()
    for raw in night.folder.glob("vcam?/*"):
        raw.unlink()
    return f"vgen2/{product.name}"


def lose_timing(night: SafeNight) -> str:
    """The first product rots here and there, and what raw has of its times is removed."""
    product = products_of(night)[0]
    flip_bit(product)
    flip_bit(night.copy / "vgen2" / product.name)
    for timing in night.folder.glob("vcam?/*.txt"):
        timing.unlink()
    return f"vgen2/{product.name}"


@pytest.mark.parametrize(
    "lose",
    others_in_soak([rot_everywhere, remove_raw, lose_sidecar, lose_timing]),
    ids=lambda lose: str(lose.__name__),
)
def test_what_is_lost_is_given_up_and_the_night_is_safe_without_it(
    safe: SafeNight, lose: Callable[[SafeNight], str]
) -> None:
    path, own = lose(safe), InProcess(safe.site)
    assert own.command("mail", safe.night.date, "--mark-sent").status == 0
    there = tree_there(safe.site, safe.night)
    frame_id = path[6:18]
    answer = own.command("recover", safe.night.date)
    said = " ".join(answer.text.split())
    assert (answer.status, "`vampctl release 20251106` goes on without it" in said) == (1, True)
    assert "manifest_VMP_20251106.csv: mailed " in said
    assert f" lists {frame_id}." in said
    held = record_of(safe.site, safe.night)
    assert (held.state.status, held.code, held.safe_at) == (Status.HELD, PRODUCT_LOST, None)
    assert own.command("release", safe.night.date).status == 0
    # No later sync makes it again, which would give other bytes to its frame ID.
    for stage in ("transfer", "sync"):
        own.advance()
        record = record_of(safe.site, safe.night)
        assert (record.state.status, record.safe_at is None) == (Status.DONE, False), record.error
        own.command("retry", safe.night.date, "--from", stage)
    own.advance()
    counted = json.loads(own.command("audit", safe.night.date, "--json").text)
    assert (counted["balanced"], [one["frame_id"] for one in counted["lost_ids"]]) == (
        True,
        [frame_id],
    )
    # Nothing of the archive is replaced, and the bad copy is nobody's.
    now = tree_there(safe.site, safe.night)
    assert {one: now[one] for one in there if one.startswith("vgen2")}.items() <= there.items()
    assert f"  {path}" in own.command("verify", safe.night.date).text
    # What lies here keeps a name, for whoever can make use of it.
    kept = (safe.folder / "vgen2").glob(f".{frame_id}.*.lost")
    assert f".{frame_id}.fits.fz.lost" in {each.name for each in kept}
    # It was a person who ended its packing receipts.
    (released,) = [
        each for each in history_of(safe.site, safe.night) if each.event is EventName.RELEASED
    ]
    with connected(safe.site) as connections:
        recorded = connections.packing_receipts.of(safe.night)
    ended = {each.ended_by for each in recorded if each.ended_at is not None}
    assert (ended, released.actor == "vampd") == ({released.actor}, False)
    history = own.command("history", safe.night.date).text
    assert f"goes on without vgen2/{frame_id}" in " ".join(history.split())
    refused = own.command("restore", safe.night.date, "--yes").text
    assert "raw_incomplete" in refused
    assert "nothing makes a restore possible" in " ".join(refused.split())


def test_what_may_only_be_away_is_not_lost(safe: SafeNight) -> None:
    path, own = rot_everywhere(safe), InProcess(safe.site)
    (safe.copy.parent / ".vampd" / "id").rename(safe.site.base / "id")
    answer = own.command("recover", safe.night.date, path)
    assert (answer.status, "archive_unknown" in answer.text) == (1, True)
    assert record_of(safe.site, safe.night).state.status is Status.DONE


@pytest.mark.soak
def test_raw_that_has_changed_is_compared_before_a_product_is_lost(safe: SafeNight) -> None:
    path, own = rot_everywhere(safe), InProcess(safe.site)
    for raw in safe.folder.glob("vcam1/*.fits"):
        os.utime(raw)
    answer = own.command("recover", safe.night.date, path)
    assert (answer.status, "`vampctl retry 20251106 --from sync`" in answer.text) == (1, True)
    for words, code in (
        (("retry", "--from", "sync"), "raw_changed"),
        (("release",), "product_damaged"),
        (("recover",), PRODUCT_LOST),
        (("release",), None),
    ):
        own.command(words[0], safe.night.date, *words[1:])
        own.advance()
        assert record_of(safe.site, safe.night).code == code
    assert json.loads(own.command("audit", safe.night.date, "--json").text)["balanced"]


def cut_short(raw: Path) -> None:
    raw.write_bytes(raw.read_bytes()[:3000])


def rot_header(raw: Path) -> None:
    before, content = raw.stat(), raw.read_bytes()
    raw.write_bytes(b"?" * 2880 + content[2880:])
    os.utime(raw, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.soak
@pytest.mark.parametrize(
    ("ruin", "held"),
    others_in_soak(
        [(cut_short, ["raw_changed", "raw_unreadable"]), (rot_header, ["raw_unreadable"])]
    ),
    ids=("cut short", "rotten header"),
)
def test_a_product_is_lost_too_where_its_raw_cube_is_none_any_more(
    safe: SafeNight, ruin: Callable[[Path], None], held: list[str]
) -> None:
    path, own = rot_everywhere(safe), InProcess(safe.site)
    (safe.folder / path).unlink()
    for raw in list(safe.folder.glob("vcam1/*.fits")):
        ruin(raw)
    steps = [("retry", "--from", "sync"), *[("release",)] * (len(held) - 1)]
    for words, code in (
        *zip(steps, held, strict=True),
        (("recover",), PRODUCT_LOST),
        (("release",), None),
    ):
        own.command(words[0], safe.night.date, *words[1:])
        own.advance()
        assert record_of(safe.site, safe.night).code == code
    assert record_of(safe.site, safe.night).safe_at is not None


@pytest.mark.soak
def test_what_was_given_up_is_given_up_again_where_an_older_database_is_put_back(
    safe: SafeNight, tmp_path: Path
) -> None:
    path, own, state = rot_everywhere(safe), InProcess(safe.site), safe.site.database.parent
    (safe.folder / path).unlink()
    shutil.copytree(state, tmp_path / "older")
    for is_older in (False, True):
        if is_older:
            shutil.rmtree(state)
            shutil.copytree(tmp_path / "older", state)
        own.command("recover", safe.night.date)
        assert record_of(safe.site, safe.night).code == PRODUCT_LOST
        assert own.command("release", safe.night.date).status == 0
        own.advance()
        record = record_of(safe.site, safe.night)
        assert (record.state.status, record.safe_at is None) == (Status.DONE, False), record.error
        assert json.loads(own.command("audit", safe.night.date, "--json").text)["balanced"]


@pytest.mark.parametrize("kill_at", others_in_soak(range(1, 40), few=0))
def test_killed_on_its_way_it_is_given_up_all_the_same(safe: SafeNight, kill_at: int) -> None:
    path, own = rot_everywhere(safe), InProcess(safe.site)
    if not own.command_killed(kill_at, "recover", safe.night.date, path):
        own.command("recover", safe.night.date, path)
    own.command("release", safe.night.date)
    own.advance(kill_at)
    own.advance()
    record = record_of(safe.site, safe.night)
    assert (record.state.status, record.safe_at is None) == (Status.DONE, False), record.error
    assert json.loads(own.command("audit", safe.night.date, "--json").text)["balanced"]
