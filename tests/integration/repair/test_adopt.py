"""Adopting: what the old tools did is on record as they said, and no ID of theirs is new."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.daemon.test_quiet import tree_state
from tests.support.daemon.running import vampctl
from tests.support.daemon.site import Site, make_site
from tests.support.daemon.state import connected
from tests.support.worlds.sites.old_site import LEGACY, Life, OldNight, OldSite, make_old_site
from vampd.adapters.authorities import LocalAuthority
from vampd.config import load_settings
from vampd.engine.repair.adopting import adopt_nights, find_adoptable, plan_adoption
from vampd.engine.repair.night_restore import plan_restore
from vampd.errors import DataError
from vampd.ledger.ledger import FrameIdLedger
from vampd.model.accounts import Adoption, OldState
from vampd.model.frame_ids import FrameId
from vampd.model.nights import Kind, NightId, Status
from vampd.store.database.opening import Access, open_store
from vampd.wiring.connections import Connections, ledger_of

STATES = {
    Life.SYNCED: OldState.HALF_PROCESSED,
    Life.CLEANED: OldState.HALF_PROCESSED,
    Life.PROCESSED: OldState.UNFINISHED,
    Life.TRANSFERRED: OldState.UNFINISHED,
    Life.SAFE: OldState.DONE,
    Life.DELETED: OldState.DONE,
    Life.ENDED: OldState.DONE,
    Life.NO_FOLDER: OldState.ROW_ONLY,
}


KNOWN_TIMES = ("2025-06-26T21:54:55", "2025-11-13T00:00:00", "2025-11-14T20:38:15")


@dataclass
class Adopted:
    """An old site, what became of its nights, and the folders as they were."""

    site: Site
    old: OldSite
    before: dict[str, tuple[object, ...]]
    adoptions: dict[NightId, Adoption]
    new: int


@pytest.fixture(
    scope="module", params=[18, pytest.param(200, marks=pytest.mark.soak)], ids=["some", "years"]
)
def adopted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Adopted:
    site = started(tmp_path_factory.mktemp("adopted"))
    old = make_old_site(site.root, request.param)
    before = nights_of(site)
    with connected(site) as connections:
        found = planned(connections)
        new = keep(connections, found)
    return Adopted(site, old, before, {one.night: one for one in found}, new)


def started(base: Path) -> Site:
    """A site whose database a first start has made."""
    site = make_site(base)
    open_store(load_settings(site.config).database.url, Access.MIGRATE).close()
    return site


def nights_of(site: Site) -> dict[str, tuple[object, ...]]:
    state = tree_state(site.root)
    return {path: seen for path, seen in state.items() if "/20" in f"/{path}"}


def planned(connections: Connections) -> tuple[Adoption, ...]:
    root = connections.settings.watch.root
    nights = find_adoptable(root, connections.store)
    known = connections.adoptions.all()
    return plan_adoption(root, nights, connections.ledger.listing(), known)


def keep(connections: Connections, found: tuple[Adoption, ...]) -> int:
    return adopt_nights(
        found,
        connections.store,
        connections.ledger,
        connections.adoptions,
        at=1e9,
        actor="a person",
    )


def expected(one: OldNight) -> OldState | None:
    # A row without a folder that says only False is no trace, and the newest of these says so.
    return STATES.get(one.life)


def test_each_night_is_taken_over_as_far_as_its_evidence_goes(adopted: Adopted) -> None:
    for one in adopted.old.nights:
        adoption = adopted.adoptions.get(one.night)
        state = None if adoption is None else adoption.state
        assert state is expected(one), one
        if adoption is not None:
            flags = tuple(mark.is_set for mark in adoption.claims.marks)
            assert flags == one.flags, one


def test_every_id_that_anything_shows_is_on_record_once_and_is_not_unused(
    adopted: Adopted,
) -> None:
    shown = {FrameId(n) for one in adopted.old.nights if folder_left(one) for n in one.numbers}
    assert adopted.new == len(shown)
    with connected(adopted.site) as connections:
        listing = connections.ledger.listing()
        assert {one.frame_id for one in listing.ids} == shown
        assert not listing.findings
        # Done again, it finds nothing new.
        again = planned(connections)
        assert {one.night: one for one in again} == adopted.adoptions
        assert keep(connections, again) == 0


def folder_left(one: OldNight) -> bool:
    return one.life is not Life.NO_FOLDER


def test_the_next_id_is_above_all_that_was_ever_used(adopted: Adopted) -> None:
    night = NightId("20991231", Kind.ARCHIVE)
    highest = max(frame_id for one in adopted.adoptions.values() for frame_id in one.ids)
    with ledger(adopted.site) as own:
        own.reserve(night, ["an identity"], LocalAuthority(FrameId(1)))
        (bound,) = own.bound(night).values()
        assert bound.frame_id == FrameId(highest.number + 1)
        assert own.unused() == ()


@contextmanager
def ledger(site: Site) -> Iterator[FrameIdLedger]:
    settings = load_settings(site.config)
    store = open_store(settings.database.url, Access.USE)
    try:
        yield ledger_of(settings, store)
    finally:
        store.close()


def test_nothing_in_a_folder_is_changed(adopted: Adopted) -> None:
    assert nights_of(adopted.site) == adopted.before


def test_exchanged_ids_are_listed_and_agreeing_records_are_not(adopted: Adopted) -> None:
    for one in adopted.old.nights:
        adoption = adopted.adoptions.get(one.night)
        has_headers = one.life in (Life.PROCESSED, Life.TRANSFERRED, Life.SAFE)
        if adoption is not None and one.life in LEGACY:
            differs = one.is_permuted and has_headers
            listed = [text for text in adoption.contradictions if "EXP-ID" in text]
            assert len(listed) == 2 * differs, one


def test_a_night_with_ids_of_others_is_never_restored(adopted: Adopted) -> None:
    with connected(adopted.site) as connections:
        for one in adopted.old.nights:
            if one.life not in LEGACY:
                continue
            found = plan_restore(one.night, adopted.site.root, connections.reader)
            if one.numbers:
                with pytest.raises(DataError) as refused:
                    found.refuse_unsafe()
                assert refused.value.code == "foreign_ids"
                assert f"vampctl adopt {one.night.date}" in refused.value.message


def test_the_tables_show_the_past_as_the_old_ones_did_also_without_their_logs(
    adopted: Adopted,
) -> None:
    shown = vampctl(adopted.site, "table", "archive", "--csv").stdout
    logs = adopted.site.root / "ARCHIVED_DATA" / "ARCHIVE_LOG.csv"
    for one in adopted.old.nights:
        if one.night.kind is Kind.ARCHIVE and any(one.flags):
            (line,) = [each for each in shown.splitlines() if one.night.date in each]
            cells = line.split(",")
            assert tuple(cell == "True" for cell in cells[2::2]) == one.flags
            # A time that was never known is blank, and is never made up.
            for is_set, since in zip(one.flags, cells[3::2], strict=True):
                assert since in (*KNOWN_TIMES, "") if is_set else since == ""
    text = logs.read_text()
    logs.unlink()
    try:
        without = vampctl(adopted.site, "table", "archive", "--csv").stdout
    finally:
        logs.write_text(text)
    # Rows that say only False are those of no night yet.
    assert [line for line in shown.splitlines() if "True" in line] == [
        line for line in without.splitlines() if "True" in line
    ]


def test_adopted_nights_are_legacy_and_say_how_far_they_came(adopted: Adopted) -> None:
    with connected(adopted.site) as connections:
        records = {record.night: record for record in connections.store.nights()}
    for night, adoption in adopted.adoptions.items():
        if adoption.has_folder:
            assert records[night].state.status is Status.LEGACY
            assert records[night].note == adoption.describe()
            assert records[night].safe_at is None
    # The last step that a log names is the one that did not come to its end.
    died = next(one for one in adopted.old.nights if one.life is Life.CLEANED)
    assert "missing: all from 'Assigning frame IDS' on" in str(records[died.night].note)
    # What the old tools only listed is not touched by adopting.
    ordinary = {one.night for one in adopted.old.nights if one.life is Life.ONLY_ROW}
    assert not ordinary & records.keys()


def one_night(tmp_path: Path, life: Life) -> tuple[Site, OldNight]:
    site = started(tmp_path)
    return site, make_old_site(site.root, 1, (life,)).nights[0]


QUIRKS: dict[str, tuple[Life, Callable[[Path], object], str]] = {
    "a list of names with another ID": (
        Life.SAFE,
        lambda folder: (folder / "vgen2/name_changes.txt").write_text(
            "a.fits\tVMPA00000007.fits\n"
        ),
        "name_changes.txt show VMPA00000007",
    ),
    "no packed product": (
        Life.PROCESSED,
        lambda folder: shutil.rmtree(folder / "vgen2"),
        "vgen2 has no packed product",
    ),
    "a list that cannot be read": (
        Life.ENDED,
        lambda folder: (folder / "manifest_VMP_x.csv").mkdir(),
        "manifest_VMP_x.csv cannot be read",
    ),
    "a list in which no ID is found": (
        Life.ENDED,
        lambda folder: next(folder.glob("manifest*")).write_text("V\0M\0P\0A"),
        "cannot be read, and may name",
    ),
    "raw under its own name": (
        Life.SAFE,
        lambda folder: (folder / "vcam1").mkdir(),
        "raw is under its own name",
    ),
    "a damaged header": (
        Life.SAFE,
        lambda folder: next(folder.glob("vgen2/*.fz")).write_bytes(b"x" * 5760),
        "cannot be read",
    ),
}


@pytest.mark.parametrize("quirk", QUIRKS)
def test_records_that_differ_are_listed_and_nothing_is_guessed(tmp_path: Path, quirk: str) -> None:
    life, spoil, words = QUIRKS[quirk]
    site, one = one_night(tmp_path, life)
    spoil(site.folder(one.night))
    with connected(site) as connections:
        (adoption,) = planned(connections)
    assert any(words in text for text in adoption.contradictions), adoption.contradictions


def test_what_was_adopted_once_outlives_the_records_that_showed_it(tmp_path: Path) -> None:
    site, one = one_night(tmp_path, Life.ENDED)
    with connected(site) as connections:
        found = planned(connections)
        keep(connections, found)
        next(site.folder(one.night).glob("manifest*")).unlink()
        (site.root / "ARCHIVED_DATA" / "ARCHIVE_LOG.csv").unlink()
        (again,) = planned(connections)
    assert (again.claims, again.ids) == (found[0].claims, found[0].ids)


def test_a_flag_that_was_adopted_stays_set_where_a_log_takes_it_back(tmp_path: Path) -> None:
    site, _ = one_night(tmp_path, Life.ENDED)
    log = site.root / "ARCHIVED_DATA" / "ARCHIVE_LOG.csv"
    with connected(site) as connections:
        keep(connections, planned(connections))
        path, date, *_ = log.read_text().splitlines()[1].split(",")
        log.write_text(f"{log.read_text().splitlines()[0]}\n{path},{date},False,,False,,False,\n")
        (again,) = planned(connections)
    assert all(mark.is_set for mark in again.claims.marks)
    shown = vampctl(site, "table", "archive", "--csv").stdout.splitlines()[1]
    assert shown.split(",")[2::2] == ["True"] * 3


def test_ids_of_a_manifest_that_lies_beside_the_nights_are_used_by_the_nights_that_it_names(
    tmp_path: Path,
) -> None:
    site, one = one_night(tmp_path, Life.CLEANED)
    gone = NightId("20180101", Kind.ARCHIVE)
    lines = [
        f"VMPA{number:08d}|/mnt/tier1/2_ARCHIVED_DATA/{date}/vgen2/VMPA{number:08d}.fits.fz|1\r\n"
        for number, date in ((7, one.night.date), (8, gone.date))
    ]
    (site.root / "ARCHIVED_DATA" / "manifest_VMP_combined.csv").write_text("".join(lines))
    with connected(site) as connections:
        found = {each.night: each for each in planned(connections)}
        restore = plan_restore(one.night, site.root, connections.reader)
    assert found[one.night].ids == {FrameId(7)}
    assert (found[gone].ids, found[gone].state) == (frozenset({FrameId(8)}), OldState.ROW_ONLY)
    assert "VMPA00000007" in restore.foreign


def test_the_ids_are_on_record_before_the_claims(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, one = one_night(tmp_path, Life.SAFE)
    with connected(site) as connections:
        found = planned(connections)
        with monkeypatch.context() as patch:
            patch.setattr(type(connections.adoptions), "keep", interrupt)
            with pytest.raises(KeyboardInterrupt):
                keep(connections, found)
        recorded = {each.frame_id.number for each in connections.ledger.listing().ids}
        assert recorded == set(one.numbers)
        assert keep(connections, found) == 0
        assert connections.adoptions.all() == found


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_the_command_shows_all_and_changes_nothing_in_a_dry_run(tmp_path: Path) -> None:
    site, one = one_night(tmp_path, Life.SAFE)
    dry = vampctl(site, "adopt", "--all", "--dry-run")
    assert (dry.returncode, "nothing was changed" in dry.stdout) == (0, True), dry.stderr
    assert "processed, transferred, safe, as they said" in " ".join(dry.stdout.split())
    assert f"the old deleter would take ARCHIVED_DATA/{one.night.date}/vgen2" in dry.stdout
    with connected(site) as connections:
        assert (connections.adoptions.all(), connections.ledger.listing().ids) == ((), ())
    done = vampctl(site, "adopt", one.night.date)
    assert done.returncode == 0, done.stderr
    assert "2 frame IDs of others, 2 of them new on record" in " ".join(done.stdout.split())
    assert vampctl(site, "adopt", "20251106").returncode == 2
