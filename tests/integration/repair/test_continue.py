"""Taking on a night of the old tools: from each point where they may have left it, to the end."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.daemon.running import run_until_idle, vampctl
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, make_site
from tests.support.daemon.state import audit, connected, history_of, record_of
from tests.support.examples import others_in_soak
from tests.support.worlds.sites.old_products import (
    copy_to_archive,
    make_old_products,
    write_old_manifest,
)
from vampd.config import load_settings
from vampd.model.nights import EventName, Kind, NightId, StageName, Status
from vampd.store.database.opening import Access, open_store

NIGHT = NightId("20240612", Kind.ARCHIVE)
ENGINEERING = NightId("20240612", Kind.ENGINEERING)


def started(base: Path) -> Site:
    """A site whose database a first start has made."""
    site = make_site(base)
    open_store(load_settings(site.config).database.url, Access.MIGRATE).close()
    return site


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def go_on(site: Site, night: NightId = NIGHT, *options: str) -> tuple[int, str]:
    words = ("adopt", night.date, "--kind", str(night.kind), "--continue", "--yes", *options)
    done = vampctl(site, *words)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def only_packed(folder: Path) -> None:
    make_old_products(folder, packed=(1, 2))


def only_plain(folder: Path) -> None:
    make_old_products(folder, plain=(1, 2))


def died_while_packing(folder: Path) -> None:
    make_old_products(folder, packed=(1, 2), plain=(2, 3))


def listed(folder: Path) -> None:
    names = make_old_products(folder, packed=(1, 2), last="Syncing to scexao6")
    write_old_manifest(folder, names)


STARTS: dict[str, Callable[[Path], None]] = {
    "unpacked": only_plain,
    "packed and unsent": only_packed,
    "died while packing": died_while_packing,
    "listed": listed,
}


@pytest.mark.parametrize("start", others_in_soak(reversed(STARTS)))
def test_a_night_is_packed_sent_proven_and_listed_and_nothing_of_theirs_changes(
    tmp_path: Path, start: str
) -> None:
    site = started(tmp_path)
    folder = site.folder(NIGHT)
    STARTS[start](folder)
    theirs = contents(folder)
    assert run_until_idle(site).status == 0
    assert record_of(site, NIGHT).state.status is Status.LEGACY
    status, said = go_on(site)
    assert status == 0, said
    ended = run_until_idle(site)
    record = record_of(site, NIGHT)
    assert record.state.status is Status.DONE, (record.code, record.error, ended.log)
    assert record.safe_at is not None
    now = contents(folder)
    assert {path: now[path] for path in theirs} == theirs
    names = sorted({path.partition(".")[0] for path in theirs if "VMPA" in path})
    copy = contents(site.copy(NIGHT))
    for name in names:
        for end in (".fits.fz", ".txt"):
            assert copy[f"{name}{end}"] == now[f"{name}{end}"]
    assert not [path for path in copy if path.endswith(".fits")]
    manifests = [path for path in now if path.startswith("manifest") and path.endswith(".csv")]
    (text,) = [now[path].decode() for path in manifests]
    assert [line.partition("|")[0] for line in text.split()] == [n[6:] for n in names]
    with connected(site) as connections:
        ids = connections.ledger.listing().ids
    # Those that they gave are on record as others', and there is none besides.
    assert {str(one.frame_id) for one in ids} == {name[6:] for name in names}
    assert not [one for one in ids if one.identity is not None]
    shown = audit(site, NIGHT)
    assert (shown["findings"], shown["balanced"]) == ([], True)


def test_an_engineering_night_goes_on_without_ids_and_manifest(tmp_path: Path) -> None:
    site = started(tmp_path)
    make_old_products(site.folder(ENGINEERING), plain=(1,), packed=(2,), names="vsync_{:02d}.cam1")
    status, said = go_on(site, ENGINEERING)
    assert status == 0, said
    run_until_idle(site)
    record = record_of(site, ENGINEERING)
    assert (record.state.status, record.safe_at is None) == (Status.DONE, False), record.error
    assert (site.copy(ENGINEERING) / "vgen2" / "vsync_01.cam1.fits.fz").is_file()


def test_what_they_sent_is_proven_by_reading_it_and_a_bad_file_there_is_sent_again(
    tmp_path: Path,
) -> None:
    site = started(tmp_path)
    folder, copy = site.folder(NIGHT), site.copy(NIGHT)
    listed(folder)
    copy_to_archive(folder, copy)
    good, bad = sorted(copy.glob("vgen2/*.fz"))
    before = good.stat().st_mtime_ns, good.stat().st_ino
    content = bytearray(bad.read_bytes())
    content[-3000] ^= 1
    bad.write_bytes(content)
    assert go_on(site)[0] == 0
    run_until_idle(site)
    assert record_of(site, NIGHT).safe_at is not None
    assert (good.stat().st_mtime_ns, good.stat().st_ino) == before
    assert bad.read_bytes() == (folder / "vgen2" / bad.name).read_bytes()


def gone_sidecar(folder: Path) -> None:
    only_packed(folder)
    next(folder.glob("vgen2/VMPA*.txt")).unlink()


def other_header(folder: Path) -> None:
    only_packed(folder)
    first, second = sorted(folder.glob("vgen2/*.fz"))
    hidden = folder / "hidden"
    first.rename(hidden), second.rename(first), hidden.rename(second)


def fewer_names(folder: Path) -> None:
    only_packed(folder)
    names = folder / "vgen2/name_changes.txt"
    names.write_text(names.read_text().splitlines()[0] + "\n")


def fewer_listed(folder: Path) -> None:
    write_old_manifest(folder, make_old_products(folder, packed=(1, 2))[:1])


def before_packing(folder: Path) -> None:
    make_old_products(folder, plain=(1,), last="Assigning frame IDS")


def nameless(folder: Path) -> None:
    make_old_products(folder, plain=(1,), names="vsync_{:02d}.cam1")


def still_working(folder: Path) -> None:
    only_packed(folder)
    (folder / "vsync").mkdir()


def nothing_left(folder: Path) -> None:
    only_packed(folder)
    for path in folder.glob("vgen2/VMPA*"):
        path.unlink()


REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "a product without its timing file": (gone_sidecar, "without a timing file"),
    "a header with another ID": (other_header, "carries FRAMEID"),
    "a list of names that lacks one": (fewer_names, "which name_changes.txt do not"),
    "a manifest that lacks one": (fewer_listed, "which manifests do not"),
    "an end before packing": (before_packing, "may be missing"),
    "products without IDs": (nameless, "without a frame ID"),
    "frames that are no products yet": (still_working, "folder vsync is still there"),
    "nothing": (nothing_left, "nothing to go on with"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_night_whose_evidence_has_gaps_or_differs_is_refused_and_stays_legacy(
    tmp_path: Path, why: str
) -> None:
    site = started(tmp_path)
    make, words = REFUSED[why]
    make(site.folder(NIGHT))
    theirs = contents(site.folder(NIGHT))
    run_until_idle(site)
    status, said = go_on(site)
    assert (status, words in said) == (1, True), said
    assert "nothing was changed" in said
    assert record_of(site, NIGHT).state.status is Status.LEGACY
    assert contents(site.folder(NIGHT)) == theirs


def test_a_dry_run_says_what_would_be_done_and_does_nothing(tmp_path: Path) -> None:
    site = started(tmp_path)
    died_while_packing(site.folder(NIGHT))
    run_until_idle(site)
    status, said = go_on(site, NIGHT, "--dry-run")
    assert (status, "1 products are packed, 2 that are packed already are checked" in said) == (
        0,
        True,
    ), said
    with connected(site) as connections:
        assert (connections.adoptions.all(), connections.ledger.listing().ids) == ((), ())
    assert record_of(site, NIGHT).state.status is Status.LEGACY


def test_a_product_that_is_not_its_plain_cube_holds_the_night_until_it_is_moved_away(
    tmp_path: Path,
) -> None:
    site = started(tmp_path)
    died_while_packing(site.folder(NIGHT))
    vgen2 = site.folder(NIGHT) / "vgen2"
    # As a writer that was killed leaves it.
    torn = vgen2 / "VMPA00420002.fits.fz"
    torn.write_bytes(torn.read_bytes()[:-2880])
    assert go_on(site)[0] == 0
    run_until_idle(site)
    record = record_of(site, NIGHT)
    assert (record.state.status, record.code) == (Status.HELD, "old_product_bad"), record.error
    assert not site.copy(NIGHT).exists()
    torn.rename(site.base / "torn")
    assert vampctl(site, "retry", NIGHT.date).returncode == 0
    run_until_idle(site)
    assert record_of(site, NIGHT).state.status is Status.DONE


def test_a_product_that_goes_after_the_word_is_missed(tmp_path: Path) -> None:
    site = started(tmp_path)
    died_while_packing(site.folder(NIGHT))
    assert go_on(site)[0] == 0
    crashed = run_until_idle(site, VAMPD_FAILPOINT="execute.take_over.proven")
    assert crashed.status == -signal.SIGKILL
    (site.folder(NIGHT) / "vgen2" / "VMPA00420001.fits.fz").rename(site.base / "gone")
    run_until_idle(site)
    record = record_of(site, NIGHT)
    assert (record.state.status, record.code) == (Status.HELD, "product_missing")


def test_it_never_goes_back_to_where_other_ids_would_be_made(tmp_path: Path) -> None:
    site = started(tmp_path)
    only_packed(site.folder(NIGHT))
    assert go_on(site)[0] == 0
    run_until_idle(site)
    for stage in ("sync", "headers", "frameids"):
        done = vampctl(site, "retry", NIGHT.date, "--from", stage)
        assert "it has no stage before fpack" in " ".join(done.stderr.split())
        assert done.returncode != 0
    assert vampctl(site, "restore", NIGHT.date, "--yes").returncode == 1
    # What that advises leads to no false word either.
    again = vampctl(site, "adopt", NIGHT.date)
    assert "is on record, and was taken on" in " ".join(again.stderr.split())
    # Raw that comes back under its own name changes nothing of it.
    (site.folder(NIGHT) / "vcam1_hlinkbak").rename(site.folder(NIGHT) / "vcam1")
    run_until_idle(site)
    assert record_of(site, NIGHT).state.stage is StageName.MANIFEST
    # And whoever looks is told whose it is.
    assert "safe, products of the old tools" in vampctl(site, "status").stdout
    shown = " ".join(vampctl(site, "why", NIGHT.date).stdout.split())
    assert "products the old tools', under their frame IDs" in shown
    assert json.loads(vampctl(site, "why", NIGHT.date, "--json").stdout)["of_old_tools"] is True
    purge = vampctl(site, "purge", NIGHT.date, "--after", "0", "--dry-run")
    assert "night of the old tools" in " ".join((purge.stdout + purge.stderr).split())
    assert vampctl(site, "verify", NIGHT.date).returncode == 0


CRASHES = (
    "adopting.ids.recorded",
    "adopting.claims.kept",
    "continuing.night.continued",
    "worker.product.proven",
    "execute.take_over.proven",
    "execute.take_over.recorded",
    "atomic.creating.linked",
    "execute.hash.read",
)


def test_killed_anywhere_it_comes_to_the_same_end(tmp_path: Path) -> None:
    site, calm = started(tmp_path / "killed"), started(tmp_path / "calm")
    died_while_packing(site.folder(NIGHT))
    # Not made twice: checksum cards have the time of day.
    shutil.copytree(site.folder(NIGHT), calm.folder(NIGHT))
    assert go_on(calm)[0] == 0
    run_until_idle(calm)
    for name in CRASHES:
        if name.startswith(("adopting", "continuing")):
            words = ("adopt", NIGHT.date, "--continue", "--yes")
            status = vampctl(site, *words, VAMPD_FAILPOINT=name).returncode
        else:
            status = run_until_idle(site, VAMPD_FAILPOINT=name).status
        assert status == -signal.SIGKILL, name
    run_until_idle(site)
    record = record_of(site, NIGHT)
    assert record.state.status is Status.DONE, (record.code, record.error)
    of_calm = contents(calm.folder(NIGHT))
    mine = contents(site.folder(NIGHT))
    differing = {path for path in of_calm | mine if of_calm.get(path) != mine.get(path)}
    # These name the site's own place.
    assert not [p for p in differing if not p.startswith(("header_table", "SHA256", "manifest"))]
    continued = [e for e in history_of(site, NIGHT) if e.event is EventName.CONTINUED]
    assert len(continued) == 1


@pytest.mark.soak
def test_after_the_loss_of_the_database_the_same_word_ends_in_the_same_state(
    tmp_path: Path,
) -> None:
    site = started(tmp_path)
    died_while_packing(site.folder(NIGHT))
    assert go_on(site)[0] == 0
    run_until_idle(site)
    before = contents(site.folder(NIGHT))
    for path in site.database.parent.glob("vampd.db*"):
        path.unlink()
    run_until_idle(site)
    assert record_of(site, NIGHT).state.status is Status.LEGACY
    accepted = vampctl(site, "archive", "accept", "archive", "--yes")
    assert accepted.returncode == 0, accepted.stderr
    status, said = go_on(site)
    assert status == 0, said
    run_until_idle(site)
    record = record_of(site, NIGHT)
    assert (record.state.status, record.safe_at is None) == (Status.DONE, False), record.error
    assert contents(site.folder(NIGHT)) == before


def test_one_of_their_products_that_is_nowhere_whole_is_given_up_at_a_word(
    tmp_path: Path,
) -> None:
    site = started(tmp_path)
    only_packed(site.folder(NIGHT))
    assert go_on(site)[0] == 0
    settle_here(site)
    lost, kept = sorted(site.folder(NIGHT).glob("vgen2/*.fz"))
    lost.unlink()
    (site.copy(NIGHT) / "vgen2" / lost.name).unlink()
    for _ in range(2):  # done, then held
        assert vampctl(site, "recover", NIGHT.date).returncode == 1
        held = record_of(site, NIGHT)
        assert (held.state.status, held.code) == (Status.HELD, "product_lost"), held.error
        assert f"`vampctl release {NIGHT.date}` goes on without it" in str(held.error)
        assert "frames are set aside" not in str(held.error)
    assert vampctl(site, "release", NIGHT.date).returncode == 0
    settle_here(site)
    record = record_of(site, NIGHT)
    assert (record.state.status, record.safe_at is None) == (Status.DONE, False), record.error
    assert record.let_go == ()
    listing = (site.folder(NIGHT) / "vgen2" / "old_products.tsv").read_text()
    name, other = (path.name.partition(".")[0] for path in (lost, kept))
    assert listing.splitlines()[1:] == [f"{name}\tlost", f"{other}\tpacked"]
    # Its timing file says nothing alone, and is kept under a hidden name.
    assert [path.name for path in lost.parent.glob(".*")] == [f".{name}.txt.lost"]
    sums = (site.copy(NIGHT) / "SHA256SUMS").read_text()
    assert (name in sums, other in sums) == (False, True)
    # What lists it is not announced any more, and the message says what to do.
    mail = vampctl(site, "mail", NIGHT.date)
    assert (mail.returncode, "without a product any more" in " ".join(mail.stderr.split())) == (
        1,
        True,
    )


def test_no_mail_combines_their_ids_with_others(tmp_path: Path) -> None:
    site = started(tmp_path)
    other = NightId("20240613", Kind.ARCHIVE)
    only_packed(site.folder(NIGHT))
    assert go_on(site)[0] == 0
    run_until_idle(site)
    with connected(site) as connections:
        connections.store.discover(other, 1e9)
    refused = vampctl(site, "mail", NIGHT.date, other.date)
    assert (refused.returncode, "name them apart" in " ".join(refused.stderr.split())) == (2, True)
    assert json.loads(vampctl(site, "status", "--json").stdout)
