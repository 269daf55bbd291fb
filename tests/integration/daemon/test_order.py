"""Frame IDs keep their order across nights, and a gate stands before them."""

from __future__ import annotations

from tests.support.builders.nights import make_scenario
from tests.support.builders.smallest_night import UNPAIRED, make_smallest
from tests.support.daemon.running import settle, vampctl
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, configure
from tests.support.daemon.state import ledger_rows, record_of, tell
from tests.support.worlds.sites.busy_site import (
    FAST,
    assert_done,
)
from vampd.model.nights import EventName, Kind, NightId, StageName, Status


def make_unexpected(site: Site, date: str) -> NightId:
    """An archive night most of whose frames should have a partner and have none."""
    return make_scenario(site.root, UNPAIRED, date, Kind.ARCHIVE, 5)[0]


def test_an_unexpected_night_is_held_before_frame_ids_until_it_is_released(site: Site) -> None:
    night = make_unexpected(site, "20251106")
    settle_here(site)
    record = record_of(site, night)
    assert (record.state.stage, record.state.status) == (StageName.FRAMEIDS, Status.HELD)
    assert record.code == "sync_unexpected"
    assert not site.ledger.exists()
    assert ledger_rows(site) == []
    tell(site, night, EventName.RELEASED)
    settle_here(site)
    assert_done(site, night)


def test_an_unexpected_engineering_night_is_not_held(site: Site) -> None:
    night = make_scenario(site.root, UNPAIRED, "20251106", Kind.ENGINEERING, 5)[0]
    settle_here(site)
    assert_done(site, night)


def test_the_gate_can_be_configured_away(site: Site) -> None:
    configure(site, **FAST, sync={"hold_when_unexpected": False})
    night = make_unexpected(site, "20251106")
    settle_here(site)
    assert_done(site, night)


def test_frame_ids_keep_their_order_across_nights(site: Site) -> None:
    older = make_unexpected(site, "20251104")
    younger, _ = make_smallest(site.root, "20251106")
    settle(site)
    assert record_of(site, older).state.status is Status.HELD
    record = record_of(site, younger)
    assert (record.state.stage, record.state.status) == (StageName.FRAMEIDS, Status.READY)
    assert older.date in (record.note or "")
    assert older.date in vampctl(site, "status", "--json").stdout
    tell(site, older, EventName.RELEASED)
    settle(site)
    assert_done(site, older)
    assert_done(site, younger)
    assert record_of(site, younger).note in (None, "")
    ids = {
        night: [p.name for p in (site.folder(night) / "vgen2").glob("VMPA*.fits.fz")]
        for night in (older, younger)
    }
    assert max(ids[older]) < min(ids[younger])


def test_a_released_night_passes_older_ones(site: Site) -> None:
    older = make_unexpected(site, "20251104")
    younger, _ = make_smallest(site.root, "20251106")
    settle(site)
    tell(site, younger, EventName.RELEASED)
    settle_here(site)
    assert_done(site, younger)
    assert record_of(site, older).state.status is Status.HELD


def test_an_older_night_without_raw_files_blocks_nobody(site: Site) -> None:
    (site.root / "ARCHIVED_DATA" / "20251101" / "vcam1").mkdir(parents=True)
    night, _ = make_smallest(site.root)
    settle_here(site)
    assert_done(site, night)
    empty = record_of(site, NightId("20251101", Kind.ARCHIVE))
    assert (empty.state.status, empty.note) == (Status.FILLING, "no raw cubes yet")


def test_without_an_authority_archive_nights_wait_before_frameids(site: Site) -> None:
    configure(site, **FAST, frameids={"authority": "none"})
    archive, _ = make_smallest(site.root)
    engineering, _ = make_smallest(site.root, kind=Kind.ENGINEERING)
    settle(site)
    assert_done(site, engineering)
    record = record_of(site, archive)
    assert (record.state.stage, record.state.status) == (StageName.FRAMEIDS, Status.WAITING)
    assert (record.note_code, "none" in (record.note or "")) == ("no_authority", True)
    assert not site.ledger.exists()
    # Nobody asks again before somebody is named.
    settle_here(site)
    assert record_of(site, archive).state == record.state
    assert record.state.attempts == 1
    configure(site, **FAST)
    settle_here(site)
    assert_done(site, archive)
