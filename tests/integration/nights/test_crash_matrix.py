"""Killed at any failpoint, the daemon resumes by itself, and nobody can tell from the products.

The failpoints are read from the source, so that a new one is in the matrix at once; one run that is
not disturbed tells how often each is hit. SIGKILL goes to the daemon's process group, as a power
cut would do it, at the first or the last hit of every failpoint; the soak takes every hit. A few of
the first hits are taken in one life, in order: each run dies further on. The night has corrections.
"""

from __future__ import annotations

import re
import shutil
import signal
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import pytest
from astropy.io import fits

from tests.conftest import ROOT
from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import run_until_idle, settle, vampctl
from tests.support.daemon.site import Site, make_site
from tests.support.daemon.state import (
    LedgerRow,
    audit,
    history_of,
    ledger_rows,
    product_tree,
    raw_state,
    record_of,
)
from vampd.fits.headers import read_cards
from vampd.model.headers import CORRECTIONS, Correction, format_corrections
from vampd.model.nights import EventName, NightId, Status

Tables = dict[str, dict[str, object]]
# One worker, so that the k-th hit of a failpoint is the same moment in every run.
ONE_WORKER: Tables = {"schedule": {"workers": 1}}
SEVERAL_WORKERS: Tables = {"schedule": {"workers": 3}}

# What an undisturbed run of one small night does not come by.
ELSEWHERE = {
    **dict.fromkeys(
        (
            "answers.answer.copied",
            "answers.answer.removed",
            "answers.asked.remembered",
            "answers.leftover.copied",
            "command.call.ended",
            "gen2.call.ended",
            "gen2.frames.returned",
            "ledger.strays.appended",
            "ledger.strays.committed",
        ),
        "only where IDs are asked for elsewhere; see test_authorities",
    ),
    **dict.fromkeys(
        (
            "adopting.claims.kept",
            "adopting.ids.recorded",
            "ledger.foreign.appended",
            "ledger.foreign.committed",
        ),
        "only where nights of the old tools are adopted; see test_adopt",
    ),
    **dict.fromkeys(
        (
            "continuing.night.continued",
            "execute.take_over.proven",
            "execute.take_over.recorded",
            "worker.product.proven",
        ),
        "only where a night of the old tools is taken on; see test_continue",
    ),
    "alarm.message.sent": "nobody is told unless asked for; see test_alarm",
    "ledger.file.repaired": "only behind a line that was torn",
    **dict.fromkeys(
        (
            "mail.body.sent",
            "mailing.intent.committed",
            "mailing.intent.noted",
            "mailing.mail.sent",
            "mailing.outcome.committed",
            "store.mailings.inserted",
        ),
        "nothing is mailed unless asked for; see test_mailing",
    ),
    **dict.fromkeys(
        (
            "requests.answered",
            "requests.claimed",
            "requests.deed.ended",
            "requests.deed.recorded",
            "requests.file.removed",
            "store.answers.acted",
        ),
        "only where a member asks; see tests/security/requests",
    ),
    "ledger.rebuilt.written": "only `vampctl rebuild-ledger`; see test_ledger",
    "archive.fetch.group_fetched": "only `vampctl pull`; see test_transfer_by_hand",
    **dict.fromkeys(("getting.file.named", "getting.part.copied"), "`get`; see test_getting"),
    **dict.fromkeys(
        (
            "restoring.file.removed",
            "restoring.folder.removed",
            "restoring.folder.renamed",
            "restoring.folder.restored",
            "restoring.night.begun",
            "restoring.raw.rescued",
            "restoring.receipts.forgotten",
        ),
        "only `vampctl restore`; see test_restore and test_restore_safety",
    ),
    **dict.fromkeys(
        ("execute.grown.read", "execute.grown.recorded"),
        "only where what is set aside has grown; see test_cases in proof",
    ),
    "execute.hash.leftovers_removed": "only where who sent was killed; see test_sent_ahead",
    "execute.raw.compared": "only where used raw has changed; see test_changed_raw in proof",
    **dict.fromkeys(
        ("recovering.damaged.kept", "recovering.file.named"), "`vampctl recover`; see test_recover"
    ),
    "regaining.generation.kept": "only `recover --from-products`; see test_lost_generations",
    "atomic.lost.kept": "only where a person gives a product up; see test_lost_products",
    **dict.fromkeys(
        (
            "purge.cube.recorded",
            "purge.file.linked",
            "purge.file.removed",
            "purge.night.begun",
            "purge.night.extended",
            "purge.records.recorded",
            "purge.records.written",
        ),
        "only `vampctl purge`; see test_purge_killed",
    ),
    **dict.fromkeys(
        ("archive.change.committed", "store.destinations.recorded"),
        "only `vampctl archive`; see test_archive_at_a_word",
    ),
    "root.change.committed": "only `vampctl root`; see test_root_guard",
    "scheduler.recovery.committed": "only after a crash",
}
_FAILPOINT = re.compile(r'\bfailpoint\(\s*"([^"]+)"\s*\)')
FAILPOINTS = sorted(
    name for path in (ROOT / "vampd").rglob("*.py") for name in _FAILPOINT.findall(path.read_text())
)
MATRIX = [name for name in FAILPOINTS if name not in ELSEWHERE]
# Among how many lives of a night the first hits are divided.
LIVES = 5
# Hits are known only when the reference has run; these are those that happen once by nature.
_ONCE = re.compile(
    r"archive\.mark|root\.mark|ledger\.(?!file\.written)|store\.create|night_watcher|discovery|store\.discover_all|cube_checking|atomic\.link"
    r"|execute\.header_table"
)


@dataclass(frozen=True)
class Reference:
    """An undisturbed run: its raw folder, its trees, its IDs, and its hits of each failpoint.

    ``hits`` are in the order of the first ones.
    """

    site: Site
    night: NightId
    trees: tuple[dict[str, str], dict[str, str]]
    ids: list[LedgerRow]
    hits: dict[str, int]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    site = make_site(tmp_path_factory.mktemp("reference"), **ONE_WORKER)
    night, _ = make_smallest(site.root)
    correct(site.folder(night), "HD 2")
    log = site.base / "failpoints"
    ended = run_until_idle(site, VAMPD_FAILPOINT_LOG=str(log))
    assert ended.status == 0, ended.log
    hits: dict[str, int] = {}
    for line in log.read_text().splitlines():
        name, _, number = line.partition("#")
        hits[name] = max(hits.get(name, 0), int(number))
    return Reference(site, night, trees_of(site, night), ledger_rows(site), hits)


def trees_of(site: Site, night: NightId) -> tuple[dict[str, str], dict[str, str]]:
    """The night's tree here and on the archive host, whatever the site's own place."""
    here = product_tree(site.folder(night))
    for path in site.folder(night).glob("manifest*"):
        here[path.name] = path.read_bytes().decode().replace(str(site.base), "")
    return here, product_tree(site.copy(night))


def copy_site(reference: Reference, base: Path, tables: Tables) -> Site:
    """A site with the same raw files, mtimes included, where nothing has happened yet."""
    site = make_site(base, **tables)
    for stream in ("vcam1", "vcam2"):
        shutil.copytree(
            reference.site.folder(reference.night) / stream, site.folder(reference.night) / stream
        )
    shutil.copy2(reference.site.folder(reference.night) / CORRECTIONS, site.folder(reference.night))
    return site


def correct(folder: Path, target: str) -> None:
    """Put this OBJECT on record for the first cubes of both cameras."""
    cube = min((folder / "vcam1").glob("*.fits"))
    was = read_cards(cube)[0].string("OBJECT") or ""
    row = Correction(f"vcam1/{cube.name}", "OBJECT", was, target, "a typo")
    (folder / CORRECTIONS).write_text(format_corrections([row]))
    (folder / CORRECTIONS).chmod(0o644)


def assert_undisturbed(reference: Reference, site: Site) -> None:
    """The night is as if nothing had happened: products, copy, IDs, ledger, audit."""
    night = reference.night
    record = record_of(site, night)
    assert record.state.status is Status.DONE, (record.code, record.error)
    assert record.safe_at is not None
    assert trees_of(site, night) == reference.trees
    assert ledger_rows(site) == reference.ids
    shown = audit(site, night)
    assert shown["balanced"], shown["findings"]
    ledger = [line.split("\t") for line in site.ledger.read_text().splitlines()]
    steps = Counter((fields[0], fields[1]) for fields in ledger)
    assert set(steps.values()) == {1}, "a ledger line stands twice"
    assert len(steps) == 1 + 3 * len(reference.ids)


def claims_of(site: Site, night: NightId) -> int:
    return sum(e.event is EventName.CLAIMED for e in history_of(site, night))


def crash_and_resume(reference: Reference, base: Path, *deadly: str) -> None:
    site = copy_site(reference, base, ONE_WORKER)
    raw = raw_state(site.folder(reference.night))
    for name in deadly:
        crashed = run_until_idle(site, VAMPD_FAILPOINT=name)
        assert crashed.status == -signal.SIGKILL, (name, crashed.log)
    settle(site)
    assert_undisturbed(reference, site)
    assert raw_state(site.folder(reference.night)) == raw
    # One crash costs one attempt at most; it never loops.
    most = claims_of(reference.site, reference.night) + len(deadly)
    assert claims_of(site, reference.night) <= most


def test_the_night_is_one_with_corrections(reference: Reference) -> None:
    folder = reference.site.folder(reference.night)
    assert CORRECTIONS in reference.trees[1]
    objects = {str(fits.getheader(p, 1)["OBJECT"]) for p in (folder / "vgen2").glob("*.fz")}
    assert "HD 2" in objects


@pytest.mark.soak
@pytest.mark.parametrize("name", MATRIX)
def test_a_crash_while_sync_decides_again_leaves_no_trace(
    reference: Reference, tmp_path: Path, name: str
) -> None:
    site = copy_site(reference, tmp_path, {**ONE_WORKER, "frameids": {"authority": "none"}})
    night, folder = reference.night, site.folder(reference.night)
    corrections = (folder / CORRECTIONS).read_bytes()
    raw = raw_state(folder)
    (folder / CORRECTIONS).unlink()
    assert run_until_idle(site).status == 0
    (folder / CORRECTIONS).write_bytes(corrections)
    assert vampctl(site, "retry", night.date, "--from", "sync").returncode == 0
    crashed = run_until_idle(site, VAMPD_FAILPOINT=name)
    assert crashed.status in (0, -signal.SIGKILL), crashed.log
    # Whatever it died of, it comes to the second decision, and to no third.
    assert run_until_idle(site).status == 0
    assert raw_state(folder) == raw
    names = sorted(path.name for path in folder.glob("vgen2/generation_*"))
    assert names == ["generation_0001.json", "generation_0002.json"]
    objects = [line for path in folder.glob("vgen2/*.framelist") for line in objects_in(path)]
    assert any("HD 2" in line for line in objects)
    assert audit(site, night)["balanced"]


def objects_in(framelist: Path) -> list[str]:
    return [line for line in framelist.read_text().splitlines() if "OBJECT  =" in line]


def test_failpoints_have_names_of_their_own() -> None:
    twice = [name for name, count in Counter(FAILPOINTS).items() if count > 1]
    assert not twice
    assert len(FAILPOINTS) > 40


def test_every_failpoint_is_hit_or_known_to_lie_elsewhere(reference: Reference) -> None:
    assert sorted(reference.hits) == MATRIX
    once = [name for name, hits in reference.hits.items() if hits == 1]
    assert not [name for name in once if not _ONCE.match(name)], "name it in _ONCE"
    assert set(ELSEWHERE) <= set(FAILPOINTS)


def test_two_undisturbed_runs_agree(reference: Reference, tmp_path: Path) -> None:
    site = copy_site(reference, tmp_path, SEVERAL_WORKERS)
    settle(site)
    assert_undisturbed(reference, site)


def is_for_the_last_hit(name: str) -> bool:
    """Of what happens often, one or two: the choice for one is that of no other."""
    return not _ONCE.match(name) and crc32(name.encode()) % 24 == 0


@pytest.mark.parametrize("life", range(LIVES))
def test_crashes_at_first_hits_leave_no_trace(
    reference: Reference, tmp_path: Path, life: int
) -> None:
    in_order = [name for name in reference.hits if not is_for_the_last_hit(name)]
    # Far from each other, so that what the next one waits for is not done yet.
    crash_and_resume(reference, tmp_path, *in_order[life::LIVES])


@pytest.mark.parametrize("name", [name for name in MATRIX if is_for_the_last_hit(name)])
def test_a_crash_at_the_last_hit_leaves_no_trace(
    reference: Reference, tmp_path: Path, name: str
) -> None:
    crash_and_resume(reference, tmp_path, f"{name}#{reference.hits[name]}")


def test_a_crash_during_recovery_leaves_no_trace(reference: Reference, tmp_path: Path) -> None:
    site = copy_site(reference, tmp_path, ONE_WORKER)
    for deadly in ("packed.streamed", "scheduler.recovery.committed", "packed.proven#2"):
        assert run_until_idle(site, VAMPD_FAILPOINT=deadly).status == -signal.SIGKILL
    settle(site)
    assert_undisturbed(reference, site)


# Numbers count hits per process, and in the daemon's own, only the manifest is created this late.
_CLAIM_OF_MANIFEST = "scheduler.claim.committed#6"


@pytest.mark.parametrize(
    "deadly",
    [
        (
            "atomic.temporary.made",
            "atomic.creating.written",
            "atomic.creating.file_synced",
            "atomic.creating.linked",
        ),
        pytest.param(("atomic.creating.unlinked",), marks=pytest.mark.soak),
        pytest.param(("atomic.creating.folder_synced",), marks=pytest.mark.soak),
    ],
    ids=" ".join,
)
def test_crashes_around_the_manifest_leave_no_trace(
    reference: Reference, tmp_path: Path, deadly: tuple[str, ...]
) -> None:
    site = copy_site(reference, tmp_path, ONE_WORKER)
    for name in (_CLAIM_OF_MANIFEST, *deadly):
        assert run_until_idle(site, VAMPD_FAILPOINT=name).status == -signal.SIGKILL
    settle(site)
    assert_undisturbed(reference, site)


def test_a_torn_ledger_line_is_mended_and_no_id_is_lost(
    reference: Reference, tmp_path: Path
) -> None:
    site = copy_site(reference, tmp_path, ONE_WORKER)
    crashed = run_until_idle(site, VAMPD_FAILPOINT="ledger.granted.appended")
    assert crashed.status == -signal.SIGKILL
    # The last line as a power cut may leave it: it was not acknowledged yet.
    with site.ledger.open("ab") as ledger:
        ledger.write(b"bound\tVMPA9000")
    crashed = run_until_idle(site, VAMPD_FAILPOINT="ledger.file.repaired")
    assert crashed.status == -signal.SIGKILL
    settle(site)
    assert_undisturbed(reference, site)


def test_a_night_that_kills_its_daemon_every_time_waits_and_needs_a_person(
    reference: Reference, tmp_path: Path
) -> None:
    site = copy_site(reference, tmp_path, {**ONE_WORKER, "retry": {"attempts": 3}})
    for _ in range(3):
        crashed = run_until_idle(site, VAMPD_FAILPOINT="packed.heap_written")
        assert crashed.status == -signal.SIGKILL
    ended = run_until_idle(site, VAMPD_FAILPOINT="packed.heap_written")
    assert ended.status == 0, ended.log
    record = record_of(site, reference.night)
    assert (record.state.status, record.needs_person) == (Status.WAITING, True)
    assert record.code == "interrupted"
    assert record.error


@pytest.mark.soak
@pytest.mark.parametrize("name", MATRIX)
def test_a_crash_at_every_hit_leaves_no_trace(
    reference: Reference, tmp_path: Path, name: str
) -> None:
    for hit in range(1, reference.hits[name] + 1):
        crash_and_resume(reference, tmp_path / str(hit), f"{name}#{hit}")
