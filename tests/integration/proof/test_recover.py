"""What is damaged or gone comes back as it was: from the archive copy, else from raw, else not."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.smallest_night import add_late_cubes, make_smallest
from tests.support.daemon.running import settle, vampctl
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, configure, copy_site, make_site
from tests.support.daemon.state import connected, product_tree, raw_state, record_of
from tests.support.examples import others_in_soak
from tests.support.worlds.archive.safe_night import SafeNight, flip_bit, products_of, tree_there
from tests.support.worlds.proof.beginning import TABLES
from tests.support.worlds.proof.in_process import InProcess
from tests.support.worlds.records.databases import without_triggers
from vampd.engine.repair import recovering
from vampd.model.cubes import Generation
from vampd.model.delivery import remade
from vampd.model.nights import NightId, StageName, Status
from vampd.model.proofs import (
    FIRST_FORM,
    PRODUCT_FORM,
    RECEIPTS_PATH,
    live_receipts,
    packing_receipt,
    parse_receipts,
)
from vampd.model.sync import synchronize
from vampd.stages import sync


def recover(night: SafeNight, *files: str) -> subprocess.CompletedProcess[str]:
    return vampctl(night.site, "recover", night.night.date, *files)


def visible(folder: Path) -> dict[str, str]:
    return {path: digest for path, digest in product_tree(folder).items() if "/." not in path}


def hidden(night: SafeNight) -> list[str]:
    return [path.name for path in (night.folder / "vgen2").iterdir() if path.name[0] == "."]


def test_all_that_is_damaged_or_gone_comes_back_from_the_archive_copy(safe: SafeNight) -> None:
    damaged, gone = products_of(safe)[:2]
    sidecar = gone.with_name(gone.name.replace(".fits.fz", ".txt"))
    generation = safe.folder / "vgen2" / "generation_0001.json"
    flip_bit(damaged)
    bad = damaged.read_bytes()
    for path in (gone, sidecar, generation):
        path.unlink()
    safe.retry(StageName.FPACK)
    safe.assert_held("product_damaged", damaged.name, gone.name)
    # The archive copy suffices: raw is only read, and may be gone.
    shutil.move(safe.folder / "vcam1", safe.site.base / "vcam1")
    done = recover(safe)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("from the archive copy") == 4
    assert "vampctl retry 20251106" in done.stdout
    assert visible(safe.folder) == safe.here
    # The damaged file is kept until the night is safe again.
    assert hidden(safe) == [f".{damaged.name}.damaged"]
    assert damaged.with_name(f".{damaged.name}.damaged").read_bytes() == bad
    shutil.move(safe.site.base / "vcam1", safe.folder / "vcam1")
    safe.retry(StageName.FPACK)
    safe.assert_as_it_was()


def test_a_copy_that_recover_finds_damaged_is_no_longer_called_safe(safe: SafeNight) -> None:
    product = products_of(safe)[0]
    copy = safe.copy / "vgen2" / product.name
    before = copy.stat()
    flip_bit(copy)
    os.utime(copy, ns=(before.st_atime_ns, before.st_mtime_ns))
    product.unlink()
    own = InProcess(safe.site)
    answer = own.command("recover", safe.night.date, product.name)
    assert (answer.status, "made again from raw" in answer.text) == (0, True), answer.text
    assert f"NOT safe: vgen2/{product.name}" in " ".join(answer.text.split())
    assert record_of(safe.site, safe.night).safe_at is None
    assert own.command("retry", safe.night.date, "--from", "transfer").status == 0
    own.advance()
    safe.assert_as_it_was()


@pytest.mark.parametrize(
    ("stage", "content"),
    others_in_soak(
        [
            (stage, content)
            for content in (b"{}\n", b"\xff\xfe", b"")
            for stage in (StageName.SYNC, StageName.TRANSFER)
        ],
        few=2,
    ),
    ids=str,
)
def test_a_damaged_generation_is_named_and_comes_back(
    safe: SafeNight, stage: StageName, content: bytes
) -> None:
    (safe.folder / "vgen2" / "generation_0001.json").write_bytes(content)
    safe.retry(stage)
    safe.assert_held("generation_damaged", "vgen2/generation_0001.json", "vampctl recover")
    done = recover(safe)
    assert (done.returncode, done.stderr) == (0, "")
    safe.retry(stage)
    safe.assert_as_it_was()


def test_without_a_good_copy_they_are_made_again_from_raw(safe: SafeNight) -> None:
    damaged, gone = products_of(safe)[:2]
    sidecar = damaged.with_name(damaged.name.replace(".fits.fz", ".txt"))
    raw = raw_state(safe.folder)
    flip_bit(damaged)
    sidecar.write_text("nothing")
    for name in (damaged.name, sidecar.name):
        (safe.copy / "vgen2" / name).write_text("damaged there too")
    gone.unlink()
    (safe.copy / "vgen2" / gone.name).unlink()
    there = tree_there(safe.site, safe.night)
    done = recover(safe)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("made again from raw") == 3
    assert visible(safe.folder) == safe.here
    assert raw_state(safe.folder) == raw
    assert tree_there(safe.site, safe.night) == there


@pytest.mark.parametrize("path", others_in_soak(["vbad/reasons.tsv", "SHA256SUMS"]))
def test_a_text_that_a_stage_writes_again_is_not_called_raw(safe: SafeNight, path: str) -> None:
    answer = InProcess(safe.site).command("recover", safe.night.date, path)
    said = " ".join(answer.text.split())
    assert answer.status == 2
    assert f"`vampctl retry {safe.night.date} --from transfer` writes it again" in said


def test_what_has_no_good_copy_and_no_raw_stays_as_it_is_and_says_why(safe: SafeNight) -> None:
    damaged = products_of(safe)[0]
    flip_bit(damaged)
    flip_bit(safe.copy / "vgen2" / damaged.name)
    shutil.rmtree(safe.folder / "vcam1")
    shutil.rmtree(safe.folder / "vcam2")
    before = product_tree(safe.folder)
    done = recover(safe)
    assert done.returncode == 1
    assert f"{damaged.name}: NOT recovered" in done.stdout
    assert "expected" in done.stdout
    assert "raw: " in done.stdout
    assert product_tree(safe.folder) == before


def test_what_is_rotten_here_there_and_in_raw_is_not_sent_round_in_a_circle(
    safe: SafeNight,
) -> None:
    product = products_of(safe)[0]
    good = product.read_bytes()
    cubes = [path for path in safe.folder.glob("vcam?/*.fits") if path.stat().st_size > 10_000]
    for path in (product, safe.copy / "vgen2" / product.name, *cubes):
        stat = path.stat()
        flip_bit(path)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    there = tree_there(safe.site, safe.night)
    own = InProcess(safe.site)
    answer = own.command("recover", safe.night.date, f"vgen2/{product.name}")
    said = " ".join(answer.text.split())
    assert answer.status == 1
    assert f"no good copy of vgen2/{product.name} was found" in said
    assert "vampctl restore" not in said
    assert tree_there(safe.site, safe.night) == there
    own.command("retry", safe.night.date, "--from", "transfer")
    own.advance()
    assert record_of(safe.site, safe.night).code == "product_damaged"
    # What it advises helps.
    product.write_bytes(good)
    own.command("retry", safe.night.date)
    own.advance()
    safe.assert_as_it_was()


def test_products_of_a_form_that_is_not_written_any_more_come_from_the_archive_copy_alone(
    safe: SafeNight, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *_, last = products_of(safe)
    monkeypatch.setattr(packing_receipt, "WRITTEN_FORMS", frozenset({99}))
    monkeypatch.setattr(remade, "PRODUCT_FORM", 99)
    own = InProcess(safe.site)
    first.unlink()
    assert own.command("recover", safe.night.date).status == 0
    first.unlink()
    (safe.copy / "vgen2" / first.name).unlink()
    before = product_tree(safe.folder)
    answer = own.command("recover", safe.night.date)
    said = " ".join(answer.text.split())
    assert (answer.status, "equal bytes cannot be made" in said) == (1, True), said
    # What a restore would change, by name.
    ids = f"{first.name.removesuffix('.fits.fz')} to {last.name.removesuffix('.fits.fz')}"
    assert f"in form 99: other bytes under the same names: {ids}" in said
    assert f"manifest_VMP_{safe.night.date}.csv lists" in said
    assert product_tree(safe.folder) == before
    reported = own.command("restore", safe.night.date, "--dry-run")
    assert f"other bytes under the same names: {ids}" in " ".join(reported.text.split())


def test_a_night_that_an_earlier_version_began_ends_in_its_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = make_site(tmp_path / "fresh")
    night, _ = make_smallest(fresh.root)
    # Killed when its generation stands, and some of its framelists are written.
    ends = [end_as_begun(fresh, night, monkeypatch, kill_at) for kill_at in (0, 30)]
    site, own = ends[-1][0], InProcess(ends[-1][0])
    assert ends[0][1] == ends[1][1]
    # Late data are of today's form, and what is lost of either is made again from raw.
    add_late_cubes(site.root)
    own.advance()
    receipts = parse_receipts((site.folder(night) / RECEIPTS_PATH).read_text())
    assert {receipt.form for receipt in receipts.values()} == {FIRST_FORM, PRODUCT_FORM}
    whole = visible(site.folder(night))
    for product in products_of(SafeNight.of(site, night)):
        product.unlink()
        (site.copy(night) / "vgen2" / product.name).unlink()
    answer = own.command("recover", night.date)
    assert (answer.status, visible(site.folder(night))) == (0, whole), answer.text


def end_as_begun(
    fresh: Site, night: NightId, monkeypatch: pytest.MonkeyPatch, kill_at: int
) -> tuple[Site, str]:
    """A night that an earlier version begins and today's ends; its receipts."""
    site = copy_site(fresh, fresh.base.with_name(f"killed at {kill_at}"))
    configure(site, **TABLES)
    own = InProcess(site)
    with monkeypatch.context() as earlier:
        earlier.setattr(sync, "synchronize", decide_first_form)
        assert own.advance(kill_at) == (kill_at == 0)
    own.advance()
    assert record_of(site, night).safe_at is not None
    listing = (site.folder(night) / RECEIPTS_PATH).read_text()
    assert {receipt.form for receipt in parse_receipts(listing).values()} == {FIRST_FORM}
    return site, listing


def decide_first_form(*cubes: Any, **rules: Any) -> Generation:
    """Sync as it was before generations named a form."""
    return replace(synchronize(*cubes, **rules), form=FIRST_FORM)


def test_the_deep_scan_notices_damage_and_loss_of_a_finished_night(safe: SafeNight) -> None:
    settle_here(safe.site)
    assert not record_of(safe.site, safe.night).note_code
    damaged, gone = products_of(safe)[:2]
    flip_bit(damaged)
    gone.unlink()
    ended = settle(safe.site)
    assert [reported["faults"] for reported in ended.named("night.damaged")] == [2]
    record = record_of(safe.site, safe.night)
    assert (record.state.status, record.note_code) == (Status.DONE, "damaged_here")
    assert record.safe_at is not None
    shown = " ".join(vampctl(safe.site, "status", "20251106").stdout.split())
    assert f"note vgen2/{gone.name} is gone" in shown
    assert "gets it back; safe" in shown
    assert "vampctl recover 20251106" in vampctl(safe.site, "why", "20251106").stdout
    # Said once.
    assert not settle(safe.site).named("night.damaged")
    assert recover(safe).returncode == 0
    assert not record_of(safe.site, safe.night).note_code
    settle_here(safe.site)
    assert not record_of(safe.site, safe.night).note_code


def test_what_is_whole_again_by_other_hands_is_no_longer_noted(safe: SafeNight) -> None:
    gone = products_of(safe)[0]
    kept = gone.rename(safe.site.base / gone.name)
    settle_here(safe.site)
    assert record_of(safe.site, safe.night).note_code == "damaged_here"
    kept.rename(gone)
    settle_here(safe.site)
    assert not record_of(safe.site, safe.night).note_code


def test_a_file_that_is_named_is_read_though_its_stamp_is_as_it_was(safe: SafeNight) -> None:
    damaged, other = products_of(safe)[:2]
    status = damaged.stat()
    flip_bit(damaged)
    os.utime(damaged, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.unlink()
    assert "nothing is damaged" not in recover(safe, other.name).stdout
    done = recover(safe)
    assert (done.returncode, "nothing is damaged or missing" in done.stdout) == (0, True)
    done = recover(safe, f"vgen2/{damaged.name}")
    assert done.stdout.startswith(f"vgen2/{damaged.name}: from the archive copy")
    assert visible(safe.folder) == safe.here


def test_a_file_that_the_disk_does_not_give_back_is_damaged(
    safe: SafeNight, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"vgen2/{products_of(safe)[0].name}"
    with connected(safe.site) as connections:
        receipts = live_receipts(connections.packing_receipts.of(safe.night))
        for code, found in ((errno.EIO, recovering.UNREADABLE), (errno.EACCES, None)):
            monkeypatch.setattr(recovering, "hash_file", failing(code))
            with nullcontext() if found else pytest.raises(PermissionError):
                (reading,) = recovering.read_suspects(
                    safe.night, safe.folder, connections.reader, receipts, [path], 1.0
                )
                assert (reading.path, reading.sha256) == (path, found)


def failing(code: int) -> Callable[..., None]:
    """A reading that the disk refuses."""

    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


def test_verify_here_reads_all_that_has_a_packing_receipt(safe: SafeNight) -> None:
    good = vampctl(safe.site, "verify", "20251106", "--here")
    assert (good.returncode, "good, " in good.stdout) == (0, True)
    damaged, gone = products_of(safe)[:2]
    status = damaged.stat()
    flip_bit(damaged)
    os.utime(damaged, ns=(status.st_atime_ns, status.st_mtime_ns))
    gone.unlink()
    bad = vampctl(safe.site, "verify", "20251106", "--here")
    assert bad.returncode == 1
    assert f"20251106/vgen2/{damaged.name}\n" in bad.stdout
    assert "1 damaged and 1 missing" in bad.stdout
    assert "vampctl recover 20251106" in bad.stdout
    (reported,) = json.loads(vampctl(safe.site, "verify", "20251106", "--here", "--json").stdout)
    assert reported["damaged"] == [f"vgen2/{damaged.name}"]
    assert reported["missing"] == [f"vgen2/{gone.name}"]
    # What was found is known from now on.
    assert recover(safe).stdout.count("from the archive copy") == 2
    assert visible(safe.folder) == safe.here
    assert vampctl(safe.site, "verify", "--all", "--here").returncode == 0


def test_products_of_which_nothing_is_on_record_are_not_called_good(safe: SafeNight) -> None:
    with without_triggers(safe.site.database) as store:
        store.execute("DELETE FROM packing_receipts")
    answer = InProcess(safe.site).command("verify", "20251106", "--here")
    assert (answer.status, "NOT verified: no file of it" in answer.text) == (1, True)


@pytest.mark.parametrize("name", ["VMPA99999999.fits.fz", RECEIPTS_PATH, "../x"])
def test_a_file_without_a_packing_receipt_is_refused(safe: SafeNight, name: str) -> None:
    done = recover(safe, name)
    assert (done.returncode, name in done.stderr) == (2, True)


@pytest.mark.parametrize("deadly", ["recovering.damaged.kept", "recovering.file.named"])
def test_a_recovery_that_was_killed_is_resumed(safe: SafeNight, deadly: str) -> None:
    damaged, gone = products_of(safe)[:2]
    flip_bit(damaged)
    gone.unlink()
    killed = vampctl(safe.site, "recover", safe.night.date, VAMPD_FAILPOINT=deadly)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert damaged.exists()
    done = recover(safe)
    assert (done.returncode, f".{damaged.name}.damaged" in done.stdout) == (0, True)
    assert visible(safe.folder) == safe.here
    # Once more, nothing is to be done, and what is left is not hidden from who asks.
    answer = InProcess(safe.site).command("recover", safe.night.date)
    assert (answer.status, "nothing is damaged" in answer.text) == (0, False)
    assert f".{damaged.name}.damaged" in answer.text
    safe.retry(StageName.TRANSFER)
    safe.assert_as_it_was()
