"""What is kept over time stays bounded, and its sums are those of what they are made of."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.worlds.records.past import PAST_VERSIONS, extract_database
from tests.support.worlds.records.varied_nights import NOW, make_varied, opened
from vampd.ledger.listing import list_ledger
from vampd.model.frame_ids import USED_BY_OTHERS, FrameId, NumberRange, review_ids
from vampd.model.measures import FULL_FOR_S, KEPT_FOR_S, Sampled
from vampd.model.nights import Event, EventName, Kind, NightId, NightUpdate, StageName
from vampd.store import nights as nights_module
from vampd.store.database.measures import StoredSamples, measures_of
from vampd.store.fast_page import read_fast_page
from vampd.store.nights import Nights

DAY = 86_400.0
NIGHT = NightId("20251106", Kind.ARCHIVE)


def test_samples_are_full_for_two_months_and_then_one_a_day_and_end_after_ten_years(
    tmp_path: Path,
) -> None:
    with opened(tmp_path / "vampd.db") as store:
        samples, measures = StoredSamples(store), measures_of(store)
        for hour in range(24 * 70):
            samples.keep(
                {Sampled.NIGHTS_FREE: float(hour), Sampled.PACKING: 1.0}, NOW + 3600.0 * hour
            )
        hour, at = 24 * 70 - 1, NOW + 3600.0 * (24 * 70 - 1)
        kept = measures.samples(Sampled.NIGHTS_FREE, 0.0)
        full = [one for one in kept if one.at >= at - FULL_FOR_S]
        thinned = kept[: -len(full)]
        assert len(full) == 24 * 60 + 1
        assert 9 <= len(thinned) <= 11
        # What stays of a day is its end.
        assert all((one.at + 3600.0) % DAY == 0 for one in thinned[:-1])
        assert measures.samples(Sampled.NIGHTS_FREE, at) == ((at, float(hour)),)
        assert len(measures.samples(Sampled.PACKING, 0.0)) == len(kept)
        samples.keep({Sampled.NIGHTS_FREE: 0.0}, at + KEPT_FOR_S + 1)
        assert measures.samples(Sampled.NIGHTS_FREE, 0.0) == ((at + KEPT_FOR_S + 1, 0.0),)
        assert measures.samples(Sampled.PACKING, 0.0) == ()


def run(nights: Nights, *events: EventName, at: float = 100.0) -> None:
    for number, event in enumerate(events):
        not_before = at + 50 if event is EventName.FAILED else None
        nights.apply(
            NIGHT, Event(event, not_before=not_before), at=at + 10 * number, actor="vampd",
            code="disk_low" if event is EventName.FAILED else None,
            message="x" if event is EventName.FAILED else None,
        )  # fmt: skip


def test_an_attempt_leaves_what_it_came_to_when_it_ends(tmp_path: Path) -> None:
    database = tmp_path / "vampd.db"
    with opened(database) as store:
        nights, measures = Nights(store), measures_of(store)
        nights.discover(NIGHT, 1.0)
        run(nights, EventName.SETTLED, EventName.CLAIMED)
        nights.update(NIGHT, NightUpdate(done_files=2, all_files=3, done_bytes=7, all_bytes=9))
        assert measures.attempts("sync", 9) == ()
        run(nights, EventName.FAILED, at=150.0)
        run(nights, EventName.CLAIMED, at=200.0)
        nights.update(NIGHT, NightUpdate(done_files=2, all_files=3, done_bytes=7, all_bytes=9))
        run(nights, EventName.ADVANCED, at=260.0)
        done, failed = measures.attempts(StageName.SYNC, 9)
        assert (failed.outcome, failed.code, failed.files, failed.bytes) == (
            "failed", "disk_low", 2, 7,
        )  # fmt: skip
        assert (failed.attempt, failed.began_at, failed.took_s) == (1, 110.0, 40.0)
        # One that succeeded has done all, whatever was told last.
        assert (done.outcome, done.code, done.files, done.bytes) == ("advanced", None, 3, 9)
        assert (done.night, done.attempt, done.took_s) == (NIGHT, 2, 60.0)
        assert measures.attempts(StageName.SYNC, 1) == (done,)
        assert measures.attempts("transfer", 9) == ()
    with read_fast_page(database) as page:
        assert page is not None
        assert page.measures().attempts("sync", 9) == (done, failed)


def test_only_the_newest_attempts_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nights_module, "MOST_ATTEMPTS", 3)
    with opened(tmp_path / "vampd.db") as store:
        nights = Nights(store)
        nights.discover(NIGHT, 1.0)
        run(nights, EventName.SETTLED)
        for number in range(7):
            run(nights, EventName.CLAIMED, EventName.FAILED, at=1000.0 * (number + 1))
        kept = measures_of(store).attempts("sync", 99)
        assert [one.attempt for one in kept] == [7, 6, 5]


@pytest.mark.parametrize("version", PAST_VERSIONS)
def test_the_migration_knows_every_attempt_that_has_ended(version: str, tmp_path: Path) -> None:
    database = tmp_path / "vampd.db"
    extract_database(version, database, tmp_path)
    with opened(database) as store:
        nights, measures = Nights(store), measures_of(store)
        found = [one for stage in StageName for one in measures.attempts(stage, 10_000)]
        expected = []
        for record in nights.nights():
            claimed = None
            for event in nights.history(record.night):
                if event.event is EventName.CLAIMED:
                    claimed = event
                elif claimed is not None and event.event in _ENDS:
                    expected.append(
                        (record.night, claimed.stage, claimed.at, event.at, event.event)
                    )
                    claimed = None
        assert sorted(
            (o.night, o.stage, o.began_at, o.ended_at, o.outcome) for o in found
        ) == sorted(expected)
        assert expected
        assert {one.bytes for one in found} == {None}


_ENDS = frozenset(
    {
        EventName.ADVANCED,
        EventName.FAILED,
        EventName.HELD,
        EventName.RETRIED,
        EventName.INTERRUPTED,
        EventName.ABANDONED,
        EventName.REOPENED,
    }
)


def test_the_sums_of_the_ledger_are_those_of_its_review(tmp_path: Path) -> None:
    database = tmp_path / "vampd.db"
    make_varied(database, 2)
    first, engineering = 425_000, 90_000_010
    with closing(sqlite3.connect(database)) as connection, connection:
        requests = [
            (1, "20251106", "archive", 4, None),
            (2, "20251107", "archive", 3, "Gen2 was silent"),
            (3, "20251107", "archive", 2, USED_BY_OTHERS),
            (4, "20251105", "archive", 2, None),
        ]
        for number, date, kind, wanted, refused in requests:
            connection.execute(
                "INSERT INTO frame_id_requests (id, date, kind, wanted, digest, why, refused)"
                " VALUES (?, ?, ?, ?, ?, 'x', ?)",
                (number, date, kind, wanted, "0" * 64, refused),
            )
        ids = [
            *((first + n, 1, "20251106", f"{n:064x}" if n < 3 else None, n < 2) for n in range(4)),
            *((first + 10 + n, 2, "20251107", None, False) for n in range(2)),
            (first + 20, 3, "20251107", None, False),
            *((engineering + 2 * n, 4, "20251105", f"{n + 90:064x}", True) for n in range(2)),
        ]
        for number, request, date, identity, applied in ids:
            connection.execute(
                "INSERT INTO frame_ids (number, request_id, date, kind, identity, applied)"
                " VALUES (?, ?, ?, 'archive', ?, ?)",
                (number, request, date, identity, applied),
            )
    with opened(database) as store:
        measures = measures_of(store)
        listing = list_ledger(store, tmp_path / "none")
        review = review_ids(listing, [], [])
        by_night = {one.night: one for one in review.nights}
        assert {one.night: one for one in measures.granted()} == by_night
        assert measures.gaps() == tuple((gap.first, gap.last) for gap in review.gaps)
        assert len(review.gaps) == 3
        assert measures.highest() == {
            NumberRange.RAW: FrameId(first + 20),
            NumberRange.ENGINEERING: FrameId(engineering + 2),
        }
        unused = [one for one in listing.requests if one.refused is not None]
        assert [(one.request, one.night, one.wanted, one.why) for one in measures.refused()] == [
            (one.number, one.night, one.wanted, one.refused) for one in reversed(unused)
        ]
        assert [one.granted for one in measures.refused()] == [1, 2]
    with read_fast_page(database) as page:
        assert page is not None
        assert [one.night for one in page.measures().granted()] == sorted(by_night, reverse=True)
